"""Every code, system and unit that is written, each with its source.

SNOMED CT body structures and the generic measurement codes are those of pydicom 3.0.2
(``pydicom/sr/_concepts_dict.py``: DICOM PS3.16, context groups 7602 to 7604 and
template 1500). SNOMED CT findings and activities are in published value sets (VSAC,
AHRQ CDS, OHDSI PhenotypeLibrary); LOINC codes were looked up at tx.fhir.org. What a
chart is read by stands in ``chart_codes``.
"""

from collections.abc import Mapping
from typing import Any, Final

from inference import results
from inference.results import (
    CanalClass,
    Element,
    FindingKind,
    Level,
    Option,
    Severity,
    Vertebra,
)

Concept = dict[str, Any]

SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
UCUM: Final = "http://unitsofmeasure.org"
ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
HL7: Final = "http://terminology.hl7.org/CodeSystem"
# https://hl7.org/fhir/R4/imagingstudy.html#notes
DICOM_UID: Final = "urn:dicom:uid"
# Registry of DICOM UIDs as a code system of formats (CH Term 3.3.0, DCMUID)
DICOM_UIDS: Final = "urn:oid:1.2.840.10008.2.6.1"

# Ours. 2.25 is the arc of UUIDs (ITU-T X.667), which nobody has to register: the
# project owns no domain that an https URL could promise to keep.
CODE_SYSTEM: Final = "urn:oid:2.25.197260191722575001109920992403883620705"
IDENTIFIER_SYSTEM: Final = "urn:oid:2.25.39598215491347105022202644715981113529"

# --- which study is read ----------------------------------------------------------

MR: Final = "MR"
LUMBAR_SPINE: Final = (SNOMED, "122496007")
LUMBAR_MRI: Final = frozenset(
    (LOINC, code) for code in ("24968-0", "30679-5", "30678-7", "24967-2", "91717-9")
)

# --- what is written --------------------------------------------------------------


def coding(system: str, code: str, display: str) -> dict[str, str]:
    """Return a Coding."""
    return {"system": system, "code": code, "display": display}


def code_of(coding: Mapping[str, str]) -> tuple[str, str]:
    """Return the system and the code of a Coding, as a chart is read by them."""
    return coding["system"], coding["code"]


# What a clinician types in, and what a chart is read by.
PAIN_SEVERITY: Final = coding(
    LOINC, "72514-3", "Pain severity - 0-10 verbal numeric rating [Score] - Reported"
)
OSWESTRY: Final = coding(LOINC, "97909-6", "Oswestry disability index score ODI")
START_BACK: Final = coding(LOINC, "91351-7", "Total score [STarT Back]")
SMOKING_STATUS: Final = coding(LOINC, "72166-2", "Tobacco smoking status")
# US Core's value set, see ``chart_codes``
NEVER_SMOKER: Final = coding(SNOMED, "266919005", "Never smoker")
FORMER_SMOKER: Final = coding(SNOMED, "8517006", "Former smoker")
SMOKER: Final = coding(SNOMED, "77176002", "Smoker")
# DICOM PS3.16, context group 4031
LUMBAR_SPINE_SITE: Final = coding(*LUMBAR_SPINE, "Lumbar spine")
LEG_SITE: Final = coding(SNOMED, "61685007", "Lower limb structure")
EQ5D_INDEX: Final = coding(CODE_SYSTEM, "eq5d-index", "EQ-5D index")
BACK_PAIN_DURATION: Final = coding(
    CODE_SYSTEM, "back-pain-duration", "Time since back pain began"
)
LEG_PAIN_DURATION: Final = coding(
    CODE_SYSTEM, "leg-pain-duration", "Time since leg symptoms began"
)
WALKING_DISTANCE: Final = coding(CODE_SYSTEM, "walking-distance", "Walking distance")

