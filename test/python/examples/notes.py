"""Your own tables beside Matricula's: notes that learners write."""

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Annotated

from fastapi import APIRouter, Depends
from matricula_auth import setting
from matricula_auth.fastapi import CurrentLearner
from sqlalchemy import MetaData, make_url
from sqlmodel import DateTime, Field, Session, SQLModel, col, create_engine, select

engine = create_engine(
    make_url(setting("COURSE_DATABASE_URL")).set(drivername="postgresql+psycopg"),
    pool_pre_ping=True,
    connect_args={"connect_timeout": 3, "prepare_threshold": None},
)


class Course(SQLModel):
    """All tables of this backend, in a schema of its own."""

    metadata = MetaData(schema="course")


class Note(Course, table=True):
    id: int | None = Field(default=None, primary_key=True)
    learner: str = Field(index=True)  # users.id. Plain text: the reader has no right to refer to it
    text: str
    written_at: datetime = Field(default_factory=lambda: datetime.now(timezone.utc), sa_type=DateTime(timezone=True))


def course() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


router = APIRouter()
CourseSession = Annotated[Session, Depends(course)]


@router.post("/notes", status_code=201)
def write(text: str, learner: CurrentLearner, session: CourseSession) -> Note:
    note = Note(learner=learner.sub, text=text)
    session.add(note)
    session.commit()
    session.refresh(note)
    return note


@router.get("/notes")
def read(learner: CurrentLearner, session: CourseSession) -> list[Note]:
    """Those of the caller alone: who owns a note is always asked with it."""
    return list(session.exec(select(Note).where(Note.learner == learner.sub).order_by(col(Note.id))))
