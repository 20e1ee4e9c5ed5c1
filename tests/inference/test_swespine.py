"""The registry's models give its figures, and never more than its figures say."""

import json
import math
from functools import partial
from pathlib import Path
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import ModelError
from inference.registry.swespine import FILE, PublishedModel, load_registry
from inference.registry.terms import Continuous, Input, Term
from inference.results import OutcomeEstimate, SurgicalDiagnosis, SurgicalOutcome

PUBLISHED: Final = Path(__file__).parents[3] / "shared/data/swespine/models.json"
MODELS: Final = load_registry().models
IDS: Final = [f"{model.diagnosis}-{model.outcome}" for model in MODELS]
#: Their names in the published file.
DIAGNOSES: Final = {
    "lumbar disc herniation": "disc_herniation",
    "lumbar spinal stenosis": "spinal_stenosis",
    "segment-related back pain": "srbp",
}
OUTCOMES: Final = {
    "satisfaction": "satisfaction",
    "global assessment of pain": "ga",
    "length of stay": "stay",
}
every_model = pytest.mark.parametrize("model", MODELS, ids=IDS)


def model_of(diagnosis: SurgicalDiagnosis, outcome: SurgicalOutcome) -> PublishedModel:
    return next(m for m in MODELS if (m.diagnosis, m.outcome) == (diagnosis, outcome))


HERNIATION_SATISFIED: Final = model_of(
    SurgicalDiagnosis.DISC_HERNIATION, SurgicalOutcome.SATISFACTION
)
HERNIATION_PAIN: Final = model_of(
    SurgicalDiagnosis.DISC_HERNIATION, SurgicalOutcome.PAIN
)
STENOSIS_STAY: Final = model_of(SurgicalDiagnosis.SPINAL_STENOSIS, SurgicalOutcome.STAY)


def first_ends(model: PublishedModel) -> dict[Input, float]:
    """Return inputs that every model accepts."""
    return {term.input: term.ends[0] for term in model.terms}


def only(estimates: tuple[OutcomeEstimate, ...]) -> OutcomeEstimate:
    (estimate,) = estimates
    return estimate


def test_satisfaction_after_a_herniation_is_what_a_pocket_calculator_says() -> None:
    inputs = first_ends(HERNIATION_SATISFIED) | {
        Input.BACK_PAIN_DURATION: 2,  # (2 - 2.30713) / 1.04852 = -0.29292
        Input.ODI: 60.0,  # (60 - 47.51654) / 18.41025 = 0.67807
        Input.BACK_PAIN: 7,  # (7 - 5.14611) / 2.75743 = 0.67232
        Input.SMOKER: 1,
        Input.HIGHER_EDUCATION: 1,
    }
    linear = (
        1.53886
        - 0.23148 * -0.29292
        - 0.04944 * 0.67807
        - 0.25933 * 0.67232
        - 0.30563
        + 0.17898
    )
    found = only(HERNIATION_SATISFIED.estimates(inputs))
    assert found.value == pytest.approx(1 / (1 + math.exp(-linear)), abs=1e-5)
    assert found.value == pytest.approx(0.7811, abs=1e-4)  # 1 / (1 + e^-1.27215)
    assert (found.low, found.high) == (None, None)


def test_pain_after_a_herniation_is_what_a_table_of_the_normal_curve_says() -> None:
    inputs = {
        Input.LEG_PAIN_DURATION: 2.2112701252236135,  # the mean: adds nothing
        Input.BACK_PAIN: 5.174060822898032,  # likewise
        Input.CLINIC_TYPE: 3,  # the reference
        Input.DISABILITY_PENSION: 0,
        Input.HIGHER_EDUCATION: 0,
        Input.PREVIOUSLY_OPERATED: 0,
    }
    found = [item.value for item in HERNIATION_PAIN.estimates(inputs)]
    # Phi(-0.2846), Phi(0.8691), Phi(1.4826), Phi(1.9268) = .3880 .8076 .9309 .9730
    expected = [0.3880, 0.8076 - 0.3880, 0.9309 - 0.8076, 0.9730 - 0.9309, 1 - 0.9730]
    assert found == pytest.approx(expected, abs=2e-4)


