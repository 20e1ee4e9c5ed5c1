"""Phantoms drawn once, and their true labels as a segmentation."""

from dataclasses import replace

import numpy as np
import pytest

from inference.geometry.midsagittal import MidSagittal, mid_sagittal
from inference.levels.naming import NamedSpine, name_levels
from inference.phantom.drawing import Phantom, draw_phantom
from inference.phantom.spec import PhantomSpec, random_spec
from inference.segmentation.preprocessing import NETWORK_SPACING_MM
from inference.training.geometry import true_segmentation

SMALL = (9, 340, 256)


@pytest.fixture(scope="session")
def spec() -> PhantomSpec:
    """A plain spine without slips, wedged bodies or a bend on a small grid."""
    drawn = random_spec(np.random.default_rng(20260302))
    discs = tuple(replace(disc, slip_mm=0.0) for disc in drawn.discs)
    bodies = tuple(replace(body, wedge_degrees=0.0) for body in drawn.bodies)
    plain = replace(drawn, discs=discs, bodies=bodies, scoliosis_degrees=0.0)
    return replace(plain, shape=SMALL, spacing_mm=(4.5, 0.75, 0.75))


@pytest.fixture(scope="session")
def phantom(spec: PhantomSpec) -> Phantom:
    """The plain spine, drawn."""
    return draw_phantom(spec)


def seen(phantom: Phantom) -> MidSagittal:
    """The mid-sagittal slice of a phantom, with its true labels."""
    volume = phantom.volume.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    return mid_sagittal(volume, true_segmentation(phantom, volume))


@pytest.fixture(scope="session")
def plane(phantom: Phantom) -> MidSagittal:
    """The mid-sagittal slice of the plain spine, with its true labels."""
    return seen(phantom)


@pytest.fixture(scope="session")
def spine(plane: MidSagittal) -> NamedSpine:
    """Its named instances."""
    return name_levels(plane)
