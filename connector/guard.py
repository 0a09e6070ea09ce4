"""Guard a finished plan before its first write: what no person has released is counted, with what was done before."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from connector.context import Work
from connector.durations import spoken
from connector.reconcile import guards
from connector.records import Operation, OperationState, Side
from connector.store import approvals, journal, links
from connector.store.schema import CHANGED, REMOVED

_KEPT = 8
"""So many pages of a plan are kept from its judging to its applying: a larger one is read once more, page by page."""


class Verdict(NamedTuple):
    """What the guards said of a plan."""

    trips: list[guards.Trip]
    whole: list[Operation] | None
    """The plan itself, where it is no more than some pages."""

    def held(self, work: Work, operations: Sequence[Operation]) -> list[Operation]:
        """Those of a plan's operations that a guard holds back and nobody has released."""
        if not self.trips:
            return []
        free = released(work, operations)
        return [item for item in operations if item.id not in free and guards.is_stopped(item, self.trips)]


def staged(work: Work) -> Iterator[list[Operation]]:
    """The planned operations of this run, page by page; each is read when it is asked for."""

    def read(after: str) -> list[Operation]:
        with work.store.read() as connection:
            return _page(connection, work, OperationState.PLANNED, work.run, after)

    return _pages(work, read)


def _page(connection: Connection, work: Work, state: OperationState, run: str | None, after: str) -> list[Operation]:
    return journal.by_state(connection, [state], work.name, run, work.context.limits.chunk, after)


def _pages(work: Work, read: Callable[[str], list[Operation]]) -> Iterator[list[Operation]]:
    """Pages up to the one that is not full."""
    after = ""
    while page := read(after):
        yield page
        if len(page) < work.context.limits.chunk:
            return
        after = page[-1].id


def _counted(connection: Connection, work: Work) -> Iterator[list[Operation]]:
    """What the guards count: the plan, and, where it is only looked at, what one holds since an earlier run."""
    yield from _pages(work, partial(_page, connection, work, OperationState.PLANNED, work.run))
    if work.dry:
        yield from _pages(work, partial(_page, connection, work, OperationState.HELD, None))


def judge(work: Work) -> Verdict:
    """Count the whole plan, and say what trips; that is told in the run's report."""
    census = guards.Census.empty()
    whole: list[Operation] | None = []
    most = _KEPT * work.context.limits.chunk
    with work.store.read() as connection:
        for page in _counted(connection, work):
            whole = [*whole, *page] if whole is not None and len(whole) + len(page) <= most else None
            free = _released(connection, work, page, work.now())
            census.add(item for item in page if item.id not in free)
        if _is_small(connection, work, census):
            return Verdict([], whole)
        linked = links.count(connection, work.name)
        past = {side: _past(connection, work, side, census, linked) for side in Side}
    trips = [trip for side in Side for trip in guards.check(work.entity, side, census, past[side], linked)]
    work.tally.halted += [trip.message for trip in trips]
    return Verdict(trips, whole)


def _is_small(connection: Connection, work: Work, census: guards.Census) -> bool:
    """Whether nothing can trip, which tells without counting the links: a million of them take longer than a write."""
    if census.removals:
        return False
    since, changes = work.now() - work.context.limits.guard_window, 0
    for side in {side for side, _ in census.fields}:
        planned = max(count for (changed_on, _), count in census.fields.items() if changed_on is side)
        changes = max(changes, planned + journal.records_changed_since(connection, work.name, side, since))
    enough = guards.enough_links(work.entity.guard, changes)
    return enough == 0 or (enough is not None and links.are_at_least(connection, work.name, enough))


def foretell(work: Work) -> None:
    """Tell of a plan that is only looked at what a guard would hold back, with what one holds back already."""
    verdict = judge(work)
    with work.store.read() as connection:
        for page in _counted(connection, work):
            work.tally.held += len(verdict.held(work, page))


def released(work: Work, operations: Sequence[Operation]) -> frozenset[str]:
    """The operations a person has released, by the digest of what they do."""
    with work.store.read() as connection:
        return frozenset(_released(connection, work, operations, work.now()))


def _released(connection: Connection, work: Work, operations: Sequence[Operation], at: datetime) -> set[str]:
    found: set[str] = set()
    for side in Side:
        digests = {guards.digest(item): item.id for item in operations if item.side is side}
        allowed = approvals.approved(connection, work.name, side, list(digests), at)
        found |= {digests[item] for item in allowed}
    return found


def _past(connection: Connection, work: Work, side: Side, census: guards.Census, linked: int) -> guards.Past:
    """What was done in the window, looked at more closely only where it could make a guard trip."""
    window = work.context.limits.guard_window
    since, now = work.now() - window, census.removals[side]
    removals = journal.removals_since(connection, work.name, side, since) if now else 0
    if now <= guards.removal_limit(work.entity.guard, linked) < now + removals:
        removals = sum(len(page) for page in _unreleased(connection, work, side, REMOVED, since))
    limit = guards.change_limit(work.entity.guard, linked)
    planned = {name: count for (changed_on, name), count in census.fields.items() if changed_on is side}
    changed = journal.records_changed_since(connection, work.name, side, since) if planned else 0
    suspects = {name for name, count in planned.items() if count <= limit < count + changed}
    fields = _changed_elsewhere(connection, work, side, suspects, since) if suspects else {}
    if any(planned[name] + number > limit for name, number in fields.items()):
        # Only now is it worth finding out what of it a person had released.
        fields = _changed_unreleased(connection, work, side, suspects, since)
    return guards.Past(removals, fields, spoken(window))


def _unreleased(
    connection: Connection, work: Work, side: Side, kind: str, since: datetime
) -> Iterator[list[Operation]]:
    """What was done in the window, but for what a person had released."""
    for page in journal.done_since(connection, kind, work.name, side, since, work.context.limits.chunk):
        # An approval that still held when the window began may have released it, though it has expired since.
        free = _released(connection, work, page, since)
        yield [item for item in page if item.id not in free]


def _changed_elsewhere(
    connection: Connection, work: Work, side: Side, suspects: set[str], since: datetime
) -> dict[str, int]:
    """On how many records each of these fields was changed, not counting those that the plan changes again."""
    return _without_planned(connection, work, side, journal.changed_since(connection, work.name, side, suspects, since))


def _changed_unreleased(
    connection: Connection, work: Work, side: Side, suspects: set[str], since: datetime
) -> dict[str, int]:
    """The same, without what a person had released."""
    changed: dict[str, set[str]] = {name: set() for name in suspects}
    for page in _unreleased(connection, work, side, CHANGED, since):
        for item in page:
            for name in suspects & item.values.keys():
                changed[name].add(item.key)
    return _without_planned(connection, work, side, changed)


def _without_planned(connection: Connection, work: Work, side: Side, changed: dict[str, set[str]]) -> dict[str, int]:
    for page in _counted(connection, work):
        for item in page:
            for name in changed.keys() & item.values.keys() if item.side is side else ():
                changed[name].discard(item.key)
    return {name: len(keys) for name, keys in changed.items()}
