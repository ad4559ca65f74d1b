"""A backend for learners who signed up with Matricula: `uvicorn app:app`."""

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import ARRAY, String, exc, make_url
from sqlmodel import Field, Session, SQLModel, create_engine

from matricula_auth import CurrentLearner, Learner, setting, unauthorized
from matricula_strict import LearnerWithSession
from matricula_suggestions import FirstSuggestion, Suggestion

app = FastAPI()
engine = create_engine(
    make_url(setting("LEARNERS_DATABASE_URL")).set(drivername="postgresql+psycopg"),
    isolation_level="AUTOCOMMIT",  # it only reads, one statement at a time
    pool_pre_ping=True,  # replace a connection that was cut instead of using it
    pool_timeout=5,
    # Prepared statements do not survive a pooler in transaction mode, such as Neon's.
    connect_args={"connect_timeout": 3, "prepare_threshold": None},
)


class User(SQLModel, table=True):
    """The columns that the reader role may read, and no others: SQLModel asks for each one by name."""

    __tablename__ = "users"

    id: str = Field(primary_key=True)
    name: str
    email: str
    email_verified: bool
    image: str | None
    created_at: datetime
    updated_at: datetime


class Answers(SQLModel):
    """A learner's answers, as Matricula's codes. None or an empty list: not answered."""

    software_experience: str | None = None
    programming_languages: list[str] = Field(default_factory=list, sa_type=ARRAY(String))
    skill_level: str | None = None
    hardware_access: list[str] = Field(default_factory=list, sa_type=ARRAY(String))
    primary_focus: str | None = None
    project_goals: list[str] = Field(default_factory=list, sa_type=ARRAY(String))
    project_goals_text: str | None = None


class Profile(Answers, table=True):
    __tablename__ = "profiles"

    user_id: str = Field(primary_key=True)
    saved_at: datetime | None = None  # None until the learner has finished the questions


class Welcome(SQLModel):
    text: str
    onboarded: bool
    answers: Answers


def database() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


@app.exception_handler(exc.OperationalError)
@app.exception_handler(exc.InterfaceError)
@app.exception_handler(exc.TimeoutError)
def database_out_of_reach(_request: Request, error: Exception) -> JSONResponse:
    logging.getLogger("uvicorn.error").warning("database out of reach: %s", type(error).__name__)
    return JSONResponse({"detail": "Out of reach for the moment"}, 503, {"Retry-After": "5"})


@app.get("/me")
def me(learner: CurrentLearner) -> Learner:
    """From the token alone: no database, and no call to Matricula."""
    return learner


@app.get("/learners/me")
def learners_me(learner: CurrentLearner, session: Annotated[Session, Depends(database)]) -> User:
    """From the table, so a new name shows at once."""
    user = session.get(User, learner.sub)
    if user is None:
        raise unauthorized()  # the account of this token was deleted
    return user


@app.get("/learners/me/welcome")
def welcome(user: Annotated[User, Depends(learners_me)], session: Annotated[Session, Depends(database)]) -> Welcome:
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
def move_robot_arm(learner: LearnerWithSession) -> dict[str, str]:
    """Moves a real machine, so the session must still be open."""
    return {"moved_by": learner.sub}
