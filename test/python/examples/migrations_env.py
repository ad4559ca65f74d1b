"""migrations/env.py: Alembic sees the schema `course` alone, and keeps its own table there."""

from typing import Literal

from alembic import context
from sqlalchemy import text
from sqlmodel import AutoString

from notes import Course, engine


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "schema" or name == "course"


def as_text(kind: str, item: object, _context: object) -> str | Literal[False]:
    """SQLModel's type for text under SQLAlchemy's name, since a migration imports nothing else."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


with engine.connect() as connection:
    connection.execute(text("create schema if not exists course"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Course.metadata,
        include_schemas=True,
        include_name=is_ours,
        render_item=as_text,
        version_table_schema="course",
    )
    with context.begin_transaction():
        context.run_migrations()
