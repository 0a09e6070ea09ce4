"""The desk that sells: quotations become orders, if the customer's credit and the stock allow it."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import repeat
from typing import Any

from typing_extensions import override

from connector.reference.erp_desks import Desk, Transition, Written, next_state, reason, refuse_but
from connector.reference.erp_fields import EXTRA
from connector.reference.erp_sales import (
    COMMITTED,
    add_up,
    money,
    promised,
    quantities,
    quantity,
    split,
    state_of,
    still_open,
    unbilled,
)
from connector.reference.refusals import invalid
from connector.reference.validation import Values

ORDERS, USUAL_CURRENCY, USUAL_PLACE = "sales_orders", "EUR", "MAIN"
FREE = frozenset(("note", "client_ref", "origin", "external_ref"))
"""What may be changed of an order that is settled, besides the users' own columns."""

EDITABLE = frozenset(("draft", "on_hold", "refused"))
"""States in which nothing is promised yet."""

ACTIONS: Mapping[str, Transition] = {
    "confirm": Transition(frozenset(("draft",)), "confirmed"),
    "release": Transition(frozenset(("on_hold",)), "confirmed"),
    "hold": Transition(frozenset(("confirmed",)), "on_hold"),
    "refuse": Transition(frozenset(("draft", "on_hold")), "refused"),
    "reopen": Transition(frozenset(("refused", "on_hold", "confirmed")), "draft"),
    "request_cancel": Transition(frozenset(("confirmed", "on_hold")), "cancel_requested"),
    "deny_cancel": Transition(frozenset(("cancel_requested",)), ""),
    "cancel": Transition(frozenset(("draft", "on_hold", "refused", "confirmed", "cancel_requested")), "cancelled"),
    "split": Transition(frozenset(("partially_shipped",)), ""),
    "drop_rest": Transition(frozenset(("partially_shipped",)), "shipped"),
    "close": Transition(frozenset(("paid",)), "closed"),
}
WITH_REASON = frozenset(("hold", "refuse", "deny_cancel"))
"""Actions that tell the customer's salesperson why."""


