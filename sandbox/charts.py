"""Charts of the demo's patients as FHIR R4 Bundles. Pure: the day comes in."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from sandbox.people import PHYSICAL_THERAPY, SNOMED, Code, Person

Resource = dict[str, Any]

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
HL7 = "http://terminology.hl7.org/CodeSystem"
SCORE = {"unit": "{score}", "code": "{score}"}
PERCENT = {"unit": "%", "code": "%"}
KG_M2 = {"unit": "kg/m2", "code": "kg/m2"}
ML_MIN = {"unit": "mL/min/1.73 m2", "code": "mL/min/{1.73_m2}"}
RECORD_NUMBERS = "http://sandbox.example/record-numbers"  # a name that no one can own
CLINICIAN = "demo-clinician"
CLINIC_TIME = timezone(timedelta(hours=-5))  # not UTC: an offset that is lost shows
BIRTHDAY = (4, 17)  # month and day of every invented birth
PROBLEM_SINCE_DAYS = 240
SCORES_TAKEN_DAYS = 3


def chart(person: Person, *, today: date) -> Resource:
    """Return a batch Bundle that stores one patient with visit, problems and scores."""
    resources = [
        _clinician(),
        patient(person, today=today),
        _visit(person, today),
        *_problems(person, today),
        *_scores(person, today),
        *_procedures(person, today),
    ]
    return batch(resources)


def batch(resources: list[Resource]) -> Resource:
    """Return a batch that stores each resource under its own id."""
    entries = [
        {
            "resource": item,
            "request": {"method": "PUT", "url": f"{item['resourceType']}/{item['id']}"},
        }
        for item in resources
    ]
    return {"resourceType": "Bundle", "type": "batch", "entry": entries}


def patient(person: Person, *, today: date) -> Resource:
    """Return the Patient."""
    record_type = {"coding": [{"system": f"{HL7}/v2-0203", "code": "MR"}]}
    return {
        "resourceType": "Patient",
        "id": person.key,
        "identifier": [
            {
                "use": "usual",
                "type": record_type,
                "system": RECORD_NUMBERS,
                "value": person.record_number,
            }
        ],
        "active": True,
        "name": [{"use": "official", "family": person.family, "given": [person.given]}],
        "gender": person.gender,
        "birthDate": birth_date(person, today=today).isoformat(),
    }


def birth_date(person: Person, *, today: date) -> date:
    """Return a date of birth that gives the person's age today."""
    had_birthday = (today.month, today.day) >= BIRTHDAY
    year = today.year - person.age_years - (0 if had_birthday else 1)
    return date(year, *BIRTHDAY)


def _clinician() -> Resource:
    return {
        "resourceType": "Practitioner",
        "id": CLINICIAN,
        "identifier": [{"system": "http://sandbox.example/staff", "value": "S-17"}],
        "active": True,
        "name": [{"family": "Castell", "given": ["Robin"], "prefix": ["Dr."]}],
    }


def _visit(person: Person, today: date) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": f"{person.key}-visit",
        "status": "in-progress",
        "class": {"system": f"{HL7}/v3-ActCode", "code": "AMB"},
        "type": [{"text": "Spine clinic visit"}],
        "subject": _subject(person),
        "participant": [{"individual": {"reference": f"Practitioner/{CLINICIAN}"}}],
        "period": {"start": str(today)},
        "reasonCode": [{"text": person.reason}],
    }


def _problems(person: Person, today: date) -> Iterator[Resource]:
    for number, problem in enumerate(person.problems, start=1):
        yield {
            "resourceType": "Condition",
            "id": f"{person.key}-problem-{number}",
            "clinicalStatus": _status("condition-clinical", "active"),
            "verificationStatus": _status("condition-ver-status", "confirmed"),
            "category": [_status("condition-category", "problem-list-item")],
            "code": _concept(problem),
            "subject": _subject(person),
            "onsetDateTime": str(today - timedelta(days=PROBLEM_SINCE_DAYS)),
        }


def _scores(person: Person, today: date) -> Iterator[Resource]:
    taken = _at(today - timedelta(days=SCORES_TAKEN_DAYS), time(9, 15))
    for category, code, text, value, unit in (
        ("survey", "72514-3", "Pain, 0 to 10", person.pain_nrs, SCORE),
        ("survey", "97909-6", "Oswestry disability index", person.odi_percent, PERCENT),
        ("vital-signs", "39156-5", "Body mass index", person.bmi_kg_m2, KG_M2),
        ("laboratory", "98979-8", "eGFR (CKD-EPI 2021)", person.egfr_ml_min, ML_MIN),
    ):
        yield {
            "resourceType": "Observation",
            "id": f"{person.key}-{code}",
            "status": "final",
            "category": [_status("observation-category", category)],
            "code": {"coding": [{"system": LOINC, "code": code}], "text": text},
            "subject": _subject(person),
            "effectiveDateTime": taken,
            "valueQuantity": {"value": value, "system": UCUM, **unit},
        }


def _procedures(person: Person, today: date) -> Iterator[Resource]:
    if person.therapy_weeks:
        start = today - timedelta(weeks=person.therapy_weeks + 1)
        end = start + timedelta(weeks=person.therapy_weeks)
        yield {
            "resourceType": "Procedure",
            "id": f"{person.key}-therapy",
            "status": "completed",
            "code": _concept(PHYSICAL_THERAPY),
            "subject": _subject(person),
            "performedPeriod": {"start": str(start), "end": str(end)},
        }


def _subject(person: Person) -> Resource:
    return {"reference": f"Patient/{person.key}"}


def _concept(code: Code) -> Resource:
    coding = {"system": SNOMED, "code": code.code, "display": code.display}
    return {"coding": [coding], "text": code.display}


def _status(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"{HL7}/{system}", "code": code}]}


def _at(day: date, hour: time) -> str:
    return datetime.combine(day, hour, CLINIC_TIME).isoformat()
