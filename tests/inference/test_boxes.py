"""Shapes of bars of known size, tilted, leaking and cut."""

import numpy as np
import pytest
from scipy import ndimage

from inference.errors import UnmeasurableError
from inference.geometry.boxes import Neighbors, box_of

TO_THE_BACK = np.array([0.0, 1.0])


def soft(mask: np.ndarray) -> np.ndarray:
    """The mask with a border as a network draws it."""
    return ndimage.gaussian_filter(mask.astype(np.float32), 1.0)


def bar(*, height: int, width: int) -> np.ndarray:
    mask = np.zeros((120, 220), dtype=bool)
    mask[40 : 40 + height, 50 : 50 + width] = True
    return mask


@pytest.mark.parametrize("degrees", [0, 15, 30, 45])
def test_a_tilted_bar_keeps_its_size(degrees: int) -> None:
    rows, columns = np.indices((400, 400)) * 0.2 - 39.9
    angle = np.radians(degrees)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    across = -columns * np.sin(angle) + rows * np.cos(angle)
    mask = (np.abs(along) < 17) & (np.abs(across) < 4)
    box = box_of(soft(mask), mask, 0.2, across=TO_THE_BACK)
    assert box.height_mm == pytest.approx(8, abs=0.15)
    assert box.width_mm == pytest.approx(34, abs=0.3)


@pytest.mark.parametrize("degrees", [0, 60, -40])
def test_a_square_body_is_measured_across_the_spine(degrees: int) -> None:
    """As S1 lies, where it is taken for a lumbar vertebra."""
    rows, columns = np.indices((400, 400)) * 0.2 - 39.9
    angle = np.radians(degrees)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    down = -columns * np.sin(angle) + rows * np.cos(angle)
    mask = (np.abs(along) < 15) & (np.abs(down) < 13)
    across = np.array([np.sin(angle + 0.2), np.cos(angle + 0.2)])
    box = box_of(soft(mask), mask, 0.2, across=across)
    assert box.height_mm == pytest.approx(26, abs=0.2)
    assert box.width_mm == pytest.approx(30, abs=0.3)


def test_a_thin_leak_of_the_mask_does_not_lengthen_the_disc() -> None:
    mask = bar(height=20, width=80)
    mask[48:51, 130:170] = True
    assert box_of(soft(mask), mask, 0.4, across=TO_THE_BACK).width_mm == pytest.approx(
        32, abs=0.3
    )


def test_a_thick_leak_ends_where_the_neighbors_end() -> None:
    mask = bar(height=20, width=120)
    neighbors = Neighbors(
        front_mm=np.array([[15.0, 20.0], [25.0, 20.0]]),
        back_mm=np.array([[15.0, 52.0], [25.0, 52.0]]),
    )
    free = box_of(soft(mask), mask, 0.4, across=TO_THE_BACK)
    held = box_of(soft(mask), mask, 0.4, across=TO_THE_BACK, neighbors=neighbors)
    assert free.width_mm == pytest.approx(48, abs=0.3)
    assert held.width_mm == pytest.approx(36, abs=0.3)


def test_a_spur_changes_neither_height_nor_corner() -> None:
    mask = bar(height=65, width=85)
    spurred = mask.copy()
    spurred[34:46, 42:56] = True
    plain, with_spur = (
        box_of(soft(item), item, 0.4, across=TO_THE_BACK) for item in (mask, spurred)
    )
    assert with_spur.height_mm == pytest.approx(plain.height_mm, abs=0.3)
    corners = [box.corner_mm(box.upper, box.front) for box in (plain, with_spur)]
    assert np.linalg.norm(corners[1] - corners[0]) < 0.5


def test_a_hole_in_an_endplate_does_not_lower_the_disc() -> None:
    mask = bar(height=25, width=85)
    pitted = mask.copy()
    pitted[30:40, 80:92] = True  # as a Schmorl node
    heights = [
        box_of(soft(item), item, 0.4, across=TO_THE_BACK).height_mm
        for item in (mask, pitted)
    ]
    assert heights[1] == pytest.approx(heights[0], abs=0.3)


def test_a_blurred_border_is_told() -> None:
    mask = bar(height=60, width=80)
    sharp = box_of(soft(mask), mask, 0.4, across=TO_THE_BACK)
    vague = box_of(
        ndimage.gaussian_filter(mask.astype(np.float32), 4.0),
        mask,
        0.4,
        across=TO_THE_BACK,
    )
    assert vague.endplate_blur_mm > 2 * sharp.endplate_blur_mm
    assert vague.height_mm == pytest.approx(sharp.height_mm, abs=0.2)


def test_a_structure_cut_by_the_image_is_not_measured() -> None:
    mask = np.zeros((50, 50), dtype=bool)
    mask[:20, 10:40] = True
    with pytest.raises(UnmeasurableError, match="edge of the image"):
        box_of(soft(mask), mask, 1.0, across=TO_THE_BACK)


def test_what_stands_along_the_spine_has_no_endplates() -> None:
    rows, columns = np.indices((300, 300)) * 0.2 - 29.9
    along, across = (rows + columns) / np.sqrt(2), (rows - columns) / np.sqrt(2)
    mask = (np.abs(along) < 15) & (np.abs(across) < 5)
    up = np.array([-0.9, 0.44])
    with pytest.raises(UnmeasurableError, match="across the spine"):
        box_of(soft(mask), mask, 0.2, across=up)


def test_a_thread_is_no_disc() -> None:
    mask = np.zeros((60, 120), dtype=bool)
    mask[30, 20:100] = True
    with pytest.raises(UnmeasurableError, match="too thin"):
        box_of(soft(mask), mask, 0.4, across=TO_THE_BACK)
