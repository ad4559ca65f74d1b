"""FastAPI: who is let in, what the others are told, and what the description says."""

from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Security
from fastapi.testclient import TestClient

from matricula_auth import Learner
from matricula_auth.fastapi import CurrentLearner, LearnerWithOpenSession, learner
from matricula_testing import Issuer

app = FastAPI()


@app.get("/me")
async def me(who: Annotated[Learner, Depends(learner)]) -> Learner:
    return who


@app.get("/plain")
def plain(who: CurrentLearner) -> str:
    return who.name


@app.get("/strict")
def strict(who: LearnerWithOpenSession) -> str:
    return who.name


@app.get("/labs")
def labs(who: Annotated[Learner, Security(learner, scopes=["labs"])]) -> str:
    return who.name


@pytest.fixture
def client(matricula: Issuer) -> TestClient:
    return TestClient(app)


def test_ada_is_let_in_until_she_logs_out(matricula: Issuer, client: TestClient) -> None:
    ada = matricula.sign_up("Ada")
    headers = ada.headers
    answer = client.get("/me", headers=headers)
    assert answer.status_code == 200
    assert answer.json()["email"] == ada.email
    said = {"sub", "sid", "name", "email", "email_verified", "iat", "exp", "scopes", "amr", "auth_time"}
    assert set(answer.json()) == said
    for path in ("/plain", "/strict"):
        assert client.get(path, headers=headers).json() == "Ada"
    ada.log_out()
    for path in ("/me", "/plain", "/strict"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.json() == {"detail": "Not signed in, or no longer"}
        assert 'error="invalid_token", error_description="The session' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YWRhOmFkYQ=="])
def test_who_brings_no_token_is_asked_for_one(client: TestClient, header: str | None) -> None:
    answer = client.get("/me", headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="Matricula"')


def test_a_missing_scope_is_403(matricula: Issuer, client: TestClient) -> None:
    ada = matricula.sign_up()
    assert client.get("/labs", headers=ada.headers).status_code == 403
    assert 'scope="labs"' in client.get("/labs", headers=ada.headers).headers["WWW-Authenticate"]
    allowed = {"Authorization": f"Bearer {ada.token(scope='labs')}"}
    assert client.get("/labs", headers=allowed).json() == "Ada"


def test_while_nobody_can_tell_it_is_503(matricula: Issuer, client: TestClient) -> None:
    matricula.is_down = True
    answer = client.get("/me", headers=matricula.sign_up().headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json() == {"detail": "Out of reach for the moment"}


def test_the_description_names_the_scheme() -> None:
    described = app.openapi()
    assert described["components"]["securitySchemes"] == {
        "Matricula": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    assert described["paths"]["/me"]["get"]["security"] == [{"Matricula": []}]


def test_a_test_may_put_a_learner_in_place(client: TestClient) -> None:
    someone = Learner("ada", "one", "Ada", "ada@example.org", True, 0, 900)
    app.dependency_overrides[learner] = lambda: someone
    try:
        assert client.get("/me").json()["name"] == "Ada"
    finally:
        app.dependency_overrides.clear()
