"""Counters by name: what a run did, for its summary."""

from collections import Counter
from threading import Lock


class Counters:
    """Counts by name, added to from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()

    def add(self, name: str, amount: int = 1) -> None:
        """Count `amount` more of `name`."""
        with self._lock:
            self._counts[name] += amount

    def snapshot(self) -> dict[str, int]:
        """All counts so far, by name in alphabetical order."""
        with self._lock:
            return dict(sorted(self._counts.items()))
