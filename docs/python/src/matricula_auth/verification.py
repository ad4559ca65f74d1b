"""
The check of a token in steps. Where something has to be fetched, it hands out the piece of work and waits, so that the
same steps serve threads, which do the work themselves, and tasks, which have it done.
"""

import json
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .clock import now
from .documents import Document
from .errors import BadToken, MissingScope, NoToken, TooWeakLogin, Unreachable
from .fetching import Fetch, Request, fetch
from .keys import ALGORITHMS, Keys, header_of, jwts
from .learner import Learner, StatusReference, learner_of, status_reference_of
from .status_lists import TYPE as STATUS_LIST_TYPE
from .status_lists import StatusLists

KEYS_PATH = "/api/auth/jwks"
INTROSPECTION_PATH = "/api/auth/introspect"

DECODING: Any = {"require": ["exp", "iat", "sub", "sid"], "strict_aud": True}


@dataclass(frozen=True, slots=True)
class Work:
    """Something to fetch. Who wants the same round of the same document may wait for one and the same."""

    do: Callable[[], None]
    shared: tuple[Document[Any], int] | None = None


def work_on(document: Document[Any], wanted: int) -> Work:
    return Work(partial(document.refresh, wanted), (document, wanted))


@dataclass(frozen=True, slots=True)
class Demands:
    """What a token must show beside being good: scopes, and how and when its learner has logged in."""

    scopes: Collection[str] = ()
    require_amr: Collection[str] = ()
    max_age: int | None = None

    def check(self, learner: Learner, leeway: float = 0) -> None:
        """@raises MissingScope, TooWeakLogin"""
        if missing := tuple(scope for scope in self.scopes if scope not in learner.scopes):
            raise MissingScope(missing)
        is_weak = any(way not in learner.amr for way in self.require_amr)
        # A token that does not say when is too old for whoever asks.
        is_old = self.max_age is not None and (
            learner.auth_time is None or now() - learner.auth_time > self.max_age + leeway
        )
        if is_weak or is_old:
            raise TooWeakLogin(tuple(self.require_amr), self.max_age)


NOTHING = Demands()

Steps = Generator[Work, None, Learner]


class Verification:
    """What one Matricula's tokens are checked by. `Verifier` says what the settings are."""

    def __init__(
        self,
        issuer: str,
        *,
        audience: str | None = None,
        service_key: str | None = None,
        leeway: float = 30,
        timeout: float = 5,
        address: str | None = None,
        headers: Mapping[str, str] | None = None,
        when_unreachable: Literal["refuse", "accept"] = "refuse",
        fetch: Fetch = fetch,
    ) -> None:
        self.issuer = issuer.rstrip("/")
        self.audience = audience or self.issuer
        self._service_key, self._leeway, self._timeout = service_key, leeway, timeout
        self._when_unreachable, self._fetch = when_unreachable, fetch
        self._base = Request((address or self.issuer).rstrip("/"), headers or {})
        self.keys = Keys(Request(f"{self._base.url}{KEYS_PATH}", self._base.headers), fetch, timeout)
        self.status_lists = StatusLists(self.keys, self._base, fetch, timeout, leeway)

    def steps(self, token: str | None, demands: Demands = NOTHING, strict: bool = False) -> Steps:
        """
        Checks a token and returns its learner. Garbage is refused before anything is fetched for it.
        @raises Refusal
        """
        if not token:
            raise NoToken
        header = header_of(token)
        if header.get("typ") == STATUS_LIST_TYPE:
            raise BadToken("Not an access token")
        claims = self._decode(token, (yield from self._key(header["kid"])))
        learner = learner_of(claims)
        if reference := status_reference_of(claims):
            yield from self._check_status(reference)
        if strict:
            answer: list[bool] = []
            yield Work(lambda: answer.append(self._ask(token)))
            if answer != [True]:
                raise BadToken("The session has ended")
        demands.check(learner, self._leeway)
        return learner

    def _decode(self, token: str, key: Ed25519PublicKey) -> dict[str, Any]:
        try:
            return jwts.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                issuer=self.issuer,
                audience=self.audience,
                leeway=self._leeway,
                options=DECODING,
            )
        except jwt.ExpiredSignatureError as error:
            raise BadToken("The token is over") from error
        except (jwt.PyJWTError, ValueError, RecursionError, OverflowError) as error:
            raise BadToken("Not an access token of this site") from error

    def _key(self, kid: str) -> Generator[Work, None, Ed25519PublicKey]:
        if (wanted := self.keys.round_wanted_for(kid)) is not None:
            yield work_on(self.keys, wanted)
        return self.keys.find(kid)

    def _check_status(self, reference: StatusReference) -> Generator[Work, None, None]:
        path = reference.uri.removeprefix(self.issuer)
        if path == reference.uri or not path.startswith("/"):
            raise BadToken("Not an access token of this site")
        document = self.status_lists.document_of(reference.uri, path)
        if (due := document.due_round()) is not None:
            yield work_on(document, due)
        try:
            status_list = self.status_lists.current(document)
        except Unreachable:
            if self._when_unreachable == "accept":
                return
            raise
        if status_list.status_at(reference.idx) != 0:
            raise BadToken("The session has ended")

    def _ask(self, token: str) -> bool:
        """Introspection (RFC 7662). Only a plain yes is one: whatever is not understood is `Unreachable`."""
        if self._service_key is None:
            raise RuntimeError("strict needs the service key: set MATRICULA_SERVICE_KEY, or give it to the verifier")
        headers = {
            **self._base.headers,
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self._service_key}",
        }
        url = f"{self._base.url}{INTROSPECTION_PATH}"
        answer = self._fetch(Request(url, headers, json.dumps({"token": token}).encode()), self._timeout)
        try:
            active = json.loads(answer.body)["active"]
        except (ValueError, LookupError, TypeError) as error:
            raise Unreachable(f"{url} answered with something else") from error
        return active is True
