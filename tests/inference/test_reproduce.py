"""Numbers in cards are those that were measured, and measuring again finds them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from inference.__main__ import DONE, main
from inference.grading.model import MANIFEST as GRADING
from inference.manifest import WEIGHTS
from inference.quality.model import MANIFEST as QUALITY
from inference.segmentation.model import MANIFEST
from inference.severity.stenosis import TOO_WIDE_MM
from inference.training import cards, evaluation, grading, metrics, quality
from inference.training.reproduce import MEASURES, SPIDER, State, reproduce

MEASURED: Final[dict[str, Any]] = {
    "evaluate": {
        "mean_dice": {"value": 0.9, "low": 0.8, "high": 0.95},
        "right": 31,
        "rows": {"disc_height": {"n": 30, "part": 0.974}, "slip": {"n": 6}},
    }
}
KEPT: Final = {item.manifest: item for item in metrics.kept()}


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ("0<!-- =evaluate.right -->", "31"),
        ("(7<!-- =evaluate.mean_dice.value:.1% -->)", "(90.0%"),
        ("  value: 7  # =evaluate.mean_dice.value", "  value: 0.9  # =evaluate"),
    ],
)
def test_a_mark_takes_its_number_from_what_was_measured(
    mark: str, expected: str
) -> None:
    assert cards.rendered(mark, MEASURED).startswith(expected)
    assert cards.rendered(cards.rendered(mark, MEASURED), MEASURED) == cards.rendered(
        mark, MEASURED
    )


def test_a_table_has_a_row_per_part_and_leaves_open_what_was_not_measured() -> None:
    marks = (
        "<!-- table evaluate.rows: length | n | part:.0%=within -->\n",
        "<!-- /table",
    )
    text = cards.rendered(f"{marks[0]}| old |\n{marks[1]} -->", MEASURED)
    assert text.split("\n")[1:-1] == [
        "| length | n | within |",
        "| --- | --- | --- |",
        "| disc height | 30 | 97% |",
        "| slip | 6 |  |",
    ]


def test_a_mark_of_what_nobody_measured_is_refused() -> None:
    with pytest.raises(KeyError, match="no lucky was measured"):
        cards.rendered("1<!-- =evaluate.lucky -->", MEASURED)
    with pytest.raises(KeyError, match="not one number"):
        cards.rendered("1<!-- =evaluate.mean_dice -->", MEASURED)


def test_every_committed_card_shows_what_was_measured() -> None:
    assert cards.outdated() == []


def test_numbers_are_of_the_weights_that_are_served() -> None:
    assert MANIFEST in KEPT
    assert all(metrics.is_of_these_weights(item) for item in KEPT.values())


@pytest.mark.parametrize(
    ("manifest", "command", "sentence"),
    [
        (MANIFEST, "evaluate", evaluation.sentence),
        (QUALITY, "quality", quality.sentence),
        (GRADING, "grading", grading.sentence),
    ],
)
def test_the_sentence_shown_with_results_is_that_of_the_numbers(
    manifest: str, command: str, sentence: Callable[[dict[str, Any]], str]
) -> None:
    said = json.loads((WEIGHTS / manifest).read_text())["quality"]
    assert said == sentence(KEPT[manifest].measured[command])


def test_what_is_taken_off_a_canal_is_what_was_measured() -> None:
    errors = KEPT[MANIFEST].measured["evaluate"]["length_errors"]
    assert errors["canal_diameter_mm"]["mean"] == TOO_WIDE_MM


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"right": 30}, "right is 30, kept is 31"),
        ({"mean_dice": {"value": 0.91}}, "mean_dice.value is 0.91, kept is 0.9"),
        ({"lucky": 1}, "lucky was never kept"),
    ],
)
def test_a_number_that_is_not_the_kept_one_is_named(
    change: dict[str, Any], named: str
) -> None:
    kept = MEASURED["evaluate"]
    assert metrics.differences(kept, change, is_sample=True) == [named]
    assert metrics.differences(kept, kept | change, is_sample=False)


def test_what_is_not_found_again_is_named_and_noise_is_none() -> None:
    kept = MEASURED["evaluate"]
    near = {**kept, "mean_dice": {"value": 0.903, "low": 0.8, "high": 0.95}}
    assert metrics.differences(kept, near, is_sample=False) == []
    lost = {name: value for name, value in kept.items() if name != "right"}
    found = metrics.differences(kept, lost, is_sample=False)
    assert found == ["right was not found again"]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return a copy of the weights."""
    return Path(shutil.copytree(WEIGHTS, tmp_path / "weights"))


def test_numbers_of_other_weights_do_not_stay(models: Path) -> None:
    metrics.keep(MANIFEST, "other", {"n": 1}, directory=models)
    found = metrics.read(MANIFEST, directory=models)
    assert found
    assert {"other", "evaluate"} <= set(found.measured)
    manifest = json.loads((models / MANIFEST).read_text()) | {"sha256": "ab" * 32}
    (models / MANIFEST).write_text(json.dumps(manifest))
    assert not metrics.is_of_these_weights(found, models)
    metrics.keep(MANIFEST, "other", {"n": 2}, directory=models)
    found = metrics.read(MANIFEST, directory=models)
    assert found
    assert found.measured == {"other": {"n": 2}}


def test_without_data_it_says_what_was_not_checked(tmp_path: Path) -> None:
    found = {item.what: item for item in reproduce(tmp_path / "none", is_sample=True)}
    check = found[f"{MANIFEST}, evaluate"]
    assert check.state is State.NOT_CHECKED
    assert "none is absent" in check.reasons[0]
    assert found["numbers in the cards"].state is State.AGREES
    assert State.DIFFERS not in {item.state for item in found.values()}


def test_the_command_says_what_it_checked_and_ends_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["reproduce", "--quick", "--data", "none"]) == DONE
    assert f"not checked\t{MANIFEST}, evaluate" in capsys.readouterr().out


def test_every_measure_has_numbers_to_compare_with() -> None:
    for item in MEASURES:
        assert item.command in KEPT[item.manifest].measured


@pytest.mark.skipif(not SPIDER.is_dir(), reason=f"no SPIDER data at {SPIDER}")
def test_measuring_again_finds_the_kept_number_and_not_another(models: Path) -> None:
    evaluated = KEPT[MANIFEST].measured["evaluate"]
    wrong = {**evaluated, "patients": evaluated["patients"] | {"5": 0.5}}
    metrics.keep(MANIFEST, "evaluate", wrong, directory=models)
    found = {item.what: item for item in reproduce(is_sample=True, directory=models)}
    check = found[f"{MANIFEST}, evaluate"]
    assert check.state is State.DIFFERS
    again = f"patients.5 is {evaluated['patients']['5']}, kept is 0.5"
    assert check.reasons == (again,)
    assert found["numbers in the cards"].state is State.DIFFERS  # the card says the old
