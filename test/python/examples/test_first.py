"""`python -m pytest test_first.py`: the backend of the first two minutes, without a Matricula."""

from fastapi.testclient import TestClient
from first import app
from matricula_testing import Issuer

client = TestClient(app)


def test_ada_is_known_until_she_logs_out(matricula: Issuer) -> None:
    ada = matricula.sign_up("Ada")
    headers = ada.headers
    assert client.get("/me", headers=headers).json()["name"] == "Ada"
    ada.log_out()
    assert client.get("/me", headers=headers).status_code == 401
    assert client.get("/me").status_code == 401
