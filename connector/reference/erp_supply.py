"""The desks that bring goods: purchase orders, received in parts, and production by bills of materials."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from typing_extensions import override

from connector.reference.amounts import read_decimal, round_half_up
from connector.reference.erp_desks import Books, Desk, Transition, Written, next_state, number
from connector.reference.erp_sales import QUANTITY_DIGITS, quantity
from connector.reference.refusals import Reason, Refusal, invalid
from connector.reference.validation import Values

Kept = Mapping[tuple[int, str], Decimal]
"""How much of an item is kept in a warehouse."""
NONE = Decimal(0)
PLACES = ("item_id", "warehouse_code")
CLOSED = frozenset(("received", "done", "cancelled"))
ACTIONS: Mapping[str, Transition] = {
    "receive": Transition(frozenset(("open",)), "received"),
    "finish": Transition(frozenset(("planned",)), "done"),
    "cancel": Transition(frozenset(("open", "planned")), "cancelled"),
}


class SupplyDesk(Desk):
    """What documents that bring goods have in common: they are expected until they are done."""

    @override
    def complete(self, values: Values, before: Values, changes: Values) -> None:
        if number(values, "qty") <= 0:
            raise invalid("qty must be above zero", "qty")

    @override
    def refuse_settled(self, before: Values, changes: Values) -> None:
        if before["state"] not in CLOSED:
            return
        changed = next((name for name, value in changes.items() if _is_settled(name, value, before)), None)
        if changed:
            raise Refusal(Reason.LOCKED, f"{changed} cannot be changed: the order is {before['state']}", changed)

    @override
    def act(self, before: Values, action: str, given: Mapping[str, Any]) -> Values:
        state = next_state(ACTIONS[action], action, before)
        return before if state is None else {**before, "state": state}

    @override
    def follow(self, written: Written, user: str) -> None:
        values, before = written.values, written.before
        if before and [before.get(name) for name in PLACES] != [values.get(name) for name in PLACES]:
            self._expect(before, user)
        self._expect(values, user)

    @override
    def forget(self, values: Values, user: str) -> None:
        self._expect(values, user)

    def _expect(self, values: Values, user: str) -> None:
        self.books.stock.expect(self.books.values("items", values["item_id"]), values["warehouse_code"], user)

    def _enter(self, document: Values, item_id: int, moved: Decimal, kind: str, user: str) -> None:
        """An entry in the ledger for goods that a document brought or used up."""
        place = {"item_id": item_id, "warehouse_code": document["warehouse_code"], "quantity": quantity(moved)}
        self.books.enter("stock_moves", {**place, "kind": kind, "note": document["number"]}, user)


class PurchaseDesk(SupplyDesk):
    """Purchase orders: each delivery raises stock, and the order stays open until all is there."""

    @override
    def complete(self, values: Values, before: Values, changes: Values) -> None:
        super().complete(values, before, changes)
        if number(values, "qty") < number(values, "qty_received"):
            raise invalid(f"qty must be at least {values['qty_received']}, which was received", "qty")

    @override
    def act(self, before: Values, action: str, given: Mapping[str, Any]) -> Values:
        values = super().act(before, action, given)
        if action != "receive" or values is before:
            return values
        left = number(before, "qty") - number(before, "qty_received")
        come = _asked(given, left)
        received = number(before, "qty_received") + come
        return {**values, "qty_received": quantity(received), "state": "received" if come == left else "open"}

    @override
    def follow(self, written: Written, user: str) -> None:
        values, before = written.values, written.before
        come = number(values, "qty_received") - (number(before, "qty_received") if before else Decimal(0))
        if come:
            self._enter(values, values["item_id"], come, "receipt", user)
        super().follow(written, user)


class ProductionDesk(SupplyDesk):
    """Production orders: what the bill of materials names is kept for one, and used up when it is finished."""

    @override
    def complete(self, values: Values, before: Values, changes: Values) -> None:
        super().complete(values, before, changes)
        if any(values[name] != before.get(name) for name in ("item_id", "qty")):
            values["materials"] = list(self._materials(values))
        values["lacking"] = lacks(self.books, values, _kept(before))

    @override
    def act(self, before: Values, action: str, given: Mapping[str, Any]) -> Values:
        values = super().act(before, action, given)
        if values is before:
            return values
        if action == "finish":
            self._refuse_lacking(before)
        return {**values, "lacking": None}

    @override
    def follow(self, written: Written, user: str) -> None:
        values, before = written.values, written.before
        self._reserve(_kept(values), _kept(before), user)
        if before and before["state"] != values["state"] == "done":
            for item_id, used in needs(values).items():
                self._enter(values, item_id, -used, "production", user)
            self._enter(values, values["item_id"], number(values, "qty"), "production", user)
        super().follow(written, user)

    @override
    def forget(self, values: Values, user: str) -> None:
        self._reserve({}, _kept(values), user)
        super().forget(values, user)

    def _materials(self, order: Values) -> Iterator[Values]:
        """What has to be used up for everything that an order makes, by the bill of materials of today."""
        for bill in self.books.store.holding("boms", {"item_id": order["item_id"]}):
            for line in bill["lines"]:
                if not self.books.values("items", line["item_id"]).get("is_service"):
                    used = quantity(number(line, "qty") * number(order, "qty"))
                    yield {"id": self.books.store.next("line"), "item_id": line["item_id"], "qty": used}

    def _reserve(self, now: Kept, then: Kept, user: str) -> None:
        for item_id, place in now.keys() | then.keys():
            moved = now.get((item_id, place), NONE) - then.get((item_id, place), NONE)
            if moved:
                self.books.stock.reserve(self.books.values("items", item_id), place, moved, user)

    def _refuse_lacking(self, order: Values) -> None:
        for item_id, used in needs(order).items():
            item = self.books.values("items", item_id)
            there = Decimal(self.books.stock.level(item, order["warehouse_code"])["on_hand"])
            if there < used:
                raise invalid(f"{item['code']}: {quantity(there)} in stock, {quantity(used)} needed", "state")


def needs(order: Values) -> dict[int, Decimal]:
    """How much of each component a production order uses up."""
    found: dict[int, Decimal] = {}
    for line in order.get("materials", ()):
        found[line["item_id"]] = found.get(line["item_id"], NONE) + number(line, "qty")
    return found


def lacking(books: Books, order: Values) -> str | None:
    """Which components of a planned production are not to be had now."""
    return lacks(books, order, _kept(order))


def lacks(books: Books, order: Values, kept: Kept) -> str | None:
    """The same, where the levels hold only `kept` for it yet."""
    told = []
    for (item_id, place), used in _kept(order).items():
        item = books.values("items", item_id)
        level = books.stock.level(item, place)
        free = Decimal(level["available"]) + kept.get((item_id, place), NONE)
        if free < used:
            due = f", more expected on {level['expected_date']}" if level["expected_date"] else ""
            told.append(f"{item['code']}: {quantity(used)} needed, {quantity(free)} available in {place}{due}")
    return f"components: {'; '.join(told)}" if told else None


def _kept(order: Values) -> Kept:
    """How much of each component is kept for a production order, and where."""
    if order.get("state") != "planned":
        return {}
    return {(item_id, order["warehouse_code"]): used for item_id, used in needs(order).items()}


class BillDesk(Desk):
    """Bills of materials: one an item, and none that needs what it makes."""

    @override
    def complete(self, values: Values, before: Values, changes: Values) -> None:
        holder = self.books.store.holder("boms", "item_id", values["item_id"])
        if not before and holder is not None:
            raise Refusal(Reason.DUPLICATE, f"bill {holder} is for this item", "item_id", existing=holder)
        if any(line["item_id"] == values["item_id"] or number(line, "qty") <= 0 for line in values["lines"]):
            raise invalid("lines must name other items, and quantities above zero", "lines")
        if "lines" in changes:
            ids = (line["id"] or self.books.store.next("line") for line in values["lines"])
            values["lines"] = [{**line, "id": each} for line, each in zip(values["lines"], ids, strict=True)]


def _is_settled(name: str, value: object, before: Values) -> bool:
    return name != "external_ref" and value != before.get(name)


def _asked(given: Mapping[str, Any], left: Decimal) -> Decimal:
    """How much has come: what was said, or all that was still to come."""
    if given.get("qty") is None:
        return left
    try:
        come = round_half_up(read_decimal(given["qty"]), QUANTITY_DIGITS)
    except ValueError as error:
        raise invalid(f"qty {error}", "qty") from error
    if not 0 < come <= left:
        raise invalid(f"qty must be above zero and at most {quantity(left)}", "qty")
    return come
