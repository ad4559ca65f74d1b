"""A document of Matricula's that is kept for a while: its keys, or a list of ended sessions."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from .clock import monotonic
from .errors import Unreachable

T = TypeVar("T")

# After a try that failed, nobody asks again for so long: a Matricula in trouble is left in peace.
PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    value: T
    fresh_seconds: float


class Document(Generic[T]):
    """The last value that `load` has brought, and when to bring a newer one. Any thread may use it."""

    def __init__(self, load: Callable[[T | None], Loaded[T]]) -> None:
        self._load = load
        self._lock = Lock()
        self.value: T | None = None
        self.loaded_at = float("-inf")
        self.failure = Unreachable("Not asked yet")
        self._fresh_until = float("-inf")
        self._quiet_until = float("-inf")
        # How often somebody has begun to bring it.
        self.rounds = 0

    @property
    def is_due(self) -> bool:
        """Whether who needs it should bring a newer one: it is old, nobody is at it, the last try is a while ago."""
        now = monotonic()
        is_under_way = self.value is not None and self._lock.locked()
        return now >= self._fresh_until and now >= self._quiet_until and not is_under_way

    def make_due(self) -> None:
        """From now on it is old."""
        self._fresh_until = self._quiet_until = float("-inf")

    def round_for(self, *, begun_from_now: bool = False) -> int:
        """The round that will do for who asks now: the one under way, unless it has to begin later than this moment."""
        return self.rounds if self._lock.locked() and not begun_from_now else self.rounds + 1

    def refresh(self, wanted: int) -> None:
        """Brings a newer value, unless this round has been since. If it fails, the last one stays."""
        with self._lock:
            if self.rounds >= wanted:
                return
            self.rounds += 1
            begun_at = monotonic()
            try:
                loaded = self._load(self.value)
            except Unreachable as failure:
                self.failure = failure
                self._quiet_until = monotonic() + PAUSE_SECONDS
                return
            self.value = loaded.value
            self.loaded_at = begun_at
            self._fresh_until = begun_at + loaded.fresh_seconds
