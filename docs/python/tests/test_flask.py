"""Flask: the decorator, and what it answers."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from matricula_auth import configure
from matricula_auth.flask import current_learner, learner_required
from matricula_testing import Issuer

app = Flask(__name__)


@app.get("/me")
@learner_required
def me() -> dict[str, str]:
    return {"name": current_learner.name}


@app.get("/later")
@learner_required
def open_to(what: str = "all") -> dict[str, str]:
    return {"name": current_learner.name, "what": what}


@app.get("/strict")
@learner_required(strict=True)
def strict() -> dict[str, str]:
    return {"name": current_learner.name}


@app.get("/labs/<name>")
@learner_required(scopes=["labs"])
def labs(name: str) -> dict[str, str]:
    return {"lab": name}


@pytest.fixture
def client(matricula: Issuer) -> FlaskClient:
    return app.test_client()


def test_ada_is_let_in_until_she_logs_out(matricula: Issuer, client: FlaskClient) -> None:
    ada = matricula.sign_up("Ada")
    headers = ada.headers
    for path in ("/me", "/later", "/strict"):
        assert as_json(client, path, headers)["name"] == "Ada"
    ada.log_out()
    for path in ("/me", "/later", "/strict"):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.json) == (401, {"detail": "Not signed in, or no longer"})
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_who_brings_no_token_is_asked_for_one(client: FlaskClient) -> None:
    answer = client.get("/me")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="Matricula"')


def test_a_missing_scope_is_403_and_an_outage_503(matricula: Issuer, client: FlaskClient) -> None:
    ada = matricula.sign_up()
    assert client.get("/labs/arm", headers=ada.headers).status_code == 403
    allowed = {"Authorization": f"Bearer {ada.token(scope='labs')}"}
    assert as_json(client, "/labs/arm", allowed) == {"lab": "arm"}
    matricula.is_down = True
    answer = client.get("/strict", headers=ada.headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def as_json(client: FlaskClient, path: str, headers: dict[str, str]) -> Any:  # noqa: ANN401
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_missing_setting_is_a_fault_that_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configure(None)
    monkeypatch.delenv("MATRICULA_URL", raising=False)
    assert app.test_client().get("/me").status_code == 500
    assert "Set MATRICULA_URL" in caplog.text
