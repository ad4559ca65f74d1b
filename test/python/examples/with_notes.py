"""For tests only: the example with notes."""

from app import app
from notes import router

app.include_router(router)
