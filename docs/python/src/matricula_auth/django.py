"""
For Django: with `"matricula_auth.django.LearnerMiddleware"` in MIDDLEWARE, `request.learner` is who calls, or None
without a token. `@learner_required` refuses who has none. For Django REST framework see `rest_framework`.
"""

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, TypeVar, cast, overload

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from .bearer import token_of
from .environment import default_async_verifier, default_verifier
from .errors import NoToken, Refusal
from .learner import Learner
from .verification import Demands

View = TypeVar("View", bound=Callable[..., Any])


class LearnerMiddleware:
    """Answers a token that is not good itself, so that no view takes its owner for a visitor."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:  # noqa: ANN401
        if self._is_async:
            return self._later(request)
        try:
            place(request, default_verifier().verify(token_in(request)))
        except NoToken:
            place(request, None)
        except Refusal as refusal:
            return answer_of(refusal)
        return self._get_response(request)

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        try:
            place(request, await default_async_verifier().verify(token_in(request)))
        except NoToken:
            place(request, None)
        except Refusal as refusal:
            return answer_of(refusal)
        answer: HttpResponseBase = await self._get_response(request)
        return answer


@overload
def learner_required(view: View) -> View: ...
@overload
def learner_required(
    *,
    scopes: Collection[str] = (),
    strict: bool = False,
    require_amr: Collection[str] = (),
    max_age: int | None = None,
) -> Callable[[View], View]: ...
def learner_required(
    view: View | None = None,
    *,
    scopes: Collection[str] = (),
    strict: bool = False,
    require_amr: Collection[str] = (),
    max_age: int | None = None,
) -> Any:
    """Refuses who has no good token; `strict` asks Matricula each time. Needs the middleware."""

    def decorate(view: View) -> View:
        def check(request: HttpRequest) -> None:
            learner: Learner | None = getattr(request, "learner", None)
            if learner is None:
                raise NoToken
            Demands(scopes, require_amr, max_age).check(learner)

        @wraps(view)
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> Any:  # noqa: ANN401
            try:
                check(request)
                if strict:
                    default_verifier().verify(token_in(request), strict=True)
            except Refusal as refusal:
                return answer_of(refusal)
            return view(request, *args, **kwargs)

        @wraps(view)
        async def guarded_later(request: HttpRequest, *args: object, **kwargs: object) -> Any:  # noqa: ANN401
            try:
                check(request)
                if strict:
                    await default_async_verifier().verify(token_in(request), strict=True)
            except Refusal as refusal:
                return answer_of(refusal)
            return await view(request, *args, **kwargs)

        return cast(View, guarded_later if iscoroutinefunction(view) else guarded)

    return decorate if view is None else decorate(view)


def token_in(request: HttpRequest) -> str | None:
    return token_of(request.headers.get("Authorization"))


def place(request: HttpRequest, learner: Learner | None) -> None:
    request.learner = learner  # type: ignore[attr-defined]


def answer_of(refusal: Refusal) -> JsonResponse:
    return JsonResponse({"detail": refusal.detail}, status=refusal.status, headers=refusal.headers)