# https://hl7.org/fhir/R4/valueset-observation-category.html
IMAGING: Final[Concept] = {
    "coding": [coding(f"{HL7}/observation-category", "imaging", "Imaging")]
}
SURVEY: Final[Concept] = {
    "coding": [coding(f"{HL7}/observation-category", "survey", "Survey")]
}
SOCIAL_HISTORY: Final[Concept] = {
    "coding": [
        coding(f"{HL7}/observation-category", "social-history", "Social History")
    ]
}
# HL7 AI Transparency on FHIR: the label of everything that an algorithm asserted
AI_ASSERTED: Final = coding(
    f"{HL7}/v3-ObservationValue", "AIAST", "Artificial Intelligence asserted"
)
ARTIFICIAL_INTELLIGENCE: Final[Concept] = {
    "coding": [
        coding(
            "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS",
            "Artificial-Intelligence",
            "All kinds of Artificial Intelligence",
        )
    ]
}

# https://github.com/HL7/aitransparency-ig, input/fsh/AIDevice.fsh
_AI_INPUTS: Final = "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIinputsCS"
MODEL_CARD: Final = coding(_AI_INPUTS, "AIModelCard", "AI Model-Card")
MODEL_CARD_MARKDOWN: Final = coding(
    _AI_INPUTS, "AIModelCardMarkdownFormat", "Markdown Format"
)

HEIGHT: Final = coding(DICOM, "121207", "Height")
WIDTH: Final = coding(SNOMED, "103355008", "Width")
VOLUME: Final = coding(SNOMED, "118565006", "Volume")
RATIO: Final = coding(SNOMED, "118586006", "Ratio")
DIAMETER: Final = coding(SNOMED, "81827009", "Diameter")

_DISC = "Intervertebral disc structure of"
DISCS: Final = {
    Level.L1_L2: coding(SNOMED, "80064006", f"{_DISC} first lumbar vertebra"),
    Level.L2_L3: coding(SNOMED, "67459009", f"{_DISC} second lumbar vertebra"),
    Level.L3_L4: coding(SNOMED, "62551000", f"{_DISC} third lumbar vertebra"),
    Level.L4_L5: coding(SNOMED, "84020006", f"{_DISC} fourth lumbar vertebra"),
    Level.L5_S1: coding(
        SNOMED, "715056000", "Structure of intervertebral disc of L5 and S1"
    ),
}
DISC_LEVELS: Final = {
    level: coding(SNOMED, code, f"Level of {level} intervertebral disc")
    for level, code in {
        Level.L1_L2: "243920003",
        Level.L2_L3: "243921004",
        Level.L3_L4: "243922006",
        Level.L4_L5: "243923001",
        Level.L5_S1: "243927000",
    }.items()
}
VERTEBRAE: Final = {
    vertebra: coding(SNOMED, code, f"Bone structure of {vertebra}")
    for vertebra, code in {
        Vertebra.L1: "66794005",
        Vertebra.L2: "14293000",
        Vertebra.L3: "36470004",
        Vertebra.L4: "11994002",
        Vertebra.L5: "49668003",
    }.items()
}

# https://hl7.org/fhir/R4/valueset-referencerange-appliesto.html
SEXES: Final[dict[str, Concept]] = {
    "male": {"coding": [coding(SNOMED, "248153007", "Male")]},
    "female": {"coding": [coding(SNOMED, "248152002", "Female")]},
}

PROBABILITY: Final = coding(DICOM, "122157", "Probability")
# TID 1501; HL7 DICOM SR on FHIR groups measurements under the same code
MEASUREMENT_GROUP: Final = coding(DICOM, "125007", "Measurement Group")
LEVEL_FINDINGS: Final = coding(CODE_SYSTEM, "level-findings", "Findings at one level")

# http://hl7.org/fhir/us/core/ValueSet/us-core-diagnosticreport-category, 6.1.0
RADIOLOGY: Final[Concept] = {"coding": [coding(LOINC, "LP29684-5", "Radiology")]}
IMAGING_REPORT: Final = coding(LOINC, "18748-4", "Diagnostic imaging study")

