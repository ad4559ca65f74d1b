"""For tests only: the example with a clock that a test sets and that only PyJWT sees."""

import time
from datetime import datetime, tzinfo
from types import SimpleNamespace

from jwt import api_jwk, api_jwt, jwk_set_cache, jwks_client

from app import app

moment = time.time()


class Clock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Clock":
        return cls.fromtimestamp(moment, tz)


api_jwt.datetime = Clock
for module in (api_jwk, jwk_set_cache, jwks_client):
    module.time = SimpleNamespace(monotonic=lambda: moment)


@app.put("/clock/{seconds}")
def put_clock(seconds: float) -> None:
    global moment
    moment = seconds
