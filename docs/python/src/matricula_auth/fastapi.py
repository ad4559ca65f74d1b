"""
For FastAPI: `Annotated[Learner, Depends(learner)]`. The scheme stands in the OpenAPI description, and with
`Security(learner, scopes=["…"])` a token needs these scopes.
"""

from collections.abc import Collection
from typing import Annotated

from fastapi import Depends, HTTPException, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from .environment import default_async_verifier
from .errors import Refusal
from .learner import Learner
from .verifier import AsyncVerifier

bearer = HTTPBearer(scheme_name="Matricula", bearerFormat="JWT", auto_error=False)


class LearnerDependency:
    """The learner who calls. Who has no good token gets 401, and 503 while nobody can tell."""

    def __init__(
        self,
        verifier: AsyncVerifier | None = None,
        *,
        strict: bool = False,
        require_amr: Collection[str] = (),
        max_age: int | None = None,
    ) -> None:
        """
        `verifier` in place of that of the environment; `strict` to ask Matricula each time; `require_amr` and
        `max_age` as of `Verifier.verify`.
        """
        self._verifier, self._strict = verifier, strict
        self._require_amr, self._max_age = require_amr, max_age

    async def __call__(
        self,
        security: SecurityScopes,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
    ) -> Learner:
        verifier = self._verifier or default_async_verifier()
        token = credentials.credentials if credentials else None
        try:
            return await verifier.verify(
                token,
                scopes=security.scopes,
                strict=self._strict,
                require_amr=self._require_amr,
                max_age=self._max_age,
            )
        except Refusal as refusal:
            raise answer_of(refusal) from refusal


def answer_of(refusal: Refusal) -> HTTPException:
    """The answer to raise where you refuse a call yourself: `raise answer_of(BadToken("The account is gone"))`."""
    return HTTPException(refusal.status, refusal.detail, refusal.headers)


learner = LearnerDependency()
learner_with_open_session = LearnerDependency(strict=True)

CurrentLearner = Annotated[Learner, Depends(learner)]
LearnerWithOpenSession = Annotated[Learner, Depends(learner_with_open_session)]