class OrderDesk(Desk):
    """Sales orders, from quotation to closed."""

    @override
    def complete(self, values: Values, before: Values, changes: Values) -> None:
        if values["currency_code"] is None:
            row = self.books.store.get("partners", values["partner_id"])
            values["currency_code"] = (row.values["currency_code"] if row else None) or USUAL_CURRENCY
        values["date_order"] = values["date_order"] or self.books.today
        values["warehouse_code"] = values["warehouse_code"] or USUAL_PLACE
        if "lines" in changes:
            known = [line["id"] for line in before.get("lines", ())]
            values["lines"] = [self._line(line, known) for line in changes["lines"]]
        if "lines" in changes or values["currency_code"] != before.get("currency_code"):
            add_up(values)

    @override
    def refuse_settled(self, before: Values, changes: Values) -> None:
        if before["state"] not in EDITABLE:
            refuse_but(FREE, before, changes, EXTRA)
            changes.pop("lines", None)

    @override
    def act(self, before: Values, action: str, given: Mapping[str, Any]) -> Values:
        if action == "confirm" and before["state"] == "on_hold":
            return before
        state = next_state(ACTIONS[action], action, before)
        if state is None:
            return before
        why = reason(given, needed=action in WITH_REASON)
        values = {**before, "state": state or before["state"], "state_reason": why}
        if action in ("confirm", "release"):
            return self._confirmed(before, values, checks_credit=action == "confirm")
        if action == "request_cancel":
            values |= {"state_before": before["state"], "state_reason": before["state_reason"]}
        elif action == "deny_cancel":
            values |= {"state": before["state_before"], "state_before": None}
        elif action in ("split", "drop_rest"):
            self._change_lines(values, action)
        return values

    @override
    def follow(self, written: Written, user: str) -> None:
        """Keep goods for what is promised now, and let go of what no longer is."""
        values, before = written.values, written.before
        now, then = promised(values), promised(before) if before else {}
        for item_id in now.keys() | then.keys():
            moved = now.get(item_id, Decimal(0)) - then.get(item_id, Decimal(0))
            if moved:
                item = self.books.values("items", item_id)
                if not item.get("is_service"):
                    self.books.stock.reserve(item, values["warehouse_code"], moved, user)

    def settle(self, order_id: int, changes: Values, user: str) -> None:
        """Bring an order to the state that its documents have reached."""
        order = {**self.books.values(ORDERS, order_id), **changes}
        self.books.put(ORDERS, order_id, {**changes, "state": state_of(order, self._bills(order_id))}, user)

    def _bills(self, order_id: int) -> list[Values]:
        """The invoices of an order that were posted."""
        invoices = self.books.store.holding("invoices", {"order_id": order_id})
        return [each for each in invoices if each["kind"] == "invoice" and each["state"] != "draft"]

    def _line(self, line: Values, known: list[int]) -> Values:
        if line["id"] is None:
            return {**line, "id": self.books.store.next("line")}
        if line["id"] not in known:
            raise invalid("lines.id is no line of this order, or is named twice", "lines.id")
        known.remove(line["id"])
        return line

    def _confirmed(self, before: Values, values: Values, *, checks_credit: bool) -> Values:
        """Confirmed, or on hold with the reasons."""
        if not before["lines"]:
            raise invalid("an order without lines cannot be confirmed", "lines")
        reasons = [*(self._credit(before) if checks_credit else ()), *self._lacking(before)]
        if not reasons:
            return values
        told = "; ".join(reasons)
        is_known = before["state"] == "on_hold" and before["state_reason"] == told
        return before if is_known else {**values, "state": "on_hold", "state_reason": told}

    def _credit(self, order: Values) -> Iterator[str]:
        """Why the customer may not buy on credit."""
        partner = self.books.values("partners", order["partner_id"])
        if partner["on_hold"]:
            yield "credit: the customer is on credit hold"
        currency, limit = order["currency_code"], partner["credit_limit"]
        if limit is None or currency != (partner["currency_code"] or USUAL_CURRENCY):
            return
        owed, sold = self._owed(order), self._sold(order)
        if owed + sold + Decimal(order["amount_total"]) > Decimal(limit):
            open_too = f", {money(sold)} in confirmed orders" if sold else ""
            asked = f"{order['amount_total']} ordered"
            yield f"credit: {money(owed)} open{open_too} and {asked} are above the limit of {limit} {currency}"

    def _owed(self, order: Values) -> Decimal:
        """What the customer owes in the order's currency."""
        key = {"partner_id": order["partner_id"], "currency_code": order["currency_code"]}
        held = self.books.store.holding("customer_balances", key)
        return sum((Decimal(each["amount_open"]) for each in held), Decimal(0))

    def _sold(self, order: Values) -> Decimal:
        """What the customer's other confirmed orders will still be billed for in this currency."""
        of_partner = self.books.store.holding(ORDERS, {"partner_id": order["partner_id"]})
        return sum((unbilled(each) for each in of_partner if _counts(each, order)), Decimal(0))

    def _lacking(self, order: Values) -> Iterator[str]:
        """What is not there, of items that are only sold when they are."""
        place = order["warehouse_code"]
        for item_id, asked in quantities(order).items():
            item = self.books.values("items", item_id)
            if item["backorder"] is not False or item.get("is_service") or asked <= 0:
                continue
            level = self.books.stock.level(item, place)
            if Decimal(level["available"]) < asked:
                due = f", more expected on {level['expected_date']}" if level["expected_date"] else ""
                there = f"{level['available']} available in {place}"
                yield f"stock: {item['code']}: {quantity(asked)} asked, {there}{due}"

    def _change_lines(self, values: Values, action: str) -> None:
        if action == "split":
            next_line = (self.books.store.next("line") for _ in repeat(None))
            values["lines"] = split(values["lines"], next_line)
        else:
            values["lines"] = [
                {**line, "qty": line["qty_shipped"]} if still_open(line) > 0 else line for line in values["lines"]
            ]
        add_up(values)
        if action == "drop_rest":
            values["state"] = state_of(values, self._bills(values["id"]))


def _counts(other: Values, order: Values) -> bool:
    """Whether another order stands against the same credit; one that is to be cancelled does until it is."""
    state = other["state_before"] if other["state"] == "cancel_requested" else other["state"]
    same = other["currency_code"] == order["currency_code"]
    return same and state in COMMITTED and other["id"] != order["id"]
