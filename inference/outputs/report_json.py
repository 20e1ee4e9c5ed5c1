"""The report as JSON, with its schema.

The schema is made from the types themselves; ``docs/report.schema.json`` is its
committed copy, which ``python -m inference schema`` prints.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model

from inference.results import CaseReport

#: Raised in its first part when a reader of the old one could misread the new one, in
#: its second when something was added.
SCHEMA_VERSION: Final = "1.0"
SCHEMA_ID: Final = f"urn:spoils:report:{SCHEMA_VERSION}"
#: What needs a chart, or has a file of its own.
LEFT_OUT: Final = frozenset({"features", "suggestion", "picture"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One structure of ``segmentation.dcm``.

    Attributes:
        number: Its segment number there.
        name: ``"L4"``, ``"L4/L5"`` or ``"canal"``.
        snomed: Its SNOMED CT code.
        volume_mm3: Volume of its voxels inside the imaged slices.

    """

    number: int
    name: str
    snomed: str
    volume_mm3: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How the files of a folder came to be.

    Attributes:
        created: When.
        fingerprint: SHA-256 of what the result depends on: the images, the models, the
            options and the version of this format.
        segments: What is in ``segmentation.dcm``.
        files: SHA-256 of each file beside this one, by name.

    """

    created: datetime
    fingerprint: str
    segments: tuple[Segment, ...]
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a study was not analyzed; ``refusal.json`` instead of the other files.

    Attributes:
        schema_version: Version of this format.
        study_uid: StudyInstanceUID as the files say it.
        created: When.
        error: Class of the error, such as ``"SeriesNotFoundError"``.
        message: What was wrong, for the person who looks after the data.
        advice: What to do next, for the person who wanted the report.

    """

    schema_version: str
    study_uid: str
    created: datetime
    error: str
    message: str
    advice: str


def _document() -> type[BaseModel]:
    """Make the type of ``report.json``: the report, less what is left out."""
    types = get_type_hints(CaseReport)
    kept: dict[str, Any] = {
        item.name: (types[item.name], ...)
        for item in fields(CaseReport)
        if item.name not in LEFT_OUT
    }
    return create_model(
        "SpoilsReport",
        __config__=ConfigDict(extra="forbid"),
        __doc__="What was measured on one study. Research software: not verified.",
        schema_version=(str, ...),
        run=(Run, ...),
        **kept,
    )


_REPORT: Final = _document()
_RUN: Final = TypeAdapter(Run)
_REFUSAL: Final = TypeAdapter(Refusal)


def report_json(report: CaseReport, run: Run) -> str:
    """Return a report as JSON; numbers are not rounded."""
    own = {"schema_version", "run"}
    kept = {name: getattr(report, name) for name in _REPORT.model_fields.keys() - own}
    document = _REPORT(schema_version=SCHEMA_VERSION, run=run, **kept)
    return document.model_dump_json(indent=2) + "\n"


def read_run(text: str) -> Run:
    """Return how the files beside a report came to be.

    Raises:
        ValueError: It is no report of this version.

    """
    document = json.loads(text)
    if (
        not isinstance(document, dict)
        or document.get("schema_version") != SCHEMA_VERSION
    ):
        raise ValueError(f"no report of version {SCHEMA_VERSION}")
    return _RUN.validate_python(document.get("run"))


def refusal_json(refusal: Refusal) -> str:
    """Return a refusal as JSON."""
    return _REFUSAL.dump_json(refusal, indent=2).decode() + "\n"


def schema_json() -> str:
    """Return the JSON Schema of a report, and of a refusal below its ``$defs``."""
    schema = _REPORT.model_json_schema(mode="serialization")
    refusal = _REFUSAL.json_schema(mode="serialization")
    schema["$defs"] |= refusal.pop("$defs", {}) | {"Refusal": refusal}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID}
    return json.dumps(head | schema, indent=2) + "\n"
