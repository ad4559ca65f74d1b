"""For calls that a logout must stop at once: asks Matricula each time whether the token's session is still open."""

import http.client
import json
import urllib.request
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials

from matricula_auth import MATRICULA, CurrentLearner, Learner, bearer, setting, unauthorized, unavailable

SERVICE_KEY = setting("MATRICULA_SERVICE_KEY")  # its SERVICE_KEY


# The signature is checked first, so that garbage costs Matricula nothing.
def learner_with_session(
    learner: CurrentLearner, credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]
) -> Learner:
    question = urllib.request.Request(
        f"{MATRICULA}/api/auth/introspect",
        json.dumps({"token": credentials.credentials}).encode(),
        {"Content-Type": "application/json"},
    )
    question.add_unredirected_header("Authorization", f"Bearer {SERVICE_KEY}")  # not sent on to a redirect
    try:
        with urllib.request.urlopen(question, timeout=5) as answer:
            active: bool = json.load(answer)["active"]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        raise unavailable() from error  # unknown must not count as yes; a wrong service key is not the learner's fault
    if active is not True:
        raise unauthorized()
    return learner


LearnerWithSession = Annotated[Learner, Depends(learner_with_session)]