def test_the_stay_has_the_interval_of_an_average_patient() -> None:
    inputs = {
        Input.OPERATED_LEVELS: 1.5842591462173932,
        Input.HEIGHT: 171.34265250478168,
        Input.OTHER_ILLNESS: 0,
        Input.CLINIC_TYPE: 3,
        Input.HIGHER_EDUCATION: 0,
    }
    found = only(STENOSIS_STAY.estimates(inputs))
    assert found.value == pytest.approx(1.93457 - 0.48847, abs=1e-5)
    assert found.high is not None
    # 1.96 times the root of 27.1135: the coefficients add 0.01 % for an average patient
    width = 1.96006 * math.sqrt(27.11351)
    assert found.high - (found.value or 0) == pytest.approx(width, rel=1e-4)
    assert found.low == 0  # nobody stays for less than no days


@pytest.mark.parametrize(
    ("diagnosis", "percent"),
    [
        # 9,929 patients, by their expectations (doi:10.1136/bmjopen-2023-074072)
        (SurgicalDiagnosis.DISC_HERNIATION, (73, 84)),
        (SurgicalDiagnosis.SPINAL_STENOSIS, (60, 75)),
    ],
)
def test_the_average_patient_is_as_satisfied_as_another_study_of_the_registry_found(
    diagnosis: SurgicalDiagnosis, percent: tuple[float, float]
) -> None:
    model = model_of(diagnosis, SurgicalOutcome.SATISFACTION)
    average = only(model.estimates({})).average
    assert average is not None
    assert percent[0] < 100 * average < percent[1]


@every_model
def test_the_average_patient_lies_within_all_that_is_possible(
    model: PublishedModel,
) -> None:
    for estimate in model.estimates({}):
        assert estimate.average is not None
        assert (estimate.low or 0) < estimate.average < (estimate.high or 0)


@every_model
def test_categories_of_pain_sum_to_one(model: PublishedModel) -> None:
    if model.outcome is SurgicalOutcome.PAIN:
        found = [item.value or 0 for item in model.estimates(first_ends(model))]
        assert sum(found) == pytest.approx(1)
        assert len(found) == 5


@pytest.mark.parametrize("illness", [Input.OTHER_ILLNESS, Input.PREVIOUSLY_OPERATED])
@pytest.mark.parametrize("diagnosis", SurgicalDiagnosis)
def test_illness_and_a_previous_operation_never_make_patients_more_satisfied(
    illness: Input, diagnosis: SurgicalDiagnosis
) -> None:
    model = model_of(diagnosis, SurgicalOutcome.SATISFACTION)
    well = only(model.estimates(first_ends(model) | {illness: 0})).value
    ill = only(model.estimates(first_ends(model) | {illness: 1})).value
    assert well is not None
    assert ill is not None
    assert ill < well


@given(st.data())
def test_a_range_holds_whatever_the_missing_inputs_turn_out_to_be(
    data: st.DataObject,
) -> None:
    model = data.draw(st.sampled_from(MODELS))
    full = {
        term.input: data.draw(
            st.sampled_from(term.ends)
            if not isinstance(term, Continuous)
            else st.floats(*term.ends)
        )
        for term in model.terms
    }
    hidden = data.draw(st.sets(st.sampled_from([*full]), min_size=1))
    partial = {name: value for name, value in full.items() if name not in hidden}
    for known, ranged in zip(
        model.estimates(full), model.estimates(partial), strict=True
    ):
        assert known.value is not None
        assert ranged.value is None
        assert ranged.low is not None
        assert ranged.high is not None
        assert ranged.low - 1e-9 <= known.value <= ranged.high + 1e-9


