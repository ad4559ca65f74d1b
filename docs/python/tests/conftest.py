"""For the tests of the package: a clock that they move."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from types import SimpleNamespace

import pytest
from jwt import api_jwt

from matricula_auth import Verifier, clock
from matricula_testing import Issuer


class Clock:
    """Both clocks of the package, and that of PyJWT. They stand still between two moves."""

    def __init__(self) -> None:
        self.moment = clock.now()

    def forward(self, seconds: float) -> None:
        self.moment += seconds


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Moved":
            return cls.fromtimestamp(moved.moment, tz)

    monkeypatch.setattr(api_jwt, "datetime", Moved)
    read = SimpleNamespace(time=lambda: moved.moment, monotonic=lambda: moved.moment)
    monkeypatch.setattr(clock, "time", read)
    return moved


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """One whose verifiers hear of nothing by themselves: they are made with `Verifier(issuer.url)`."""
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture
def verifier(issuer: Issuer) -> Verifier:
    return Verifier(issuer.url, service_key=issuer.service_key)
