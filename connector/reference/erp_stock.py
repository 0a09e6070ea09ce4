"""Stock: a ledger of moves, and per item and warehouse a level that follows it and the open orders in one transaction.

on hand     the sum of the moves
reserved    what confirmed sales orders ask for and have not been shipped, and what planned productions will use up
available   on hand less reserved; real companies sell what they do not have, so it may be below zero
incoming    what open purchase orders and planned production orders will bring, and the earliest day of any
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import orjson

from connector.reference.amounts import round_half_up
from connector.reference.erp_tables import STOCK_LEVELS, WAREHOUSES
from connector.reference.refusals import invalid
from connector.reference.stamps import seconds_text
from connector.reference.storage import Row, Selection, Store, one_of
from connector.reference.validation import Values, written

LEVELS = STOCK_LEVELS.name
MOST_WAREHOUSES = 10_000
QUANTITY_DIGITS = 3
NUMBERS = ("on_hand", "reserved", "incoming")
SUPPLIES = (("purchase_orders", "open", "expected_date"), ("production_orders", "planned", "planned_date"))
"""Documents that bring goods: the state in which they still will, and the day they name."""


class Stock:
    """The derived levels; every change of what they derive from must be told here, inside its transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def level_number(self, level_id: str) -> int:
        """The number of a level from its id, like `12-MAIN`; -1 where there is none."""
        item, _, warehouse = level_id.partition("-")
        if not item.isascii() or not item.isdecimal() or len(item) > 10:  # noqa: PLR2004 -- more digits no id has
            return -1
        place = self._store.holder(WAREHOUSES.name, "code", warehouse)
        return -1 if place is None or str(int(item)) != item else int(item) * MOST_WAREHOUSES + place

    def check_warehouse(self, code: object) -> None:
        """Refuse a warehouse that is not there."""
        if self._store.holder(WAREHOUSES.name, "code", code) is None:
            raise invalid("warehouse_code names no warehouse", "warehouse_code")

    def move(self, item: Values, warehouse: str, quantity: Decimal, user: str) -> None:
        """Goods came or, below zero, went."""
        self._shift(item, warehouse, user, on_hand=quantity)

    def reserve(self, item: Values, warehouse: str, quantity: Decimal, user: str) -> None:
        """Goods were promised or, below zero, are free again."""
        self._shift(item, warehouse, user, reserved=quantity)

    def expect(self, item: Values, warehouse: str, user: str) -> None:
        """Something about what is to come has changed."""
        supplies = list(self._open_supplies(item["id"], warehouse))
        days = [day for _, day in supplies if day]
        incoming = sum((quantity for quantity, _ in supplies), Decimal(0))
        num, row, level = self._level(item, warehouse)
        level |= {"incoming": _text(incoming), "expected_date": min(days, default=None)}
        self._keep(num, row, level, user)

    def rename(self, item: Values, user: str) -> None:
        """An item has another code now."""
        selection = Selection((one_of(STOCK_LEVELS, "item_id", [item["id"]]),))
        for row in self._store.select(LEVELS, selection, MOST_WAREHOUSES):
            self._keep(row.num, row, {**row.values, "item_code": item["code"]}, user)

    def has_levels(self, column: str, value: object) -> bool:
        """Whether goods of this item, or in this warehouse, were ever counted."""
        return self._store.holder(LEVELS, column, value) is not None

    def level(self, item: Values, warehouse: str) -> Values:
        """What there is of an item in a warehouse, also where none ever was."""
        return self._level(item, warehouse)[2]

    def _shift(self, item: Values, warehouse: str, user: str, **changes: Decimal) -> None:
        num, row, level = self._level(item, warehouse)
        for name, quantity in changes.items():
            level[name] = _text(Decimal(level[name]) + quantity)
        level["available"] = _text(Decimal(level["on_hand"]) - Decimal(level["reserved"]))
        self._keep(num, row, level, user)

    def _level(self, item: Values, warehouse: str) -> tuple[int, Row | None, Values]:
        level_id = f"{item['id']}-{warehouse}"
        num = self.level_number(level_id)
        row = self._store.get(LEVELS, num)
        return num, row, row.values if row else _new_level(level_id, item, warehouse)

    def _keep(self, num: int, row: Row | None, level: Values, user: str) -> None:
        """Store a level, with a new revision where any of it is different."""
        if row and row.values == level:
            return
        now = self._store.now()
        text = seconds_text(now)
        revision = row.version + 1 if row else 1
        level |= {"revision": revision, "write_date": text, "write_user": user}
        level["create_date"] = level["create_date"] or text
        after = Row(num, revision, now, 0, orjson.dumps(level))
        if row:
            self._store.replace(LEVELS, after, level)
        else:
            self._store.insert(LEVELS, after, level)

    def _open_supplies(self, item_id: int, warehouse: str) -> Iterable[tuple[Decimal, str | None]]:
        for table, state, day in SUPPLIES:
            for values in self._store.holding(table, {"item_id": item_id, "warehouse_code": warehouse, "state": state}):
                yield Decimal(values["qty"]) - Decimal(values.get("qty_received", "0")), values[day]


def _text(quantity: Decimal) -> str:
    return written(round_half_up(quantity, QUANTITY_DIGITS))


def _new_level(level_id: str, item: Values, warehouse: str) -> Values:
    blank: dict[str, Any] = dict.fromkeys(field.name for field in STOCK_LEVELS.fields)
    zeros = dict.fromkeys((*NUMBERS, "available"), _text(Decimal(0)))
    return {
        **blank,
        **zeros,
        "id": level_id,
        "item_id": item["id"],
        "item_code": item["code"],
        "warehouse_code": warehouse,
    }
