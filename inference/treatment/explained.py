"""Why the model says so, what would change it, and who was alike.

All of it is about the option that is the most probable one for this patient.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.cohort.inputs import INPUTS, OPTIONS, Input
from inference.cohort.patients import Cohort
from inference.results import MissingInput, Option, SimilarPatients
from inference.treatment.inputs import BINARY, LABELS, input_words, value_words

#: Log odds below which a contribution is not worth a sentence. Our choice: it would
#: move a probability of 50 % by less than 3 %.
LEAST_CONTRIBUTION: Final = 0.1
#: Our choice: enough that a share has a standard error below 7 %.
SIMILAR: Final = 50
#: What care, time or the patient may change, and the steps in which that is tried. Our
#: choice: age, sex, diagnoses, images and the time that has passed are as they are.
STEPS: Final = {
    Input.BACK_PAIN: 1.0,
    Input.LEG_PAIN: 1.0,
    Input.ODI: 4.0,
    Input.START_BACK: 1.0,
    Input.BMI: 1.0,
}
#: A yes or no that can change in one direction alone: who smokes can stop, and care
#: that has failed has failed.
TURNS: Final = {Input.SMOKER: 0.0, Input.FAILED_CARE: 1.0}
_AT: Final = {name: column for column, name in enumerate(INPUTS)}

Array = NDArray[np.float64]
Spread = Mapping[Input, tuple[float, ...]]
#: Probabilities of rows of inputs, shape ``(patients, options)``.
Predict = Callable[[Array], Array]


def reasons(
    known: Mapping[Input, float], contributions: Array, option: Option
) -> Iterator[str]:
    """Say in words what raised and lowered an option, the strongest first.

    Args:
        known: The inputs, not-a-number where one is not known.
        contributions: Log odds that each input adds to the option.
        option: The option.

    """
    parts = dict(zip(INPUTS, contributions.tolist(), strict=True))
    words = {name: input_words(name, known[name]) for name in INPUTS}
    back, leg = known[Input.BACK_PAIN], known[Input.LEG_PAIN]
    if leg != back and not math.isnan(leg + back):  # one fact in two numbers
        stronger, weaker = (
            (Input.LEG_PAIN, Input.BACK_PAIN)
            if leg > back
            else (Input.BACK_PAIN, Input.LEG_PAIN)
        )
        words[stronger] = (
            f"{LABELS[stronger][0]} outweighs {LABELS[weaker][0]} "
            f"({known[stronger]:.0f} and {known[weaker]:.0f} of 10)"
        )
        parts[stronger] += parts.pop(weaker)
    for name, part in sorted(parts.items(), key=lambda item: -abs(item[1])):
        if abs(part) >= LEAST_CONTRIBUTION:
            yield f"{words[name]}: {'raises' if part > 0 else 'lowers'} {option}"


def nearest_change(row: Array, spread: Spread, predict: Predict) -> str:
    """Return the least change that makes another option the most probable, in words.

    One input is changed, or two where one is not enough. The size of a change is
    measured by how far the middle 90 % of the patients lie apart.
    """
    moves = {name: _moves(name, row[_AT[name]], spread[name]) for name in _AT}
    now = int(predict(row[None])[0].argmax())
    for count in (1, 2):
        tried = [
            dict(zip(names, values, strict=True))
            for names in combinations([name for name in moves if moves[name]], count)
            for values in product(*(moves[name] for name in names))
        ]
        if not tried:
            continue
        best = predict(_changed(row, tried)).argmax(axis=1)
        other = [(t, int(o)) for t, o in zip(tried, best, strict=True) if o != now]
        if other:
            change, option = min(other, key=lambda item: _size(item[0], row, spread))
            return _change_words(change, row, OPTIONS[option])
    tried_at_all = [LABELS[name][0] for name in moves if moves[name]]
    if not tried_at_all:
        return "Nothing that is known of this patient can be changed."
    return (
        "No change of one or two of these, within what is usual, makes another "
        f"option the most probable: {', '.join(tried_at_all)}."
    )


def missing_inputs(
    row: Array, spread: Spread, predict: Predict
) -> Iterator[MissingInput]:
    """Yield what each input that is not known could change, the one that could most.

    Its plausible values are a no and a yes, or five from the 5th to the 95th percentile
    of the patients. One at a time: two that matter only together are not found.
    """
    now = int(predict(row[None])[0].argmax())
    found = []
    for name in INPUTS:
        if not math.isnan(row[_AT[name]]) or not spread[name]:
            continue
        values = (0.0, 1.0) if name in BINARY else spread[name][1:-1]
        probabilities = predict(_changed(row, [{name: value} for value in values]))
        others = {int(option) for option in probabilities.argmax(axis=1)} - {now}
        found.append(
            MissingInput(
                label=LABELS[name][0],
                low=float(probabilities[:, now].min()),
                high=float(probabilities[:, now].max()),
                could_become=tuple(OPTIONS[option] for option in sorted(others)),
            )
        )
    yield from sorted(found, key=lambda item: item.low - item.high)


def similar_patients(row: Array, cohort: Cohort) -> SimilarPatients:
    """Return what the patients of a cohort were given that are most alike.

    They are compared by what is known alone, each input by its standard deviation.
    """
    is_known = ~np.isnan(row)
    others = cohort.inputs[:, is_known]
    apart = (others - row[is_known]) / np.maximum(others.std(axis=0), 1e-9)
    nearest = np.argsort((apart**2).sum(axis=1), kind="stable")[:SIMILAR]
    counts = np.bincount(cohort.choices[nearest], minlength=len(OPTIONS))
    shares = counts / counts.sum()
    order = np.argsort(-shares, kind="stable")
    return SimilarPatients(
        count=int(counts.sum()),
        given=tuple((OPTIONS[int(i)], float(shares[i])) for i in order),
    )


def _moves(name: Input, value: float, spread: Sequence[float]) -> list[float]:
    """Return the other values that an input could have; none if it is not known."""
    if math.isnan(value):
        return []
    if name in TURNS:
        return [TURNS[name]] if value != TURNS[name] else []
    if name not in STEPS:
        return []
    _, low, *_, high, _ = spread
    step = STEPS[name]
    first = value - step * math.floor((value - low) / step)
    values = np.arange(first, high + 1e-9, step)
    return [float(other) for other in values if abs(other - value) > step / 2]


def _changed(row: Array, changes: Sequence[Mapping[Input, float]]) -> Array:
    rows = np.repeat(row[None], len(changes), axis=0)
    for index, change in enumerate(changes):
        for name, value in change.items():
            rows[index, _AT[name]] = value
    return rows


def _size(change: Mapping[Input, float], row: Array, spread: Spread) -> float:
    return sum(
        abs(value - row[_AT[name]]) / (spread[name][-2] - spread[name][1] or 1.0)
        for name, value in change.items()
    )


def _change_words(change: Mapping[Input, float], row: Array, option: Option) -> str:
    parts = [
        f"{LABELS[name][0]} {value_words(name, value)} in place of "
        f"{value_words(name, float(row[_AT[name]]))}"
        for name, value in change.items()
    ]
    return f"With {' and '.join(parts)}, {option} would be the most probable."
