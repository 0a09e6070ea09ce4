"""What the ERP does with records: create, change, delete and act, with the rules of each resource."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from connector.reference.erp_moves import Moves
from connector.reference.erp_sales import TRANSITIONS, add_up, next_state, quantities, refuse_locked
from connector.reference.erp_stock import Stock
from connector.reference.erp_tables import EXTRA, ITEMS, RESOURCES, STOCK_LEVELS
from connector.reference.fields import Collection, Field, Kind
from connector.reference.normal import international
from connector.reference.refusals import Reason, Refusal, invalid, malformed
from connector.reference.stamps import day, seconds_text
from connector.reference.storage import Row, Store
from connector.reference.validation import Form, Values

TICKS = 1
"""Stamps are in whole seconds."""

USUAL_CURRENCY = "EUR"
NUMBERS = {
    "stock_moves": "SM-{:05d}",
    "sales_orders": "SO-{:05d}",
    "purchase_orders": "PO-{:05d}",
    "production_orders": "MO-{:05d}",
}
USERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "partners": (("partners", "parent_id"), ("sales_orders", "partner_id")),
    "items": (
        ("stock_moves", "item_id"),
        ("stock_levels", "item_id"),
        ("purchase_orders", "item_id"),
        ("production_orders", "item_id"),
    ),
}
"""Where records of a resource are named; one that is named is not deleted."""


class Written(NamedTuple):
    """A record after a write, and what it was before."""

    row: Row
    values: Values
    before: Values

    def changed(self, sent: Mapping[str, Any]) -> Values:
        """The fields that are stored otherwise than they were sent, or that the server filled or moved."""
        return {
            name: value
            for name, value in self.values.items()
            if name not in ("id", "revision", "write_date")
            and (value != sent[name] if name in sent else value != self.before.get(name))
        }


class Records:
    """The ERP's records, by resource and id."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stock = Stock(store)
        self._moves = Moves(store)
        self._forms = {each.name: Form(each, extra=EXTRA) for each in RESOURCES}

    def number(self, resource: Collection, record_id: object) -> int:
        """The number in an id, or -1 where it is none of this resource's."""
        if resource is STOCK_LEVELS:
            return self._stock.level_number(record_id) if isinstance(record_id, str) else -1
        if isinstance(record_id, str) and record_id.isascii() and record_id.isdecimal():
            return int(record_id) if len(record_id) < 16 and record_id[0] != "0" else -1  # noqa: PLR2004 -- more digits no id has
        return record_id if isinstance(record_id, int) and not isinstance(record_id, bool) else -1

    def read(self, resource: Collection, record_id: object) -> Row:
        """A record that is there."""
        row = self._store.get(resource.name, self.number(resource, record_id))
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
        self._check(resource, values, values, None)
        self._complete(resource, values, {}, values)
        num = self._store.next(resource.name)
        values |= {"id": num, "create_date": seconds_text(self._store.now())}
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
        _refuse_settled(resource, before, changes)
        values = {**before, **changes}
        self._check(resource, changes, values, row.num)
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
        self._store.remove(resource.name, row.num)
        self._expect_supply(resource, values, user)
        return row

    def act(self, resource: Collection, record_id: object, action: str, user: str, revision: object) -> Written:
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
        state = next_state(resource.name, action, before)
        if state is None:
            return Written(row, before, before)
        values = {**before, "state": state}
        if action == "receive":
            values["qty_received"] = values["qty"]
        written = self._keep(resource, row.num, values, before, user)
        self._act_on_stock(resource, action, written, user)
        return written

    def item(self, item_id: int) -> Values:
        """An item that is known to be there."""
        return self.read(ITEMS, item_id).values

    def _act_on_stock(self, resource: Collection, action: str, written: Written, user: str) -> None:
        values = written.values
        if resource.name == "sales_orders":
            if action == "confirm" or written.before["state"] == "confirmed":
                sign = 1 if action == "confirm" else -1
                for item_id, quantity in quantities(values).items():
                    self._stock.reserve(self.item(item_id), values["warehouse_code"], sign * quantity, user)
            return
        if action != "cancel":
            self._post(values, "receipt" if action == "receive" else "production", user)
        self._expect_supply(resource, values, user)

    def _post(self, document: Values, kind: str, user: str) -> None:
        """The ledger's entry for goods that a document brought."""
        move = {
            "item_id": document["item_id"],
            "warehouse_code": document["warehouse_code"],
            "quantity": document["qty"],
            "kind": kind,
            "note": document["number"],
        }
        self.create(_by_name("stock_moves"), move, user)

    def _follow(self, resource: Collection, written: Written, user: str) -> None:
        """Bring the levels up to date with a document or an item that was written."""
        values, before = written.values, written.before
        if resource.name == "stock_moves":
            quantity = Decimal(values["quantity"])
            self._stock.move(self.item(values["item_id"]), values["warehouse_code"], quantity, user)
        elif resource is ITEMS and before and before["code"] != values["code"]:
            self._stock.rename(values, user)
        else:
            places = ("item_id", "warehouse_code")
            if before and [before.get(name) for name in places] != [values.get(name) for name in places]:
                self._expect_supply(resource, before, user)
            self._expect_supply(resource, values, user)

    def _expect_supply(self, resource: Collection, values: Values, user: str) -> None:
        if resource.name in ("purchase_orders", "production_orders"):
            self._stock.expect(self.item(values["item_id"]), values["warehouse_code"], user)

    def _complete(self, resource: Collection, values: Values, before: Values, changes: Values) -> None:
        if resource.name == "partners":
            self._complete_partner(values, before, changes)
        elif resource.name == "sales_orders":
            self._complete_order(values, before, changes)
        elif resource.name == "stock_moves":
            values["move_date"] = values["move_date"] or self._today()

    def _complete_partner(self, values: Values, before: Values, changes: Values) -> None:
        if values["is_company"]:
            _require(values, "name")
            values["code"] = values["code"] or f"C-{self._store.next('partner code'):05d}"
        else:
            _require(values, "lastname")
            values["name"] = " ".join(each for each in (values["firstname"], values["lastname"]) if each)
        if changes.get("phone") and changes["phone"] != before.get("phone"):
            values["phone"] = international(changes["phone"], self._country(values))

    def _country(self, partner: Values) -> str | None:
        """The country in whose way a partner's phone number is written."""
        country: str | None = partner["country_code"]
        if country is None and partner["parent_id"] is not None:
            row = self._store.get("partners", partner["parent_id"])
            country = row.values["country_code"] if row else None
        return country

    def _complete_order(self, values: Values, before: Values, changes: Values) -> None:
        if values["currency_code"] is None:
            partner = self._store.get("partners", values["partner_id"])
            values["currency_code"] = (partner.values["currency_code"] if partner else None) or USUAL_CURRENCY
        values["date_order"] = values["date_order"] or self._today()
        values["warehouse_code"] = values["warehouse_code"] or "MAIN"
        if "lines" in changes:
            known = [line["id"] for line in before.get("lines", ())]
            values["lines"] = [self._line(line, known) for line in changes["lines"]]
        if "lines" in changes or values["currency_code"] != before.get("currency_code"):
            add_up(values)

    def _line(self, line: Values, known: list[int]) -> Values:
        if line["id"] is None:
            return {**line, "id": self._store.next("line")}
        if line["id"] not in known:
            raise invalid("lines.id is no line of this order, or is named twice", "lines.id")
        known.remove(line["id"])
        return line

    def _today(self) -> str:
        return day(self._store.now()).isoformat()

    def _check(self, resource: Collection, changes: Values, values: Values, num: int | None) -> None:
        """Refuse references to what is not there, and values that another record holds."""
        for field in resource.fields:
            value = changes.get(field.name)
            if value is not None:
                self._check_value(resource, field, value, num)
        if resource.name in ("purchase_orders", "production_orders") and Decimal(values["qty"]) <= 0:
            raise invalid("qty must be above zero", "qty")

    def _check_value(self, resource: Collection, field: Field, value: Any, num: int | None) -> None:
        if field.kind is Kind.REFERENCE:
            self._check_reference(field, value, field.name, num if field.target == resource.name else None)
        elif field.kind is Kind.LINES:
            self._check_lines(field, value)
        elif field.unique:
            self._check_unique(resource, field, value, num)
        elif field.name == "warehouse_code":
            self._stock.check_warehouse(value)

    def _check_lines(self, field: Field, lines: list[Values]) -> None:
        for part in field.fields:
            for value in {line[part.name] for line in lines} if part.target else ():
                self._check_reference(part, value, f"{field.name}.{part.name}", None)

    def _check_reference(self, field: Field, value: object, path: str, num: int | None) -> None:
        if not isinstance(value, int) or value == num or self._store.get(field.target, value) is None:
            raise invalid(f"{path} names no record of {field.target}", path)

    def _check_unique(self, resource: Collection, field: Field, value: object, num: int | None) -> None:
        holder = self._store.holder(resource.name, field.name, value)
        if holder is not None and holder != num:
            raise Refusal(Reason.DUPLICATE, f"record {holder} holds this {field.name}", field.name, existing=holder)

    def _refuse_used(self, resource: Collection, num: int, values: Values) -> None:
        is_used = any(self._store.holder(table, column, num) for table, column in USERS.get(resource.name, ()))
        if resource.name == "warehouses":
            is_used = self._stock.has_levels("warehouse_code", values["code"])
        elif resource is ITEMS:
            is_used = is_used or self._store.mentions("sales_orders", f'"item_id":{num},')
        elif values.get("state") in ("confirmed", "received", "done"):
            is_used = True
        if is_used:
            raise Refusal(Reason.LOCKED, f"record {num} is in use")

    def _keep(self, resource: Collection, num: int, values: Values, before: Values, user: str) -> Written:
        now = self._store.now()
        revision = before["revision"] + 1 if before else 1
        values |= {"revision": revision, "write_date": seconds_text(now), "write_user": user}
        row = Row(num, revision, now, 0, orjson.dumps(values))
        if before:
            self._store.replace(resource.name, row, values)
        else:
            self._store.insert(resource.name, row, values)
        return Written(row, values, before)


def _by_name(name: str) -> Collection:
    return next(each for each in RESOURCES if each.name == name)


def _expect(row: Row, revision: object) -> None:
    if row.version != revision or isinstance(revision, bool):
        raise Refusal(Reason.STALE, f"the record is at revision {row.version}", "revision")


def _require(values: Values, name: str) -> None:
    if not values[name]:
        raise invalid(f"{name} is required", name)


def _refuse_settled(resource: Collection, before: Values, changes: Values) -> None:
    if resource.name == "sales_orders":
        refuse_locked(before, changes, EXTRA)
        if before["state"] != "draft":
            changes.pop("lines", None)
    elif resource.name in TRANSITIONS and before["state"] in ("received", "done", "cancelled"):
        changed = next(
            (name for name, value in changes.items() if name != "external_ref" and value != before[name]), None
        )
        if changed:
            raise Refusal(Reason.LOCKED, f"{changed} cannot be changed: the order is {before['state']}", changed)
