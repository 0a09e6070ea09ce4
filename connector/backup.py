"""Save the state to one file, and go back to it without trusting it: both systems have gone on since.

After a restore nothing is created before both sides were read whole again: what was made since the backup carries its
counterpart's id, or a match key, and is linked instead of being doubled.
"""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from connector.errors import LeaseLost, OutcomeUnknown
from connector.holder import HOLD, alone
from connector.records import Arrival, Operation, OperationKind, OperationState, Problem, Side
from connector.store import cursors, dump, inbox, journal, leases, links, problems, sightings, stretches
from connector.store.database import Store
from connector.tenure import LEASE

RESTORED = "restored"
"""Why a key needs a look: what is remembered of it is as old as the backup."""

_PAGE = 5000


class Restored(NamedTuple):
    """What a restore brought back."""

    links: int
    rows: int
    saved_at: datetime | None
    """When the newest run of the backup began."""


def save(store: Store, path: Path) -> int:
    """Write the whole state to a file, complete or not at all, while a daemon may go on; answers its size in bytes."""
    part = path.with_name(f"{path.name}.part")
    try:
        dump.save(store, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path.stat().st_size


def is_empty(store: Store) -> bool:
    """Whether nothing was ever run on this state, so that nothing is lost by restoring over it."""
    with store.read() as connection:
        return not journal.last_runs(connection, 1)


def restore(store: Store, path: Path, run: str, at: datetime) -> Restored:
    """Replace the state by a backup in one transaction; raises `LeaseHeld` while a run is at work on it."""
    with alone(store, LEASE, run, at) as epoch, dump.opened(path) as backup, store.write(durable=True) as connection:
        rows = dump.load(connection, backup)
        newest = journal.last_runs(connection, 1)
        _distrust(connection, at)
        journal.start_run(connection, run, "restore", at)
        journal.finish_run(connection, run, "clean", {"run": run, "kind": "restore", "exit": 0}, at)
        if not leases.renew(connection, LEASE, epoch, HOLD, at):
            raise LeaseLost("another process took over the state meanwhile; nothing was restored")
    return Restored(rows["link"], sum(rows.values()), newest[0].started_at if newest else None)


def _distrust(connection: Connection, at: datetime) -> None:
    """See that the next sync reads everything again before it creates anything, and looks at every linked record."""
    for position in cursors.all(connection):
        fresh = position._replace(cursor=None, complete=False, known=0, echoes=0, enumeration=None, enumerated_at=None)
        cursors.save(connection, fresh, at)
        stretches.clear(connection, position.entity, position.side)
    sightings.clear(connection)
    inbox.distrust(connection)
    _doubt_creates(connection, at)
    after = 0
    while page := links.keys(connection, after, _PAGE):
        after = page[-1][0]
        keys = [(entity, side, one) for _, entity, *ids in page for side, one in zip(Side, ids, strict=True)]
        inbox.put(connection, [Arrival(*key, RESTORED) for key in keys], at)


def _doubt_creates(connection: Connection, at: datetime) -> None:
    """What was being created when the backup was made is found by the scans, or a person says what became of it."""
    live = [OperationState.SENDING, OperationState.UNKNOWN]
    creates = [one for one in journal.by_state(connection, live) if one.kind is OperationKind.CREATE]
    ids = [one.id for one in creates]
    journal.advance(connection, ids, OperationState.REJECTED, at, error="the state was restored from a backup")
    problems.report(connection, [_doubt(one) for one in creates], at)
    inbox.put(connection, [Arrival(one.entity, one.side.other, str(one.source), RESTORED) for one in creates], at)


def _doubt(create: Operation) -> Problem:
    side, source = create.side.other, str(create.source)
    message = (
        f"{create.entity} {side}:{source} was being created on {create.side} when the restored backup was made, and no "
        f"record there was found to be it yet; the next sync looks. If it is there: connector links add "
        f"{create.entity} --crm ID --erp ID; if it is not: connector problems retry"
    )
    return Problem(create.entity, side, source, OutcomeUnknown.code, message)
