"""Tells which learner of Matricula calls, and refuses who has logged out."""

from .environment import configure, default_async_verifier, default_verifier, setting
from .errors import BadToken, MissingScope, NoToken, Refusal, TooWeakLogin, Unreachable
from .learner import Learner
from .verifier import AsyncVerifier, Verifier

__all__ = [
    "AsyncVerifier",
    "BadToken",
    "Learner",
    "MissingScope",
    "NoToken",
    "Refusal",
    "TooWeakLogin",
    "Unreachable",
    "Verifier",
    "configure",
    "default_async_verifier",
    "default_verifier",
    "setting",
]
