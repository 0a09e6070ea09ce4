"""Old ids of records that were merged or renamed, and the ids they have now."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from connector.records import Side
from connector.store import bulk
from connector.store.columns import to_micros
from connector.store.schema import alias
from connector.store.statements import Same

_COLUMNS = ("entity", "side", "old_id", "new_id", "at")
_MOST_STEPS = 20


def add(conn: Connection, entity: str, side: Side, old_id: str, new_id: str, at: datetime) -> None:
    """Remember that a record has another id now."""
    row = (entity, str(side), old_id, new_id, to_micros(at))
    bulk.upsert_rows(conn, alias, _COLUMNS, [row], Same(keys=("entity", "side", "old_id")))


def resolve(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> dict[str, str]:
    """The present id of each of these ids that has another one now; steps from merge to merge are followed."""
    found = {old: new for old, new in _steps(conn, entity, side, ids).items() if old != new}
    for _ in range(_MOST_STEPS):
        further = _steps(conn, entity, side, set(found.values()))
        if not further:
            break
        found = {old: further.get(new, new) for old, new in found.items()}
    return {old: new for old, new in found.items() if old != new}


def _steps(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> dict[str, str]:
    where = {"entity": entity, "side": str(side)}
    return dict(bulk.select_in(conn, alias, ("old_id", "new_id"), ("old_id", ids), where))
