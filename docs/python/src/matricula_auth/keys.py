"""Matricula's public keys, and what is signed with them. Whatever concerns signatures and claims is PyJWT's."""

import json
from threading import Lock
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from .clock import monotonic
from .documents import Document, Loaded
from .errors import BadToken, Unreachable
from .fetching import Fetch, Request

# How long a withdrawn key may still be known here.
FRESH_SECONDS = 300.0
# While Matricula is down it makes no tokens, and the last one it made is over after a quarter of an hour.
KEPT_SECONDS = 3600.0
# For key ids that are not known, new keys are fetched so often at once, and then so often. Garbage may name any id.
UNKNOWN_AT_ONCE = 4.0
UNKNOWN_SECONDS = 5.0

# The same algorithm under its old name and under that of RFC 9864. PyJWT knows the old one.
ALGORITHMS = ("EdDSA", "Ed25519")

jwts = jwt.PyJWT()
jwts._jws.register_algorithm("Ed25519", OKPAlgorithm())

KeySet = dict[str, Ed25519PublicKey]


class Allowance:
    """So many rounds at once, and then one in so many seconds. Joining one that somebody else was allowed is free."""

    def __init__(self, at_once: float, seconds: float) -> None:
        self._most, self._seconds = at_once, seconds
        self._left, self._at = at_once, monotonic()
        self._allowed = 0
        self._lock = Lock()

    def take(self, wanted: int) -> bool:
        with self._lock:
            if wanted <= self._allowed:
                return True
            now = monotonic()
            self._left = min(self._most, self._left + max(0.0, now - self._at) / self._seconds)
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            self._allowed = wanted
            return True


class Keys(Document[KeySet]):
    """The keys that are published. Old ones go on serving for an hour while newer ones cannot be fetched."""

    def __init__(self, request: Request, fetch: Fetch, timeout: float) -> None:
        super().__init__(lambda _: Loaded(key_set_of(fetch(request, timeout).body), FRESH_SECONDS))
        self._unknown = Allowance(UNKNOWN_AT_ONCE, UNKNOWN_SECONDS)

    def current(self) -> KeySet:
        """@raises Unreachable if there are none, or none that may still be used."""
        if self.value is None or monotonic() - self.loaded_at > KEPT_SECONDS:
            raise self.failure
        return self.value

    def round_wanted_for(self, kid: str) -> int | None:
        """The round to wait for before this key is looked up, if any. An unknown key is worth one, but not often."""
        if (due := self.due_round()) is not None:
            return due
        if kid in self.current():
            return None
        wanted = self.round_for(begun_from_now=True)
        return wanted if self._unknown.take(wanted) else None

    def find(self, kid: str) -> Ed25519PublicKey:
        """@raises BadToken, Unreachable"""
        if key := self.current().get(kid):
            return key
        raise BadToken("Signed with a key that is not published")

    def find_now(self, kid: str) -> Ed25519PublicKey:
        """As `find`; the caller waits while newer keys are fetched, where that may help."""
        if (wanted := self.round_wanted_for(kid)) is not None:
            self.refresh(wanted)
        return self.find(kid)


def key_set_of(body: bytes) -> KeySet:
    """The Ed25519 keys of a JWK Set (RFC 7517), by id; others are left out. @raises Unreachable if there are none."""
    keys: KeySet = {}
    try:
        for jwk in json.loads(body)["keys"]:
            if jwk.get("crv") == "Ed25519" and jwk.get("use", "sig") == "sig" and "d" not in jwk:
                key = OKPAlgorithm.from_jwk(jwk)
                if isinstance(key, Ed25519PublicKey):
                    keys[str(jwk["kid"])] = key
    except (ValueError, LookupError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise Unreachable("What came for keys cannot be read") from error
    if not keys:
        raise Unreachable("There is no key among the keys")
    return keys


def header_of(token: str) -> dict[str, Any]:
    """The header of a token, not yet checked but for its algorithm. @raises BadToken if there is none that is right."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise BadToken("Not an access token") from error
    if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
        raise BadToken("Not signed as this site signs")
    return header
