"""Who the demo's patients are. All of them are invented.

Codes are those of public value sets, as listed in ``fhir_mappings/codes.py``.
"""

from dataclasses import dataclass

SNOMED = "http://snomed.info/sct"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A SNOMED CT concept."""

    code: str
    display: str


CHRONIC_LOW_BACK_PAIN = Code(code="278860009", display="Chronic low back pain")
LOW_BACK_PAIN = Code(code="279039007", display="Low back pain")
RADICULOPATHY = Code(code="128196005", display="Lumbar radiculopathy")
STENOSIS = Code(code="18347007", display="Spinal stenosis of lumbar region")
KIDNEY_DISEASE = Code(code="433144002", display="Chronic kidney disease stage 3")
CANCER = Code(code="363346000", display="Malignant neoplastic disease")
WEIGHT_LOSS = Code(code="448765001", display="Unintentional weight loss")
PHYSICAL_THERAPY = Code(code="91251008", display="Physical therapy procedure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One chart.

    Attributes:
        key: Id of the Patient and stem of all other ids.
        record_number: Medical record number, also the PatientID of the images.
        family: Family name.
        given: Given name.
        gender: As FHIR writes it.
        age_years: On the day of the demo.
        problems: Active conditions.
        reason: Why the patient comes, as the visit says.
        pain_nrs: 0 to 10.
        odi_percent: Oswestry disability index.
        bmi_kg_m2: Body mass index.
        egfr_ml_min: Glomerular filtration rate per 1.73 m2.
        therapy_weeks: Length of physical therapy already done, 0 for none.
        has_mri: Whether there are images.

    """

    key: str
    record_number: str
    family: str
    given: str
    gender: str
    age_years: int
    problems: tuple[Code, ...]
    reason: str
    pain_nrs: int
    odi_percent: int
    bmi_kg_m2: float
    egfr_ml_min: int
    therapy_weeks: int = 0
    has_mri: bool = True


PEOPLE = (
    Person(
        key="demo-axial",
        record_number="SB-1001",
        family="Ahlgren",
        given="Marta",
        gender="female",
        age_years=47,
        problems=(CHRONIC_LOW_BACK_PAIN,),
        reason="Low back pain for eight months, no leg pain",
        pain_nrs=5,
        odi_percent=34,
        bmi_kg_m2=27.4,
        egfr_ml_min=92,
    ),
    Person(
        key="demo-radicular",
        record_number="SB-1002",
        family="Petri",
        given="Jonas",
        gender="male",
        age_years=39,
        problems=(RADICULOPATHY, LOW_BACK_PAIN),
        reason="Pain down the left leg after ten weeks of physical therapy",
        pain_nrs=8,
        odi_percent=46,
        bmi_kg_m2=24.9,
        egfr_ml_min=101,
        therapy_weeks=10,
    ),
    Person(
        key="demo-claudication",
        record_number="SB-1003",
        family="Morrow",
        given="Edith",
        gender="female",
        age_years=78,
        problems=(STENOSIS, KIDNEY_DISEASE),
        reason="Leg pain on walking that sitting relieves",
        pain_nrs=7,
        odi_percent=44,
        bmi_kg_m2=29.8,
        egfr_ml_min=38,
        therapy_weeks=14,
    ),
    Person(
        key="demo-red-flag",
        record_number="SB-1004",
        family="Okoye",
        given="Samuel",
        gender="male",
        age_years=58,
        problems=(LOW_BACK_PAIN, CANCER, WEIGHT_LOSS),
        reason="New back pain at night, weight loss",
        pain_nrs=7,
        odi_percent=38,
        bmi_kg_m2=22.1,
        egfr_ml_min=88,
    ),
    Person(
        key="demo-no-images",
        record_number="SB-1005",
        family="Fischer",
        given="Lena",
        gender="female",
        age_years=33,
        problems=(LOW_BACK_PAIN,),
        reason="Low back pain for three weeks",
        pain_nrs=4,
        odi_percent=18,
        bmi_kg_m2=23.6,
        egfr_ml_min=108,
        has_mri=False,
    ),
)
