"""The numbers that ``weights/quality.json`` names: what is unlike, how sure to be."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import expit, logit

from inference.errors import ModelError
from inference.geometry.midsagittal import MidSagittal
from inference.levels.naming import NamedSpine
from inference.manifest import WEIGHTS, read_weights
from inference.quality.confidence import expected_dice, outline_pieces
from inference.quality.likeness import Likeness, refuse_sizes
from inference.quality.traits import traits_of
from inference.results import ModelVersion, OutlineConfidence, Structure

MANIFEST: Final = "quality.json"
EXPECTED_RANGE: Final = (0.02, 0.998)  # our choice: what is seen, and finite logits


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A logistic curve from the expected Dice of an outline to its true one."""

    slope: float
    intercept: float

    def dice(self, expected: float) -> float:
        """Return the predicted Dice, 0 to 1."""
        return float(expit(self.slope * bounded_logit(expected) + self.intercept))


def bounded_logit(expected: float) -> float:
    """Return the logit of an expected Dice, kept away from 0 and 1."""
    return float(logit(np.clip(expected, *EXPECTED_RANGE)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QualityModel:
    """Refuses what is unlike anything seen, and says how well outlines probably fit."""

    version: ModelVersion
    segmentation_sha256: str
    likeness: Likeness
    calibrations: Mapping[Structure, Calibration]

    def refuse_unlike(self, plane: MidSagittal, spine: NamedSpine) -> None:
        """Refuse what does not look like a lumbar spine.

        Raises:
            TooLittleSpineError: There are too few bodies.
            UnlikeSpineError: Sizes are impossible, or the whole is unlike what was
                seen when this model was fitted.

        """
        traits = traits_of(plane, spine)
        refuse_sizes(traits)
        self.likeness.refuse_strange(traits)

    def confidences(
        self, plane: MidSagittal, spine: NamedSpine
    ) -> tuple[OutlineConfidence, ...]:
        """Return the predicted Dice of each body, disc and piece of canal found."""
        return tuple(
            OutlineConfidence(
                name=piece.name,
                dice=self.calibrations[piece.structure].dice(
                    expected_dice(plane, piece)
                ),
            )
            for piece in outline_pieces(spine, plane.pixel_mm)
        )


def load_quality_model(
    segmentation: ModelVersion, directory: Path = WEIGHTS
) -> QualityModel:
    """Return the committed model.

    Args:
        segmentation: The network whose probabilities it will judge.
        directory: Where the manifest lies.

    Raises:
        ModelError: A file is absent, is not the one that the manifest names, or was
            fitted to another network.

    """
    content, version = read_weights(directory, MANIFEST)
    model = quality_model(json.loads(content), version)
    if model.segmentation_sha256 != segmentation.sha256:
        raise ModelError(
            f"{version.name} {version.version} was fitted to the segmentation "
            f"{model.segmentation_sha256}, not {segmentation.sha256}: fit it again"
        )
    return model


def quality_model(fitted: Mapping[str, Any], version: ModelVersion) -> QualityModel:
    """Build the model from what ``weights/quality.coefficients.json`` holds."""
    likeness = fitted["likeness"]
    return QualityModel(
        version=version,
        segmentation_sha256=str(fitted["segmentation_sha256"]),
        likeness=Likeness(
            mean=np.array(likeness["mean"], float),
            precision=np.array(likeness["precision"], float),
            limit=float(likeness["limit"]),
        ),
        calibrations={
            Structure(name): Calibration(
                slope=float(item["slope"]), intercept=float(item["intercept"])
            )
            for name, item in fitted["calibrations"].items()
        },
    )
