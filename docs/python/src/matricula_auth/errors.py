"""Why a call is not let in. Each reason is also the answer to the call, as RFC 6750 section 3 words it."""

REALM = "Matricula"


class Refusal(Exception):
    """A call that is not let in: `status`, `detail` and `headers` are what its caller is told."""

    status = 401
    detail = "Not signed in, or no longer"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": challenge()}


class NoToken(Refusal):
    """There is no token. RFC 6750 section 3.1: then the answer names no error."""

    def __init__(self) -> None:
        super().__init__("There is no access token")


class BadToken(Refusal):
    """The token is damaged, over, not for this service, or its session has ended."""

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": challenge(error="invalid_token", error_description=self.reason)}


class MissingScope(Refusal):
    """The token is good, but does not allow this."""

    status = 403
    detail = "Not allowed with this token"

    def __init__(self, scopes: tuple[str, ...]) -> None:
        super().__init__("The token lacks a scope")
        self.scopes = scopes

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": challenge(error="insufficient_scope", scope=" ".join(self.scopes))}


class TooWeakLogin(Refusal):
    """The token is good, but its learner has logged in too long ago, or not by the ways that this takes (RFC 9470)."""

    detail = "Log in again for this"

    def __init__(self, require_amr: tuple[str, ...], max_age: int | None) -> None:
        super().__init__("A newer or stronger login is needed")
        self.require_amr, self.max_age = require_amr, max_age

    @property
    def headers(self) -> dict[str, str]:
        wanted = {} if self.max_age is None else {"max_age": str(self.max_age)}
        error = "insufficient_user_authentication"
        return {"WWW-Authenticate": challenge(error=error, error_description=self.reason, **wanted)}


class Unreachable(Refusal):
    """
    Matricula cannot be asked, so nobody knows whether the token is good. Not a 401: a client that gets one throws its
    token away.
    """

    status = 503
    detail = "Out of reach for the moment"

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": "5"}


def challenge(**parameters: str) -> str:
    """The value of `WWW-Authenticate`. The parameters are texts of this package, so nothing in them needs escaping."""
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in {"realm": REALM, **parameters}.items())
