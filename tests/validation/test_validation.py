"""Everything that is written passes both validators, and neither passes everything."""

from dataclasses import replace
from typing import Any

import pytest

from fhir_mappings.bundle import report_resources, transaction
from fhir_mappings.dicom_documents import dicom_document
from fhir_mappings.document_reference import PDF, Rendition, document_reference
from fhir_mappings.plan_document import plan_document
from fhir_mappings.write_context import NEEDED_TYPES
from tests.fhir_mappings.reports import ANSWERS, CONTEXT, REPORT, URGENT, of_type
from tests.fhir_mappings.test_dicom_documents import MASKS, MEASUREMENTS
from tests.validation import ENGINES, errors, us_core_errors
from tests.validation.definitions import US_CORE_ARCHIVES
from tests.validation.engines import Engine

PLAIN = report_resources(replace(REPORT, answers=ANSWERS), CONTEXT)
FLAT = report_resources(
    REPORT, replace(CONTEXT, is_grouped=False, takes=frozenset(NEEDED_TYPES))
)
RED_FLAGS = report_resources(
    replace(REPORT, suggestion=URGENT, outcomes=(), treatment=None),
    replace(CONTEXT, encounter=None, signer_display=None),
)
DOCUMENT = document_reference(
    plan_document(PLAIN, CONTEXT, {"Patient": "Ada <Example>"}),
    CONTEXT,
    resources=PLAIN,
    renditions=[Rendition(content_type=PDF, content=b"%PDF")],
)
LINKS = [
    dicom_document(MASKS, replace(CONTEXT, imaging_study="urn:oid:1.2.3")),
    dicom_document(MEASUREMENTS, replace(CONTEXT, encounter=None)),
]
BUNDLES = [
    transaction(PLAIN, existing={}),
    transaction(RED_FLAGS, existing={}),
]
(CARE_PLAN,) = of_type(FLAT, "CarePlan")

RISK = next(r for r in PLAIN if r["resourceType"] == "RiskAssessment")

engines = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.__name__)
versions = pytest.mark.parametrize(
    "version",
    [
        pytest.param(
            version,
            marks=pytest.mark.skipif(
                not archive.exists(),
                reason=f"{archive.name} is not in ../shared/fhir/packages",
            ),
        )
        for version, archive in US_CORE_ARCHIVES.items()
    ],
)


@engines
def test_every_resource_and_bundle_is_valid_r4(engine: Engine) -> None:
    written = (*PLAIN, *FLAT, *RED_FLAGS, DOCUMENT, *LINKS, *BUNDLES)
    assert not errors(*written, engines=(engine,))


@versions
@engines
def test_every_resource_and_bundle_keeps_the_profiles_that_it_claims(
    engine: Engine, version: str
) -> None:
    written = (*PLAIN, *FLAT, *RED_FLAGS, DOCUMENT, *BUNDLES)
    assert not us_core_errors(*written, version=version, engines=(engine,))


@engines
@pytest.mark.parametrize(
    "damage",
    [
        {"status": "nonsense"},
        {"status": None},
        {"category": "not a list"},
        {"unknownElement": 1},
        {"activity": [CARE_PLAN["activity"][0] | {"reference": {"display": "x"}}]},
    ],
    ids=["code", "missing", "type", "unknown", "invariant"],
)
def test_a_broken_care_plan_is_refused(engine: Engine, damage: dict[str, Any]) -> None:
    broken = {k: v for k, v in (CARE_PLAN | damage).items() if v is not None}
    assert errors(broken, engines=(engine,))


@engines
def test_a_probability_that_is_no_percentage_is_refused(engine: Engine) -> None:
    low = {"value": 1, "unit": "days"}
    prediction = {"outcome": {"text": "x"}, "probabilityRange": {"low": low}}
    assert errors(RISK | {"prediction": [prediction]}, engines=(engine,))


@engines
def test_a_broken_resource_inside_a_bundle_is_refused(engine: Engine) -> None:
    entry = BUNDLES[0]["entry"][1]
    broken = entry | {"resource": entry["resource"] | {"status": "nonsense"}}
    assert errors(BUNDLES[0] | {"entry": [broken]}, engines=(engine,))


@versions
@engines
def test_a_care_plan_without_the_category_of_us_core_is_refused(
    engine: Engine, version: str
) -> None:
    broken = CARE_PLAN | {"category": CARE_PLAN["category"][1:]}
    assert not errors(broken, engines=(engine,))
    assert us_core_errors(broken, version=version, engines=(engine,))
