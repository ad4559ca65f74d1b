"""The fixtures of pytest. Installed with the package, they need no line in a conftest.py."""

import os
from collections.abc import Iterator

import pytest

from matricula_auth import Verifier, configure

from .issuer import Issuer
from .site import Site


@pytest.fixture
def matricula(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """Learners who are made up: `matricula.sign_up("Ada").headers`. The backend checks them by its keys."""
    issuer = Issuer()
    monkeypatch.setenv("MATRICULA_URL", issuer.url)
    monkeypatch.setenv("MATRICULA_SERVICE_KEY", issuer.service_key)
    configure(issuer.verifier())
    yield issuer
    configure(None)
    issuer.close()


@pytest.fixture(scope="session")
def _site() -> Iterator[Site]:
    home = os.environ.get("MATRICULA_HOME")
    if not home:
        pytest.fail("Set MATRICULA_HOME to the folder of Matricula")
    site = Site(home, database_url=os.environ.get("MATRICULA_DATABASE_URL"))
    yield site
    site.close()


@pytest.fixture
def matricula_site(_site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The real site of the folder MATRICULA_HOME, started once for all tests. Its learners sign up for good."""
    monkeypatch.setenv("MATRICULA_URL", _site.url)
    monkeypatch.setenv("MATRICULA_SERVICE_KEY", _site.service_key)
    configure(Verifier(_site.url, service_key=_site.service_key))
    yield _site
    configure(None)
