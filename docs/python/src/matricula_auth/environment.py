"""The verifier of this process, made from the environment when it is first needed."""

import os
from threading import Lock

from .verifier import AsyncVerifier, Verifier

MISSING = "Set {}: docs/python.md says to what, under “Set up”."

_lock = Lock()
_both: tuple[Verifier, AsyncVerifier] | None = None


def configure(verifier: Verifier | None) -> None:
    """Makes this the verifier of the process; `None` makes it the environment's again."""
    global _both
    with _lock:
        _both = None if verifier is None else (verifier, AsyncVerifier(verifier))


def default_verifier() -> Verifier:
    """The verifier of `MATRICULA_URL` and, for `strict`, `MATRICULA_SERVICE_KEY`, unless `configure` gave another."""
    return _verifiers()[0]


def default_async_verifier() -> AsyncVerifier:
    """The same for tasks. Both share what they keep."""
    return _verifiers()[1]


def _verifiers() -> tuple[Verifier, AsyncVerifier]:
    global _both
    with _lock:
        if _both is None:
            url = os.environ.get("MATRICULA_URL")
            if not url:
                # Not the end of the program, as below: within a call that is the end of a thread, and nobody hears why.
                raise RuntimeError(MISSING.format("MATRICULA_URL"))
            verifier = Verifier(url, service_key=os.environ.get("MATRICULA_SERVICE_KEY"))
            _both = (verifier, AsyncVerifier(verifier))
        return _both


def setting(name: str) -> str:
    """An environment variable, read as a program starts. If it is missing, the program ends and says so."""
    if value := os.environ.get(name):
        return value
    raise SystemExit(MISSING.format(name))
