"""An issuer of tokens in the test's own process, with a key of its own. What it signs is what Matricula signs."""

import secrets
import time
import zlib
from base64 import urlsafe_b64encode
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from matricula_auth import Verifier

from .serving import Serving

LIST_PATH = "/api/auth/status-list"
LIST_SIZE = 1 << 17
LIFETIME = 900
BACKDATED_SECONDS = 5


@dataclass
class MadeUpLearner:
    """A learner of an `Issuer`, with one session."""

    issuer: "Issuer"
    name: str
    email: str
    email_verified: bool = False
    # How they have logged in, and when: `mfa` is among it with a second step.
    amr: tuple[str, ...] = ("pwd",)
    auth_time: int = field(default_factory=lambda: int(time.time()))
    sub: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    sid: str = field(default_factory=lambda: secrets.token_hex(16))
    index: int = field(default_factory=lambda: secrets.randbelow(LIST_SIZE))

    def token(self, seconds: float = LIFETIME - BACKDATED_SECONDS, **claims: Any) -> str:  # noqa: ANN401
        """A token that is good for so many seconds yet (below zero: no more), with other claims if given."""
        return self.issuer.sign(self._claims(seconds) | claims)

    @property
    def headers(self) -> dict[str, str]:
        """What a client of this learner sends."""
        return {"Authorization": f"Bearer {self.token()}"}

    def log_out(self) -> None:
        """Ends the session. The verifiers of this process see it at once, others in a few seconds."""
        self.issuer.end(self.sid, self.index)

    def _claims(self, seconds: float) -> dict[str, Any]:
        exp = int(time.time() + seconds)
        return {
            "iat": exp - LIFETIME,
            "name": self.name,
            "email": self.email,
            "emailVerified": self.email_verified,
            "image": None,
            "id": self.sub,
            "sub": self.sub,
            "sid": self.sid,
            "amr": list(self.amr),
            "auth_time": self.auth_time,
            "jti": secrets.token_urlsafe(24),
            "exp": exp,
            "iss": self.issuer.url,
            "aud": self.issuer.url,
            "status": {"status_list": {"idx": self.index, "uri": f"{self.issuer.url}{LIST_PATH}"}},
        }


class Issuer:
    """
    Serves keys, the list of ended sessions and introspection on a loopback port. `asked` counts the calls by path;
    while `is_down` is true, each is answered with 503.
    """

    def __init__(self) -> None:
        self.service_key = secrets.token_urlsafe(24)
        self.is_down = False
        self.asked: Counter[str] = Counter()
        self._ended: set[str] = set()
        self._places = bytearray(LIST_SIZE // 8)
        self._keys: dict[str, Ed25519PrivateKey] = {}
        self._verifiers: list[Verifier] = []
        self._signer = self._new_key()
        self._list = ""
        self._serving = Serving(self)
        self.url = self._serving.url

    def close(self) -> None:
        self._serving.close()

    def sign_up(self, name: str = "Ada", *, email: str | None = None, email_verified: bool = False) -> MadeUpLearner:
        """Somebody new, who is signed in."""
        address = email or f"{name.lower()}-{secrets.token_hex(4)}@example.org"
        return MadeUpLearner(self, name, address, email_verified)

    def verifier(self, **settings: Any) -> Verifier:  # noqa: ANN401
        """A verifier of these tokens, which hears of a logout at once."""
        verifier = Verifier(self.url, service_key=self.service_key, **settings)
        self._verifiers.append(verifier)
        return verifier

    def rotate(self, *, keep_old: bool = True) -> None:
        """Signs with a new key from now on. Without the old one, its tokens are refused once keys are fetched again."""
        if not keep_old:
            self._keys.clear()
        self._signer = self._new_key()
        self._list = ""

    def end(self, sid: str, index: int) -> None:
        self._ended.add(sid)
        self._places[index >> 3] |= 1 << (index & 7)
        self._list = ""
        for verifier in self._verifiers:
            verifier.fetch_again()

    def sign(self, claims: dict[str, Any], **header: str) -> str:
        key = self._keys[self._signer]
        return jwt.encode(claims, key, "EdDSA", {"kid": self._signer, "typ": None, **header})

    def jwks(self) -> dict[str, Any]:
        """The public keys, as `GET /api/auth/jwks` answers them."""
        named = [(kid, OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)) for kid, key in self._keys.items()]
        return {"keys": [{**jwk, "kid": kid, "alg": "EdDSA", "use": "sig"} for kid, jwk in named]}

    def status_list(self) -> str:
        """The list of ended sessions, as `GET /api/auth/status-list` answers it."""
        if not self._list:
            packed = urlsafe_b64encode(zlib.compress(bytes(self._places), 9)).rstrip(b"=").decode()
            iat = int(time.time()) - BACKDATED_SECONDS
            sub, content = f"{self.url}{LIST_PATH}", {"bits": 1, "lst": packed}
            claims = {"sub": sub, "iat": iat, "exp": iat + 600, "ttl": 5, "status_list": content}
            self._list = self.sign(claims, typ="statuslist+jwt")
        return self._list

    def introspect(self, token: str) -> dict[str, Any]:
        """What `POST /api/auth/introspect` answers about a token."""
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]].public_key()
            claims = jwt.decode(token, key, ["EdDSA"], issuer=self.url, audience=self.url)
        except (jwt.PyJWTError, LookupError):
            return {"active": False}
        if claims["sid"] in self._ended:
            return {"active": False}
        return {"active": True, **{name: claims[name] for name in ("sub", "sid", "exp")}}

    def _new_key(self) -> str:
        kid = secrets.token_urlsafe(16)
        self._keys[kid] = Ed25519PrivateKey.generate()
        return kid
