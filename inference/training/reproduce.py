"""Measure every committed model again: ``python -m inference reproduce``.

A model joins with a ``Measure`` here; its training command keeps the same numbers by
``metrics.keep``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from inference.grading.model import MANIFEST as GRADING_MANIFEST
from inference.grading.model import load_grading_model
from inference.manifest import TREATMENT_MANIFEST, WEIGHTS, read_weights
from inference.quality import model as quality_model
from inference.segmentation import model as segmentation_model
from inference.segmentation.model import load_segmentation_model
from inference.training import (
    cards,
    grading,
    levels,
    metrics,
    pseudo_labels,
    quality,
    severity,
    treatment,
)
from inference.training.data import (
    held_out_patients,
    spider_slices,
    split_by_patient,
)
from inference.training.evaluation import evaluate, summary
from inference.training.geometry import phantom_accuracy
from inference.training.graded import midsagittal_slices
from inference.training.robustness import dice_after_changes, dice_between_t1_and_t2
from inference.treatment.model import load_treatment_model

SPIDER: Final = Path("../shared/data/spider")
LEVELS_RUN: Final = Path("runs/levels")
GRADING_RUN: Final = Path("runs/grading")
PHANTOMS: Final = 20  # our choice: 100 levels, in a minute or two of one core

Found = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What one command of ``inference.training`` measures of one model.

    Attributes:
        manifest: Name of the model's manifest.
        command: The command.
        whole: Measures all, of the ``spider`` folder.
        sample: Measures a small part of the same numbers; ``None`` where there is none.
        needs_data: Whether it needs that folder.

    """

    manifest: str
    command: str
    whole: Callable[[Path], Found]
    sample: Callable[[Path], Found] | None = None
    needs_data: bool = True


