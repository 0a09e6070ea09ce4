"""What follows from a document, in the transaction that changed it: projects are opened, happenings written down.

It is told by the store what was changed, whoever changed it and how, so that no way round it exists.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from connector.reference.erp_records import Records
from connector.reference.erp_service_tables import EVENTS, PROJECTS
from connector.reference.stamps import day, seconds_text
from connector.reference.storage import Change, Row, Store
from connector.reference.validation import Values

USER = "system"


class Happening(NamedTuple):
    """Something that happened to a document: what, in words, and how much money it is about."""

    event: str
    text: str
    amount: str | None = None


Judge = Callable[[Values], Iterator[Happening]]
"""What a document, as it is now, says has happened to it; each is written down the first time it is said."""


class Followers:
    """Listens to a store; everything it does belongs to the transaction that it is told of."""

    def __init__(self, store: Store, records: Records) -> None:
        self._store, self._records = store, records
        store.listen(self.follow)

    def follow(self, changes: Sequence[Change]) -> None:
        """Do what follows from these changes."""
        for change in changes:
            if change.kind == "deleted":
                continue
            if change.table == "sales_orders":
                self._open_project(self._read(change))
            if change.table in JUDGES:
                self._write_down(change.table, self._read(change))

    def _read(self, change: Change) -> Values:
        row = self._store.get(change.table, change.record_id)
        return row.values if row else {}

    def _open_project(self, order: Values) -> None:
        """A confirmed order opens one project for all the services that it sold."""
        if order.get("state") != "confirmed" or self._store.holder(PROJECTS.name, "sales_order_id", order["id"]):
            return
        sold = [line for line in order["lines"] if self._records.values("items", line["item_id"]).get("is_service")]
        if sold:
            name = sold[0]["name"] or self._records.values("items", sold[0]["item_id"])["name"]
            project = {"partner_id": order["partner_id"], "sales_order_id": order["id"], "name": name[:200]}
            self._records.enter(PROJECTS.name, project, USER)

    def _write_down(self, table: str, document: Values) -> None:
        for one in JUDGES[table](document) if document else ():
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
            "event_date": day(now).isoformat(),
            "amount": one.amount,
            "currency_code": document.get("currency_code") if one.amount else None,
        }
        self._store.insert(EVENTS.name, Row(num, 1, now, 0, orjson.dumps(values)), values)


def _service(order: Values) -> Iterator[Happening]:
    what = f"{order['kind'].capitalize()} {order['number']}"
    if order["state"] == "received":
        yield Happening("received", f"{what}: the goods have arrived")
    elif order["state"] == "in_work":
        yield Happening("started", f"{what}: work has begun")
    elif order["state"] == "done":
        yield Happening("done", f"{what} is done: {order['outcome']}", order["charge"])
    elif order["state"] == "refused":
        yield Happening("refused", f"{what} was refused")


def _project(project: Values) -> Iterator[Happening]:
    what = f"Project {project['number']}"
    if project["state"] == "planned":
        yield Happening("opened", f"{what} was opened: {project['name']}"[:200])
    elif project["state"] == "running":
        yield Happening("started", f"{what} has begun")
    elif project["state"] == "completed":
        yield Happening("completed", f"{what} is complete")


JUDGES: Mapping[str, Judge] = {"service_orders": _service, "projects": _project}
