"""What documents of the ERP say has happened to them, in words for a customer's timeline."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from connector.reference.erp_desks import Books
from connector.reference.validation import Values


class Happening(NamedTuple):
    """Something that happened to a document: what, in words, and how much money it is about."""

    event: str
    text: str
    amount: str | None = None


Judge = Callable[[Books, Values], Iterator[Happening]]
"""What a document, as it is now, says has happened to it; each is written down the first time it is said."""


def _shipment(_: Books, shipment: Values) -> Iterator[Happening]:
    tracking = f", tracking {shipment['tracking']}" if shipment["tracking"] else ""
    yield Happening("shipped", f"Shipment {shipment['number']} of order {shipment['order_number']} left{tracking}")


def _return(_: Books, back: Values) -> Iterator[Happening]:
    if back["state"] == "received":
        yield Happening("received", f"Return {back['number']} of order {back['order_number']}: the goods have arrived")


def _invoice(books: Books, invoice: Values) -> Iterator[Happening]:
    state, number, total = invoice["state"], invoice["number"], invoice["amount_total"]
    if state not in {"posted", "paid"}:
        return
    if invoice["kind"] == "credit_note":
        yield Happening("credited", f"Credit note {number} over {total}", total)
        return
    yield Happening("invoiced", f"Invoice {number} over {total}, due on {invoice['date_due']}", total)
    if state == "paid":
        yield Happening("paid", f"Invoice {number} is paid", invoice["amount_paid"])
    elif invoice["date_due"] < books.today:
        left = invoice["amount_open"]
        yield Happening("overdue", f"Invoice {number} is overdue since {invoice['date_due']}: {left} open", left)


def _payment(books: Books, payment: Values) -> Iterator[Happening]:
    invoice = books.values("invoices", payment["invoice_id"])
    if invoice["kind"] == "invoice" and invoice["state"] == "posted":
        amount, left = payment["amount"], invoice["amount_open"]
        yield Happening("part_paid", f"{amount} paid of invoice {invoice['number']}, {left} still open", amount)


def _service(_: Books, order: Values) -> Iterator[Happening]:
    what = f"{order['kind'].capitalize()} {order['number']}"
    told = {
        "received": ("received", f"{what}: the goods have arrived"),
        "in_work": ("started", f"{what}: work has begun"),
        "done": ("done", f"{what} is done: {order['outcome']}"),
        "refused": ("refused", f"{what} was refused"),
    }
    if order["state"] in told:
        yield Happening(*told[order["state"]], order["charge"] if order["state"] == "done" else None)


def _project(_: Books, project: Values) -> Iterator[Happening]:
    what = f"Project {project['number']}"
    told = {
        "planned": ("opened", f"{what} was opened: {project['name']}"[:200]),
        "running": ("started", f"{what} has begun"),
        "completed": ("completed", f"{what} is complete"),
    }
    if project["state"] in told:
        yield Happening(*told[project["state"]])


JUDGES: Mapping[str, Judge] = {
    "shipments": _shipment,
    "returns": _return,
    "invoices": _invoice,
    "payments": _payment,
    "service_orders": _service,
    "projects": _project,
}