# No standard code says these: Pfirrmann 2001, doi:10.1097/00007632-200109010-00011
PFIRRMANN: Final = coding(CODE_SYSTEM, "pfirrmann-grade", "Pfirrmann grade")
PFIRRMANN_PROBABILITY: Final = coding(
    CODE_SYSTEM, "pfirrmann-grade-probability", "Probability of the Pfirrmann grade"
)
# https://hl7.org/fhir/R4/extension-ordinalvalue.html
ORDINAL_VALUE: Final = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
PFIRRMANN_GRADES: Final[dict[int, Concept]] = {
    grade: coding(CODE_SYSTEM, f"pfirrmann-grade-{grade}", f"Pfirrmann grade {roman}")
    | {"extension": [{"url": ORDINAL_VALUE, "valueDecimal": grade}]}
    for grade, roman in enumerate(("I", "II", "III", "IV", "V"), start=1)
}

# No standard code says these either: what a reader would say of a disc, by probability
DISC_FINDINGS: Final = coding(
    CODE_SYSTEM, "disc-findings", "Findings of a disc, estimated by a model"
)
DISC_FINDING_KINDS: Final = {
    kind: coding(
        CODE_SYSTEM,
        f"{kind.name.lower().replace('_', '-')}-probability",
        f"Probability of {kind}, estimated by a model",
    )
    for kind in FindingKind
}

# No standard code says these either: Verbiest's classes of a mid-sagittal diameter
CANAL_CLASS: Final = coding(CODE_SYSTEM, "canal-class", "Central canal by its diameter")
CANAL_CLASSES: Final[dict[CanalClass, Concept]] = {
    name: coding(CODE_SYSTEM, f"canal-class-{name.name.lower()}", name.value)
    | {"extension": [{"url": ORDINAL_VALUE, "valueDecimal": order}]}
    for order, name in enumerate(CanalClass)
}
# The rule is ours: inference/severity/spondylosis.toml
SPONDYLOSIS: Final = coding(
    CODE_SYSTEM, "spondylosis-severity", "Severity of spondylosis"
)
SEVERITIES: Final[dict[Severity, Concept]] = {
    name: coding(CODE_SYSTEM, f"spondylosis-{name}", f"Spondylosis: {name}")
    | {"extension": [{"url": ORDINAL_VALUE, "valueDecimal": order}]}
    for order, name in enumerate(Severity)
}
SPONDYLOSIS_ELEMENTS: Final = {
    name: coding(
        CODE_SYSTEM,
        f"spondylosis-points-{name.name.lower()}",
        f"Points of {name}, 0 to 2",
    )
    for name in Element
}
NOT_ASSESSED: Final = {
    name: coding(CODE_SYSTEM, name.replace(" ", "-"), name.capitalize())
    for name in results.NOT_ASSESSED
}
# https://hl7.org/fhir/R4/valueset-data-absent-reason.html
NOT_PERFORMED: Final = coding(
    f"{HL7}/data-absent-reason", "not-performed", "Not Performed"
)
UNKNOWN: Final = coding(f"{HL7}/data-absent-reason", "unknown", "Unknown")

