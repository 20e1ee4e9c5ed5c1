"""The codes that a chart is read by, as tables, each with its source.

SNOMED CT and LOINC codes without a source of their own are in published value sets
(VSAC, AHRQ CDS, OHDSI PhenotypeLibrary, the terminology server tx.fhir.org). The
hierarchy of SNOMED CT is not known here: a site names its narrower and its local codes
in a table (``site_codes``). ICD-10 and ATC carry their hierarchy in the code itself, so
the first letters of a code are enough.
"""

from typing import Final

from fhir_mappings import codes
from fhir_mappings.codes import ICD10CM, LOINC, LUMBAR_SPINE, SNOMED, code_of
from inference.results import Flag, Smoking, TreatmentKind

Code = tuple[str, str]

# --- conditions -------------------------------------------------------------------

CONDITION_FLAGS: Final[dict[Code, Flag]] = {
    (SNOMED, "279039007"): Flag.LOW_BACK_PAIN,
    (SNOMED, "267982002"): Flag.LOW_BACK_PAIN,  # pain in lumbar spine
    (SNOMED, "278860009"): Flag.CHRONIC_LOW_BACK_PAIN,
    (SNOMED, "128196005"): Flag.RADICULOPATHY,
    (SNOMED, "23056005"): Flag.RADICULOPATHY,  # sciatica
    (SNOMED, "299966003"): Flag.RADICULOPATHY,  # compression of lumbar nerve root
    (SNOMED, "73589001"): Flag.DISC_HERNIATION,
    (SNOMED, "18347007"): Flag.SPINAL_STENOSIS,
    (SNOMED, "192970008"): Flag.CAUDA_EQUINA,
    (SNOMED, "764272007"): Flag.CAUDA_EQUINA,  # compression by lumbar stenosis
    (SNOMED, "363346000"): Flag.MALIGNANCY,
    # The cancers that go to the spine most. Their displays, and those of the other
    # narrower codes here, agree in HL7's mCODE, in the documents of SNOMED
    # International, and in the modules of Synthea.
    (SNOMED, "254837009"): Flag.MALIGNANCY,  # breast
    (SNOMED, "399068003"): Flag.MALIGNANCY,  # prostate
    (SNOMED, "363358000"): Flag.MALIGNANCY,  # lung
    (SNOMED, "254637007"): Flag.MALIGNANCY,  # lung, non-small cell
    (SNOMED, "363518003"): Flag.MALIGNANCY,  # kidney
    (SNOMED, "363406005"): Flag.MALIGNANCY,  # colon
    (SNOMED, "109989006"): Flag.MALIGNANCY,  # multiple myeloma
    (SNOMED, "118600007"): Flag.MALIGNANCY,  # lymphoma
    (SNOMED, "94222008"): Flag.MALIGNANCY,  # secondary, of bone
    (SNOMED, "448765001"): Flag.UNEXPLAINED_WEIGHT_LOSS,  # unintentional
    (SNOMED, "422868009"): Flag.UNEXPLAINED_WEIGHT_LOSS,
    (SNOMED, "64859006"): Flag.OSTEOPOROSIS,
    # Chronic kidney disease without a stage is read as the worse case: all that this
    # flag does is withhold a drug.
    (SNOMED, "709044004"): Flag.KIDNEY_DISEASE,
    (SNOMED, "433144002"): Flag.KIDNEY_DISEASE,  # stage 3
    (SNOMED, "431857002"): Flag.KIDNEY_DISEASE,  # stage 4
    (SNOMED, "433146000"): Flag.KIDNEY_DISEASE,  # stage 5
    (SNOMED, "46177005"): Flag.KIDNEY_DISEASE,  # end stage
    (SNOMED, "84114007"): Flag.HEART_FAILURE,
    (SNOMED, "42343007"): Flag.HEART_FAILURE,  # congestive
    (SNOMED, "88805009"): Flag.HEART_FAILURE,  # chronic congestive
    # OMOP concept 192671, and in value sets of HL7 guides
    (SNOMED, "74474003"): Flag.PEPTIC_ULCER,  # gastrointestinal hemorrhage
    (SNOMED, "13200003"): Flag.PEPTIC_ULCER,
    (SNOMED, "77386006"): Flag.PREGNANCY,
    (SNOMED, "72892002"): Flag.PREGNANCY,  # normal
    (SNOMED, "441509002"): Flag.PACEMAKER,
}

