"""Asks Matricula, with the caller's own token, what it suggests to them, so that the logic exists only once."""

import http.client
import urllib.error
import urllib.request
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials
from matricula_auth import BadToken, Unreachable, setting
from matricula_auth.fastapi import CurrentLearner, answer_of, bearer
from pydantic import BaseModel, Field

MATRICULA = setting("MATRICULA_URL").rstrip("/")


class Reason(BaseModel):
    code: str  # for programs
    text: str  # for people


class Suggestion(BaseModel):
    id: str
    title: str
    module: str
    reasons: list[Reason]
    cautions: list[Reason]


class Suggestions(BaseModel):
    start_now: list[Suggestion] = Field(validation_alias="startNow")


# The token is checked first, so that garbage costs Matricula nothing.
def first_suggestion(
    _learner: CurrentLearner, credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]
) -> Suggestion | None:
    question = urllib.request.Request(f"{MATRICULA}/api/recommendations")
    # Not sent on to a redirect.
    question.add_unredirected_header("Authorization", f"Bearer {credentials.credentials}")
    try:
        with urllib.request.urlopen(question, timeout=5) as answer:
            suggestions = Suggestions.model_validate_json(answer.read())
    except urllib.error.HTTPError as error:
        if error.code == 401:
            raise answer_of(BadToken("The session has ended")) from error
        raise answer_of(Unreachable("No suggestions for the moment")) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise answer_of(Unreachable("No suggestions for the moment")) from error
    return suggestions.start_now[0] if suggestions.start_now else None


FirstSuggestion = Annotated[Suggestion | None, Depends(first_suggestion)]
