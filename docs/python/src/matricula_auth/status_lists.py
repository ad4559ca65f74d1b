"""Lists of ended sessions (draft-ietf-oauth-status-list), as a verifier reads them."""

import zlib
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from functools import partial
from typing import Any

import jwt

from .clock import now
from .documents import Document, Loaded
from .errors import BadToken, Unreachable
from .fetching import Fetch, Request
from .keys import ALGORITHMS, Keys, header_of, jwts

TYPE = "statuslist+jwt"
BITS = (1, 2, 4, 8)
# Where a list does not say how long it may be kept.
TTL_SECONDS = 5
# Matricula's own reading may be a second old. Asked that much earlier, a logout is seen within the `ttl` all the same.
EARLIER_SECONDS = 1
# A million places of eight bits, as in the largest of the draft's vectors. What is compressed may grow without end.
LONGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class StatusList:
    bits: int
    places: bytes
    exp: float
    ttl: float
    etag: str | None = None

    def status_at(self, index: int) -> int:
        """0 while the session is open (section 4 of the draft). @raises BadToken if the list has no such place."""
        first = index * self.bits
        if index < 0 or first >= len(self.places) * 8:
            raise BadToken("Not an access token of this site")
        return self.places[first >> 3] >> (first & 7) & ((1 << self.bits) - 1)


ListDocument = Document[StatusList]


class StatusLists:
    """The lists that tokens name, each kept for its `ttl`."""

    def __init__(self, keys: Keys, request: Request, fetch: Fetch, timeout: float, leeway: float) -> None:
        self._keys, self._request, self._fetch = keys, request, fetch
        self._timeout, self._leeway = timeout, leeway
        self._documents: dict[str, ListDocument] = {}

    def document_of(self, uri: str, path: str) -> ListDocument:
        """The list of this name, which is fetched at `path`."""
        return self._documents.setdefault(uri, Document(partial(self._load, uri, path)))

    def make_due(self) -> None:
        for document in list(self._documents.values()):
            document.make_due()

    def current(self, document: ListDocument) -> StatusList:
        """@raises Unreachable if there is none, or only one that is over."""
        if document.value is None or now() >= document.value.exp + self._leeway:
            raise document.failure
        return document.value

    def _load(self, uri: str, path: str, last: StatusList | None) -> Loaded[StatusList]:
        headers = {**self._request.headers, "Accept": f"application/{TYPE}"}
        if last is not None and last.etag is not None and now() < last.exp:
            headers["If-None-Match"] = last.etag
        answer = self._fetch(Request(f"{self._request.url}{path}", headers), self._timeout)
        if answer.status == 304 and last is not None:
            return Loaded(last, fresh_seconds(last))
        try:
            read = self.read(answer.body.decode("ascii"), uri, answer.etag)
        except (BadToken, ValueError) as error:
            raise Unreachable(f"{uri} is not a list that can be read") from error
        return Loaded(read, fresh_seconds(read))

    def read(self, token: str, uri: str, etag: str | None = None) -> StatusList:
        """
        The list in a signed token, checked as section 8.3 of the draft says.
        @raises BadToken, ValueError if anything about it is wrong.
        """
        header = header_of(token)
        if header.get("typ") != TYPE:
            raise BadToken("Not a status list")
        try:
            claims = jwts.decode(
                token,
                self._keys.find_now(header["kid"]),
                algorithms=ALGORITHMS,
                subject=uri,
                leeway=self._leeway,
                # It may be younger than this clock shows: a token is 5 seconds old at least, a list need not be.
                options={"require": ["sub", "iat", "status_list"], "verify_aud": False, "verify_iat": False},
            )
        except jwt.PyJWTError as error:
            raise BadToken("Not a status list") from error
        return status_list_of(claims, etag)


def status_list_of(claims: dict[str, Any], etag: str | None = None) -> StatusList:
    """The list in claims whose signature is good. @raises ValueError if there is none."""
    try:
        bits, packed = claims["status_list"]["bits"], claims["status_list"]["lst"]
        if bits not in BITS:
            raise ValueError("so many bits are not possible")
        exp, ttl = float(claims.get("exp", "inf")), float(claims.get("ttl", TTL_SECONDS))
        return StatusList(bits, unpacked(packed), exp, ttl, etag)
    except (LookupError, TypeError, zlib.error) as error:
        raise ValueError("there is no list in it") from error


def unpacked(text: str) -> bytes:
    """The places of a list, from base64url of DEFLATE in the ZLIB format."""
    unpacking = zlib.decompressobj()
    places = unpacking.decompress(urlsafe_b64decode(text + "=" * (-len(text) % 4)), LONGEST)
    if not unpacking.eof:
        raise ValueError("the list is longer than any, or not whole")
    return places


def fresh_seconds(read: StatusList) -> float:
    return max(1.0, read.ttl - EARLIER_SECONDS)
