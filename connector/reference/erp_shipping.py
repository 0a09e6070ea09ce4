"""The desks that move goods: shipments that leave for customers, and what customers send back."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from typing_extensions import override

from connector.reference.erp_desks import Books, Desk, Transition, Written, next_state, number, refuse_but
from connector.reference.erp_fields import EXTRA
from connector.reference.erp_orders import ORDERS, OrderDesk
from connector.reference.erp_sales import quantity, still_open
from connector.reference.refusals import invalid
from connector.reference.validation import Values

NOTHING = Decimal(0)
PLENTY = Decimal(10**9)
FREE = frozenset(("carrier", "tracking", "external_ref"))
SHIPPABLE = frozenset(("confirmed", "partially_shipped"))
DELIVER = Transition(frozenset(("shipped",)), "delivered")
RETURN_ACTIONS: Mapping[str, Transition] = {
    "receive": Transition(frozenset(("announced",)), "received"),
    "cancel": Transition(frozenset(("announced",)), "cancelled"),
}


class GoodsDesk(Desk):
    """What shipments and returns have in common: lines that name lines of an order."""

    def __init__(self, books: Books, orders: OrderDesk) -> None:
        super().__init__(books)
        self._orders = orders

    @override
    def refuse_settled(self, before: Values, changes: Values) -> None:
        refuse_but(FREE, before, changes, EXTRA)
        changes.pop("lines", None)

    def _place(self, values: Values) -> Values:
        """Fill what the order says; gives the order."""
        order = self.books.values(ORDERS, values["order_id"])
        values["warehouse_code"] = values["warehouse_code"] or order["warehouse_code"]
        values |= {"order_number": order["number"], "partner_id": order["partner_id"]}
        return order

    def _named(self, values: Values, limits: Mapping[int, Decimal], order: Values) -> list[Values]:
        """The lines as they were sent, each with its item; refuses more than `limits` allow."""
        items = {line["id"]: line["item_id"] for line in order["lines"]}
        left, found = dict(limits), []
        for line in values["lines"]:
            of, asked = line["order_line_id"], Decimal(line["qty"])
            if of not in items:
                raise invalid("lines.order_line_id names no line of the order", "lines.order_line_id")
            if not NOTHING < asked <= left[of]:
                raise invalid(f"lines.qty must be above zero and at most {quantity(left[of])}", "lines.qty")
            left[of] -= asked
            found.append({**line, "id": self.books.store.next("line"), "item_id": items[of]})
        return found

    def _post(self, document: Values, kind: str, sign: int, user: str) -> None:
        """The ledger's entries for all goods of a document."""
        totals: dict[int, Decimal] = {}
        for line in document["lines"]:
            totals[line["item_id"]] = totals.get(line["item_id"], NOTHING) + Decimal(line["qty"])
        place = {"warehouse_code": document["warehouse_code"], "kind": kind, "note": document["number"]}
        for item_id, moved in totals.items():
            if not self.books.values("items", item_id).get("is_service"):
                self.books.enter("stock_moves", {"item_id": item_id, "quantity": quantity(sign * moved), **place}, user)


class ShipmentDesk(GoodsDesk):
    """Shipments: what is there of what is still open; the rest stays open as a back order."""

    @override
    def complete(self, values: Values, before: Values, changes: Values) -> None:
        if before:
            return
        order = self._place(values)
        if order["state"] not in SHIPPABLE:
            raise invalid(f"an order that is {order['state']} cannot be shipped", "order_id")
        values["ship_date"] = values["ship_date"] or self.books.today
        limits = {line["id"]: max(still_open(line), NOTHING) for line in order["lines"]}
        if values["lines"]:
            values["lines"] = self._named(values, limits, order)
            self._refuse_lacking(values)
        else:
            values["lines"] = list(self._everything(values["warehouse_code"], limits, order))
        if not values["lines"]:
            raise invalid("nothing of the order is both open and in stock", "lines")

    @override
    def act(self, before: Values, action: str, given: Mapping[str, Any]) -> Values:
        state = next_state(DELIVER, action, before)
        return before if state is None else {**before, "state": state}

    @override
    def follow(self, written: Written, user: str) -> None:
        if written.before:
            return
        values = written.values
        self._post(values, "shipment", -1, user)
        shipped: dict[int, Decimal] = {}
        for line in values["lines"]:
            shipped[line["order_line_id"]] = shipped.get(line["order_line_id"], NOTHING) + Decimal(line["qty"])
        order = self.books.values(ORDERS, values["order_id"])
        lines = [
            {**line, "qty_shipped": quantity(number(line, "qty_shipped") + shipped.get(line["id"], NOTHING))}
            for line in order["lines"]
        ]
        self._orders.settle(values["order_id"], {"lines": lines}, user)

    def _everything(self, place: str, limits: Mapping[int, Decimal], order: Values) -> Iterator[Values]:
        """What is there of every open line, first come, first served."""
        there: dict[int, Decimal] = {}
        for line in order["lines"]:
            item_id, asked = line["item_id"], limits[line["id"]]
            left = there.get(item_id, self._on_hand(item_id, place))
            sent = min(asked, left)
            there[item_id] = left - max(sent, NOTHING)
            if sent > 0:
                named = {"order_line_id": line["id"], "item_id": item_id, "qty": quantity(sent)}
                yield {"id": self.books.store.next("line"), **named}

    def _refuse_lacking(self, values: Values) -> None:
        asked: dict[int, Decimal] = {}
        for line in values["lines"]:
            asked[line["item_id"]] = asked.get(line["item_id"], NOTHING) + Decimal(line["qty"])
        for item_id, total in asked.items():
            there = self._on_hand(item_id, values["warehouse_code"])
            if there < total:
                code = self.books.values("items", item_id)["code"]
                raise invalid(f"{code}: {quantity(there)} in stock, {quantity(total)} asked", "lines.qty")

    def _on_hand(self, item_id: int, place: str) -> Decimal:
        item = self.books.values("items", item_id)
        # Of work there is always as much as was sold.
        return PLENTY if item.get("is_service") else Decimal(self.books.stock.level(item, place)["on_hand"])


class ReturnDesk(GoodsDesk):
    """Returns: never more than was shipped; what comes back goes to the shelf, or is written off."""

    @override
    def complete(self, values: Values, before: Values, changes: Values) -> None:
        if before:
            return
        order = self._place(values)
        limits = {line["id"]: number(line, "qty_shipped") for line in order["lines"]}
        for other in self.books.store.holding("returns", {"order_id": order["id"]}):
            for line in other["lines"] if other["state"] != "cancelled" else ():
                limits[line["order_line_id"]] -= Decimal(line["qty"])
        if not values["lines"]:
            raise invalid("lines is required", "lines")
        values["lines"] = self._named(values, limits, order)

    @override
    def act(self, before: Values, action: str, given: Mapping[str, Any]) -> Values:
        state = next_state(RETURN_ACTIONS[action], action, before)
        if state is None:
            return before
        received = {"date_received": self.books.today} if state == "received" else {}
        return {**before, "state": state, **received}

    @override
    def follow(self, written: Written, user: str) -> None:
        values, before = written.values, written.before
        if before and before["state"] != values["state"] == "received" and values["restock"]:
            self._post(values, "return", 1, user)