# https://hl7.org/fhir/us/core/STU6.1/profiles-and-extensions.html; the same in 7.0.0
_US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition"
US_CORE_CARE_PLAN: Final = f"{_US_CORE}/us-core-careplan"
US_CORE_CLINICAL_RESULT: Final = f"{_US_CORE}/us-core-observation-clinical-result"
US_CORE_SIMPLE_OBSERVATION: Final = f"{_US_CORE}/us-core-simple-observation"
US_CORE_SMOKING_STATUS: Final = f"{_US_CORE}/us-core-smokingstatus"
US_CORE_GOAL: Final = f"{_US_CORE}/us-core-goal"
US_CORE_SERVICE_REQUEST: Final = f"{_US_CORE}/us-core-servicerequest"
US_CORE_DOCUMENT: Final = f"{_US_CORE}/us-core-documentreference"
US_CORE_REPORT: Final = f"{_US_CORE}/us-core-diagnosticreport-note"
CARE_PLAN_CATEGORIES: Final[list[Concept]] = [
    {
        "coding": [
            {
                "system": "http://hl7.org/fhir/us/core/CodeSystem/careplan-category",
                "code": "assess-plan",
            }
        ]
    },
    {"coding": [coding(SNOMED, "734163000", "Care plan")]},
]
#: Options without an entry have no verified code: their text has to do.
OPTIONS: Final = {
    Option.EMERGENCY_REVIEW: coding(
        SNOMED, "183866009", "Referral to emergency clinic"
    ),
    Option.SELF_MANAGEMENT: coding(SNOMED, "225967005", "Self-care patient education"),
    Option.EXERCISE: coding(SNOMED, "229065009", "Exercise therapy"),
    Option.PSYCHOLOGICAL_THERAPY: coding(
        SNOMED, "228557008", "Cognitive and behavioral therapy"
    ),
    Option.PAIN_SPECIALIST: coding(
        SNOMED, "306265007", "Referral to pain management specialist"
    ),
    # neurosurgeon or orthopedic surgeon is the clinician's choice
    Option.SURGICAL_OPINION: coding(SNOMED, "306206005", "Referral to service"),
}

# https://hl7.org/fhir/R4/valueset-provenance-agent-type.html
AUTHOR: Final[Concept] = {
    "coding": [coding(f"{HL7}/provenance-participant-type", "author", "Author")]
}
VERIFIER: Final[Concept] = {
    "coding": [coding(f"{HL7}/provenance-participant-type", "verifier", "Verifier")]
}
ASSEMBLER: Final[Concept] = {
    "coding": [coding(f"{HL7}/provenance-participant-type", "assembler", "Assembler")]
}
# https://hl7.org/fhir/R4/valueset-provenance-activity-type.html
CREATE: Final[Concept] = {
    "coding": [coding(f"{HL7}/v3-DataOperation", "CREATE", "create")]
}
NULLIFY: Final[Concept] = {
    "coding": [coding(f"{HL7}/v3-DataOperation", "NULLIFY", "nullify")]
}

# C-CDA on FHIR, value set Care Plan Document Type (2.16.840.1.113762.1.4.1099.10)
PLAN_OF_CARE_NOTE: Final = coding(LOINC, "18776-5", "Plan of care note")
# http://hl7.org/fhir/us/core/ValueSet/us-core-documentreference-category, 6.1.0
CLINICAL_NOTE: Final[Concept] = {
    "coding": [
        coding(
            "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
            "clinical-note",
            "Clinical Note",
        )
    ]
}

# IHE BALP, https://profiles.ihe.net/ITI/BALP/StructureDefinition-IHE.BasicAudit.PatientCreate.html
REST: Final = coding(f"{HL7}/audit-event-type", "rest", "RESTful Operation")
REST_CREATE: Final = coding(
    "http://hl7.org/fhir/restful-interaction", "create", "create"
)
SOURCE_ROLE: Final[Concept] = {"coding": [coding(DICOM, "110153", "Source Role ID")]}
DESTINATION_ROLE: Final[Concept] = {
    "coding": [coding(DICOM, "110152", "Destination Role ID")]
}
AUDIT_AUTHOR: Final[Concept] = {
    "coding": [coding(f"{HL7}/v3-ParticipationType", "AUT", "author (originator)")]
}
APPLICATION_SERVER: Final = coding(
    f"{HL7}/security-source-type", "4", "Application Server"
)
PERSON: Final = coding(f"{HL7}/audit-entity-type", "1", "Person")
SYSTEM_OBJECT: Final = coding(f"{HL7}/audit-entity-type", "2", "System Object")
PATIENT_ROLE: Final = coding(f"{HL7}/object-role", "1", "Patient")
DOMAIN_RESOURCE: Final = coding(f"{HL7}/object-role", "4", "Domain Resource")
