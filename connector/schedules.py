"""When something is due next: APScheduler's triggers, held against a clock that may step.

The triggers know intervals, cron lines and what summer time does to both. APScheduler's own loop is not used: it reads
the clock itself, adds jitter to jitter, and starts one job an entity, where all that is due is one run here.
"""

import random
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from connector.services import Timing

_SMALLEST = timedelta(microseconds=1)
_LONG_AGO = timedelta(days=3650)


class Trigger(Protocol):
    """What tells the first instant at or after another."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The first instant that is not before `now`."""


class Schedule:
    """One thing that is due now and then; however many times were missed, it is due once."""

    def __init__(self, trigger: Trigger, now: datetime, *, jitter: timedelta = timedelta(), seed: str = "") -> None:
        self._trigger, self._jitter, self._seed = trigger, jitter, seed
        self._nominal, self._seen = self._first(now), now
        self._before: datetime | None = None

    def hasten(self, now: datetime) -> None:
        """Let it be due now, for once."""
        self._nominal = now

    def due_at(self, now: datetime) -> datetime | None:
        """When it is due, given what time it is: a clock that was set back does not make it wait for long."""
        if now < self._seen:
            self._nominal = min(filter(None, (self._nominal, self._first(now))), default=None)
        self._seen = now
        return None if self._nominal is None else self._nominal + self._late(self._nominal)

    def is_due(self, now: datetime) -> bool:
        """Whether its time has come."""
        at = self.due_at(now)
        return at is not None and at <= now

    def tick(self, now: datetime) -> tuple[datetime, datetime]:
        """The time that is due, without its jitter, and the one before: another daemon's grid lies between the two."""
        nominal = self._nominal or now
        return nominal, nominal - _SMALLEST if self._before is None else self._before

    def begin(self, now: datetime) -> None:
        """It is being done: the next time is the first one after now, on the same grid as ever."""
        self._before = self._nominal
        self._nominal = self._first(now + _SMALLEST)

    def _first(self, now: datetime) -> datetime | None:
        return self._trigger.get_next_fire_time(None, now)

    def _late(self, nominal: datetime) -> timedelta:
        """The jitter of one instant: the same for all that is due at it, so that it stays one run."""
        dice = random.Random(f"{self._seed}/{nominal.timestamp()}")  # noqa: S311 -- spreads load, keeps no secret
        return dice.uniform(0, 1) * self._jitter


def trigger(timing: Timing, start: datetime, timezone: str) -> Trigger:
    """The trigger behind a timing; an interval counts from `start`, and is due then for the first time."""
    if timing.cron is not None:
        # The zone of the standard library: its arithmetic is what the trigger is tested with.
        made: Trigger = CronTrigger.from_crontab(timing.cron, timezone=ZoneInfo(timezone))
        return made
    step = timing.every or timedelta(minutes=5)
    # The grid begins long ago, so that a clock that is set back finds itself on it.
    first = start - (_LONG_AGO // step + 1) * step
    every: Trigger = IntervalTrigger(seconds=step.total_seconds(), start_date=first, timezone=start.tzinfo)
    return every
