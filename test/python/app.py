"""A backend for learners who signed up with Matricula: `uvicorn app:app`."""

import logging
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import exc, make_url
from sqlmodel import Field, Session, SQLModel, create_engine

from matricula_auth import CurrentLearner, Learner, unauthorized
from matricula_strict import LearnerWithSession

app = FastAPI()
engine = create_engine(
    make_url(os.environ["LEARNERS_DATABASE_URL"]).set(drivername="postgresql+psycopg"),
    isolation_level="AUTOCOMMIT",  # it only reads, one statement at a time
    pool_pre_ping=True,  # a connection that was cut meanwhile is replaced, not handed out
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
        raise unauthorized()  # the account is gone, and with it whoever the token spoke of
    return user


@app.post("/lab/robot-arm")
def move_robot_arm(learner: LearnerWithSession) -> dict[str, str]:
    """Moves something real: not for a session that has ended."""
    return {"moved_by": learner.sub}
