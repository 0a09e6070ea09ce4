"""How each entity stands: when it last went well as a whole, and since when it is halted."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, text

from connector.store.columns import maybe_instant, to_micros
from connector.store.schema import standing

_GOOD = text(
    "INSERT INTO standing (name, good_at, run) VALUES (:name, :at, :run) ON CONFLICT (name) DO UPDATE"
    " SET good_at = excluded.good_at, halted_at = NULL, reason = NULL, run = excluded.run"
)
_HALTED = text(
    "INSERT INTO standing (name, halted_at, reason, run) VALUES (:name, :at, :reason, :run) ON CONFLICT (name)"
    " DO UPDATE SET halted_at = COALESCE(standing.halted_at, excluded.halted_at), reason = excluded.reason,"
    " run = excluded.run"
)


class EntityStanding(NamedTuple):
    """One entity: its last pass that went well, and its halt, if it is halted."""

    name: str
    good_at: datetime | None
    halted_at: datetime | None
    reason: str | None
    run: str | None


def note_good(conn: Connection, names: Collection[str], run: str, at: datetime) -> None:
    """These were read and settled to the end: no halt is left."""
    if names:
        conn.execute(_GOOD, [{"name": name, "at": to_micros(at), "run": run} for name in names])


def note_halted(conn: Connection, reasons: Mapping[str, str], run: str, at: datetime) -> None:
    """These had to stop, and why; one that was halted before keeps the time since when."""
    if reasons:
        now = to_micros(at)
        rows = [{"name": name, "at": now, "reason": reason, "run": run} for name, reason in reasons.items()]
        conn.execute(_HALTED, rows)


def listed(conn: Connection) -> dict[str, EntityStanding]:
    """How every entity stands that was ever run."""
    return {
        row.name: EntityStanding(
            row.name, maybe_instant(row.good_at), maybe_instant(row.halted_at), row.reason, row.run
        )
        for row in conn.execute(select(standing))
    }
