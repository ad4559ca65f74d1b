"""For Django REST framework: `MatriculaAuthentication` among DEFAULT_AUTHENTICATION_CLASSES, or those of a view."""

from collections.abc import Collection
from dataclasses import dataclass

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.request import Request

from .bearer import token_of
from .environment import default_verifier
from .errors import NoToken, Refusal, Unreachable
from .learner import Learner


@dataclass(frozen=True, slots=True)
class LearnerUser:
    """The learner as `request.user`: what permissions and throttles of the framework ask of a user."""

    learner: Learner
    is_authenticated: bool = True
    is_anonymous: bool = False
    is_active: bool = True
    is_staff: bool = False

    @property
    def pk(self) -> str:
        return self.learner.sub


class OutOfReach(APIException):
    status_code = Unreachable.status
    default_detail = Unreachable.detail
    wait = 5


class MatriculaAuthentication(BaseAuthentication):
    """`request.user.learner` is who calls, `request.auth` the token. Without a token, other classes are asked."""

    strict = False
    require_amr: Collection[str] = ()
    max_age: int | None = None

    def authenticate(self, request: Request) -> tuple[LearnerUser, str] | None:
        token = token_of(request.headers.get("Authorization"))
        if token is None:
            return None
        try:
            learner = default_verifier().verify(
                token, strict=self.strict, require_amr=self.require_amr, max_age=self.max_age
            )
            return LearnerUser(learner), token
        except Unreachable as refusal:
            raise OutOfReach from refusal
        except Refusal as refusal:
            request.matricula_refusal = refusal  # type: ignore[attr-defined]
            raise AuthenticationFailed(refusal.detail) from refusal

    def authenticate_header(self, request: Request) -> str:
        refusal: Refusal = getattr(request, "matricula_refusal", NoToken())
        return refusal.headers["WWW-Authenticate"]


class MatriculaStrictAuthentication(MatriculaAuthentication):
    """Asks Matricula each time."""

    strict = True
