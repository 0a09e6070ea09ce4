"""A clock that a test moves: waiting costs nothing, and it may be set like a clock on a wall."""

from datetime import datetime, timedelta


class WallClock:
    """Tells a time that only moves when somebody waits, or sets it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._settings: list[tuple[datetime, timedelta]] = []

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        """So much time goes by."""
        self.now += timedelta(seconds=seconds)
        while self._settings and self.now >= self._settings[0][0]:
            self.now += self._settings.pop(0)[1]

    def step(self, at: datetime, by: timedelta) -> None:
        """Somebody will set the clock at that time, forward or back."""
        self._settings.append((at, by))
