"""
The backend of the live run: that of the first two minutes, with a clock that the run moves, and with its requests to
Matricula counted.
"""

import os
import time
from collections import Counter
from datetime import datetime, tzinfo
from pathlib import Path
from types import SimpleNamespace

from fastapi import FastAPI
from jwt import api_jwt
from matricula_auth import Verifier, clock, configure
from matricula_auth.fastapi import CurrentLearner
from matricula_auth.fetching import Answer, Request, fetch

AHEAD = Path(os.environ["CLOCK_AHEAD_FILE"])


def ahead() -> float:
    return int(AHEAD.read_text()) / 1000


class Clock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Clock":
        return cls.fromtimestamp(time.time() + ahead(), tz)


api_jwt.datetime = Clock
clock.time = SimpleNamespace(time=lambda: time.time() + ahead(), monotonic=lambda: time.monotonic() + ahead())

asked: Counter[str] = Counter()


def counted(request: Request, timeout: float) -> Answer:
    asked["calls"] += 1
    return fetch(request, timeout)


configure(Verifier(os.environ["MATRICULA_URL"], fetch=counted))
app = FastAPI()


@app.get("/me")
async def me(learner: CurrentLearner) -> dict[str, str]:
    return {"sub": learner.sub}


@app.get("/calls")
async def calls() -> int:
    """How often Matricula was asked so far."""
    return asked["calls"]
