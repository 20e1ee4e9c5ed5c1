"""The invented patients are as the figures say, and their truth is known exactly."""

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.cohort.decision import log_odds, terms, true_probabilities
from inference.cohort.figures import FILE, Diagnosis, load_figures
from inference.cohort.inputs import INPUTS, OPTIONS, Input
from inference.cohort.patients import Cohort, draw_cohort
from inference.errors import ModelError
from inference.results import NEVER_SUGGESTED, Option
from inference.training.treatment_metrics import ceiling

PATIENTS = 6000
SURGERY = OPTIONS.index(Option.SURGICAL_OPINION)
SEVERITY = (Input.WORST_GRADE, Input.DEGENERATE, Input.HEIGHT_INDEX, Input.CANAL)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return draw_cohort(PATIENTS, seed=11)


def those_with(cohort: Cohort, diagnosis: Diagnosis) -> NDArray[np.bool_]:
    herniation = cohort.column(Input.HERNIATION) == 1
    stenosis = cohort.column(Input.STENOSIS) == 1
    return {
        Diagnosis.HERNIATION: herniation,
        Diagnosis.STENOSIS: stenosis,
        Diagnosis.AXIAL: ~herniation & ~stenosis,
    }[diagnosis]


def rows_without_a_source(value: object) -> Iterator[object]:
    if isinstance(value, list):
        for item in value:
            yield from rows_without_a_source(item)
    if isinstance(value, dict) and not any(
        isinstance(item, list) for item in value.values()
    ):
        sources = [text for name, text in value.items() if name.endswith("source")]
        if not sources or not all(sources):
            yield value


def test_every_figure_has_a_source() -> None:
    table = tomllib.loads(FILE.read_text())
    for part in ("shares", "normals", "intercepts", "effects", "images", "decision"):
        assert list(rows_without_a_source(table[part])) == []
    assert all(row["source"] for row in table["correlations"])


@pytest.mark.parametrize("diagnosis", Diagnosis)
@pytest.mark.parametrize("name", [Input.AGE, Input.BMI, Input.ODI, Input.LEG_PAIN])
def test_means_are_those_of_the_published_cohorts(
    cohort: Cohort, diagnosis: Diagnosis, name: Input
) -> None:
    """Cutting off at the end of a scale moves a mean by a small part of its spread."""
    figure = load_figures().normal(name, diagnosis)
    values = cohort.column(name)[those_with(cohort, diagnosis)]
    assert values.mean() == pytest.approx(figure.mean, abs=0.12 * figure.sd)
    assert values.std() == pytest.approx(figure.sd, rel=0.2)
    assert figure.low <= values.min() <= values.max() <= figure.high


@pytest.mark.parametrize("diagnosis", Diagnosis)
@pytest.mark.parametrize("name", [Input.FEMALE, Input.SMOKER])
def test_shares_are_those_of_the_published_cohorts(
    cohort: Cohort, diagnosis: Diagnosis, name: Input
) -> None:
    values = cohort.column(name)[those_with(cohort, diagnosis)]
    share = load_figures().share(name, diagnosis)
    assert values.mean() == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("name", SEVERITY)
@pytest.mark.parametrize("diagnosis", Diagnosis)
def test_what_images_show_says_nearly_nothing_about_disability(
    cohort: Cohort, name: Input, diagnosis: Diagnosis
) -> None:
    of = those_with(cohort, diagnosis)
    found = np.corrcoef(cohort.column(name)[of], cohort.column(Input.ODI)[of])[0, 1]
    assert abs(found) <= 0.15


def test_discs_wear_with_age(cohort: Cohort) -> None:
    age, worn = cohort.column(Input.AGE), cohort.column(Input.DEGENERATE)
    assert worn[age >= 70].mean() > worn[age < 40].mean() + 0.5


def test_about_three_of_ten_are_referred_to_a_surgeon(cohort: Cohort) -> None:
    assert cohort.probabilities[:, SURGERY].mean() == pytest.approx(0.3, abs=0.02)
    assert (cohort.choices == SURGERY).mean() == pytest.approx(0.3, abs=0.02)


def test_probabilities_are_true(cohort: Cohort) -> None:
    """Of patients with about the same probability that part was given the option."""
    assert cohort.probabilities.sum(axis=1) == pytest.approx(1)
    for option in range(len(OPTIONS)):
        truth = cohort.probabilities[:, option]
        for part in np.array_split(np.argsort(truth), 6):
            chosen = (cohort.choices[part] == option).mean()
            assert chosen == pytest.approx(truth[part].mean(), abs=0.05)


def test_surgeons_disagree_too_much_for_a_perfect_model(cohort: Cohort) -> None:
    assert 0.75 <= ceiling(cohort.probabilities)["auroc_surgical_opinion"] <= 0.85


def test_two_surgeons_agree_as_the_figures_say(cohort: Cohort) -> None:
    figures = load_figures()
    odds = log_odds({name: cohort.column(name) for name in INPUTS}, figures)
    others = np.logaddexp.reduce(np.delete(odds, SURGERY, axis=1), axis=1)
    common = (odds[:, SURGERY] - others).var()
    own = figures.decision.surgeon_sd**2
    assert common / (common + own) == pytest.approx(0.5, abs=0.03)


def test_sex_decides_nothing(cohort: Cohort) -> None:
    given = {name: cohort.column(name) for name in INPUTS}
    other = given | {Input.FEMALE: 1 - given[Input.FEMALE]}
    before, after = (
        true_probabilities(item, load_figures()) for item in (given, other)
    )
    assert (before == after).all()


def test_without_disagreement_between_surgeons_the_ceiling_rises(
    cohort: Cohort,
) -> None:
    figures = load_figures()
    given = {name: cohort.column(name) for name in INPUTS}
    alike = replace(figures, decision=replace(figures.decision, surgeon_sd=0.0))
    certain = replace(cohort, probabilities=true_probabilities(given, alike))
    assert (
        ceiling(certain.probabilities)["auroc_surgical_opinion"]
        > ceiling(cohort.probabilities)["auroc_surgical_opinion"] + 0.02
    )


def test_every_weight_has_a_term_and_every_term_a_weight(cohort: Cohort) -> None:
    figures = load_figures()
    given = {name: cohort.column(name) for name in INPUTS}
    assert {item.term for item in figures.effects} == set(terms(given, figures.images))
    assert {item.option for item in figures.intercepts} == set(OPTIONS)


def test_the_same_seed_draws_the_same_patients() -> None:
    one, same, other = (draw_cohort(50, seed=seed) for seed in (3, 3, 4))
    assert (one.inputs == same.inputs).all()
    assert (one.choices == same.choices).all()
    assert (one.inputs != other.inputs).any()


def test_nothing_that_is_never_suggested_is_an_option() -> None:
    assert not NEVER_SUGGESTED & set(OPTIONS)


def test_figures_that_are_not_complete_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "figures.toml"
    file.write_text('version = "1"\n')
    with pytest.raises(ModelError, match="figures of the cohort"):
        load_figures(file)
