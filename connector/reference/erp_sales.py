"""Sales orders: what their lines add up to, what is promised of them, and which state their documents bring about."""

from collections.abc import Iterable
from decimal import Decimal

from connector.reference.amounts import digits, line_subtotal, round_half_up, total
from connector.reference.validation import Values, written

MONEY_DIGITS, QUANTITY_DIGITS = 2, 3
NOTHING = "0.000"
RESERVING = frozenset(("confirmed", "partially_shipped"))
"""States in which goods are kept for the order."""
COMMITTED = RESERVING | {"shipped"}
"""States in which an order is sold, and a part of it may not have been billed."""


def add_up(document: Values) -> None:
    """Fill a document's subtotals and totals: each line rounded once, the tax once over their sum."""
    scale = digits(document["currency_code"])
    subtotals = [
        line_subtotal(Decimal(line["qty"]), Decimal(line["price_unit"]), Decimal(line["discount"]), scale)
        for line in document["lines"]
    ]
    sums = total(subtotals, scale)
    document["lines"] = [
        {**line, "subtotal": money(subtotal)} for line, subtotal in zip(document["lines"], subtotals, strict=True)
    ]
    document["amount_untaxed"] = money(sums.untaxed)
    document["amount_tax"] = money(sums.tax)
    document["amount_total"] = money(sums.total)


def quantities(order: Values) -> dict[int, Decimal]:
    """How much of each item an order still has to get."""
    found: dict[int, Decimal] = {}
    for line in order["lines"]:
        found[line["item_id"]] = found.get(line["item_id"], Decimal(0)) + still_open(line)
    return {item: quantity for item, quantity in found.items() if quantity}


def still_open(line: Values) -> Decimal:
    """How much of a line has not been shipped."""
    return Decimal(line["qty"]) - Decimal(line["qty_shipped"])


def promised(order: Values) -> dict[int, Decimal]:
    """How much of each item is kept for an order."""
    state = order.get("state")
    if state == "cancel_requested":
        state = order["state_before"]
    return quantities(order) if state in RESERVING else {}


def state_of(order: Values, invoices: Iterable[Values]) -> str:
    """The state that an order's shipments, invoices and payments have brought it to."""
    state, lines = str(order["state"]), order["lines"]
    if state in RESERVING and any(Decimal(line["qty_shipped"]) for line in lines):
        state = "partially_shipped" if any(still_open(line) > 0 for line in lines) else "shipped"
    if state == "shipped" and all(Decimal(line["qty_invoiced"]) >= Decimal(line["qty"]) for line in lines):
        state = "invoiced"
    if state == "invoiced" and all(each["state"] in ("paid", "cancelled") for each in invoices):
        state = "paid"
    return state


def unbilled(order: Values) -> Decimal:
    """What an order that was confirmed will still be billed for, tax included."""
    scale = digits(order["currency_code"])
    left = ((line, not_billed(line)) for line in order["lines"])
    worth = [
        line_subtotal(quantity, Decimal(line["price_unit"]), Decimal(line["discount"]), scale)
        for line, quantity in left
        if quantity > 0
    ]
    return total(worth, scale).total


def not_billed(line: Values) -> Decimal:
    """How much of a line has not been invoiced."""
    return Decimal(line["qty"]) - Decimal(line["qty_invoiced"])


def split(lines: list[Values], new_id: Iterable[int]) -> list[Values]:
    """Lines of which a part was shipped, each as the part that was and a line of its own for the back order."""
    ids, found = iter(new_id), []
    for line in lines:
        shipped, rest = Decimal(line["qty_shipped"]), still_open(line)
        if shipped <= 0 or rest <= 0:
            found.append(line)
            continue
        found.append({**line, "qty": line["qty_shipped"]})
        found.append({**line, "id": next(ids), "qty": quantity(rest), "qty_shipped": NOTHING, "qty_invoiced": NOTHING})
    return found


def money(amount: Decimal) -> str:
    """An amount as it is stored."""
    return written(round_half_up(amount, MONEY_DIGITS))


def quantity(amount: Decimal) -> str:
    """A quantity as it is stored."""
    return written(round_half_up(amount, QUANTITY_DIGITS))
