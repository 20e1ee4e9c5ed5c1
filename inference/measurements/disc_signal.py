"""Signal of one disc beside that of cerebrospinal fluid at the same level."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.errors import UnmeasurableError
from inference.geometry.boxes import Box
from inference.geometry.midsagittal import MidSagittal
from inference.geometry.pieces import centroid
from inference.levels.naming import NamedSpine

#: Cerebrospinal fluid is the brightest part of the dural sac on T2. Our choice: a
#: percentile that noise and nerve roots hardly move.
CSF_PERCENTILE: Final = 90.0
CSF_REACH_MM: Final = 20.0  # our choice: CSF of the same level, so of the same shading
#: Part of the disc's length that counts as nucleus. Our choice: the middle half.
NUCLEUS_PART: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscSignal:
    """Signal of a disc; means are relative to cerebrospinal fluid.

    Attributes:
        mean: Of the disc.
        nucleus: Of its middle half.
        rim: Of both ends.
        bright: Its 90th percentile.
        heterogeneity: Standard deviation over the mean.
        fluid: Signal of the fluid, in the units of the image.

    """

    mean: float
    nucleus: float
    rim: float
    bright: float
    heterogeneity: float
    fluid: float


def disc_signal(
    plane: MidSagittal, spine: NamedSpine, mask: NDArray[np.bool_], box: Box
) -> DiscSignal:
    """Describe the signal of one disc.

    Raises:
        UnmeasurableError: There is no fluid near, no signal, or no middle and ends.

    """
    fluid = fluid_signal(plane, spine, centroid(mask)[0])
    pixels_mm = np.argwhere(mask) * plane.pixel_mm - box.center_mm
    values = plane.signal[mask] / fluid
    is_nucleus = np.abs(pixels_mm @ box.along) < box.width_mm / 2 * NUCLEUS_PART
    if is_nucleus.all() or not is_nucleus.any():
        raise UnmeasurableError("the disc has no middle and ends")
    mean = float(values.mean())
    if mean <= 0:
        raise UnmeasurableError(f"the mean signal of the disc is {mean}")
    return DiscSignal(
        mean=mean,
        nucleus=float(values[is_nucleus].mean()),
        rim=float(values[~is_nucleus].mean()),
        bright=float(np.percentile(values, 90)),
        heterogeneity=float(values.std()) / mean,
        fluid=fluid,
    )


def fluid_signal(plane: MidSagittal, spine: NamedSpine, row: float) -> float:
    """Return the signal of cerebrospinal fluid near a row.

    Raises:
        UnmeasurableError: There is no canal near, or it has no signal.

    """
    reach = CSF_REACH_MM / plane.pixel_mm
    rows = np.arange(len(spine.canal))[:, None]
    canal = plane.signal[spine.canal & (np.abs(rows - row) < reach)]
    fluid = float(np.percentile(canal, CSF_PERCENTILE)) if canal.size else 0.0
    if fluid <= 0:
        raise UnmeasurableError("no cerebrospinal fluid near this level")
    return fluid
