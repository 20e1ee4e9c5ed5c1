"""Commands for administrators: the report names what is wrong and what to do."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from sandbox.services import Ehr
from smart_app.commands.preflight import preflight as preflight_lines
from smart_app.ehrs.client_keys import JWKS_PATH, rotate
from tests.smart_app.clinic import Clinic, settings_in
from tests.smart_app.live import listening
from tests.smart_app.recorder import Recorder, recording

APP = "http://127.0.0.1:9"
CONFIGURATION = "/fhir/.well-known/smart-configuration"


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """An EHR with an archive."""
    with recording() as found:
        refused = {"error": "invalid_grant"}
        found.failures["/token"] = (400, {}, refused)
        yield found


def preflight(
    folder: Path, recorder: Recorder, base_url: str = APP, **fields: object
) -> Result:

    entry = {
        "issuer": recorder.fhir_base,
        "name": "Recorder",
        "client_id": "spoils",
        "dicomweb_url": f"{recorder.origin}/dicom-web",
    }
    path = folder / "issuers.json"
    path.write_text(json.dumps([entry | fields]))
    clinic = Clinic(settings_in(folder / "data", issuers=path, base_url=base_url))
    return clinic.app.test_cli_runner().invoke(args=["preflight", "Recorder"])


def test_a_ready_ehr_passes_and_every_subject_has_a_line(
    clinic: Clinic, hospital: Ehr
) -> None:
    result = clinic.app.test_cli_runner().invoke(args=["preflight", hospital.fhir_base])
    assert result.exit_code == 0, result.output
    subjects = [
        *("addresses", "clock", "discovery", "launch", "keys of the EHR", "scopes"),
        *("client authentication", "client", "redirect address", "revocation"),
        *(
            "FHIR server",
            "reading",
            "writing",
            "transactions",
            "archive",
            "a signature",
        ),
    ]
    for subject in subjects:
        assert f" {subject}: " in result.output
    assert "0 failures" in result.output


def test_what_an_ehr_does_not_take_is_said_before_anybody_signs(
    clinic: Clinic, hospital: Ehr
) -> None:
    hospital.play("epic")
    result = clinic.app.test_cli_runner().invoke(args=["preflight", hospital.fhir_base])
    (writing,) = [line for line in result.output.splitlines() if " writing: " in line]
    assert writing.startswith("warning")
    assert "CarePlan" in writing
    assert "warning  transactions: not offered" in result.output
    (signed,) = [line for line in result.output.splitlines() if "signature: " in line]
    assert "takes no care plan" in signed
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        (CONFIGURATION, (404, {}, {}), "discovery: discovery: status 404"),
        ("/keys", (500, {}, {}), "keys of the EHR: discovery: status 500, at http"),
        ("/keys", (200, {}, {"keys": []}), "0 of 0 are of RSA or EC"),
        ("/authorize", (400, {}, {}), f"Register {APP}/callback as redirect"),
        ("/token", (401, {}, {"error": "invalid_client"}), "Compare client_id"),
        ("/fhir/metadata", (401, {}, {}), "/fhir/metadata answer without a token"),
        ("/dicom-web/studies", (401, {}, {}), "without a login: status 401"),
    ],
)
def test_what_is_wrong_fails_and_says_what_to_do(
    tmp_path: Path,
    recorder: Recorder,
    path: str,
    answer: tuple[int, dict[str, str], dict[str, Any]],
    words: str,
) -> None:
    before = preflight(tmp_path, recorder)
    assert before.exit_code == 0, before.output
    recorder.failures[path] = answer
    result = preflight(tmp_path, recorder)
    assert (result.exit_code, words in result.output) == (1, True), result.output
    assert "FAILURE" in result.output
    assert "    -> " in result.output


@pytest.mark.parametrize(("ahead_s", "level"), [(45, "warning "), (-300, "FAILURE ")])
def test_clocks_that_differ_are_told_before_sign_ins_fail(
    clinic: Clinic, hospital: Ehr, ahead_s: int, level: str
) -> None:
    ahead = timedelta(seconds=ahead_s)
    services = replace(clinic.services, clock=lambda: datetime.now(UTC) + ahead)
    issuer = services.issuers.known(hospital.fhir_base)
    (line,) = [x for x in preflight_lines(services, issuer) if x.subject == "clock"]
    assert str(line).startswith(level)
    assert "s off the EHR's time" in line.found


@pytest.mark.parametrize(
    ("discovery", "words"),
    [
        ({"code_challenge_methods_supported": None}, "pkce_not_announced"),
        ({"jwks_uri": None, "issuer": None}, "nobody can sign"),
        ({"capabilities": []}, "both are attempted"),
        ({"scopes_supported": ["patient/*.rs"]}, "does not name Observation."),
    ],
)
def test_what_discovery_lacks_is_named(
    tmp_path: Path, recorder: Recorder, discovery: dict[str, Any], words: str
) -> None:
    recorder.discovery = discovery
    assert words in preflight(tmp_path, recorder).output


def test_the_address_of_another_version_is_not_taken_for_r4(
    tmp_path: Path, recorder: Recorder
) -> None:
    recorder.statement = {"fhirVersion": "3.0.2"}
    assert "FAILURE  FHIR server: FHIR 3.0.2" in preflight(tmp_path, recorder).output


def test_keys_must_be_published_where_the_ehr_can_fetch_them(
    tmp_path: Path, recorder: Recorder
) -> None:
    keys = tmp_path / "keys.json"
    rotate(keys, datetime.now(UTC))
    key = {"private_key_file": str(keys)}
    assert (
        "FAILURE  own keys: published keys"
        in preflight(tmp_path, recorder, **key).output
    )
    recorder.discovery = {
        "token_endpoint_auth_methods_supported": ["client_secret_basic"]
    }
    output = preflight(tmp_path, recorder, recorder.origin, **key).output
    assert "register that address" in output
    assert "FAILURE  client authentication: private_key_jwt" in output

    def old(_environ: object, start_response: Any) -> list[bytes]:  # noqa: ANN401
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"keys": []}']

    with listening(old) as origin:
        output = preflight(tmp_path, recorder, origin, **key).output
        assert f"2 of 2 keys are not published at {origin}{JWKS_PATH}" in output


def test_an_ehr_that_is_not_on_the_list_is_named_with_those_that_are(
    clinic: Clinic, hospital: Ehr
) -> None:
    result = clinic.app.test_cli_runner().invoke(
        args=["preflight", "https://x.example"]
    )
    assert (result.exit_code, hospital.fhir_base in result.output) == (2, True)


def test_keys_are_made_and_rotated_by_a_command(tmp_path: Path, clinic: Clinic) -> None:
    path = tmp_path / "keys.json"
    runner = clinic.app.test_cli_runner()
    for count in (2, 4):
        result = runner.invoke(args=["rotate-keys", str(path)])
        assert (result.exit_code, f"holds {count} keys" in result.output) == (0, True)
    path.write_text("{}")
    result = runner.invoke(args=["rotate-keys", str(path)])
    assert (result.exit_code, "holds a key without kid" in result.output) == (1, True)