def test_no_stay_is_shorter_than_none_at_all() -> None:
    model = model_of(SurgicalDiagnosis.DISC_HERNIATION, SurgicalOutcome.STAY)

    def days(term: Term, value: float) -> float:
        return float(np.dot(term.weights, term.columns(value)))

    shortest = {
        term.input: min(term.ends, key=partial(days, term)) for term in model.terms
    }
    assert only(model.estimates(shortest)).value == 0.0


@every_model
def test_with_nothing_known_there_is_a_range_and_no_number(
    model: PublishedModel,
) -> None:
    for estimate in model.estimates({}):
        assert estimate.value is None
        assert (estimate.low or 0) < (estimate.high or 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [(Input.ODI, 101.0), (Input.BACK_PAIN, 11), (Input.SMOKER, 0.5)],
)
def test_an_input_out_of_range_is_refused_by_name(name: Input, value: float) -> None:
    inputs = first_ends(HERNIATION_SATISFIED) | {name: value}
    assert [t.input for t in HERNIATION_SATISFIED.outside(inputs)] == [name]
    with pytest.raises(ValueError, match=f"outside: {name}"):
        HERNIATION_SATISFIED.estimates(inputs)


def test_no_clinic_of_a_fourth_kind_is_known() -> None:
    outside = STENOSIS_STAY.outside({Input.CLINIC_TYPE: 4})
    assert [term.input for term in outside] == [Input.CLINIC_TYPE]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"thresholds": [0.0]}, "thresholds"),
        ({"covariance": [[1.0]]}, "covariance"),
        ({"surprise": 1}, "surprise"),
        ({"outcome": "wealth"}, "outcome"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(
    tmp_path: Path, damage: dict[str, Any], words: str
) -> None:
    content = json.loads(FILE.read_text("utf-8"))
    content["models"][0] |= damage
    path = tmp_path / "swespine.json"
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(ModelError, match=words):
        load_registry(path)


def test_thresholds_must_rise(tmp_path: Path) -> None:
    content = json.loads(FILE.read_text("utf-8"))
    content["models"][1]["thresholds"].reverse()
    path = tmp_path / "swespine.json"
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(ModelError, match="do not rise"):
        load_registry(path)


def test_an_absent_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="absent"):
        load_registry(tmp_path / "absent.json")


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published file is not here")
@every_model
def test_the_committed_figures_are_the_published_ones(model: PublishedModel) -> None:
    """Evaluate the published file by its README, apart from all code of ours."""
    published = json.loads(PUBLISHED.read_text("utf-8"))
    raw = published[DIAGNOSES[model.diagnosis]][OUTCOMES[model.outcome]]
    assert raw["num_observations"] == model.patients
    names = dict(zip(raw["coefficients"], model.terms, strict=True))
    for position in (0, -1):
        linear = raw.get("intercept", [0.0])[0]
        inputs = {term.input: term.ends[position] for term in model.terms}
        for name, coefficient in raw["coefficients"].items():
            value, feature = inputs[names[name].input], raw["features"][name]
            if feature["type"] == "continuous":
                scaler = feature["scaler"]
                linear += coefficient * (value - scaler["mean"]) / scaler["scale"]
            elif feature["type"] == "binary":
                linear += coefficient[0] * value
            else:
                first = 0 if name == "DurationLegPain" else 1
                linear += coefficient[int(value) - first]
        found = [item.value for item in model.estimates(inputs)]
        if raw["estimator"] == "lr":
            assert found == pytest.approx([1 / (1 + math.exp(-linear))])
        elif raw["estimator"] == "ridge":
            assert found == pytest.approx([linear])
            assert [list(row) for row in model.covariance] == raw["cov_matrix"]
        else:
            phi = NormalDist().cdf
            cuts = [-math.inf, *raw["thresholds"], math.inf]
            assert found == pytest.approx(
                [phi(cuts[k + 1] - linear) - phi(cuts[k] - linear) for k in range(5)]
            )
