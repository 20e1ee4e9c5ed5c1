"""An analysis without weights: real images in, a fixed report out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pydicom import Dataset

from inference.results import CaseReport, ClinicalFeatures, Identity, Stage
from tests.smart_app.reports import REPORT

MARK_VARIABLE = "STUB_HANGS_ONCE"


class StubAnalysis:
    """Takes the first series and says that it found what ``REPORT`` says."""

    def select_series(self, first_instances: Mapping[str, Dataset]) -> str:
        """Return the first."""
        return next(iter(first_instances))

    def identity_of(self, dataset: Dataset) -> Identity:
        """Return what the patient module says."""
        born = str(dataset.get("PatientBirthDate", ""))
        name = dataset.PatientName
        return Identity(
            identifiers=frozenset({str(dataset.PatientID)}),
            family=name.family_name or None,
            given=name.given_name or None,
            birth_date=datetime.strptime(born, "%Y%m%d").date() if born else None,  # noqa: DTZ007 - a date
            sex={"F": "female", "M": "male"}.get(dataset.get("PatientSex", "")),
        )

    def run(
        self,
        datasets: Sequence[Dataset],
        *,
        features: ClinicalFeatures,
        progress: Callable[[Stage, float], None],
        level_shift: int,
        with_masks: bool,
    ) -> tuple[CaseReport, bytes | None]:
        """Return the report, with the facts of this chart, and no masks."""
        del with_masks
        for stage in Stage:
            progress(stage, 0.5)
        study = replace(REPORT.study, slice_count=len(datasets))
        report = replace(
            REPORT, study=study, features=features, level_shift=level_shift
        )
        return report, None
