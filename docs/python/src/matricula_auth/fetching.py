"""Requests to Matricula, by the standard library alone."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# Not that of `clock`: an answer takes real time, also where a test moves the clocks meanwhile.
from time import monotonic

from .errors import Unreachable

# A list of a million sessions, all ended in a random order, is a third of it.
LONGEST = 1_000_000
PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Request:
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is 200 or 304; all others are `Unreachable`."""

    status: int
    body: bytes
    etag: str | None


Fetch = Callable[[Request, float], Answer]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Neither a token nor a service key follows to another place, and no key comes from there."""

    def redirect_request(self, *_: object) -> None:
        return None


# Proxies come from HTTPS_PROXY and NO_PROXY, authorities from SSL_CERT_FILE.
opener = urllib.request.build_opener(NoRedirect)


def fetch(request: Request, timeout: float) -> Answer:
    """Asks once. @raises Unreachable for every answer but 200 and 304, and for one that is not whole in time."""
    deadline = monotonic() + timeout
    try:
        with opener.open(prepared(request), timeout=timeout) as response:
            if response.status != 200:
                raise Unreachable(f"{request.url} answered with {response.status}")
            return Answer(200, read_all(response, deadline), response.headers.get("ETag"))
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 304:
                return Answer(304, b"", error.headers.get("ETag"))
            raise Unreachable(f"{request.url} answered with {error.code}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(f"{request.url} did not answer: {type(error).__name__}") from error


def prepared(request: Request) -> urllib.request.Request:
    if not request.url.startswith(("http://", "https://")):
        raise ValueError(request.url)  # urllib also reads files
    ready = urllib.request.Request(request.url, request.body)  # noqa: S310
    for name, value in request.headers.items():
        ready.add_unredirected_header(name, value)
    return ready


def read_all(response: http.client.HTTPResponse, deadline: float) -> bytes:
    pieces: list[bytes] = []
    while piece := response.read1(PIECE):
        pieces.append(piece)
        if sum(map(len, pieces)) > LONGEST:
            raise ValueError("more than was asked for")
        if monotonic() > deadline:
            raise TimeoutError
    if response.length:
        raise http.client.IncompleteRead(b"".join(pieces), response.length)
    return b"".join(pieces)
