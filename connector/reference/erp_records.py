"""What the ERP does with records: create, change, delete and act, with the rules of each resource."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from connector.reference.erp_desks import Desk, Written, named
from connector.reference.erp_fields import EXTRA
from connector.reference.erp_money import InvoiceDesk, PaymentDesk
from connector.reference.erp_moves import Moves
from connector.reference.erp_orders import OrderDesk
from connector.reference.erp_service import ProjectDesk, ServiceDesk
from connector.reference.erp_shipping import ReturnDesk, ShipmentDesk
from connector.reference.erp_stock import Stock
from connector.reference.erp_supply import BillDesk, ProductionDesk, PurchaseDesk
from connector.reference.erp_tables import ITEMS, RESOURCES, STOCK_LEVELS
from connector.reference.fields import Collection, Field, Kind
from connector.reference.normal import international
from connector.reference.refusals import Reason, Refusal, invalid, malformed
from connector.reference.stamps import day, seconds_text
from connector.reference.storage import Row, Store
from connector.reference.validation import Form, Values

TICKS = 1
"""Stamps are in whole seconds."""

NUMBERS = {
    "stock_moves": "SM-{:05d}",
    "sales_orders": "SO-{:05d}",
    "purchase_orders": "PO-{:05d}",
    "production_orders": "MO-{:05d}",
    "shipments": "SH-{:05d}",
    "returns": "RT-{:05d}",
    "payments": "PAY-{:05d}",
    "service_orders": "SV-{:05d}",
    "projects": "PJ-{:05d}",
}
USERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "partners": (("partners", "parent_id"), ("sales_orders", "partner_id"), ("invoices", "partner_id")),
    "items": (
        ("stock_moves", "item_id"),
        ("stock_levels", "item_id"),
        ("purchase_orders", "item_id"),
        ("production_orders", "item_id"),
        ("boms", "item_id"),
    ),
}
"""Where records of a resource are named; one that is named is not deleted."""

UNSETTLED = frozenset((None, "draft", "open", "planned", "refused", "cancelled"))
"""States in which a document may still be deleted."""


class Records:
    """The ERP's records, by resource and id."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.stock = Stock(store)
        self._moves = Moves(store)
        self._desks = self._open_desks()
        self._forms = {each.name: Form(each, extra=EXTRA) for each in RESOURCES}

    def number(self, resource: Collection, record_id: object) -> int:
        """The number in an id, or -1 where it is none of this resource's."""
        if resource is STOCK_LEVELS:
            return self.stock.level_number(record_id) if isinstance(record_id, str) else -1
        if isinstance(record_id, str) and record_id.isascii() and record_id.isdecimal():
            return int(record_id) if len(record_id) < 16 and record_id[0] != "0" else -1  # noqa: PLR2004 -- more digits no id has
        return record_id if isinstance(record_id, int) and not isinstance(record_id, bool) else -1

    def read(self, resource: Collection, record_id: object) -> Row:
        """A record that is there."""
        row = self.store.get(resource.name, self.number(resource, record_id))
        if row is None:
            moved = self._moves.target(resource, record_id)
            message = "there is no record" if moved is None else "there is no longer a record"
            raise Refusal(Reason.ABSENT, f"{message} {str(record_id)[:40]} in {resource.name}", moved=moved)
        return row

    def create(self, resource: Collection, sent: object, user: str) -> Written:
        """A new record."""
        if not resource.can_write:
            raise Refusal(Reason.FORBIDDEN, f"{resource.name} are the server's own")
        values = self._forms[resource.name].read_new(sent)
        self._check(resource, values, None)
        self._complete(resource, values, {}, values)
        num = self.store.next(resource.name)
        values |= {"id": num, "create_date": seconds_text(self.store.now())}
        if resource.name in NUMBERS:
            values["number"] = NUMBERS[resource.name].format(num)
        written = self._keep(resource, num, values, {}, user)
        self._follow(resource, written, user)
        return written

    def update(self, resource: Collection, record_id: object, sent: object, user: str, revision: object) -> Written:
        """A record with some values changed; refused when it is no longer at `revision`."""
        if not resource.can_change:
            raise Refusal(Reason.FORBIDDEN, f"{resource.name} are never changed")
        row = self.read(resource, record_id)
        if revision is None:
            raise malformed("a change needs the revision it was made from", "revision")
        _expect(row, revision)
        before = row.values
        changes = self._forms[resource.name].read_change(sent, before)
        self._desk(resource).refuse_settled(before, changes)
        values = {**before, **changes}
        self._check(resource, changes, row.num)
        self._complete(resource, values, before, changes)
        written = self._keep(resource, row.num, values, before, user)
        self._follow(resource, written, user)
        return written

    def delete(self, resource: Collection, record_id: object, user: str, revision: object) -> Row:
        """Take a record away without a trace; what others name or what is posted stays."""
        if not resource.can_delete:
            raise Refusal(Reason.FORBIDDEN, f"{resource.name} are never deleted")
        row = self.read(resource, record_id)
        if revision is not None:
            _expect(row, revision)
        values = row.values
        self._refuse_used(resource, row.num, values)
        self.store.remove(resource.name, row.num)
        self._desk(resource).forget(values, user)
        return row

    def act(
        self,
        resource: Collection,
        record_id: object,
        action: str,
        user: str,
        revision: object,
        given: Mapping[str, Any] | None = None,
    ) -> Written:
        """Bring a record into another state; one that is there already stays as it is."""
        if action not in resource.actions:
            raise Refusal(Reason.ABSENT, f"{resource.name} have no action {action[:40]}")
        row = self.read(resource, record_id)
        if revision is not None:
            _expect(row, revision)
        before = row.values
        if action == "renumber":
            return Written(*self._moves.renumber(resource, row, user), before)
        if action == "archive":
            return self._keep(resource, row.num, {**before, "active": False}, before, user)
        values = self._desk(resource).act(before, action, given or {})
        if values is before:
            return Written(row, before, before)
        written = self._keep(resource, row.num, values, before, user)
        self._follow(resource, written, user)
        # What follows may come back to the record itself, as a payment in full comes back to an order.
        row = self.read(resource, record_id)
        return Written(row, row.values, before)

    def values(self, resource: str, num: int) -> Values:
        """A record that is known to be there."""
        return self.read(named(RESOURCES, resource), num).values

    def enter(self, resource: str, values: Values, user: str) -> Written:
        """A new record that follows from another one."""
        return self.create(named(RESOURCES, resource), values, user)

    def put(self, resource: str, num: int, changes: Values, user: str) -> Written:
        """A record with values changed that only the server changes, or a new one of the server's own."""
        kept, row = named(RESOURCES, resource), self.store.get(resource, num)
        before = row.values if row else {}
        values = {**before, **changes}
        if row and values == before:
            return Written(row, before, before)
        written = self._keep(kept, num, values, before, user)
        self._follow(kept, written, user)
        return written

    @property
    def today(self) -> str:
        """The server's own date."""
        return day(self.store.now()).isoformat()

    def _open_desks(self) -> dict[str, Desk]:
        orders = OrderDesk(self)
        invoices = InvoiceDesk(self, orders)
        return {
            "sales_orders": orders,
            "shipments": ShipmentDesk(self, orders),
            "returns": ReturnDesk(self, orders),
            "invoices": invoices,
            "payments": PaymentDesk(self, invoices),
            "purchase_orders": PurchaseDesk(self),
            "production_orders": ProductionDesk(self),
            "boms": BillDesk(self),
            "service_orders": ServiceDesk(self),
            "projects": ProjectDesk(self),
        }

    def _desk(self, resource: Collection) -> Desk:
        return self._desks.get(resource.name) or Desk(self)

    def _follow(self, resource: Collection, written: Written, user: str) -> None:
        """Bring the levels up to date with a document or an item that was written."""
        values, before = written.values, written.before
        if resource.name == "stock_moves":
            quantity = Decimal(values["quantity"])
            self.stock.move(self.values("items", values["item_id"]), values["warehouse_code"], quantity, user)
        elif resource is ITEMS and before and before["code"] != values["code"]:
            self.stock.rename(values, user)
        else:
            self._desk(resource).follow(written, user)

    def _complete(self, resource: Collection, values: Values, before: Values, changes: Values) -> None:
        if resource.name == "partners":
            self._complete_partner(values, before, changes)
        elif resource.name == "stock_moves":
            values["move_date"] = values["move_date"] or self.today
        else:
            self._desk(resource).complete(values, before, changes)

    def _complete_partner(self, values: Values, before: Values, changes: Values) -> None:
        if values["is_company"]:
            _require(values, "name")
            values["code"] = values["code"] or f"C-{self.store.next('partner code'):05d}"
        else:
            _require(values, "lastname")
            values["name"] = " ".join(each for each in (values["firstname"], values["lastname"]) if each)
        if changes.get("phone") and changes["phone"] != before.get("phone"):
            values["phone"] = international(changes["phone"], self._country(values))

    def _country(self, partner: Values) -> str | None:
        """The country in whose way a partner's phone number is written."""
        country: str | None = partner["country_code"]
        if country is None and partner["parent_id"] is not None:
            row = self.store.get("partners", partner["parent_id"])
            country = row.values["country_code"] if row else None
        return country

    def _check(self, resource: Collection, changes: Values, num: int | None) -> None:
        """Refuse references to what is not there, and values that another record holds."""
        for field in resource.fields:
            value = changes.get(field.name)
            if value is not None:
                self._check_value(resource, field, value, num)

    def _check_value(self, resource: Collection, field: Field, value: Any, num: int | None) -> None:
        if field.kind is Kind.REFERENCE:
            self._check_reference(field, value, field.name, num if field.target == resource.name else None)
        elif field.kind is Kind.LINES:
            self._check_lines(field, value)
        elif field.unique:
            self._check_unique(resource, field, value, num)
        elif field.name == "warehouse_code":
            self.stock.check_warehouse(value)

    def _check_lines(self, field: Field, lines: list[Values]) -> None:
        for part in field.fields:
            for value in {line[part.name] for line in lines} - {None} if part.target else ():
                self._check_reference(part, value, f"{field.name}.{part.name}", None)

    def _check_reference(self, field: Field, value: object, path: str, num: int | None) -> None:
        if not isinstance(value, int) or value == num or self.store.get(field.target, value) is None:
            raise invalid(f"{path} names no record of {field.target}", path)

    def _check_unique(self, resource: Collection, field: Field, value: object, num: int | None) -> None:
        holder = self.store.holder(resource.name, field.name, value)
        if holder is not None and holder != num:
            raise Refusal(Reason.DUPLICATE, f"record {holder} holds this {field.name}", field.name, existing=holder)

    def _refuse_used(self, resource: Collection, num: int, values: Values) -> None:
        is_used = any(self.store.holder(table, column, num) for table, column in USERS.get(resource.name, ()))
        if resource.name == "warehouses":
            is_used = self.stock.has_levels("warehouse_code", values["code"])
        elif resource is ITEMS:
            is_used = is_used or self.store.mentions("sales_orders", f'"item_id":{num},')
        elif values.get("state") not in UNSETTLED:
            is_used = True
        if is_used:
            raise Refusal(Reason.LOCKED, f"record {num} is in use")

    def _keep(self, resource: Collection, num: int, values: Values, before: Values, user: str) -> Written:
        now = self.store.now()
        revision = before["revision"] + 1 if before else 1
        values |= {"revision": revision, "write_date": seconds_text(now), "write_user": user}
        row = Row(num, revision, now, 0, orjson.dumps(values))
        if before:
            self.store.replace(resource.name, row, values)
        else:
            self.store.insert(resource.name, row, values)
        return Written(row, values, before)


def _expect(row: Row, revision: object) -> None:
    if row.version != revision or isinstance(revision, bool):
        raise Refusal(Reason.STALE, f"the record is at revision {row.version}", "revision")


def _require(values: Values, name: str) -> None:
    if not values[name]:
        raise invalid(f"{name} is required", name)
