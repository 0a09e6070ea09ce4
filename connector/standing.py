"""How the connector stands, from the store alone: what `status`, health, metrics and alerts all go by."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from connector.records import OperationState
from connector.report import Exit
from connector.store import conflicts, inbox, journal, leases, links, pauses, problems, standings
from connector.store.database import Store
from connector.store.journal import Run
from connector.store.pauses import Pause
from connector.store.standings import EntityStanding
from connector.tenure import LEASE

DECISIONS = frozenset({"ambiguous", "merged", "waiting"})
"""Causes of problems that wait for a person or a parent, and are no failures."""
_RUNS_LOOKED_AT = 200
_PAGE = 1000


class Standing(NamedTuple):
    """What is open for one entity, when it last went well as a whole, and why it is halted."""

    entity: str
    links: int
    inbox: int
    oldest: datetime | None
    conflicts: int
    problems: int
    undecided: int
    held: int
    unknown: int
    good_at: datetime | None
    halted: str | None
    paused: bool
    ready: int
    """Keys in the inbox that wait for nothing but to be decided."""


class Status(NamedTuple):
    """How the connector stands: its last run, its last good one, and what is open."""

    last: Run | None
    last_good: datetime | None
    running: str | None
    standings: list[Standing]
    stale_after: timedelta
    pauses: list[Pause]

    def is_stale(self, at: datetime) -> bool:
        """Whether nothing has gone through for too long, or some entity has not."""
        return self.last_good is None or at - self.last_good > self.stale_after or bool(self.stale(at))

    def stale(self, at: datetime) -> list[str]:
        """The entities that went well once and not for too long; what a person has paused is left out."""
        return [
            one.entity
            for one in self.standings
            if not one.paused and one.good_at is not None and at - one.good_at > self.stale_after
        ]

    def halted(self) -> dict[str, str]:
        """The entities that had to stop, and why."""
        return {one.entity: one.halted for one in self.standings if one.halted is not None}

    def exit(self, at: datetime) -> Exit:
        """The exit code that says how bad it is."""
        if self.is_stale(at) or self.halted() or self._is_broken_off() or any(one.held for one in self.standings):
            return Exit.HALTED
        if any(one.problems for one in self.standings):
            return Exit.FAILED
        if any(one.conflicts or one.undecided for one in self.standings):
            return Exit.DECISION
        return Exit.CLEAN

    def _is_broken_off(self) -> bool:
        return self.last is not None and self.last.finished_at is not None and not went_through(self.last)


def read_status(connection: Connection, entities: Collection[str], stale_after: timedelta, at: datetime) -> Status:
    """How the connector stands now."""
    runs = [run for run in journal.last_runs(connection, _RUNS_LOOKED_AT) if run.kind != "plan" and not _is_cut(run)]
    kept = standings.listed(connection)
    paused = pauses.listed(connection)
    ended = [run.finished_at for run in runs if run.kind == "sync" and went_through(run) and run.finished_at]
    ended += [one.good_at for one in kept.values() if one.name in entities and one.good_at is not None]
    lease = leases.holder(connection, LEASE)
    running = lease.owner if lease is not None and lease.until > at else None
    found = _standings(connection, entities, kept, frozenset(one.name for one in paused))
    return Status(runs[0] if runs else None, max(ended, default=None), running, found, stale_after, paused)


def went_through(run: Run) -> bool:
    """Whether a run reached its end; one that was broken off says `failed` too, but its report does not."""
    broken_off = run.outcome == "failed" and run.counts.get("exit") != Exit.FAILED
    return run.finished_at is not None and run.outcome != "halted" and not broken_off


def _is_cut(run: Run) -> bool:
    """A run that was told to stop: no failure, and no news."""
    return run.outcome == "stopped"


def _standings(
    connection: Connection, entities: Collection[str], kept: Mapping[str, EntityStanding], paused: frozenset[str]
) -> list[Standing]:
    depth, ready = inbox.depth(connection), inbox.ready(connection)
    contested = conflicts.count(connection)
    undecided: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for item in problems.listed(connection):
        (undecided if item.problem.cause in DECISIONS else failed)[item.problem.entity] += 1
    held, unknown = (_live(connection, state) for state in (OperationState.HELD, OperationState.UNKNOWN))
    return [
        Standing(
            name,
            links.count(connection, name),
            *depth.get(name, (0, None)),
            contested.get(name, 0),
            failed[name],
            undecided[name],
            held[name],
            unknown[name],
            kept[name].good_at if name in kept else None,
            kept[name].reason if name in kept and kept[name].halted_at else None,
            bool(paused & {name, pauses.ALL}),
            ready.get(name, 0),
        )
        for name in entities
    ]


def _live(connection: Connection, state: OperationState) -> Counter[str]:
    """How many operations of each entity are in a state, read page by page: a guard may hold very many."""
    found: Counter[str] = Counter()
    after = ""
    while page := journal.by_state(connection, [state], limit=_PAGE, after=after):
        found.update(one.entity for one in page)
        after = page[-1].id
    return found


def reader(
    store: Store, entities: Collection[str], stale_after: timedelta, clock: Callable[[], datetime]
) -> Callable[[], Status]:
    """How things stand, read anew each time it is asked."""

    def read() -> Status:
        with store.read() as connection:
            return read_status(connection, entities, stale_after, clock())

    return read
