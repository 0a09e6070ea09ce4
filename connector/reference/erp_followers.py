"""What follows from a document, in the transaction that changed it: projects are opened, happenings written down.

It is told by the store what was changed, whoever changed it and how, so that no way round it exists.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from connector.reference.erp_happenings import JUDGES, Happening
from connector.reference.erp_records import Records
from connector.reference.erp_service_tables import EVENTS, PROJECTS
from connector.reference.erp_supply import lacking, needs
from connector.reference.stamps import seconds_text
from connector.reference.storage import Change, Row, Store
from connector.reference.validation import Values

USER = "system"
SOLD = frozenset(("confirmed", "partially_shipped", "shipped", "invoiced", "paid", "closed"))
"""States of an order that nobody has to think about any more."""


class Followers:
    """Listens to a store; everything it does belongs to the transaction that it is told of."""

    def __init__(self, store: Store, records: Records) -> None:
        self._store, self._records = store, records
        self._dunned = ""
        store.listen(self.follow)

    def follow(self, changes: Sequence[Change]) -> None:
        """Do what follows from these changes."""
        for change in changes:
            if change.kind == "deleted":
                continue
            if change.table == "sales_orders":
                self._open_project(self._read(change))
            if change.table == "stock_levels":
                self._weigh_production(*str(change.record_id).split("-", 1))
            if change.table in JUDGES:
                self._write_down(change.table, self._read(change))

    def dun(self) -> None:
        """Write down which invoices have become overdue; once a day is enough."""
        today = self._records.today
        if self._dunned == today:
            return
        with self._store.transaction():
            for invoice in self._store.holding("invoices", {"state": "posted"}):
                self._write_down("invoices", invoice)
        self._dunned = today

    def _read(self, change: Change) -> Values:
        row = self._store.get(change.table, change.record_id)
        return row.values if row else {}

    def _weigh_production(self, item: str, place: str) -> None:
        """Planned productions say whether they lack a component of which there is more or less to be had now."""
        for order in self._store.holding("production_orders", {"state": "planned", "warehouse_code": place}):
            if int(item) in needs(order) and (told := lacking(self._records, order)) != order["lacking"]:
                self._records.put("production_orders", order["id"], {"lacking": told}, USER)

    def _open_project(self, order: Values) -> None:
        """An order that is sold opens one project for all the services in it."""
        if order.get("state") not in SOLD or self._store.holder(PROJECTS.name, "sales_order_id", order["id"]):
            return
        items = [(line, self._records.values("items", line["item_id"])) for line in order["lines"]]
        names = [line["name"] or item["name"] for line, item in items if item.get("is_service")]
        if names:
            project = {"partner_id": order["partner_id"], "sales_order_id": order["id"], "name": names[0][:200]}
            self._records.enter(PROJECTS.name, project, USER)

    def _write_down(self, table: str, document: Values) -> None:
        for one in JUDGES[table](self._records, document) if document else ():
            key = f"{document['number']}:{one.event}"
            if self._store.holder(EVENTS.name, "key", key) is None:
                self._insert(table, document, key, one)

    def _insert(self, table: str, document: Values, key: str, one: Happening) -> None:
        now = self._store.now()
        num, text = self._store.next(EVENTS.name), seconds_text(now)
        blank: dict[str, Any] = dict.fromkeys(field.name for field in EVENTS.fields)
        stamps = {"id": num, "revision": 1, "create_date": text, "write_date": text, "write_user": USER}
        values = {
            **blank,
            **stamps,
            "key": key,
            "partner_id": document["partner_id"],
            "model": table,
            "document": document["number"],
            "event": one.event,
            "text": one.text,
            "event_date": text[:10],
            "amount": one.amount,
            "currency_code": document.get("currency_code") if one.amount else None,
        }
        self._store.insert(EVENTS.name, Row(num, 1, now, 0, orjson.dumps(values)), values)
