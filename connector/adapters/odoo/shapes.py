"""Fields that Odoo does not keep as such, and that follow from others: how far an order is, whose invoice it is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from connector.adapters.odoo.codes import Codes
from connector.adapters.odoo.schema import LiveColumn

Row = Mapping[str, Any]
PAID = frozenset(("paid", "in_payment", "reversed"))
DELIVERED = {"full": "shipped", "partial": "partially_shipped", "started": "partially_shipped"}


class Shape(NamedTuple):
    """One such field: its type, what it follows from (as far as the installed modules bring it), and how."""

    type: str
    needs: tuple[str, ...]
    make: Callable[[Codes, Sequence[Row]], list[Any]]
    choices: tuple[str, ...] = ()

    def live(self, columns: Mapping[str, LiveColumn]) -> list[str]:
        """What it follows from here."""
        return [name for name in self.needs if name in columns]


def _order_status(_codes: Codes, rows: Sequence[Row]) -> list[Any]:
    """A quotation, confirmed, on its way, delivered, billed."""
    return [_status_of(row) for row in rows]


def _status_of(row: Row) -> Any:
    if row["state"] != "sale":
        return row["state"]
    delivered = DELIVERED.get(row.get("delivery_status") or "")
    return "invoiced" if delivered == "shipped" and row.get("invoice_status") == "invoiced" else delivered or "sale"


def _invoice_status(_codes: Codes, rows: Sequence[Row]) -> list[Any]:
    """Posted is not paid yet."""
    return ["paid" if row["state"] == "posted" and row.get("payment_state") in PAID else row["state"] for row in rows]


def _invoiced_order(codes: Codes, rows: Sequence[Row]) -> list[Any]:
    """The order that an invoice names as its origin; one that names several belongs to none of them alone."""
    origins = {row["invoice_origin"] for row in rows if row["invoice_origin"]}
    numbers = codes.numbers("sale.order", "name", origins)
    return [numbers.get(row["invoice_origin"]) for row in rows]


def _paid_invoice(_codes: Codes, rows: Sequence[Row]) -> list[Any]:
    """The invoice that a payment settles; one for several is shown with the first."""
    return [min(row["reconciled_invoice_ids"], default=None) for row in rows]


SHAPES: Mapping[str, Mapping[str, Shape]] = {
    "sale.order": {
        "status": Shape(
            "selection",
            ("state", "delivery_status", "invoice_status"),
            _order_status,
            ("draft", "sent", "sale", "partially_shipped", "shipped", "invoiced", "cancel"),
        ),
    },
    "account.move": {
        "status": Shape(
            "selection", ("state", "payment_state"), _invoice_status, ("draft", "posted", "paid", "cancel")
        ),
        "sale_order_id": Shape("many2one", ("invoice_origin",), _invoiced_order),
    },
    "account.payment": {"invoice_id": Shape("many2one", ("reconciled_invoice_ids",), _paid_invoice)},
}


def shapes_of(model: str) -> Mapping[str, Shape]:
    """The fields of that kind which a model has."""
    return SHAPES.get(model, {})
