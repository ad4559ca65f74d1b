"""For what must not outlive a logout: asks Matricula on every call whether the session behind the token is open."""

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
    question.add_unredirected_header("Authorization", f"Bearer {SERVICE_KEY}")  # stays behind when somebody redirects
    try:
        with urllib.request.urlopen(question, timeout=5) as answer:
            active: bool = json.load(answer)["active"]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        raise unavailable() from error  # not known is not yes; a wrong service key is no fault of the learner
    if active is not True:
        raise unauthorized()
    return learner


LearnerWithSession = Annotated[Learner, Depends(learner_with_session)]
