"""A record of the ERP gets a new id: what names it follows, and the old id tells where it went."""

from collections.abc import Iterator
from typing import Any

import orjson

from connector.reference.erp_stock import MOST_WAREHOUSES
from connector.reference.erp_tables import ITEMS, RESOURCES, STOCK_LEVELS
from connector.reference.fields import Collection, Field, Kind
from connector.reference.stamps import seconds_text
from connector.reference.storage import Condition, Row, Selection, Store, one_of
from connector.reference.validation import Values

TABLE = "CREATE TABLE IF NOT EXISTS moved (resource TEXT, old TEXT, new TEXT NOT NULL, PRIMARY KEY (resource, old))"
MOST = 10**9


class Moves:
    """Old ids and new ones; every change in the store's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.execute(TABLE)

    def target(self, resource: Collection, record_id: object) -> Any:
        """The id that a record has now that once had this one; None where there is none."""
        sql = "SELECT new FROM moved WHERE resource = ? AND old = ?"
        found = self._store.execute(sql, (resource.name, str(record_id)))
        return orjson.loads(found[0][0]) if found else None

    def renumber(self, resource: Collection, row: Row, user: str) -> tuple[Row, Values]:
        """The record under its new id."""
        num = self._store.next(resource.name)
        moved = self._put(resource, row, num, {**row.values, "id": num}, user)
        for other, field, child in list(self._naming(resource, row.num)):
            current = self._store.get(other.name, child.num) or child
            self._change(other, current, _pointed(current.values, field, row.num, num), user)
        if resource is ITEMS:
            self._move_levels(row.num, num, user)
        return moved

    def _put(self, resource: Collection, row: Row, num: int, values: Values, user: str) -> tuple[Row, Values]:
        """Take a record away and put it under another number."""
        old = row.values["id"]
        stamped = self._stamped(row, values, user)
        after = Row(num, row.version + 1, self._store.now(), 0, orjson.dumps(stamped))
        self._store.remove(resource.name, row.num, old)
        self._store.insert(resource.name, after, stamped)
        new = orjson.dumps(values["id"]).decode()
        # Who asks for a still older id is told the newest one at once.
        sql = "UPDATE moved SET new = ? WHERE resource = ? AND new = ?"
        self._store.execute(sql, (new, resource.name, orjson.dumps(old).decode()))
        self._store.execute("INSERT INTO moved VALUES (?, ?, ?)", (resource.name, str(old), new))
        return after, stamped

    def _move_levels(self, old: int, new: int, user: str) -> None:
        """A level's id and number are made from the item's."""
        selection = Selection((one_of(STOCK_LEVELS, "item_id", [old]),))
        for row in self._store.select(STOCK_LEVELS.name, selection, MOST_WAREHOUSES):
            values = {**row.values, "id": f"{new}-{row.values['warehouse_code']}", "item_id": new}
            num = new * MOST_WAREHOUSES + row.num % MOST_WAREHOUSES
            self._put(STOCK_LEVELS, row, num, values, user)

    def _naming(self, resource: Collection, num: int) -> Iterator[tuple[Collection, Field, Row]]:
        """The records that name this one, in a field of their own or of a line."""
        for other in RESOURCES:
            for field in other.fields if other is not STOCK_LEVELS else ():
                if field.kind is Kind.REFERENCE and field.target == resource.name:
                    naming = one_of(other, field.name, [num])
                elif any(part.target == resource.name for part in field.fields):
                    name = next(part.name for part in field.fields if part.target == resource.name)
                    naming = Condition("instr(body, ?)", (f'"{name}":{num},'.encode(),))
                else:
                    continue
                rows = self._store.select(other.name, Selection((naming,)), MOST)
                yield from ((other, field, row) for row in rows)

    def _change(self, resource: Collection, row: Row, values: Values, user: str) -> None:
        stamped = self._stamped(row, values, user)
        after = Row(row.num, row.version + 1, self._store.now(), 0, orjson.dumps(stamped))
        self._store.replace(resource.name, after, stamped)

    def _stamped(self, row: Row, values: Values, user: str) -> Values:
        text = seconds_text(self._store.now())
        return {**values, "revision": row.version + 1, "write_date": text, "write_user": user}


def _pointed(values: Values, field: Field, old: int, new: int) -> Values:
    """A record that names the new id wherever a field named the old one."""
    if field.kind is Kind.REFERENCE:
        return {**values, field.name: new}
    names = [part.name for part in field.fields if part.target]
    lines = [{**line, **{name: new for name in names if line[name] == old}} for line in values[field.name]]
    return {**values, field.name: lines}
