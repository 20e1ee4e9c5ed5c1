"""A FHIR bulk export -> the table that the treatment model is retrained on.

``python -m smart_app.treatment_table FOLDER --codes CODES.json > TABLE.csv``. The
folder holds NDJSON files (https://hl7.org/fhir/uv/bulkdata); CODES.json is the site's
table of codes (``fhir_mappings.site_codes``) with its ``options``. The table names no
patient.
"""

import argparse
import csv
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from fhir_mappings.chart_values import FIELDS
from fhir_mappings.datatypes import Resource
from fhir_mappings.errors import SiteTableError, UnreadablePatientError
from fhir_mappings.references import local
from fhir_mappings.site_codes import SiteCodes, site_codes
from fhir_mappings.treatment_rows import treatment_rows
from inference.treatment.inputs import COLUMNS, PATIENT


class ExportError(Exception):
    """The export is not usable; the message has one line per thing that is wrong."""


def main(argv: list[str] | None = None) -> int:
    """Print the table, and on stderr how many patients and rows it has."""
    parser = argparse.ArgumentParser(
        prog="smart_app.treatment_table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--codes", type=Path, required=True)
    options = parser.parse_args(argv)
    try:
        site = _site(options.codes)
        charts = read_export(options.folder)
    except (ExportError, SiteTableError) as error:
        raise SystemExit(str(error)) from error
    writer = csv.DictWriter(sys.stdout, COLUMNS)
    writer.writeheader()
    people = rows = unreadable = 0
    for number, (patient, resources) in enumerate(charts, start=1):
        try:
            found = [*treatment_rows(patient, resources, site=site)]
        except UnreadablePatientError:
            unreadable += 1
            continue
        writer.writerows({PATIENT: str(number), **row} for row in found)
        people += bool(found)
        rows += len(found)
    sys.stderr.write(
        f"{rows} rows of {people} patients; {len(charts) - people} without a row, "
        f"{unreadable} of them unreadable\n"
    )
    return 0


def read_export(folder: Path) -> list[tuple[Resource, list[Resource]]]:
    """Return each Patient of an export with their resources.

    Raises:
        ExportError: There is no Patient, or lines are no resources; each is named.

    """
    patients: dict[str, Resource] = {}
    others: dict[str, list[Resource]] = defaultdict(list)
    problems: list[str] = []
    for resource in _resources(folder, problems):
        if resource["resourceType"] == "Patient":
            patients[f"Patient/{resource['id']}"] = resource
        elif subject := local(_subject(resource)):
            others[subject].append(resource)
    if not patients:
        problems.append(f"no Patient in the *.ndjson of {folder.name}")
    if problems:
        raise ExportError("\n".join(problems))
    return [(patient, others[name]) for name, patient in patients.items()]


def _resources(folder: Path, problems: list[str]) -> Iterator[Resource]:
    for path in sorted(folder.glob("*.ndjson")):
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                resource = _parsed(line)
                if resource is None:
                    problems.append(f"{path.name}, line {number}: no FHIR resource")
                else:
                    yield resource


def _parsed(line: str) -> Resource | None:
    try:
        resource = json.loads(line)
    except ValueError:
        return None
    is_resource = isinstance(resource, dict) and {"resourceType", "id"} <= {*resource}
    return resource if is_resource else None


def _subject(resource: Resource) -> str:
    subject = resource.get("subject")
    return str(subject.get("reference", "")) if isinstance(subject, dict) else ""


def _site(path: Path) -> SiteCodes:
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SiteTableError(f"{path.name}: no JSON") from error
    site = site_codes(document, fields=FIELDS)
    if not site.options:
        raise SiteTableError(f"{path.name}: no options, so nothing was chosen")
    return site


if __name__ == "__main__":
    sys.exit(main())
