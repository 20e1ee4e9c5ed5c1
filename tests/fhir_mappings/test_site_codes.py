"""A site's table of codes is read whole or refused with everything that is wrong."""

import pytest

from fhir_mappings.chart_values import FIELDS
from fhir_mappings.errors import SiteTableError
from fhir_mappings.site_codes import NO_SITE_CODES, SiteCodes, site_codes
from inference.results import Flag, Option, TreatmentKind


def test_a_table_says_what_codes_mean() -> None:
    table = {
        "flags": {"http://snomed.info/sct|254837009": "malignant neoplastic disease"},
        "values": {"urn:oid:1.2|NRS|LEG": "leg_pain_nrs"},
        "treatments": {"urn:oid:1.2|PT": "exercise or physical therapy"},
        "odi_questionnaires": ["https://ehr.example/Questionnaire/oswestry"],
        "options": {"urn:oid:1.2|ORTHO": "referral for a surgical opinion"},
    }
    assert site_codes(table, fields=FIELDS) == SiteCodes(
        flags={("http://snomed.info/sct", "254837009"): Flag.MALIGNANCY},
        values={("urn:oid:1.2|NRS", "LEG"): "leg_pain_nrs"},
        treatments={("urn:oid:1.2", "PT"): TreatmentKind.EXERCISE},
        odi_questionnaires=frozenset({"https://ehr.example/Questionnaire/oswestry"}),
        options={("urn:oid:1.2", "ORTHO"): Option.SURGICAL_OPINION},
    )


def test_an_empty_table_says_nothing() -> None:
    assert site_codes({}, fields=FIELDS) == NO_SITE_CODES


def test_everything_that_is_wrong_is_named_at_once() -> None:
    table = {
        "flag": {},
        "flags": {"C50": "cancer"},
        "values": {"urn:x|1": "leg_pain"},
        "treatments": ["PT"],
        "odi_questionnaires": "https://ehr.example",
        "options": {"urn:x|2": "spinal injection for back pain"},
    }
    with pytest.raises(SiteTableError) as caught:
        site_codes(table, fields=FIELDS)
    assert str(caught.value).split("; ") == [
        "unknown part 'flag'",
        "odi_questionnaires is no list of URLs",
        "flags: 'C50' is not system|code",
        "treatments is no object",
        "flags: 'cancer' is not known here",
        "values: 'leg_pain' is not known here",
        "options: 'spinal injection for back pain' is not known here",
    ]


def test_a_table_that_is_no_object_is_refused() -> None:
    with pytest.raises(SiteTableError, match="no JSON object"):
        site_codes([], fields=FIELDS)
