"""For tests only: the example with a clock that a test sets, and that only checks of tokens see."""

import time
from datetime import datetime, tzinfo
from types import SimpleNamespace

from jwt import api_jwt
from matricula_auth import clock

from app import app

moment = time.time()


class Clock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Clock":
        return cls.fromtimestamp(moment, tz)


api_jwt.datetime = Clock
clock.time = SimpleNamespace(time=lambda: moment, monotonic=lambda: moment)


@app.put("/clock/{seconds}")
def put_clock(seconds: float) -> None:
    global moment
    moment = seconds
