"""A backend for learners who signed up with Matricula: `uvicorn app:app`."""

import logging
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from matricula_auth import BadToken, Learner
from matricula_auth.fastapi import CurrentLearner, LearnerWithOpenSession, answer_of
from sqlalchemy import exc
from sqlmodel import Session, SQLModel

from learners import Answers, Profile, User, learners
from suggestions import FirstSuggestion, Suggestion

app = FastAPI()


class Welcome(SQLModel):
    text: str
    onboarded: bool
    answers: Answers


@app.exception_handler(exc.OperationalError)
@app.exception_handler(exc.InterfaceError)
@app.exception_handler(exc.TimeoutError)
def database_out_of_reach(_request: Request, error: Exception) -> JSONResponse:
    logging.getLogger("uvicorn.error").warning("database out of reach: %s", type(error).__name__)
    return JSONResponse({"detail": "Out of reach for the moment"}, 503, {"Retry-After": "5"})


@app.get("/me")
async def me(learner: CurrentLearner) -> Learner:
    """From the token alone: no database, and no call to Matricula."""
    return learner


@app.get("/learners/me")
def learners_me(learner: CurrentLearner, session: Annotated[Session, Depends(learners)]) -> User:
    """From the table, so a new name shows at once."""
    user = session.get(User, learner.sub)
    if user is None:
        raise answer_of(BadToken("The account is gone"))
    return user


@app.get("/learners/me/welcome")
def welcome(user: Annotated[User, Depends(learners_me)], session: Annotated[Session, Depends(learners)]) -> Welcome:
    """From the table too, so a new answer counts at once. A learner who has not begun the questions has no row."""
    profile = session.get(Profile, user.id) or Profile(user_id=user.id)
    return Welcome(text=welcome_text(profile), onboarded=profile.saved_at is not None, answers=profile)


STARTS = {
    "beginner": "We begin at the beginning",
    "intermediate": "We begin after the basics",
    "advanced": "We begin with what is new to a builder of robots",
}


def welcome_text(profile: Profile) -> str:
    if profile.saved_at is None:
        return "Six short questions, and this is made for you"
    start = STARTS.get(profile.skill_level or "beginner", STARTS["beginner"])
    devices = [device for device in profile.hardware_access if device != "none"]
    labs = f"labs run on {' and '.join(devices)}" if devices else "labs are read, not run"
    aim = f"we aim at {' and '.join(profile.project_goals)}" if profile.project_goals else "we follow the whole course"
    return f"{start}, {labs}, {aim}"


@app.get("/learners/me/suggestion")
def suggestion(first: FirstSuggestion) -> Suggestion | None:
    """What Matricula suggests to start now, and why; null if nothing is left."""
    return first


@app.post("/lab/robot-arm")
async def move_robot_arm(learner: LearnerWithOpenSession) -> dict[str, str]:
    """Moves a real machine, so Matricula is asked whether the session is still open."""
    return {"moved_by": learner.sub}
