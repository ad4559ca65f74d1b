"""For Flask: `@learner_required` on a view, and `current_learner` in it."""

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, TypeVar, cast, overload

from flask import Response, abort, current_app, g, jsonify, request
from werkzeug.local import LocalProxy

from .bearer import token_of
from .environment import default_verifier
from .errors import Refusal
from .learner import Learner
from .verifier import Verifier

View = TypeVar("View", bound=Callable[..., Any])

current_learner = cast(Learner, LocalProxy(lambda: g.matricula_learner))
"""The learner who calls, in a view with `@learner_required`."""


@overload
def learner_required(view: View) -> View: ...
@overload
def learner_required(
    *,
    scopes: Collection[str] = (),
    strict: bool = False,
    require_amr: Collection[str] = (),
    max_age: int | None = None,
    verifier: Verifier | None = None,
) -> Callable[[View], View]: ...
def learner_required(
    view: View | None = None,
    *,
    scopes: Collection[str] = (),
    strict: bool = False,
    require_amr: Collection[str] = (),
    max_age: int | None = None,
    verifier: Verifier | None = None,
) -> Any:
    """Lets in who has a good token; `strict` asks Matricula each time. Stands below the line with the route."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: object, **kwargs: object) -> Any:  # noqa: ANN401
            token = token_of(request.headers.get("Authorization"))
            try:
                g.matricula_learner = (verifier or default_verifier()).verify(
                    token, scopes=scopes, strict=strict, require_amr=require_amr, max_age=max_age
                )
            except Refusal as refusal:
                abort(answer_of(refusal))
            return current_app.ensure_sync(view)(*args, **kwargs)

        return cast(View, guarded)

    return decorate if view is None else decorate(view)


def answer_of(refusal: Refusal) -> Response:
    answer = jsonify(detail=refusal.detail)
    answer.status_code = refusal.status
    answer.headers.update(refusal.headers)
    return answer
