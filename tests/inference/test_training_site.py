"""A site retrains on its own table, and no model that got worse is ever served."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inference.cohort.inputs import INPUTS, OPTIONS, Input
from inference.cohort.patients import draw_cohort
from inference.manifest import TREATMENT_MANIFEST
from inference.results import Option
from inference.training.__main__ import main
from inference.training.site_table import TableError, read_site_table
from inference.training.treatment_site import _split
from inference.treatment.inputs import COLUMNS
from inference.treatment.model import load_treatment_model

Row = dict[str, str]


def site_rows(count: int, *, agrees: bool) -> Iterator[Row]:
    """Yield invented patients, two visits of each, some facts of them unknown.

    Args:
        count: How many patients.
        agrees: Whether the site chooses as the cohort does; else it prefers programs.

    """
    cohort, rng = draw_cohort(2 * count, seed=31), np.random.default_rng(5)
    for at, inputs in enumerate(cohort.inputs):
        option = OPTIONS[cohort.choices[at]]
        if not agrees and option is Option.EXERCISE and rng.random() < 0.9:
            option = Option.COMBINED_PROGRAM
        cells = ["" if rng.random() < 0.1 else f"{value:g}" for value in inputs]
        yield {
            "patient": f"p{at // 2}",
            "chosen": option,
            **dict(zip(INPUTS, cells, strict=True)),
        }


def written(path: Path, rows: list[Row], columns: tuple[str, ...] = COLUMNS) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def run(table: Path, out: Path) -> None:
    main(
        ["treatment", "--version", "7", "--table", str(table), "--out", str(out)],
    )


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return [*site_rows(500, agrees=False)]


def test_a_model_that_fits_the_site_better_is_written_and_says_what_it_knows(
    rows: list[Row], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model"
    run(written(tmp_path / "site.csv", rows), out)
    printed = capsys.readouterr().out
    assert '"refused": []' in printed
    assert '"65 and more"' in printed
    model = load_treatment_model(out)
    assert model.training.trained_on == (
        "trained on 300 patients of this site's own table and checked on 100 others"
    )
    assert model.version.version == "7"
    assert model.cohort is None
    assert "synthetic" not in model.version.quality
    program = OPTIONS.index(Option.COMBINED_PROGRAM)
    inputs = draw_cohort(200, seed=77).inputs
    before = load_treatment_model().probabilities(inputs)
    assert model.probabilities(inputs)[:, program].mean() > before[:, program].mean()


def test_a_model_that_is_worse_calibrated_is_not_written(tmp_path: Path) -> None:
    """The committed model knows this site's habits from thirty times as many people."""
    few = written(tmp_path / "site.csv", [*site_rows(200, agrees=True)])
    out = tmp_path / "model"
    with pytest.raises(SystemExit, match=r"not enabled: .*brier .* is higher than"):
        run(few, out)
    assert not (out / TREATMENT_MANIFEST).exists()


def test_every_mistake_is_named_at_once_with_row_column_and_value(
    rows: list[Row], tmp_path: Path
) -> None:
    wrong = [dict(row) for row in rows[:4]]
    wrong[0]["chosen"] = "spinal fusion"
    wrong[1] |= {Input.ODI: "104", Input.SMOKER: "0.5", Input.BMI: "heavy"}
    wrong[2]["patient"] = " "
    wrong[3][Input.CANAL] = "nan"
    with pytest.raises(TableError) as raised:
        read_site_table(written(tmp_path / "site.csv", wrong))
    assert str(raised.value).splitlines() == [
        f"row 2, column chosen: 'spinal fusion' is not one of {', '.join(OPTIONS)}",
        "row 3, column bmi_kg_m2: 'heavy' is not a number",
        "row 3, column is_smoker: '0.5' is not 0 or 1",
        "row 3, column odi_percent: '104' is not 0 to 100",
        "row 4, column patient: empty",
        "row 5, column smallest_canal_mm: 'nan' is not a number",
    ]


def test_columns_that_are_missing_unknown_or_twice_are_named(
    rows: list[Row], tmp_path: Path
) -> None:
    columns = (*(c for c in COLUMNS if c != Input.AGE), "name", "chosen")
    with pytest.raises(TableError) as raised:
        read_site_table(written(tmp_path / "site.csv", rows, columns))
    assert str(raised.value).splitlines() == [
        "column 'age_years' is missing",
        "column 'chosen' stands twice",
        "column 'name' is not known",
    ]


def test_a_row_that_was_cut_short_is_named(rows: list[Row], tmp_path: Path) -> None:
    path = written(tmp_path / "site.csv", rows[:2])
    path.write_text(path.read_text().rstrip().rpartition(",")[0] + "\n")
    with pytest.raises(TableError, match=r"^row 3, not 19 cells$"):
        read_site_table(path)


def test_an_option_that_few_were_given_is_named(
    rows: list[Row], tmp_path: Path
) -> None:
    few = [r for r in rows if r["chosen"] != Option.PAIN_SPECIALIST]
    with pytest.raises(TableError, match="referral to a pain specialist was chosen fo"):
        read_site_table(written(tmp_path / "site.csv", few))


def test_all_rows_of_a_person_stay_together(rows: list[Row], tmp_path: Path) -> None:
    table = read_site_table(written(tmp_path / "site.csv", rows))
    parts = _split(table)
    assert [part.count for part in parts] == [300, 100, 100]
    assert sum(len(part.choices) for part in parts) == len(rows)
    people = [set(part.patients.tolist()) for part in parts]
    assert not people[0] & people[1] | people[1] & people[2] | people[0] & people[2]


def test_an_input_that_a_site_does_not_have_is_neither_missing_nor_asked(
    rows: list[Row], tmp_path: Path
) -> None:
    without = [row | {Input.START_BACK: ""} for row in rows]
    out = tmp_path / "model"
    run(written(tmp_path / "site.csv", without), out)
    assert load_treatment_model(out).training.spread[Input.START_BACK] == ()


def test_a_table_needs_a_place_for_its_model(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--out"):
        main(["treatment", "--version", "7", "--table", str(tmp_path / "site.csv")])
