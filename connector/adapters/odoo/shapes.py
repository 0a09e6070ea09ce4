"""Fields that Odoo does not keep as such, and that follow from others: how far an order is, who is a customer yet."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from connector.adapters.odoo.codes import Codes
from connector.adapters.odoo.schema import LiveColumn

Row = Mapping[str, Any]
PAID = frozenset(("paid", "in_payment", "reversed"))
BILLED = "invoiced"
DELIVERED = {"full": "shipped", "partial": "partially_shipped", "started": "partially_shipped"}


class Shape(NamedTuple):
    """One such field: its type, what it follows from (as far as the installed modules bring it), and how."""

    type: str
    needs: tuple[str, ...]
    make: Callable[[Codes, Sequence[Row]], list[Any]]
    choices: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    """Times of other records that it follows from: Odoo does not stamp the record itself when they change."""

    def live(self, columns: Mapping[str, LiveColumn]) -> list[str]:
        """What it follows from here."""
        return [name for name in self.needs if name in columns]


def _order_status(codes: Codes, rows: Sequence[Row]) -> list[Any]:
    """A quotation, confirmed, on its way, delivered, billed, paid."""
    states = [_status_of(row) for row in rows]
    bills = {bill for row, state in zip(rows, states, strict=True) if state == BILLED for bill in _bills(row)}
    posted = codes.of("account.move", "state", bills)
    settled = codes.of("account.move", "payment_state", bills)
    open_bills = {bill for bill in bills if posted.get(bill) == "posted" and settled.get(bill) not in PAID}
    return [
        "paid" if state == BILLED and _bills(row) and open_bills.isdisjoint(_bills(row)) else state
        for row, state in zip(rows, states, strict=True)
    ]


def _bills(row: Row) -> Sequence[int]:
    return row.get("invoice_ids") or ()


def _status_of(row: Row) -> Any:
    if row["state"] != "sale":
        return row["state"]
    delivered = DELIVERED.get(row.get("delivery_status") or "")
    return BILLED if delivered == "shipped" and row.get("invoice_status") == "invoiced" else delivered or "sale"


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


def _paid(_codes: Codes, rows: Sequence[Row]) -> list[Any]:
    """What was settled with money."""
    return [_settled(row, by_credit=False) for row in rows]


def _credited(_codes: Codes, rows: Sequence[Row]) -> list[Any]:
    """What was settled with credit notes; of a credit note, what it settled of invoices."""
    return [_settled(row, by_credit=True) for row in rows]


def _settled(row: Row, *, by_credit: bool) -> float:
    told = (row["invoice_payments_widget"] or {}).get("content", ())
    own = row["move_type"] == "out_refund"
    sums = (
        each["amount"]
        for each in told
        if not each["is_exchange"] and by_credit is (each["is_refund"] or (own and not each["account_payment_id"]))
    )
    return round(float(sum(sums)), 2)


def _relationship(codes: Codes, rows: Sequence[Row]) -> list[Any]:
    """Who is in the pipeline and has neither been won nor ordered is a prospect, unless somebody says otherwise."""
    doubted = [row["id"] for row in rows if "opportunity_ids" in row and not row["customer_rank"]]
    prospects = codes.owners("crm.lead", doubted) if doubted else set()
    for model, condition in WON:
        prospects -= codes.owners(model, sorted(prospects), condition) if prospects else set()
    return ["prospect" if row["id"] in prospects else "customer" for row in rows]


WON = (("crm.lead", ["stage_id.is_won", "=", True]), ("sale.order", ["state", "in", ["sent", "sale"]]))
"""What makes a customer of a prospect."""
PIPELINE = ("opportunity_ids", "sale_order_ids")
SHAPES: Mapping[str, Mapping[str, Shape]] = {
    "sale.order": {
        "status": Shape(
            "selection",
            ("state", "delivery_status", "invoice_status", "invoice_ids"),
            _order_status,
            ("draft", "sent", "sale", "partially_shipped", "shipped", BILLED, "paid", "cancel"),
            ("order_line.invoice_lines.move_id.write_date",),
        ),
    },
    "account.move": {
        "status": Shape(
            "selection", ("state", "payment_state"), _invoice_status, ("draft", "posted", "paid", "cancel")
        ),
        "sale_order_id": Shape("many2one", ("invoice_origin",), _invoiced_order),
        "amount_paid": Shape("monetary", ("invoice_payments_widget", "move_type"), _paid),
        "amount_credited": Shape("monetary", ("invoice_payments_widget", "move_type"), _credited),
    },
    "res.partner": {
        "relationship": Shape(
            "selection",
            ("customer_rank", "opportunity_ids"),
            _relationship,
            ("prospect", "customer"),
            tuple(f"{of}{deals}.write_date" for deals in PIPELINE for of in ("", "child_ids.")),
        ),
    },
    "account.payment": {"invoice_id": Shape("many2one", ("reconciled_invoice_ids",), _paid_invoice)},
}


def shapes_of(model: str) -> Mapping[str, Shape]:
    """The fields of that kind which a model has."""
    return SHAPES.get(model, {})
