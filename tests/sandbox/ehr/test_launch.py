"""The EHR's authorization server does SMART App Launch 2.2."""

import base64
import json
import time
import uuid
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from sandbox.services import Ehr
from tests.sandbox.smart_client import (
    CALLBACK,
    READ_ALL,
    TIMEOUT_S,
    Fhir,
    authorize,
    exchange,
    new_verifier,
    token,
)


def test_token_answer_holds_the_launch_context(hospital: Ehr) -> None:
    study = [{"reference": "ImagingStudy/1"}]
    answer = token(hospital, patient="ada", encounter="visit", fhirContext=study)
    assert (answer["patient"], answer["encounter"]) == ("ada", "visit")
    assert answer["fhirContext"] == study


def test_id_token_is_signed_and_names_the_user(hospital: Ehr) -> None:
    answer = token(hospital, patient="ada", user="Practitioner/doc")
    jwks = requests.get(f"{hospital.origin}/oauth/jwks", timeout=TIMEOUT_S).json()
    keys = KeySet.import_key_set(jwks)
    claims = jwt.decode(answer["id_token"], keys, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["aud"]) == (hospital.origin, "public")
    assert (claims["nonce"], claims["fhirUser"]) == (
        "nonce-1",
        f"{hospital.fhir_base}/Practitioner/doc",
    )


def test_code_without_pkce_is_refused(hospital: Ehr) -> None:
    launch = hospital.launch(patient="ada")["launch"]
    callback = authorize(hospital, launch=launch, code_challenge_method=None)
    assert callback["error"] == "invalid_request"
    assert "PKCE" in callback["error_description"]


def test_plain_pkce_is_refused(hospital: Ehr) -> None:
    callback = authorize(
        hospital, code_challenge="a" * 43, code_challenge_method="plain"
    )
    assert callback["error"] == "invalid_request"


def test_wrong_verifier_gets_no_token(hospital: Ehr) -> None:
    launch = hospital.launch(patient="ada")["launch"]
    challenge = new_verifier().challenge
    callback = authorize(hospital, launch=launch, code_challenge=challenge)
    answer = exchange(
        hospital,
        grant_type="authorization_code",
        code=callback["code"],
        redirect_uri=CALLBACK,
        client_id="public",
        code_verifier=new_verifier().secret,
    )
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "change", [{"aud": "https://elsewhere.example/fhir"}, {"launch": "unknown"}]
)
def test_wrong_aud_or_launch_is_refused(hospital: Ehr, change: dict[str, str]) -> None:
    verifier = new_verifier()
    callback = authorize(
        hospital, browser=None, code_challenge=verifier.challenge, **change
    )
    assert (callback["error"], callback["state"]) == ("invalid_request", "state-1")


def test_foreign_redirect_address_is_never_redirected_to(hospital: Ehr) -> None:
    callback = authorize(
        hospital,
        redirect_uri="https://elsewhere.example/callback",
        code_challenge=new_verifier().challenge,
    )
    assert callback == {"error_page": "400"}


def test_user_can_refuse_the_app(hospital: Ehr) -> None:
    launch = hospital.launch(patient="ada", deny=True)["launch"]
    callback = authorize(
        hospital, launch=launch, code_challenge=new_verifier().challenge
    )
    assert callback["error"] == "access_denied"


def test_user_can_refuse_one_scope(hospital: Ehr) -> None:
    scope = f"{READ_ALL} patient/CarePlan.c"
    answer = token(
        hospital, scope=scope, patient="ada", refuseScopes=["patient/CarePlan.c"]
    )
    assert "patient/CarePlan.c" not in answer["scope"]
    assert "patient/*.rs" in answer["scope"]


def test_refresh_keeps_the_context_and_rotates(hospital: Ehr) -> None:
    first = token(hospital, patient="ada")
    form = {"grant_type": "refresh_token", "client_id": "public"}
    second = exchange(hospital, refresh_token=first["refresh_token"], **form).json()
    assert second["patient"] == "ada"
    assert second["refresh_token"] != first["refresh_token"]
    replay = exchange(hospital, refresh_token=first["refresh_token"], **form)
    assert replay.json()["error"] == "invalid_grant"


def test_no_refresh_token_unless_asked_for(hospital: Ehr) -> None:
    answer = token(hospital, patient="ada", scope="launch openid patient/*.rs")
    assert "refresh_token" not in answer


def test_expired_token_is_answered_401(hospital: Ehr) -> None:
    fhir = Fhir(hospital, scope=READ_ALL, patient="ada")
    assert fhir.get("Patient/ada").status_code == 200
    hospital.expire_tokens()
    assert fhir.get("Patient/ada").status_code == 401


def test_private_key_jwt_authenticates_a_confidential_client(
    hospital: Ehr, client_key: ECKey
) -> None:
    verifier = new_verifier()
    callback = authorize(
        hospital,
        client_id="confidential",
        launch=hospital.launch(patient="ada")["launch"],
        code_challenge=verifier.challenge,
    )
    form = {
        "grant_type": "authorization_code",
        "code": callback["code"],
        "redirect_uri": CALLBACK,
        "client_id": "confidential",
        "code_verifier": verifier.secret,
    }
    assert exchange(hospital, **form).json()["error"] == "invalid_client"
    answer = exchange(hospital, **form, **_assertion(hospital, client_key))
    assert answer.json()["patient"] == "ada"


def test_two_launches_in_one_browser_have_two_contexts(hospital: Ehr) -> None:
    with requests.Session() as browser:
        ada = token(hospital, browser=browser, patient="ada", user="Practitioner/doc")
        bob = token(hospital, browser=browser, patient="bob", user="Practitioner/eve")
    assert (ada["patient"], bob["patient"]) == ("ada", "bob")
    assert fhir_user(ada).endswith("/Practitioner/doc")
    assert fhir_user(bob).endswith("/Practitioner/eve")
    form = {"grant_type": "refresh_token", "client_id": "public"}
    refreshed = exchange(hospital, refresh_token=ada["refresh_token"], **form).json()
    assert refreshed["patient"] == "ada"


def fhir_user(answer: dict[str, Any]) -> str:
    payload = answer["id_token"].split(".")[1]
    claims: dict[str, str] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims["fhirUser"]


def _assertion(ehr: Ehr, key: ECKey) -> dict[str, str]:
    claims = {
        "iss": "confidential",
        "sub": "confidential",
        "aud": f"{ehr.origin}/oauth/token",
        "exp": int(time.time()) + 60,
        "jti": str(uuid.uuid4()),
    }
    header = {"alg": "ES384", "kid": "test"}
    return {
        "client_assertion_type": (
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        ),
        "client_assertion": jwt.encode(header, claims, key, algorithms=["ES384"]),
    }
