"""Old ids of records that were merged or renamed, and the ids they have now."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select

from connector.records import Side
from connector.store import bulk
from connector.store.columns import to_micros
from connector.store.schema import alias
from connector.store.statements import Same

_COLUMNS = ("entity", "side", "old_id", "new_id", "at")
_MOST_STEPS = 20
# No id is empty; asked like this, the index answers.
_ANY = select(alias.c.old_id).where(alias.c.old_id > "").limit(1)


def add(conn: Connection, entity: str, side: Side, old_id: str, new_id: str, at: datetime) -> None:
    """Remember that a record has another id now."""
    row = (entity, str(side), old_id, new_id, to_micros(at))
    bulk.upsert_rows(conn, alias, _COLUMNS, [row], Same(keys=("entity", "side", "old_id")))


def drop(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> None:
    """Forget that these ids led elsewhere: their records are there again."""
    bulk.delete_in(conn, alias, ("old_id", ids), {"entity": entity, "side": str(side)})


def is_any(conn: Connection) -> bool:
    """Whether anything was ever merged or renamed: mostly not, and then nobody need be looked up."""
    return bool(bulk.fetch_query(conn, _ANY))


def former(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> dict[str, list[str]]:
    """The older ids that lead to each of these, the latest first; ids that were never others are left out."""
    where = {"entity": entity, "side": str(side)}
    found: dict[str, list[str]] = {}
    leads_to = {one: one for one in ids}
    for _ in range(_MOST_STEPS):
        rows = bulk.select_in(conn, alias, ("old_id", "new_id"), ("new_id", list(leads_to)), where)
        leads_to = {old: leads_to[new] for old, new in rows if old not in found.get(leads_to[new], ())}
        for old, present in leads_to.items():
            found.setdefault(present, []).append(old)
        if not leads_to:
            break
    return found


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
