"""Pfirrmann grade and findings of each disc: trees and a network, joined.

Both answer the same yes-or-no questions: is the grade above 1, 2, 3, 4, and is each
finding there. A logistic regression joins and calibrates their answers. Trained on the
radiologists' grades of SPIDER (doi:10.1038/s41597-024-03090-w).
"""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import lightgbm
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import TypeAdapter
from scipy.special import expit, logit

from inference.grading.crops import LevelCrop, network_input
from inference.grading.features import Features, disc_features
from inference.manifest import WEIGHTS, read_weights
from inference.measurements.shapes import Shapes
from inference.results import (
    DiscFindings,
    DiscGrading,
    FindingKind,
    Level,
    ModelVersion,
    Weighting,
)

MANIFEST: Final = "grading.json"
#: Grades that a disc can be above: cumulative questions keep the scale's order.
CUTS: Final = (1, 2, 3, 4)
#: What is asked of each disc, in the order of all columns here.
QUESTIONS: Final = (*(f"pfirrmann>{cut}" for cut in CUTS), *FindingKind)
#: No answer is surer. Our choice: readers err more often.
SUREST: Final = 0.999

Answers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """How the answers of trees and network become probabilities.

    Attributes:
        features: Names of the features, in the order of the trees.
        on_t2: Per question the intercept, and the weights of the log odds of the trees
            and of the network.
        on_t1: Per finding the intercept, and the weight of the log odds of the network,
            which alone was trained on T1.
        limits: Expected grades between the grades, at which quadratic kappa is best.

    """

    features: tuple[str, ...]
    on_t2: tuple[tuple[float, float, float], ...]
    on_t1: tuple[tuple[float, float], ...]
    limits: tuple[float, ...]

    def t2(self, trees: Answers, network: Answers) -> Answers:
        """Join probabilities of the trees and log odds of the network.

        Both have shape ``(discs, questions)``, as the probabilities returned.
        """
        weights = np.array(self.on_t2)
        odds = log_odds(trees)
        return expit(weights[:, 0] + weights[:, 1] * odds + weights[:, 2] * network)

    def t1(self, network: Answers) -> Answers:
        """Return probabilities of the findings alone."""
        weights = np.array(self.on_t1)
        return expit(weights[:, 0] + weights[:, 1] * network[:, len(CUTS) :])

    def grade(self, above: Answers) -> int:
        """Return the grade of a disc from the probabilities of ``CUTS``."""
        return 1 + int(np.searchsorted(self.limits, 1 + above.sum()))


_JOINING: Final = TypeAdapter(Joining)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What is said of the discs of one spine.

    Attributes:
        gradings: One entry per disc that could be graded; none but on T2.
        findings: One entry per disc that was assessed.

    """

    gradings: tuple[DiscGrading, ...] = ()
    findings: tuple[DiscFindings, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradingParts:
    """The content of the model file: a zip archive of text and an ONNX graph.

    Attributes:
        trees: Text of one LightGBM model per question.
        network: ONNX graph from ``crops.network_input`` to log odds.
        joining: How they are joined.

    """

    trees: tuple[str, ...]
    network: bytes
    joining: Joining

    @classmethod
    def unpacked(cls, content: bytes) -> Self:
        """Read the archive."""
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return cls(
                trees=tuple(
                    archive.read(f"{index}.txt").decode()
                    for index in range(len(QUESTIONS))
                ),
                network=archive.read("network.onnx"),
                joining=_JOINING.validate_json(archive.read("joining.json")),
            )

    def packed(self) -> bytes:
        """Return the archive, the same bytes for the same content."""
        files: dict[str, str | bytes] = {
            "joining.json": _JOINING.dump_json(self.joining),
            "network.onnx": self.network,
            **{f"{index}.txt": text for index, text in enumerate(self.trees)},
        }
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(
                    zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9
                )
        return written.getvalue()


class GradingModel:
    """Probabilities of grades and findings from discs and their surroundings."""

    def __init__(self, parts: GradingParts, version: ModelVersion) -> None:
        self.version = version
        self._joining = parts.joining
        self._trees = [lightgbm.Booster(model_str=text) for text in parts.trees]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # so little that threads only cost
        self._network = onnxruntime.InferenceSession(
            parts.network, options, providers=["CPUExecutionProvider"]
        )

    def assess(
        self, crops: Mapping[Level, LevelCrop], shapes: Shapes, weighting: Weighting
    ) -> Assessment:
        """Grade and assess each disc, as far as the contrast allows.

        Grades need T2; findings T2 or T1 without fat suppression; there is nothing for
        another contrast, because none was trained on.

        Args:
            crops: Of each disc.
            shapes: Of the same spine.
            weighting: Contrast of the series.

        """
        if not crops or weighting not in {Weighting.T2, Weighting.T1}:
            return Assessment()
        network = self._by_network(crops.values(), weighting)
        if weighting is Weighting.T1:
            return Assessment(findings=_findings(crops, self._joining.t1(network)))
        trees = self._by_trees(disc_features(crops, shapes).values())
        probabilities = self._joining.t2(trees, network)
        above = in_order(probabilities[:, : len(CUTS)])
        return Assessment(
            gradings=tuple(
                DiscGrading(
                    level=level,
                    pfirrmann=self._joining.grade(row),
                    probabilities=of_grades(row),
                )
                for level, row in zip(crops, above, strict=True)
            ),
            findings=_findings(crops, probabilities[:, len(CUTS) :]),
        )

    def _by_network(self, crops: Iterable[LevelCrop], weighting: Weighting) -> Answers:
        images = np.stack([network_input(crop, weighting) for crop in crops])
        (odds,) = self._network.run(None, {"crops": images})
        return np.asarray(odds, np.float64)

    def _by_trees(self, discs: Iterable[Features]) -> Answers:
        rows = feature_table(discs, self._joining.features)
        # One thread: more hang in a process that was forked after loading.
        answers = [tree.predict(rows, num_threads=1) for tree in self._trees]
        return np.stack([np.asarray(answer) for answer in answers], axis=1)


def feature_table(discs: Iterable[Features], names: Sequence[str]) -> Answers:
    """Return one row per disc, NaN where a feature is not known."""
    return np.array([[disc.get(name, np.nan) for name in names] for disc in discs])


def log_odds(probabilities: Answers) -> Answers:
    """Return the log odds of probabilities, none of them surer than ``SUREST``."""
    odds: Answers = logit(probabilities.clip(1 - SUREST, SUREST))
    return odds


def in_order(above: Answers) -> Answers:
    """Let no higher grade be likelier than to be above a lower one."""
    return np.minimum.accumulate(above, axis=1)


def load_grading_model(directory: Path = WEIGHTS) -> GradingModel:
    """Return the grading model.

    Raises:
        ModelError: A file is absent or is not the one that the manifest names.

    """
    content, version = read_weights(directory, MANIFEST)
    return GradingModel(GradingParts.unpacked(content), version)


def of_grades(above: Answers) -> tuple[float, float, float, float, float]:
    """Return the probability of each grade of a disc from those of ``CUTS``."""
    one, two, three, four, five = -np.diff([1.0, *above.tolist(), 0.0])
    return float(one), float(two), float(three), float(four), float(five)


def _findings(
    levels: Iterable[Level], probabilities: Answers
) -> tuple[DiscFindings, ...]:
    return tuple(
        DiscFindings.of(level, dict(zip(FindingKind, row, strict=True)))
        for level, row in zip(levels, probabilities.tolist(), strict=True)
    )
