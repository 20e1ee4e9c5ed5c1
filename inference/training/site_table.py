"""A site's own table of patients and what was chosen for them, read and checked.

CSV with a header: ``patient`` (any name of the person, used to keep a person's rows
together and nowhere else), ``chosen`` (one of the options in words) and the inputs by
their names (``inference.cohort.inputs``). An empty cell is unknown.
"""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.cohort.inputs import INPUTS, OPTIONS, Input
from inference.training.treatment_metrics import Array, Labels
from inference.treatment.inputs import BINARY, CHOSEN, COLUMNS, PATIENT, POSSIBLE

#: Our choice: with fewer people a part of the split may lack an option.
MIN_CHOSEN: Final = 30


class TableError(Exception):
    """The table is not usable; the message has one line per thing that is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteTable:
    """What was chosen for whom.

    Attributes:
        patients: Of each row, a number of its person.
        inputs: Shape ``(rows, inputs)``, not-a-number where one is not known.
        choices: Index into ``OPTIONS``.

    """

    patients: NDArray[np.int64]
    inputs: Array
    choices: Labels

    @property
    def count(self) -> int:
        """How many people."""
        return len(np.unique(self.patients))

    def of(self, patients: NDArray[np.int64]) -> "SiteTable":
        """Return the rows of some people."""
        rows = np.isin(self.patients, patients)
        return SiteTable(
            patients=self.patients[rows],
            inputs=self.inputs[rows],
            choices=self.choices[rows],
        )


def read_site_table(path: Path) -> SiteTable:
    """Read a table.

    Raises:
        TableError: Something is wrong; the message names each row, column and value.

    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            header = reader.fieldnames or []
            numbered = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"no table: {error}") from error
    problems = [*_wrong_header(header)] or [
        f"row {line}, {problem}" for line, row in numbered for problem in _wrong(row)
    ]
    if problems:
        raise TableError("\n".join(problems))
    table = _table([row for _, row in numbered])
    if few := [*_few(table)]:
        raise TableError("\n".join(few))
    return table


def _table(rows: Sequence[Mapping[str, str]]) -> SiteTable:
    people = {name: at for at, name in enumerate({row[PATIENT]: 0 for row in rows})}
    chosen = {option.value: at for at, option in enumerate(OPTIONS)}
    inputs = [[_number(row[name]) for name in INPUTS] for row in rows]
    return SiteTable(
        patients=np.array([people[row[PATIENT]] for row in rows], dtype=np.int64),
        inputs=np.array(inputs).reshape(-1, len(INPUTS)),
        choices=np.array([chosen[row[CHOSEN]] for row in rows], dtype=np.int64),
    )


def _wrong_header(header: Sequence[str]) -> Iterator[str]:
    yield from (f"column {name!r} is missing" for name in COLUMNS if name not in header)
    for name in dict.fromkeys(header):
        if name not in COLUMNS:
            yield f"column {name!r} is not known"
        if header.count(name) > 1:
            yield f"column {name!r} stands twice"


def _wrong(row: Mapping[str, str | None]) -> Iterator[str]:
    """Yield what is wrong with a row; ``None`` stands for cells too few or too many."""
    cells = {name: text for name, text in row.items() if name and text is not None}
    if cells.keys() != {*COLUMNS} or len(row) != len(COLUMNS):
        yield f"not {len(COLUMNS)} cells"
        return
    if not cells[PATIENT].strip():
        yield f"column {PATIENT}: empty"
    if cells[CHOSEN] not in {*OPTIONS}:
        yield f"column {CHOSEN}: {cells[CHOSEN]!r} is not one of {', '.join(OPTIONS)}"
    for name in INPUTS:
        if problem := _wrong_number(name, cells[name]):
            yield f"column {name}: {problem}"


def _wrong_number(name: Input, text: str) -> str:
    low, high = POSSIBLE[name]
    try:
        value = _number(text)
    except ValueError:
        value = math.nan
    if text and math.isnan(value):
        return f"{text!r} is not a number"
    if value < low or value > high:
        return f"{text!r} is not {low:g} to {high:g}"
    is_half = name in BINARY and low < value < high
    return f"{text!r} is not 0 or 1" if is_half else ""


def _few(table: SiteTable) -> Iterator[str]:
    for index, option in enumerate(OPTIONS):
        people = len(np.unique(table.patients[table.choices == index]))
        if people < MIN_CHOSEN:
            yield f"{option} was chosen for {people} patients, {MIN_CHOSEN} are needed"


def _number(text: str) -> float:
    return float(text) if text else math.nan
