"""Tells who calls: checks the access token with Matricula's public keys, without a request to it for each call."""

import os
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field, ValidationError

def setting(name: str) -> str:
    """An environment variable. If it is missing, the program ends and says so."""
    if value := os.environ.get(name):
        return value
    raise SystemExit(f"Set {name}: docs/python.md says to what, under “Set up”.")


MATRICULA = setting("MATRICULA_URL").rstrip("/")  # its PUBLIC_URL: issuer and audience of every token
LIFETIME = 900
LEEWAY = 30  # seconds that two clocks may differ

# One per process: it caches the keys for 5 minutes. Never `cache_keys=True`, which keeps a withdrawn key for ever.
keys = jwt.PyJWKClient(f"{MATRICULA}/api/auth/jwks", timeout=5)
bearer = HTTPBearer(auto_error=False)


class Learner(BaseModel, strict=True):
    """What a token says. Strict, because Matricula never writes a number as text."""

    sub: str = Field(min_length=1)
    sid: str = Field(min_length=1)
    name: str
    email: str
    email_verified: bool = Field(validation_alias="emailVerified")
    iat: int
    exp: int


def signing_key(token: str) -> jwt.PyJWK:
    try:
        return keys.get_signing_key_from_jwt(token)
    except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, OSError, ValueError) as error:
        raise unavailable() from error  # without keys we cannot tell: the token may be good


# A plain `def`: fetching keys blocks, so FastAPI runs this in a thread and keeps serving.
def current_learner(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Learner:
    if credentials is None:
        raise unauthorized()
    token = credentials.credentials
    try:
        claims = jwt.decode(
            token,
            signing_key(token),
            algorithms=["EdDSA"],
            issuer=MATRICULA,
            audience=MATRICULA,
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "sub", "sid"], "strict_aud": True},
        )
        learner = Learner.model_validate(claims)
    except (jwt.PyJWTError, ValidationError) as error:
        raise unauthorized() from error
    if learner.exp - learner.iat > LIFETIME:
        raise unauthorized()
    return learner


def unauthorized() -> HTTPException:
    return HTTPException(401, "Not signed in, or no longer", {"WWW-Authenticate": "Bearer"})


def unavailable() -> HTTPException:
    return HTTPException(503, "Out of reach for the moment", {"Retry-After": "5"})


CurrentLearner = Annotated[Learner, Depends(current_learner)]
