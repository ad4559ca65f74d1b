"""`MATRICULA_HOME=../matricula python -m pytest test_with_site.py`: the same from end to end, with the real site."""

from fastapi.testclient import TestClient
from first import app
from matricula_testing import Site

client = TestClient(app)


def test_ben_is_known(matricula_site: Site) -> None:
    ben = matricula_site.sign_up("Ben")
    assert client.get("/me", headers=ben.headers).json()["email"] == ben.email
