"""Fill the EHR and the archive: invented people, and lent images if there are any."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from pydicom.uid import generate_uid

from inference.phantom.mr_series import SeriesDescription, mr_series
from inference.volume import Volume
from sandbox.archive import Archive
from sandbox.charts import CLINIC_TIME, batch, chart
from sandbox.ehr_server import Ehr
from sandbox.people import PEOPLE, Person
from sandbox.phantoms import phantom_volume
from sandbox.spider import CREDIT, spider_volume
from sandbox.spines import spine
from sandbox.studies import imaging_study, store

Resource = dict[str, Any]
Say = Callable[[str], None]
SeriesKind = tuple[str, float, float]

SHARED = Path(__file__).parents[2] / "shared"
STUDY_AGE_DAYS = 12
SCAN_TIME = time(14, 5)
#: Kind of series -> description, echo time and repetition time in ms (our choice,
#: typical of spin echo at 1.5 T).
T2 = ("T2 sagittal lumbar", 100.0, 3500.0)
T1 = ("T1 sagittal lumbar", 10.0, 550.0)
SEXES = {"female": "F", "male": "M"}
#: Synthea chart (file stem) -> SPIDER patient. Both patients are held out of training.
LENT_IMAGES = {"Judi176-Sawayn19": "146", "Wynona930-Bradtke547": "41"}
#: This chart also gets a T1 series, so that a series has to be chosen.
WITH_T1 = "demo-axial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """What is there now.

    Attributes:
        phantoms: Patient ids with phantom images.
        real: Patient ids with SPIDER images.

    """

    phantoms: tuple[str, ...]
    real: tuple[str, ...]


def seed(
    ehr: Ehr, archive: Archive, *, today: date, say: Say, shared: Path = SHARED
) -> Seeded:
    """Load all charts and images.

    Args:
        ehr: An empty EHR.
        archive: Where the images go.
        today: The day on which the demo plays.
        say: Receives one line per patient.
        shared: Folder with Synthea charts and SPIDER slices; may be absent.

    """
    for person in PEOPLE:
        say(f"{person.family}, {person.given}")
        seed_person(person, ehr, archive, today=today)
    return Seeded(
        phantoms=tuple(person.key for person in PEOPLE if person.has_mri),
        real=tuple(_seed_real(ehr, archive, today=today, say=say, shared=shared)),
    )


def seed_person(person: Person, ehr: Ehr, archive: Archive, *, today: date) -> None:
    """Load one invented person and, if there are some, the phantom images."""
    bundle = chart(person, today=today)
    ehr.load(bundle)
    if person.has_mri:
        series = {T2: phantom_volume(spine(person.key))}
        if person.key == WITH_T1:
            series[T1] = phantom_volume(spine(person.key, t1_weighted=True))
        patient = _patient_of(bundle)
        description = "MR lumbar spine, phantom"
        _add_study(ehr, archive, patient, series, description, today=today)


def seed_lent(
    stem: str, ehr: Ehr, archive: Archive, *, today: date, shared: Path = SHARED
) -> str:
    """Load one Synthea chart with SPIDER images and return the patient's id."""
    bundle = json.loads((shared / "fhir" / "patients" / f"{stem}.json").read_text())
    ehr.load(bundle)
    patient = _patient_of(bundle)
    volume = spider_volume(shared / "data" / "spider" / "t2space", LENT_IMAGES[stem])
    description = f"MR lumbar spine, {CREDIT}"
    _add_study(ehr, archive, patient, {T2: volume}, description, today=today)
    return str(patient["id"])


def has_real_images(shared: Path = SHARED) -> bool:
    """Tell whether the research images and the charts that borrow them are there."""
    slices = shared / "data" / "spider" / "t2space"
    return slices.is_dir() and (shared / "fhir" / "patients").is_dir()


def _seed_real(
    ehr: Ehr, archive: Archive, *, today: date, say: Say, shared: Path
) -> Iterator[str]:
    if not has_real_images(shared):
        say("no SPIDER slices beside this repository: phantoms only")
        return
    for stem in LENT_IMAGES:
        say(f"{stem}, with {CREDIT}")
        yield seed_lent(stem, ehr, archive, today=today, shared=shared)


def _add_study(  # noqa: PLR0913 - a study is of somebody, somewhere, of some day
    ehr: Ehr,
    archive: Archive,
    patient: Resource,
    series: dict[SeriesKind, Volume],
    description: str,
    *,
    today: date,
) -> None:
    day = today - timedelta(days=STUDY_AGE_DAYS)
    study_uid = generate_uid(entropy_srcs=[patient["id"], str(day)])
    datasets = [
        dataset
        for kind, volume in series.items()
        for dataset in mr_series(volume, _header(patient, kind, study_uid, day))
    ]
    store(archive, datasets)
    study = imaging_study(
        datasets,
        patient_id=patient["id"],
        started=datetime.combine(day, SCAN_TIME, CLINIC_TIME),
        description=description,
    )
    ehr.load(batch([study]))


def _header(
    patient: Resource, kind: SeriesKind, study_uid: str, day: date
) -> SeriesDescription:
    """Return what the scanner would have been told about the patient."""
    [number] = [item["value"] for item in patient["identifier"] if _is_record(item)]
    name = patient["name"][0]
    description, echo_time_ms, repetition_time_ms = kind
    return SeriesDescription(
        patient_id=number,
        patient_name=f"{name['family']}^{name['given'][0]}",
        birth_date=date.fromisoformat(patient["birthDate"]),
        sex=SEXES[patient["gender"]],
        study_date=day,
        description=description,
        echo_time_ms=echo_time_ms,
        repetition_time_ms=repetition_time_ms,
        study_uid=study_uid,
    )


def _is_record(identifier: Resource) -> bool:
    codings = identifier.get("type", {}).get("coding", [])
    return any(coding["code"] == "MR" for coding in codings)


def _patient_of(bundle: Resource) -> Resource:
    resources: Iterator[Resource] = (entry["resource"] for entry in bundle["entry"])
    return next(item for item in resources if item["resourceType"] == "Patient")
