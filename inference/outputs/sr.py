"""The measurements as a DICOM structured report (PS3.16, TID 1500), by highdicom."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from highdicom.seg import Segmentation
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementProperties,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    ReferencedSegment,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from inference.levels.named_voxels import Name
from inference.outputs.codes import (
    LEVELS,
    LUMBAR_SPINE,
    MEYERDING,
    MEYERDING_GRADES,
    MR_LUMBAR_SPINE,
    PFIRRMANN,
    PFIRRMANN_GRADES,
    PRODUCT,
    STRUCTURES,
    coding_scheme,
)
from inference.outputs.quantities import (
    CANAL_AT_LEVEL,
    CANAL_AT_VERTEBRA,
    SMALLEST_CANAL,
    SPINE,
    Place,
    Value,
    values,
)
from inference.outputs.repeatable import derived_uid, stamp
from inference.outputs.source import SourceSeries
from inference.results import CaseReport, Level, ModelVersion, Structure, Vertebra

SERIES_NUMBER: Final = 7002  # our choice: above those of scanners
OF_CANAL: Final = frozenset({CANAL_AT_LEVEL, CANAL_AT_VERTEBRA, SMALLEST_CANAL})
Group = (
    VolumetricROIMeasurementsAndQualitativeEvaluations
    | MeasurementsAndQualitativeEvaluations
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Who signed.

    Attributes:
        name: As DICOM has it, ``"Family^Given"``.
        organization: Where they work.

    """

    name: str
    organization: str


def measurement_object(
    report: CaseReport,
    source: SourceSeries,
    segmentation: Segmentation,
    created: datetime,
    verifier: Verifier | None = None,
) -> Comprehensive3DSR:
    """Return every measured value, each with the segment that it was measured on.

    Args:
        report: The values.
        source: The images.
        segmentation: The object made by ``seg.segmentation_object``.
        created: When; with a verifier, the time of the signature.
        verifier: Who vouches for the values, ``None`` where nobody does yet.

    Raises:
        ValueError: Nothing at all was measured.

    """
    models = f"{report.model.sha256} {report.grading_model.sha256}"
    identity = (source.study_uid, source.series_uid, models)
    groups = list(_Writer(report, source, segmentation).groups())
    content = MeasurementReport(
        observation_context=ObservationContext(
            observer_device_context=_observer(report.model)
        ),
        procedure_reported=MR_LUMBAR_SPINE,
        imaging_measurements=groups,
    )
    state = "verified" if verifier else "not verified"
    # not who verified it: the same values signed twice are one object
    said = f"{content[0].to_json()} {segmentation.SOPInstanceUID} {state}"
    dataset = Comprehensive3DSR(
        evidence=[*source.headers, segmentation],
        content=content,
        series_instance_uid=derived_uid(*identity, "SR series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derived_uid(
            *identity, "SR", hashlib.sha256(said.encode()).hexdigest()
        ),
        instance_number=1,
        manufacturer=PRODUCT,
        manufacturer_model_name=report.model.name,
        software_versions=report.model.version,
        device_serial_number=report.model.sha256[:16],
        is_complete=True,
        is_final=verifier is not None,
        is_verified=verifier is not None,
        verifying_observer_name=verifier.name if verifier else None,
        verifying_organization=verifier.organization if verifier else None,
        series_description=f"Spine measurements by AI, {state}",
        content_date=created.date(),
        content_time=created.time().replace(microsecond=0),
        coding_schemes=[coding_scheme()],
    )
    stamp(dataset, created)
    return dataset


