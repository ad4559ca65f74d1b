"""Who calls."""

from dataclasses import dataclass
from typing import Any, TypeVar

from .errors import BadToken

LIFETIME = 900

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Learner:
    """What a token says of the learner who calls. `sub` never changes; names and addresses do."""

    sub: str
    sid: str
    name: str
    email: str
    # An address is a claim of its owner until this is true. Give nobody rights for one that is not verified.
    email_verified: bool
    iat: int
    exp: int
    scopes: tuple[str, ...] = ()
    # How they have shown who they are (RFC 8176): "mfa" is among it after two steps. Empty in tokens of an older site.
    amr: tuple[str, ...] = ()
    # When they logged in, in seconds; None in tokens of an older site.
    auth_time: int | None = None


@dataclass(frozen=True, slots=True)
class StatusReference:
    """Where it says whether the session of a token has ended: a place in a list (draft-ietf-oauth-status-list)."""

    idx: int
    uri: str


def learner_of(claims: dict[str, Any]) -> Learner:
    """The learner of claims whose signature is good. @raises BadToken if one is missing or of another type."""
    learner = Learner(
        sub=of_type(str, claims.get("sub")),
        sid=of_type(str, claims.get("sid")),
        name=of_type(str, claims.get("name")),
        email=of_type(str, claims.get("email")),
        email_verified=of_type(bool, claims.get("emailVerified")),
        iat=of_type(int, claims.get("iat")),
        exp=of_type(int, claims.get("exp")),
        scopes=tuple(of_type(str, claims.get("scope", "")).split()),
        amr=tuple(of_type(str, way) for way in of_type(list, claims.get("amr", []))),
        auth_time=of_type(int, claims["auth_time"]) if "auth_time" in claims else None,
    )
    if not learner.sub or not learner.sid or learner.exp - learner.iat > LIFETIME:
        raise BadToken("Not an access token of this site")
    return learner


def status_reference_of(claims: dict[str, Any]) -> StatusReference | None:
    """Where the session's status is listed, if the token says so. @raises BadToken if it says so in another way."""
    if "status" not in claims:
        return None
    reference = of_type(dict, of_type(dict, claims["status"]).get("status_list"))
    return StatusReference(idx=of_type(int, reference.get("idx")), uri=of_type(str, reference.get("uri")))


def of_type(kind: type[T], value: object) -> T:
    """The value, if it is exactly of this type: Matricula never writes a number as text, or a number for true."""
    if type(value) is kind:
        return value
    raise BadToken("Not an access token of this site")
