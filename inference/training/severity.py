"""Severity of spondylosis: a network that is asked for it, beside the rule.

The paper asks a MobileNetV2 for the class (97.84 % accuracy, JMIR AI 2026;5:e83322) and
does not say how its classes were made. Here they are made by ``severity.spondylosis``
from what the reader of SPIDER says of each disc, and asked of a network; or the rule is
applied to what the grading answers and to the measured slip. Both by the same folds.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from inference.grading.model import CUTS, QUESTIONS, Answers, in_order, of_grades
from inference.results import (
    MIN_SLIP_PERCENT,
    CentralStenosis,
    DiscFindings,
    DiscGrading,
    FindingKind,
    Level,
    LevelMeasurement,
    LevelSeverity,
    Severity,
)
from inference.segmentation.model import SegmentationModel
from inference.severity.spondylosis import spondylosis
from inference.training.graded_discs import GradedDiscs, graded_discs
from inference.training.grading import (
    OutOfFold,
    cross_validated,
    graded,
    joined,
    on_t2,
)
from inference.training.grading_metrics import (
    GRADE_METRICS,
    confusion,
    with_interval,
)
from inference.training.grading_network import (
    EPOCHS,
    Seen,
    answers_of,
    fit,
    frozen_stages,
    look,
)

METRICS: Final = {
    name.replace("grade", "class"): measure for name, measure in GRADE_METRICS.items()
}
ORDER: Final = list(Severity)
NAMES: Final = {at: str(name) for at, name in enumerate(ORDER)}
STEPS: Final = len(ORDER) - 1  # questions: above none, above mild, above moderate
ANY_LEVEL: Final = Level.L4_L5  # the rule asks each disc the same
SLIP: Final = QUESTIONS.index(FindingKind.SPONDYLOLISTHESIS)
LIKELIER: Final = 0.5
WIDE: Final = (1.0, 0.0, 0.0)  # a canal without points: the reader says nothing of it

Classes = NDArray[np.int64]


def train_and_check(
    directory: Path, model: SegmentationModel, kept: Path
) -> dict[str, Any]:
    """Return how well network and rule give the class of what the reader says.

    Args:
        directory: The ``spider`` folder.
        model: That outlines the discs.
        kept: Folder for what takes long.

    """
    discs = graded_discs(directory, model, kept)
    seen = look(frozen_stages(), discs.images, discs.answers)
    return compared(discs, seen, cross_validated(discs, seen))


def compared(
    discs: GradedDiscs, seen: Seen, found: OutOfFold, *, epochs: int = EPOCHS
) -> dict[str, Any]:
    """Compare on all discs of T2.

    Args:
        discs: All of them.
        seen: What the frozen stages see of them.
        found: Answers of the grading, by models that were trained on other patients.
        epochs: Of the network that is asked for the class.

    """
    rows, both = on_t2(discs, found)
    readers = of_reader(discs)
    every, patients = fewest(readers), discs.patients[rows]
    truth, folds = every[rows], found.folds[rows]
    slips = discs.features[rows, discs.names.tolist().index("slip")]
    slipped = discs.answers[rows, SLIP]

    asked = of_network(discs, seen, every, found.folds, epochs)[rows]
    calibrated = joined([asked], truth[:, None] > np.arange(STEPS), folds)
    alone = joined([found.network[rows]], discs.answers[rows], folds)
    grades, grades_alone = (
        graded(said, discs.grades[rows], folds) for said in (both, alone)
    )
    ways = {
        "network": (calibrated >= LIKELIER).sum(axis=1),
        "rule": fewest(by_rule(grades, _likelier(grades, both), slips)),
        "rule_on_network_alone": fewest(
            by_rule(grades_alone, _likelier(grades_alone, alone), slips)
        ),
    }
    return {
        "discs": len(rows),
        "patients": len(np.unique(patients)),
        "readers_range": sum(readers[at].lowest != readers[at].highest for at in rows),
        "commonest_class": round(float(np.bincount(truth).max() / len(truth)), 3),
        "ways": {
            name: {
                metric: with_interval(measure, truth, classes, patients)
                for metric, measure in METRICS.items()
            }
            for name, classes in ways.items()
        },
        "confusion": {
            name: confusion(truth, classes, NAMES) for name, classes in ways.items()
        },
        "slips": {
            "reader": int(slipped.sum()),
            "measured": int((abs(slips) >= MIN_SLIP_PERCENT).sum()),
            "both": int((abs(slips[slipped]) >= MIN_SLIP_PERCENT).sum()),
        },
        "shown": _shown(by_rule(grades, both, slips), truth),
    }


def _likelier(grades: NDArray[np.int64], said: Answers) -> Answers:
    """Return answers without doubt: those of the grade, and the likelier finding."""
    likelier = said >= LIKELIER
    likelier[:, : len(CUTS)] = grades[:, None] > np.array(CUTS)
    return likelier.astype(float)


def _shown(severities: list[LevelSeverity], truth: Classes) -> dict[str, Any]:
    """Return how the ranges of the product stand to the classes of the reader."""
    low = fewest(severities)
    high = np.array([ORDER.index(item.highest) for item in severities])
    one = low == high
    return {
        "one_class": int(one.sum()),
        "of_these_right": round(float((truth == low)[one].mean()), 3),
        "range_holds": round(float(((low <= truth) & (truth <= high)).mean()), 3),
    }


def of_reader(discs: GradedDiscs) -> list[LevelSeverity]:
    """Apply the rule to what the reader says, without doubt; a slip is Meyerding I."""
    slips = np.where(discs.answers[:, SLIP], MIN_SLIP_PERCENT, 0.0)
    return by_rule(discs.grades, discs.answers.astype(float), slips)


def by_rule(
    grades: NDArray[np.int64], answers: Answers, slips: NDArray[np.float64]
) -> list[LevelSeverity]:
    """Apply the rule to each disc, with a wide canal and without heights.

    Args:
        grades: Pfirrmann grades.
        answers: Probabilities of ``QUESTIONS``, shape ``(discs, questions)``.
        slips: In percent; NaN where unknown.

    """
    ordered = in_order(answers[:, : len(CUTS)])
    findings = answers[:, len(CUTS) :].tolist()
    severities: list[LevelSeverity] = []
    for grade, above, said, slip in zip(
        grades.tolist(), ordered, findings, slips.tolist(), strict=True
    ):
        measured = LevelMeasurement(
            level=ANY_LEVEL,
            disc_height_mm=None,
            disc_width_mm=None,
            disc_volume_mm3=None,
            disc_height_index_ratio=None,
            disc_signal_ratio=None,
            canal_diameter_mm=None,
            slip_percent=None if np.isnan(slip) else slip,
        )
        graded_as = DiscGrading(
            level=ANY_LEVEL, pfirrmann=grade, probabilities=of_grades(above)
        )
        kinds = dict(zip(FindingKind, said, strict=True))
        found = spondylosis(
            [measured],
            gradings=[graded_as],
            findings=[DiscFindings.of(ANY_LEVEL, kinds)],
            stenoses=[CentralStenosis(level=ANY_LEVEL, probabilities=WIDE)],
        )
        severities += found.levels if found else ()
    return severities


def fewest(severities: list[LevelSeverity]) -> Classes:
    """Return the lowest class of each range, 0 for none to 3 for severe."""
    return np.array([ORDER.index(item.lowest) for item in severities])


def of_network(
    discs: GradedDiscs, seen: Seen, classes: Classes, folds: Classes, epochs: int
) -> Answers:
    """Return log odds that the severity is above each class but the last.

    Networks say so that were trained on the classes of other patients. The head is that
    of the grading: these questions stand where it asks of the grade, and all else
    weighs nothing.
    """
    above = torch.from_numpy(classes[:, None] > np.arange(STEPS))
    answers, weights = seen.answers.clone(), seen.weights.clone()
    answers[..., :STEPS] = above.float()
    weights[..., STEPS:] = 0
    asked = Seen(features=seen.features, answers=answers, weights=weights)
    found = np.zeros((len(classes), STEPS))
    for fold in np.unique(folds):
        train = np.flatnonzero((folds != fold) & discs.sure)
        check = np.flatnonzero(folds == fold)
        head = fit(asked, train, seed=int(fold), epochs=epochs)
        found[check] = answers_of(head, asked, check)[:, :STEPS]
    return found
