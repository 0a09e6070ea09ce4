"""The daemon: runs what is due, settles at once what the inbox holds, and outlives every failed run."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol

from connector.context import Context
from connector.errors import LeaseHeld, StoreError
from connector.logs import bound, get_logger, hide
from connector.report import Report
from connector.retries import retry_problems
from connector.schedules import Schedule
from connector.services import DaemonSettings
from connector.store import cursors, inbox, pauses, ticks, upkeep
from connector.sync import drain_inbox, sync

_TURN = timedelta(seconds=1)
"""How long to wait at most where another process is at work."""
_SHORTEST = 0.005
_RETRIES = timedelta(seconds=30)
_UPKEEP = timedelta(hours=1)
_LOOK_AGAIN = timedelta(seconds=5)
_TELL = timedelta(minutes=1)
"""How long another process may be at work before that is told, and how often it is told from then on."""
_REST, _MOST_REST = timedelta(seconds=5), timedelta(minutes=5)


class Doors(NamedTuple):
    """How the daemon waits (so many seconds, or until something arrives) and learns that it is to end."""

    wait: Callable[[float], None]
    stopping: Callable[[], bool]


class Watcher(Protocol):
    """Told of every run, such as metrics."""

    def run_ended(self, report: Report | None, kind: str, seconds: float) -> None:
        """A run has ended; without a report where it could not."""


class Daemon:
    """Runs one thing at a time, by the context's clock."""

    def __init__(
        self,
        context: Context,
        settings: DaemonSettings,
        schedules: Mapping[str, Schedule],
        full: Schedule | None,
        doors: Doors,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        self._context, self._settings, self._watchers = context, settings, watchers
        self._schedules, self._full = schedules, full
        self._wait, self._stopping = doors
        start = context.clock()
        self._head = -1
        self._not_before = self._look_at = self._retry_at = self._upkeep_at = start
        self._failures: dict[str, int] = {}
        self._claimed: dict[str, datetime] = {}
        self._resting: dict[str, datetime] = {}
        self._told_at: datetime | None = None

    def run(self) -> None:
        """Go on until `stopping` says so; a run in hand ends at its next batch."""
        get_logger().info("daemon_started", entities=list(self._schedules))
        try:
            while not self._stopping():
                self._wait(self.look())
        except SystemExit:
            if not self._stopping():
                raise
        get_logger().info("daemon_stopped")

    def look(self) -> float:
        """Do what is due now; answers in how many seconds to look again."""
        now = self._context.clock()
        if now < self._not_before <= now + _MOST_REST:
            return min((self._not_before - now).total_seconds(), self._settings.poll_seconds)
        try:
            self._do_due(now)
        except LeaseHeld as error:
            self._tell_held(error, now)
            # At random, or two daemons that run as often as one waits would keep each other out for ever.
            self._not_before = now + random.uniform(0.2, 1) * _TURN  # noqa: S311 -- a rest, no secret
        except Exception as error:  # noqa: BLE001 -- whatever it is, the daemon goes on and says so
            self._tell_failure(error, tuple(self._schedules))
            self._not_before = now + self._rest("")
        else:
            self._failures.pop("", None)
            self._told_at = None
        return self._idle(self._context.clock())

    def _tell_held(self, error: LeaseHeld, now: datetime) -> None:
        """Say now and then that nothing is done here; for a moment it is nothing unusual where others are at work."""
        self._told_at = self._told_at or now
        if now - self._told_at >= _TELL:
            get_logger().warning("kept_out", reason=str(error))
            self._told_at = now

    def _do_due(self, now: datetime) -> None:
        with self._context.store.read() as connection:
            paused = pauses.names(connection)
        awake = [name for name in self._schedules if not paused & {name, pauses.ALL}]
        # What is paused misses its times; nothing piles up.
        self._begin([name for name in self._schedules if name not in awake and self._schedules[name].is_due(now)], now)
        self._keep_up(now, awake)
        full = bool(awake) and bool(self._taken({"": self._full}, now) if self._full else [])
        scheduled = awake if full else self._taken({name: self._schedules[name] for name in awake}, now)
        if scheduled:
            self._run("sync", scheduled, partial(sync, self._context, entities=scheduled, full=full))
            self._begin(scheduled, now)
            if full and self._full is not None:
                self._full.begin(now)
        elif waiting := self._waiting(awake, now):
            self._run("drain", waiting, partial(drain_inbox, self._context, entities=waiting))

    def _taken(self, schedules: Mapping[str, Schedule], now: datetime) -> list[str]:
        """What is due here and was not taken by another daemon on this store; what was is due at its next time."""
        due = {name: schedule for name, schedule in schedules.items() if schedule.is_due(now)}
        if not due:
            return []
        ticks_of = {name: schedule.tick(now) for name, schedule in due.items()}
        with self._context.store.write() as connection:
            # One that was taken before, when another run was at work, is still ours.
            mine = [
                name
                for name, tick in ticks_of.items()
                if self._claimed.get(name) == tick[0] or ticks.claim(connection, name, *tick, now)
            ]
        self._claimed |= {name: ticks_of[name][0] for name in mine}
        for name in due.keys() - mine:
            due[name].begin(now)
        return mine

    def _keep_up(self, now: datetime, awake: Collection[str]) -> None:
        """What is done now and then beside the runs."""
        if awake and now >= self._retry_at:
            self._retry_at = now + _RETRIES
            retry_problems(self._context.store, now, self._context.limits.retry_after, self._settings.retry_most)
        if now >= self._upkeep_at:
            self._upkeep_at = now + _UPKEEP
            with self._context.store.write() as connection:
                upkeep.forget_old(connection, now, self._settings.keep)

    def _waiting(self, awake: Sequence[str], now: datetime) -> list[str]:
        """The entities with keys to look at; asked when something came in, and every few seconds."""
        with self._context.store.read() as connection:
            head = inbox.head(connection)
            if head == self._head and now < self._look_at:
                return []
            rested = [name for name in awake if self._resting.get(name, now) <= now]
            waiting = [name for name in rested if inbox.due(connection, name, now)]
            found = [name for name in waiting if cursors.are_complete(connection, name)]
        self._head, self._look_at = head, now + _LOOK_AGAIN
        return found

    def _run(self, kind: str, names: Sequence[str], work: Callable[[], Report]) -> None:
        """One run; what it raises is told, and is no reason to end."""
        started, report = self._context.clock(), None
        try:
            report = work()
        except LeaseHeld:
            raise
        except Exception as error:  # noqa: BLE001 -- around one run: a failed one never ends the daemon
            self._tell_failure(error, names)
        seconds = (self._context.clock() - started).total_seconds()
        self._note(report, names)
        self._tell(report, kind, seconds)

    def _tell(self, report: Report | None, kind: str, seconds: float) -> None:
        """Let the watchers know; one that fails is no reason to end either."""
        for watcher in self._watchers:
            try:
                watcher.run_ended(report, kind, seconds)
            except Exception as error:  # noqa: BLE001 -- what only counts must stop nothing
                get_logger().error("watcher_failed", error=type(error).__name__, reason=hide(str(error)))

    def _note(self, report: Report | None, names: Sequence[str]) -> None:
        """What had to stop rests before its inbox is looked at again, twice as long each time."""
        now = self._context.clock()
        for name in names:
            if (report is None or report.tally(name).halted) and self._is_stuck(name, now):
                self._resting[name] = now + self._rest(name)
            else:
                self._failures.pop(name, None)
                self._resting.pop(name, None)

    def _is_stuck(self, name: str, now: datetime) -> bool:
        """Whether keys were left that could be looked at: what a guard holds back is no longer among them."""
        try:
            with self._context.store.read() as connection:
                return inbox.due(connection, name, now)
        except StoreError:
            return True

    def _rest(self, name: str) -> timedelta:
        before = self._failures.get(name, 0)
        self._failures[name] = before + 1
        return min(_REST * (1 << min(before, 10)), _MOST_REST)

    def _tell_failure(self, error: Exception, names: Sequence[str]) -> None:
        with bound(entities=list(names)):
            get_logger().error("run_failed", error=type(error).__name__, reason=hide(str(error)))

    def _begin(self, names: Sequence[str], now: datetime) -> None:
        for name in names:
            self._schedules[name].begin(now)

    def _idle(self, now: datetime) -> float:
        """Seconds until anything can be due."""
        times = [one.due_at(now) for one in (*self._schedules.values(), self._full) if one is not None]
        until = ((at - now).total_seconds() for at in times if at is not None)
        return max(_SHORTEST, min(self._settings.poll_seconds, *until))