#: WHO's ICD-10 and its national editions agree on the first letters used here.
ICD10_SYSTEMS: Final = frozenset(
    {
        ICD10CM,
        "http://hl7.org/fhir/sid/icd-10",
        "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
    }
)
# WHO ICD-10, version 2019: https://icd.who.int/browse10/2019/en. The fifth character
# of M48 and M54 is the site (6 lumbar, 7 lumbosacral). M48.062, M51.16 to M51.27, C4A,
# C7A, C7B and Z79.01 are of ICD-10-CM.
ICD10_FLAGS: Final[dict[str, tuple[Flag, ...]]] = {
    "M54.5": (Flag.LOW_BACK_PAIN,),
    "M54.3": (Flag.RADICULOPATHY,),  # sciatica
    "M54.4": (Flag.RADICULOPATHY,),  # lumbago with sciatica
    "M54.16": (Flag.RADICULOPATHY,),
    "M54.17": (Flag.RADICULOPATHY,),
    "M51.16": (Flag.RADICULOPATHY, Flag.DISC_HERNIATION),
    "M51.17": (Flag.RADICULOPATHY, Flag.DISC_HERNIATION),
    "M51.26": (Flag.DISC_HERNIATION,),
    "M51.27": (Flag.DISC_HERNIATION,),
    "M48.06": (Flag.SPINAL_STENOSIS,),
    "M48.07": (Flag.SPINAL_STENOSIS,),
    "M48.062": (Flag.CLAUDICATION,),  # beside what M48.06 says
    "M96.1": (Flag.SPINE_SURGERY,),  # postlaminectomy syndrome
    "G83.4": (Flag.CAUDA_EQUINA,),
    **{f"C{n:02}": (Flag.MALIGNANCY,) for n in (*range(44), *range(45, 98))},
    **dict.fromkeys(("C4A", "C7A", "C7B"), (Flag.MALIGNANCY,)),
    "Z85": (Flag.MALIGNANCY,),  # personal history
    "R63.4": (Flag.UNEXPLAINED_WEIGHT_LOSS,),
    "M46.2": (Flag.SPINAL_INFECTION,),  # osteomyelitis of vertebra
    "M46.3": (Flag.SPINAL_INFECTION,),  # infection of disc
    "M46.4": (Flag.SPINAL_INFECTION,),  # discitis
    "M46.5": (Flag.SPINAL_INFECTION,),
    "M80": (Flag.OSTEOPOROSIS,),
    "M81": (Flag.OSTEOPOROSIS,),
    "N18.3": (Flag.KIDNEY_DISEASE,),
    "N18.4": (Flag.KIDNEY_DISEASE,),
    "N18.5": (Flag.KIDNEY_DISEASE,),
    "N18.6": (Flag.KIDNEY_DISEASE,),
    "N18.9": (Flag.KIDNEY_DISEASE,),  # no stage: the worse case, as above
    "I50": (Flag.HEART_FAILURE,),
    **{f"K{n}": (Flag.PEPTIC_ULCER,) for n in range(25, 29)},
    "K92.2": (Flag.PEPTIC_ULCER,),  # gastrointestinal hemorrhage
    "Z79.01": (Flag.ANTICOAGULANT,),
    "Z33": (Flag.PREGNANCY,),
    "Z34": (Flag.PREGNANCY,),
    "Z95.0": (Flag.PACEMAKER,),
}

#: Our choice: cancer of the skin other than melanoma hardly spreads to the spine, and
#: many old people have had one, so C44 and its history are no red flag.
ICD10_EXCEPTIONS: Final = ("Z85.828",)

#: No code of the lists says these: a clinician types them in, or a site names codes.
TYPED_FLAGS: Final = frozenset(
    {
        *(Flag.CAUDA_EQUINA_SYMPTOMS, Flag.MOTOR_DEFICIT, Flag.NIGHT_PAIN),
        *(Flag.RECENT_TRAUMA, Flag.COMORBIDITY, Flag.UNEMPLOYED),
        *(Flag.DISABILITY_PENSION, Flag.RETIREMENT_PENSION, Flag.HIGHER_EDUCATION),
        *(Flag.CONSERVATIVE_CARE_FAILED, Flag.WISHES_SURGICAL_OPINION),
    }
)

# --- procedures and drugs ---------------------------------------------------------

TREATMENTS: Final[dict[Code, TreatmentKind]] = {
    (SNOMED, "91251008"): TreatmentKind.EXERCISE,  # physical therapy procedure
    (SNOMED, "229065009"): TreatmentKind.EXERCISE,
    (SNOMED, "229138000"): TreatmentKind.EXERCISE,  # back exercises
    (SNOMED, "308447003"): TreatmentKind.EXERCISE,  # referral to physiotherapist
    (SNOMED, "390864007"): TreatmentKind.EXERCISE,  # referral for exercise therapy
    (SNOMED, "444831000124102"): TreatmentKind.EXERCISE,  # referral, US extension
    (SNOMED, "228557008"): TreatmentKind.PSYCHOLOGICAL_THERAPY,
    (SNOMED, "308459004"): TreatmentKind.PSYCHOLOGICAL_THERAPY,  # referral
    (SNOMED, "311401005"): TreatmentKind.EDUCATION,
    (SNOMED, "225967005"): TreatmentKind.EDUCATION,  # self-care
    (SNOMED, "180885006"): TreatmentKind.SPINAL_INJECTION,  # lumbar epidural block
}
SPINE_SURGERY: Final[frozenset[Code]] = frozenset(
    (SNOMED, code)
    for code in (
        "387731002",  # laminectomy
        "429377005",  # excision of lamina of lumbar vertebra
        "427752004",  # the same for decompression
        "283165009",  # decompression laminectomy
        "442118009",  # hemilaminectomy for decompression of lumbar spine
        "178625001",  # primary lumbar microdiscectomy
        "359586003",  # laminectomy with spinal fusion
    )
)