class State(StrEnum):
    """What came of one check."""

    AGREES = "agrees"
    DIFFERS = "DIFFERS"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check.

    Attributes:
        what: What was checked.
        state: What came of it.
        reasons: The numbers that differ, or why it was not checked.

    """

    what: str
    state: State
    reasons: tuple[str, ...] = ()


def segmentation(data: Path) -> Found:
    """Measure the network on patients never trained on, and beside these the others."""
    seen, held_out = split_by_patient(spider_slices(data / "t2space"))
    model = load_segmentation_model()
    never = held_out_patients(data)
    unseen = [
        item for item in pseudo_labels.unlabeled_slices(data) if item.patient in never
    ]
    return {
        **summary(evaluate(held_out, model)),
        "trained_on": {"mean_dice": summary(evaluate(seen, model))["mean_dice"]},
        "dice_after_changes": dice_after_changes(held_out, model),
        "dice_between_t1_and_t2": dice_between_t1_and_t2(unseen, model),
    }


def segmentation_sample(data: Path) -> Found:
    """Measure the network on the first patient never trained on, as it is."""
    _, held_out = split_by_patient(spider_slices(data / "t2space"))
    patient = min((item.patient for item in held_out), key=int)
    own = [item for item in held_out if item.patient == patient]
    return {"patients": summary(evaluate(own, load_segmentation_model()))["patients"]}


def level_names(data: Path) -> Found:
    """Count the names of the levels that are right."""
    slices = midsagittal_slices(data)
    found = levels.readings(slices, load_segmentation_model(), LEVELS_RUN)
    return levels.summary(found, held_out=held_out_patients(data))


def confidences(data: Path) -> Found:
    """Fit refusals and confidences again, on patients left out in turn."""
    model = load_segmentation_model(threads=1)
    _, measured = quality.fit_and_check(data, model, more=None)
    return measured


def grades(data: Path) -> Found:
    """Cross-validate the grading again, with weights fitted anew."""
    model = load_segmentation_model(threads=1)
    _, measured = grading.train_and_check(data, model, GRADING_RUN)
    return {**measured, **grades_sample(data)}


def grades_sample(data: Path) -> Found:
    """Grade the first patient by the served weights."""
    model = load_segmentation_model(threads=1)
    found = grading.of_first_patient(data, model, load_grading_model())
    return {"first_patient": found}


def severities(data: Path) -> Found:
    """Compare the rule of the severity with a network again, trained anew."""
    model = load_segmentation_model(threads=1)
    return severity.train_and_check(data, model, GRADING_RUN)


def treatment_choices(_: Path) -> Found:
    """Ask the served treatment model about invented patients never trained on."""
    model = load_treatment_model()
    count, _seed = model.training.cohort or (0, 0)
    return treatment.checked(model.probabilities, model.calibration, count // 2)


MEASURES: Final = (
    Measure(
        manifest=segmentation_model.MANIFEST,
        command="evaluate",
        whole=segmentation,
        sample=segmentation_sample,
    ),
    Measure(manifest=segmentation_model.MANIFEST, command="levels", whole=level_names),
    Measure(
        manifest=segmentation_model.MANIFEST,
        command="geometry",
        whole=lambda _: phantom_accuracy(PHANTOMS),
        needs_data=False,
    ),
    Measure(
        manifest=TREATMENT_MANIFEST,
        command="treatment",
        whole=treatment_choices,
        sample=treatment_choices,
        needs_data=False,
    ),
    Measure(
        manifest=GRADING_MANIFEST,
        command="grading",
        whole=grades,
        sample=grades_sample,
    ),
    Measure(manifest=GRADING_MANIFEST, command="severity", whole=severities),
    Measure(manifest=quality_model.MANIFEST, command="quality", whole=confidences),
)


def measure(manifest: str, command: str, data: Path) -> Found:
    """Return what a command measures of a model."""
    (found,) = (
        item
        for item in MEASURES
        if (item.manifest, item.command) == (manifest, command)
    )
    return found.whole(data)


def reproduce(
    data: Path = SPIDER, *, is_sample: bool = False, directory: Path = WEIGHTS
) -> Iterator[Check]:
    """Check weights, cards and every number that was kept.

    Args:
        data: The ``spider`` folder; what needs it is not checked where it is absent.
        is_sample: Measure the small parts alone: minutes become seconds.
        directory: Where the models are.

    """
    yield from _weights(directory)
    wrong = [path.name for path in cards.outdated(directory)]
    yield Check(
        what="numbers in the cards",
        state=State.DIFFERS if wrong else State.AGREES,
        reasons=tuple(f"{name} does not show what was measured" for name in wrong),
    )
    known = {item.manifest: item.measured for item in metrics.kept(directory)}
    for item in MEASURES:
        yield _checked(item, known.get(item.manifest, {}), data, is_sample=is_sample)
    done = {(item.manifest, item.command) for item in MEASURES}
    for manifest, measured in known.items():
        for command in measured:
            if (manifest, command) not in done:
                yield Check(
                    what=f"{manifest}, {command}",
                    state=State.NOT_CHECKED,
                    reasons=("nothing measures it again",),
                )


def _weights(directory: Path) -> Iterator[Check]:
    for path in sorted(directory.glob("*.json")):
        if path.name.count(".") > 1:
            continue
        read_weights(directory, path.name)  # raises where the hash is another
        known = metrics.read(path.name, directory=directory)
        if known is None:
            yield Check(
                what=f"{path.name}, weights",
                state=State.NOT_CHECKED,
                reasons=("no numbers are kept of this model",),
            )
        else:
            is_right = metrics.is_of_these_weights(known, directory)
            yield Check(
                what=f"{path.name}, weights",
                state=State.AGREES if is_right else State.DIFFERS,
                reasons=() if is_right else ("the numbers are of other weights",),
            )


def _checked(
    item: Measure, measured: Mapping[str, Any], data: Path, *, is_sample: bool
) -> Check:
    what = f"{item.manifest}, {item.command}"
    run = item.sample if is_sample else item.whole
    if item.command not in measured:
        return _not_checked(what, "its numbers were never kept")
    if run is None:
        return _not_checked(what, "it has no small part")
    if item.needs_data and not data.is_dir():
        return _not_checked(what, f"it needs the data folder, and {data} is absent")
    kept, found = measured[item.command], run(data)
    wrong = metrics.differences(kept, found, is_sample=is_sample)
    return Check(
        what=what,
        state=State.DIFFERS if wrong else State.AGREES,
        reasons=tuple(wrong) or (f"{len(dict(metrics.flat(found)))} numbers",),
    )


def _not_checked(what: str, reason: str) -> Check:
    return Check(what=what, state=State.NOT_CHECKED, reasons=(reason,))
