"""Every code, system and unit that is read or written, each with its source.

SNOMED CT body structures and the generic measurement codes are those of pydicom 3.0.2
(``pydicom/sr/_concepts_dict.py``: DICOM PS3.16, context groups 7602 to 7604 and
template 1500). SNOMED CT findings and activities are in published value sets (VSAC,
AHRQ CDS, OHDSI PhenotypeLibrary); LOINC codes were looked up at tx.fhir.org.
"""

from typing import Any, Final

from inference.results import Flag, Level, Option, Vertebra

Concept = dict[str, Any]

SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
UCUM: Final = "http://unitsofmeasure.org"
ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
HL7: Final = "http://terminology.hl7.org/CodeSystem"
# https://hl7.org/fhir/R4/imagingstudy.html#notes
DICOM_UID: Final = "urn:dicom:uid"

# Ours. 2.25 is the arc of UUIDs (ITU-T X.667), which nobody has to register: the
# project owns no domain that an https URL could promise to keep.
CODE_SYSTEM: Final = "urn:oid:2.25.197260191722575001109920992403883620705"
IDENTIFIER_SYSTEM: Final = "urn:oid:2.25.39598215491347105022202644715981113529"

# --- what is read -----------------------------------------------------------------

PAIN_NRS: Final = ("72514-3",)
ODI: Final = ("97909-6",)
BMI: Final = ("39156-5",)
# 33914-3 (MDRD) as in http://hl7.org/fhir/uv/cpg/ValueSet/ckd-valueset-egfr
EGFR: Final = ("62238-1", "98979-8", "33914-3")
SMOKING: Final = ("72166-2",)

CONDITION_FLAGS: Final[dict[tuple[str, str], Flag]] = {
    (SNOMED, "279039007"): Flag.LOW_BACK_PAIN,
    (SNOMED, "267982002"): Flag.LOW_BACK_PAIN,  # pain in lumbar spine
    (SNOMED, "278860009"): Flag.CHRONIC_LOW_BACK_PAIN,
    (SNOMED, "128196005"): Flag.RADICULOPATHY,
    (SNOMED, "23056005"): Flag.RADICULOPATHY,  # sciatica
    (SNOMED, "299966003"): Flag.RADICULOPATHY,  # compression of lumbar nerve root
    (ICD10CM, "M51.16"): Flag.RADICULOPATHY,  # looked up at tx.fhir.org
    (SNOMED, "18347007"): Flag.SPINAL_STENOSIS,
    (SNOMED, "192970008"): Flag.CAUDA_EQUINA,
    (SNOMED, "764272007"): Flag.CAUDA_EQUINA,  # compression by lumbar stenosis
    (SNOMED, "363346000"): Flag.MALIGNANCY,
    (SNOMED, "448765001"): Flag.UNEXPLAINED_WEIGHT_LOSS,  # unintentional
    (SNOMED, "422868009"): Flag.UNEXPLAINED_WEIGHT_LOSS,
    (SNOMED, "64859006"): Flag.OSTEOPOROSIS,
    # Chronic kidney disease without a stage is read as the worse case: all that this
    # flag does is withhold a drug.
    (SNOMED, "709044004"): Flag.KIDNEY_DISEASE,
    (SNOMED, "433144002"): Flag.KIDNEY_DISEASE,  # stage 3
    (SNOMED, "431857002"): Flag.KIDNEY_DISEASE,  # stage 4
    (SNOMED, "433146000"): Flag.KIDNEY_DISEASE,  # stage 5
    (SNOMED, "84114007"): Flag.HEART_FAILURE,
    (SNOMED, "77386006"): Flag.PREGNANCY,
}

#: No code of the list says these: a clinician types them in.
TYPED_FLAGS: Final = frozenset(
    {
        *(Flag.DISC_HERNIATION, Flag.CLAUDICATION, Flag.SPINE_SURGERY),
        *(Flag.CAUDA_EQUINA_SYMPTOMS, Flag.MOTOR_DEFICIT, Flag.NIGHT_PAIN),
        *(Flag.SPINAL_INFECTION, Flag.RECENT_TRAUMA, Flag.PEPTIC_ULCER),
        *(Flag.ANTICOAGULANT, Flag.PACEMAKER, Flag.COMORBIDITY, Flag.UNEMPLOYED),
        *(Flag.DISABILITY_PENSION, Flag.RETIREMENT_PENSION, Flag.HIGHER_EDUCATION),
        *(Flag.CONSERVATIVE_CARE_FAILED, Flag.WISHES_SURGICAL_OPINION),
    }
)

MR: Final = "MR"
LUMBAR_SPINE: Final = (SNOMED, "122496007")
LUMBAR_MRI: Final = frozenset(
    (LOINC, code) for code in ("24968-0", "30679-5", "30678-7", "24967-2", "91717-9")
)

# --- what is written --------------------------------------------------------------


def coding(system: str, code: str, display: str) -> dict[str, str]:
    """Return a Coding."""
    return {"system": system, "code": code, "display": display}


# https://hl7.org/fhir/R4/valueset-observation-category.html
IMAGING: Final[Concept] = {
    "coding": [coding(f"{HL7}/observation-category", "imaging", "Imaging")]
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

PROBABILITY: Final = coding(DICOM, "122157", "Probability")

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

# https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-careplan.html
US_CORE_CARE_PLAN: Final = (
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-careplan"
)
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
# https://hl7.org/fhir/R4/valueset-provenance-activity-type.html
CREATE: Final[Concept] = {
    "coding": [coding(f"{HL7}/v3-DataOperation", "CREATE", "create")]
}
