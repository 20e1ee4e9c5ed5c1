"""Conditions become flags only while they are true."""

from datetime import date

import pytest

from fhir_mappings.chart_codes import CONDITION_FLAGS, ICD10_FLAGS, TYPED_FLAGS
from fhir_mappings.chart_conditions import flagged
from fhir_mappings.site_codes import NO_SITE_CODES, SiteCodes
from inference.results import ChartCondition, Flag
from tests.fhir_mappings.charts import Resource, condition, status

TODAY = date(2026, 3, 31)
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
#: Read from procedures, not from conditions, or from a code of ICD-10 alone.
CODED = {
    *CONDITION_FLAGS.values(),
    *(flag for flags in ICD10_FLAGS.values() for flag in flags),
}


def chart_condition(found: Resource) -> ChartCondition | None:
    """Return the one flag of a condition."""
    flags = flagged(found, today=TODAY, site=NO_SITE_CODES)
    assert len(flags) <= 1
    return next(iter(flags), None)


def test_every_flag_has_a_code_or_is_for_a_clinician_to_say() -> None:
    assert set(Flag) - TYPED_FLAGS == CODED


@pytest.mark.parametrize(
    ("code", "flags"),
    [
        ("C50.911", [Flag.MALIGNANCY]),
        ("C7B.8", [Flag.MALIGNANCY]),
        ("C44.91", []),
        ("Z85.3", [Flag.MALIGNANCY]),
        ("Z85.828", []),
        ("M54.50", [Flag.LOW_BACK_PAIN]),
        ("M5450", [Flag.LOW_BACK_PAIN]),
        ("M54.2", []),
        ("M48.062", [Flag.SPINAL_STENOSIS, Flag.CLAUDICATION]),
        ("M48.061", [Flag.SPINAL_STENOSIS]),
        ("M48.02", []),
        ("M51.17", [Flag.RADICULOPATHY, Flag.DISC_HERNIATION]),
        ("N18.30", [Flag.KIDNEY_DISEASE]),
        ("N18.2", []),
        ("K25.4", [Flag.PEPTIC_ULCER]),
        ("I50.9", [Flag.HEART_FAILURE]),
    ],
)
def test_the_narrower_codes_of_icd_10_are_understood(
    code: str, flags: list[Flag]
) -> None:
    for system in (ICD10, "http://hl7.org/fhir/sid/icd-10"):
        found = flagged(condition(code, system=system), today=TODAY, site=NO_SITE_CODES)
        assert [item.flag for item in found] == flags


def test_a_site_says_what_its_own_and_its_narrower_codes_mean() -> None:
    stomach = ("http://snomed.info/sct", "363349007")
    site = SiteCodes(flags={stomach: Flag.MALIGNANCY})
    (found,) = flagged(condition(stomach[1]), today=TODAY, site=site)
    assert found.flag is Flag.MALIGNANCY


def test_a_condition_keeps_the_day_on_which_it_was_recorded() -> None:
    found = chart_condition(condition("23056005", recordedDate="2026-02-03"))
    assert found
    assert found.recorded_on == date(2026, 2, 3)


def test_an_onset_may_be_a_period() -> None:
    found = chart_condition(condition("23056005", onsetPeriod={"start": "2026-03-03"}))
    assert found
    assert found.duration_weeks == 4


@pytest.mark.parametrize(
    ("code", "system", "flag"),
    [
        ("278860009", "http://snomed.info/sct", Flag.CHRONIC_LOW_BACK_PAIN),
        ("192970008", "http://snomed.info/sct", Flag.CAUDA_EQUINA),
        ("M54.16", "http://hl7.org/fhir/sid/icd-10-cm", Flag.RADICULOPATHY),
    ],
)
def test_a_code_means_its_flag_and_keeps_the_words(
    code: str, system: str, flag: Flag
) -> None:
    assert chart_condition(condition(code, system=system)) == ChartCondition(
        flag=flag, label="As charted", source="Condition/31"
    )


@pytest.mark.parametrize(
    "elements",
    [
        {"verificationStatus": status("refuted")},
        {"verificationStatus": status("entered-in-error")},
        {"clinicalStatus": status("resolved")},
        {"clinicalStatus": status("inactive")},
        {"clinicalStatus": status("remission")},
    ],
)
def test_what_is_refuted_or_over_is_no_flag(elements: Resource) -> None:
    assert chart_condition(condition("23056005", **elements)) is None


def test_cancer_in_the_past_is_still_a_red_flag_and_says_that_it_is_past() -> None:
    past = condition("363346000", clinicalStatus=status("resolved"))
    found = chart_condition(past)
    assert found
    assert (found.flag, found.label) == (Flag.MALIGNANCY, "As charted (resolved)")


def test_refuted_cancer_is_no_flag() -> None:
    refuted = condition("363346000", verificationStatus=status("refuted"))
    assert chart_condition(refuted) is None


def test_a_missing_status_is_not_an_end() -> None:
    bare = condition("23056005")
    del bare["clinicalStatus"], bare["verificationStatus"]
    assert chart_condition(bare)


@pytest.mark.parametrize(
    "code",
    [
        {"coding": [{"system": "http://snomed.info/sct", "code": "38341003"}]},
        {"coding": [{"system": "urn:other", "code": "23056005"}]},
        {"text": "sciatica"},
        {"coding": [{"display": "sciatica"}]},
    ],
)
def test_other_codes_and_bare_words_mean_nothing(code: Resource) -> None:
    assert chart_condition(condition("", code=code)) is None


def test_the_label_falls_back_to_the_display_of_a_coding() -> None:
    coding = {"system": "http://snomed.info/sct", "code": "23056005"}
    named = condition("", code={"coding": [coding | {"display": "Sciatica"}]})
    unnamed = condition("", code={"coding": [coding]})
    labels = [c.label for c in map(chart_condition, [named, unnamed]) if c]
    assert labels == ["Sciatica", "no words given"]


@pytest.mark.parametrize(
    ("onset", "weeks"),
    [
        ("2026-03-31", 0),
        ("2026-01-06T23:30:00-08:00", 12),
        ("2026-01-07", 11),
        ("2026-02", 4),
        ("2025", 12),
        ("2026", None),
        ("2026-04-01", None),
    ],
)
def test_symptoms_have_lasted_no_longer_than_the_chart_surely_says(
    onset: str, weeks: int | None
) -> None:
    found = chart_condition(condition("23056005", onsetDateTime=onset))
    assert found
    assert found.duration_weeks == weeks


def test_an_onset_that_is_not_recorded_is_an_unknown_duration() -> None:
    found = chart_condition(condition("23056005"))
    assert found
    assert found.duration_weeks is None
