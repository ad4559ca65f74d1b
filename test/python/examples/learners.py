"""Matricula's own tables, as its reader sees them."""

from collections.abc import Iterator
from datetime import datetime

from matricula_auth import setting
from sqlalchemy import ARRAY, MetaData, String, make_url
from sqlmodel import Field, Session, SQLModel, create_engine

engine = create_engine(
    make_url(setting("LEARNERS_DATABASE_URL")).set(drivername="postgresql+psycopg"),
    isolation_level="AUTOCOMMIT",  # it only reads, one statement at a time
    pool_pre_ping=True,  # replace a connection that was cut instead of using it
    pool_timeout=5,
    # Prepared statements do not survive a pooler in transaction mode, such as Neon's.
    connect_args={"connect_timeout": 3, "prepare_threshold": None},
)


class Matricula(SQLModel):
    """Metadata of their own: what makes or changes your tables does not see these."""

    metadata = MetaData()


class User(Matricula, table=True):
    """The columns that the reader role may read, and no others: SQLModel asks for each one by name."""

    __tablename__ = "users"

    id: str = Field(primary_key=True)
    name: str
    email: str
    email_verified: bool
    image: str | None
    created_at: datetime
    updated_at: datetime


class Answers(Matricula):
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


def learners() -> Iterator[Session]:
    with Session(engine) as session:
        yield session