ATC: Final = "http://www.whocc.no/atc"
#: Classes of the WHO ATC index (https://atcddd.fhi.no/atc_ddd_index/).
ATC_TREATMENTS: Final = {"M01A": TreatmentKind.NSAID, "N02A": TreatmentKind.OPIOID}
ATC_ANTICOAGULANTS: Final = ("B01AA", "B01AB", "B01AE", "B01AF")
#: Their substances, to be found in the words of a prescription: the names of RxNorm
#: and of most national drug lists begin with the substance. Low-dose topical drugs are
#: left out by ``TOPICAL``; buprenorphine is (our choice), because it mostly treats
#: dependence.
NSAIDS: Final = (
    *("aceclofenac", "celecoxib", "dexketoprofen", "diclofenac", "etodolac"),
    *("etoricoxib", "flurbiprofen", "ibuprofen", "indometacin", "indomethacin"),
    *("ketoprofen", "ketorolac", "lornoxicam", "mefenamic acid", "meloxicam"),
    *("nabumetone", "naproxen", "oxaprozin", "parecoxib", "piroxicam", "sulindac"),
    *("tenoxicam", "tolfenamic acid"),
)
OPIOIDS: Final = (
    *("codeine", "dihydrocodeine", "fentanyl", "hydrocodone", "hydromorphone"),
    *("morphine", "oxycodone", "pethidine", "tapentadol", "tilidine", "tramadol"),
)
ANTICOAGULANTS: Final = (
    *("acenocoumarol", "apixaban", "argatroban", "bivalirudin", "dabigatran"),
    *("dalteparin", "edoxaban", "enoxaparin", "fondaparinux", "heparin"),
    *("nadroparin", "phenprocoumon", "rivaroxaban", "tinzaparin", "warfarin"),
)
TOPICAL: Final = (
    *("cream", "drops", "gel", "lotion", "ointment", "ophthalmic", "topical"),
    *("patch", "spray"),
)

# --- observations -----------------------------------------------------------------

PAIN_NRS: Final = (code_of(codes.PAIN_SEVERITY), (LOINC, "75893-8"))
ODI: Final = (code_of(codes.OSWESTRY),)
BMI: Final = ((LOINC, "39156-5"),)
HEIGHT: Final = ((LOINC, "8302-2"),)
WEIGHT: Final = ((LOINC, "29463-7"),)
# 33914-3 (MDRD) as in http://hl7.org/fhir/uv/cpg/ValueSet/ckd-valueset-egfr
EGFR: Final = ((LOINC, "62238-1"), (LOINC, "98979-8"), (LOINC, "33914-3"))
START_BACK: Final = (code_of(codes.START_BACK),)
# SNOMED CT code of the German PROM module (EQ-5D-5L index value):
# https://build.fhir.org/ig/medizininformatik-initiative/kerndatensatzmodul-proms/
EQ5D_INDEX: Final = ((SNOMED, "736534008"), code_of(codes.EQ5D_INDEX))
BACK_PAIN_DURATION: Final = (code_of(codes.BACK_PAIN_DURATION),)
LEG_PAIN_DURATION: Final = (code_of(codes.LEG_PAIN_DURATION),)
WALKING_DISTANCE: Final = (code_of(codes.WALKING_DISTANCE),)
SMOKING: Final = (code_of(codes.SMOKING_STATUS),)

#: Where a pain score is about: the back, or a leg (DICOM PS3.16 has both codes).
BACK_SITES: Final[frozenset[Code]] = frozenset({LUMBAR_SPINE})
LEG_SITES: Final[frozenset[Code]] = frozenset({code_of(codes.LEG_SITE)})

# http://hl7.org/fhir/us/core/ValueSet/us-core-observation-smokingstatus, version 3.1.1
SMOKING_ANSWERS: Final[dict[Code, Smoking]] = {
    (SNOMED, "449868002"): Smoking.CURRENT,  # every day
    (SNOMED, "428041000124106"): Smoking.CURRENT,  # some days
    code_of(codes.SMOKER): Smoking.CURRENT,  # smoker, current status unknown
    (SNOMED, "428071000124103"): Smoking.CURRENT,  # heavy
    (SNOMED, "428061000124105"): Smoking.CURRENT,  # light
    code_of(codes.FORMER_SMOKER): Smoking.FORMER,
    code_of(codes.NEVER_SMOKER): Smoking.NEVER,
}

#: The Oswestry questionnaire (LOINC panel 97908-8) by what its canonical URL ends in.
ODI_QUESTIONNAIRE: Final = "97908-8"
ODI_LINK_IDS: Final = tuple(f"odi-{number}" for number in range(1, 11))
