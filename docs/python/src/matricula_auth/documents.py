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
# While somebody brings a newer one, the last one serves for so long. Then the others wait too: it may be hours old.
OVERLAP_SECONDS = 1.0


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
        # In an outage nobody but who tries again waits.
        self._has_failed = False
        # How often somebody has begun to bring it.
        self.rounds = 0

    def due_round(self) -> int | None:
        """The round that who needs the value should wait for; None if the value that is here will do."""
        # Taken first: if that round ends before the next lines, they see its value.
        wanted = self.round_for()
        now = monotonic()
        if now < self._fresh_until or now < self._quiet_until:
            return None
        will_do = self._has_failed or now < self._fresh_until + OVERLAP_SECONDS
        return None if self.value is not None and will_do and self._lock.locked() else wanted

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
                self._has_failed = True
                self._quiet_until = monotonic() + PAUSE_SECONDS
                return
            self._has_failed = False
            self.value = loaded.value
            self.loaded_at = begun_at
            self._fresh_until = begun_at + loaded.fresh_seconds
