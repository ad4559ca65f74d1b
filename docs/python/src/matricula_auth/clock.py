"""The two clocks: one for what is written in tokens, one for what is kept here. Apart, so that tests can move them."""

import time


def now() -> float:
    """Seconds since 1970."""
    return time.time()


def monotonic() -> float:
    """Seconds since some moment. Nobody sets it, so what is kept does not grow old or young by that."""
    return time.monotonic()