class _Writer:
    """Puts values into measurement groups: one per structure and place."""

    def __init__(
        self, report: CaseReport, source: SourceSeries, segmentation: Segmentation
    ) -> None:
        self.report = report
        self.source = source
        self.segmentation = segmentation
        self.segments = {
            str(item.SegmentLabel): item for item in segmentation.SegmentSequence
        }
        self.slips = {item.level: item.meyerding_grade for item in report.levels}

    def groups(self) -> Iterator[Group]:
        """Yield the groups: discs and vertebrae, the canal, the spine, the grades."""
        found = [item for item in values(self.report) if item.value is not None]
        for of in (*Level, *Vertebra):
            yield from self._group(of, of, _select(found, of, of_canal=False))
        for of in (*Level, *Vertebra, SPINE):
            canal = _select(found, of, of_canal=True)
            yield from self._group(Structure.CANAL, of, canal)
        yield from self._group(None, SPINE, _select(found, SPINE, of_canal=False))
        for grading in self.report.gradings:
            yield self._new_group(
                grading.level,
                grading.level,
                self.report.grading_model,
                [],
                [QualitativeEvaluation(PFIRRMANN, PFIRRMANN_GRADES[grading.pfirrmann])],
            )

    def _group(
        self, structure: Name | None, of: Place, found: Sequence[Value]
    ) -> Iterator[Group]:
        """Yield the group of one structure at one place, if anything is in it."""
        slip = self.slips.get(of) if isinstance(of, Level) and structure == of else None
        evaluations = (
            []
            if slip is None
            else [QualitativeEvaluation(MEYERDING, MEYERDING_GRADES[slip])]
        )
        if found or evaluations:
            measurements = [_measurement(item) for item in found]
            model = self.report.model
            yield self._new_group(structure, of, model, measurements, evaluations)

    def _new_group(
        self,
        structure: Name | None,
        of: Place,
        model: ModelVersion,
        measurements: list[Measurement],
        evaluations: list[QualitativeEvaluation],
    ) -> Group:
        label = str(of) if structure in (of, None) else f"{structure} at {of}"
        tracking_uid = self._tracking_uid(structure, label)
        shared: dict[str, Any] = {
            "tracking_identifier": TrackingIdentifier(tracking_uid, label),
            "finding_type": STRUCTURES[structure] if structure else LUMBAR_SPINE,
            "finding_sites": [FindingSite(_site(of))],
            "algorithm_id": _algorithm(model),
            "measurements": measurements,
            "qualitative_evaluations": evaluations,
        }
        segment = self.segments.get(str(structure))
        if segment is None:
            return MeasurementsAndQualitativeEvaluations(**shared)
        return VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=ReferencedSegment(
                sop_class_uid=self.segmentation.SOPClassUID,
                sop_instance_uid=self.segmentation.SOPInstanceUID,
                segment_number=int(segment.SegmentNumber),
                source_series=SourceSeriesForSegmentation(self.source.series_uid),
            ),
            **shared,
        )

    def _tracking_uid(self, structure: Name | None, label: str) -> str:
        """Return the segment's own UID where the group is about all of it."""
        segment = self.segments.get(label)
        if segment is not None:
            return str(segment.TrackingUID)
        return derived_uid(
            self.source.study_uid,
            self.source.series_uid,
            "group",
            str(structure),
            label,
        )


def _select(found: Sequence[Value], of: Place, *, of_canal: bool) -> list[Value]:
    return [
        item
        for item in found
        if item.of == of and (item.quantity in OF_CANAL) is of_canal
    ]


def _site(of: Place) -> Code:
    if isinstance(of, Level):
        return LEVELS[of]
    return STRUCTURES[of] if isinstance(of, Vertebra) else LUMBAR_SPINE


def _measurement(item: Value) -> Measurement:
    """One value, named by a standard code where there is one, and then by ours too."""
    quantity, value = item.quantity, item.value
    if value is None:
        raise ValueError(f"{quantity.field} of {item.of} was not measured")
    return Measurement(
        name=quantity.general or quantity.code,
        value=value,
        unit=quantity.unit.code,
        method=quantity.code if quantity.general else None,
        properties=_uncertainty(item),
    )


def _uncertainty(item: Value) -> MeasurementProperties | None:
    """Half the 95 % interval to both sides, in the unit of the value itself."""
    if item.uncertainty is None:
        return None
    properties = MeasurementProperties(
        upper_measurement_uncertainty=item.uncertainty,
        lower_measurement_uncertainty=item.uncertainty,
    )
    for content in properties:  # highdicom writes them without a unit
        measured = content.MeasuredValueSequence[0]
        unit = CodedConcept.from_code(item.quantity.unit.code)
        measured.MeasurementUnitsCodeSequence = [unit]
    return properties


def _observer(model: ModelVersion) -> ObserverContext:
    return ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=derived_uid("device", model.sha256),
            name=f"{model.name} {model.version}",
            manufacturer_name=PRODUCT,
            model_name=model.name,
            serial_number=model.sha256[:16],
        ),
    )


def _algorithm(model: ModelVersion) -> AlgorithmIdentification:
    return AlgorithmIdentification(
        name=model.name,
        version=model.version,
        parameters=[f"sha256={model.sha256}"],
    )
