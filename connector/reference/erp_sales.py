"""Sales orders: what their lines add up to, what may still be changed, and which states follow which."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from connector.reference.amounts import digits, line_subtotal, round_half_up, total
from connector.reference.refusals import Reason, Refusal, invalid
from connector.reference.validation import Values, written

MONEY_DIGITS = 2
FREE = frozenset(("note", "client_ref", "origin", "external_ref"))
"""What may be changed of an order that is confirmed or cancelled, besides the users' own columns."""


class Transition(NamedTuple):
    """An action on a document: from which states, to which."""

    sources: frozenset[str]
    target: str


TRANSITIONS: Mapping[str, Mapping[str, Transition]] = {
    "sales_orders": {
        "confirm": Transition(frozenset(("draft",)), "confirmed"),
        "cancel": Transition(frozenset(("draft", "confirmed")), "cancelled"),
    },
    "purchase_orders": {
        "receive": Transition(frozenset(("open",)), "received"),
        "cancel": Transition(frozenset(("open",)), "cancelled"),
    },
    "production_orders": {
        "finish": Transition(frozenset(("planned",)), "done"),
        "cancel": Transition(frozenset(("planned",)), "cancelled"),
    },
}


def next_state(resource: str, action: str, document: Values) -> str | None:
    """The state an action leads to; None where the document is there already; refuses what is not allowed."""
    transition = TRANSITIONS[resource][action]
    state = document["state"]
    if state == transition.target:
        return None
    if state not in transition.sources:
        raise invalid(f"{action} is not possible for what is {state}", "state")
    if action == "confirm" and not document["lines"]:
        raise invalid("an order without lines cannot be confirmed", "lines")
    return transition.target


def add_up(order: Values) -> None:
    """Fill an order's subtotals and totals."""
    scale = digits(order["currency_code"])
    subtotals = [
        line_subtotal(Decimal(line["qty"]), Decimal(line["price_unit"]), Decimal(line["discount"]), scale)
        for line in order["lines"]
    ]
    sums = total(subtotals, scale)
    order["lines"] = [
        {**line, "subtotal": _money(subtotal)} for line, subtotal in zip(order["lines"], subtotals, strict=True)
    ]
    order["amount_untaxed"] = _money(sums.untaxed)
    order["amount_tax"] = _money(sums.tax)
    order["amount_total"] = _money(sums.total)


def quantities(order: Values) -> dict[int, Decimal]:
    """How much of each item an order asks for."""
    found: dict[int, Decimal] = {}
    for line in order["lines"]:
        found[line["item_id"]] = found.get(line["item_id"], Decimal(0)) + Decimal(line["qty"])
    return {item: quantity for item, quantity in found.items() if quantity}


def refuse_locked(order: Values, changes: Values, extra: str) -> None:
    """Refuse to change what is settled; what is sent as it is stored is let through."""
    if order["state"] == "draft":
        return
    for name, value in changes.items():
        if name in FREE or name.startswith(extra):
            continue
        if _bare(value) != _bare(order.get(name)):
            raise Refusal(Reason.LOCKED, f"{name} cannot be changed: the order is {order['state']}", name)


def _bare(value: object) -> object:
    """Lines without what the server adds to them, so that equal ones are equal."""
    if not isinstance(value, list):
        return value
    return [{name: each for name, each in line.items() if name not in ("id", "subtotal")} for line in value]


def _money(amount: Decimal) -> str:
    return written(round_half_up(amount, MONEY_DIGITS))
