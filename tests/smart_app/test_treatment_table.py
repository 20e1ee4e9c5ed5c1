"""A bulk export becomes a table that the training reads, or a list of its faults."""

import json
from pathlib import Path

import pytest

from inference.cohort.inputs import OPTIONS
from inference.training.site_table import MIN_CHOSEN, read_site_table
from smart_app.treatment_table import main
from tests.fhir_mappings.charts import PATIENT, Resource, pain

OWN = "urn:oid:1.2"


def export(folder: Path, count: int) -> None:
    """Write an export of so many patients, each with a pain score and one order."""
    patients: list[Resource] = []
    scores: list[Resource] = []
    orders: list[Resource] = []
    for number in range(count):
        subject = {"reference": f"Patient/p{number}"}
        patients.append(PATIENT | {"id": f"p{number}"})
        scores.append(pain(number % 11, f"s{number}") | {"subject": subject})
        code = {"coding": [{"system": OWN, "code": str(number % len(OPTIONS))}]}
        orders.append(
            {
                "resourceType": "ServiceRequest",
                "id": f"r{number}",
                "status": "active",
                "intent": "order",
                "code": code,
                "subject": subject,
                "authoredOn": "2026-03-02",
            }
        )
    for name, resources in (("a", patients), ("b", scores), ("c", orders)):
        lines = "\n".join(map(json.dumps, resources))
        (folder / f"{name}.ndjson").write_text(lines + "\n")


def codes(folder: Path, **more: object) -> str:
    options = {f"{OWN}|{at}": option for at, option in enumerate(OPTIONS)}
    path = folder / "codes.json"
    path.write_text(json.dumps({"options": options} | more))
    return str(path)


def test_an_export_becomes_a_table_that_the_training_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = MIN_CHOSEN * len(OPTIONS)
    export(tmp_path, count)
    main([str(tmp_path), "--codes", codes(tmp_path)])
    printed = capsys.readouterr()
    assert printed.err.startswith(f"{count} rows of {count} patients; 0 without a row")
    assert "Nowak" not in printed.out
    assert "p17" not in printed.out
    table = tmp_path / "table.csv"
    table.write_text(printed.out)
    read = read_site_table(table)
    assert read.count == count
    assert read.choices.tolist() == [at % len(OPTIONS) for at in range(count)]


def test_lines_that_are_no_resources_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "x.ndjson").write_text('{"resourceType": "Patient"}\n\n[]\n{\n')
    with pytest.raises(SystemExit) as raised:
        main([str(tmp_path), "--codes", codes(tmp_path)])
    assert str(raised.value).splitlines() == [
        "x.ndjson, line 1: no FHIR resource",
        "x.ndjson, line 3: no FHIR resource",
        "x.ndjson, line 4: no FHIR resource",
        f"no Patient in the *.ndjson of {tmp_path.name}",
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"options": {}}, "no options, so nothing was chosen"),
        ({"options": {f"{OWN}|1": "opioid"}}, "options: 'opioid' is not known here"),
    ],
)
def test_codes_that_say_nothing_of_what_was_chosen_are_refused(
    tmp_path: Path, more: dict[str, object], words: str
) -> None:
    export(tmp_path, 1)
    with pytest.raises(SystemExit, match=words):
        main([str(tmp_path), "--codes", codes(tmp_path, **more)])
