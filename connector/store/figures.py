"""Figures for those who watch: what waits on which side, and how long operations took."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, case, func, select, text

from connector.records import Side
from connector.store.columns import maybe_instant
from connector.store.schema import OPEN, READY, inbox, operation, problem

_MICROSECONDS = 1_000_000


class Queue(NamedTuple):
    """The keys of one entity and side: how many there are, and since when the oldest waits that nothing holds up."""

    entity: str
    side: Side
    depth: int
    oldest: datetime | None


def queues(conn: Connection) -> list[Queue]:
    """What waits in the inbox; what rests or waits for another record is counted, and is not late."""
    ready = case((text(READY), inbox.c.since))
    query = select(inbox.c.entity, inbox.c.side, func.count(), func.min(ready))
    rows = conn.execute(query.group_by(inbox.c.entity, inbox.c.side))
    return [Queue(entity, Side(side), number, maybe_instant(oldest)) for entity, side, number, oldest in rows]


def open_problems(conn: Connection) -> dict[tuple[str, str], int]:
    """How many problems are open, by entity and cause."""
    query = select(problem.c.entity, problem.c.cause, func.count()).where(text(OPEN))
    rows = conn.execute(query.group_by(problem.c.entity, problem.c.cause))
    return {(entity, cause): number for entity, cause, number in rows}


def latencies(conn: Connection, run: str, limit: int) -> Iterator[tuple[str, str, float]]:
    """Side, kind and seconds from plan to done of the operations of one run, the first ones if there are many.

    They are found by their ids, which follow the run's own in time.
    """
    query = select(operation.c.side, operation.c.kind, operation.c.done_at - operation.c.created_at)
    own = (operation.c.id > run, operation.c.run == run, operation.c.done_at.is_not(None))
    for side, kind, micros in conn.execute(query.where(*own).limit(limit)):
        yield side, kind, micros / _MICROSECONDS
