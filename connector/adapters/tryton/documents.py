"""What follows a sale: shipments, invoices and payments, which are read and never written from here."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from typing_extensions import override

from connector.adapters.base import Capabilities
from connector.adapters.tryton.collection import Collection, Domain, Values, Where
from connector.adapters.tryton.describing import Describing
from connector.adapters.tryton.rpc import NAME
from connector.adapters.tryton.values import Row, inner, inner_value, plain, text_or_none
from connector.errors import RecordError, Rejected
from connector.records import Body, LiveField

MOVES, LINES, PAYMENTS = "moves", "lines", "payment_lines"
AMOUNTS = ("untaxed_amount", "tax_amount", "total_amount")


class Documents(Collection):
    """Documents of one kind."""

    shown: ClassVar[Domain]
    """Which of the model's records are shown."""
    told: ClassVar[tuple[str, ...]]
    """The fields of a body."""
    claims: ClassVar[Capabilities] = Capabilities(
        page_size=200,
        keys_page_size=1000,
        fetch_size=100,
        trustworthy_times=True,
        counts=True,
        can_create=False,
        can_update=False,
        can_delete=False,
    )

    @override
    def domain(self, where: Where) -> Domain:
        return [["company", "=", self.rpc.company], *self.shown, *super().domain(where)]

    @override
    def described(self) -> list[LiveField]:
        Describing(self.schema, self.model)
        return [LiveField(name, "char", read_only="." not in name) for name in self.told]

    @override
    def new(self, bodies: Sequence[Body]) -> list[Values | RecordError]:
        return [Rejected(f"{NAME}: {self.name}: it is made in Tryton only") for _ in bodies]

    @override
    def changed(self, items: Sequence[tuple[Body, Row]]) -> list[Values | RecordError]:
        return [Rejected(f"{NAME}: {self.name} {row['id']}: it is changed in Tryton only") for _, row in items]


class Shipments(Documents):
    """What left a warehouse for a customer."""

    name: ClassVar[str] = "stock.shipment.out"
    model: ClassVar[str] = "stock.shipment.out"
    parts: ClassVar[Mapping[str, str]] = {MOVES: "stock.move"}
    shown: ClassVar[Domain] = [["state", "in", ["shipped", "done"]], [f"{MOVES}.sale", "!=", None]]
    told: ClassVar[tuple[str, ...]] = (
        *("number", "reference", "sale", "customer", "warehouse", "state", "effective_date"),
        *("moves", "moves.id", "moves.product", "moves.quantity"),
    )

    @override
    def paths(self) -> list[str]:
        moves = (f"{MOVES}.{field}" for field in ("product", "internal_quantity", "state", "sale"))
        own = ("number", "reference", "customer", "state", "effective_date", "warehouse.code", "warehouse.name")
        return [*self.key_paths(), *own, *moves]

    @override
    def body(self, row: Row) -> Body:
        # Those from the shelves to the door are of no sale.
        moves = [each for each in inner(row, MOVES) if each["sale"] is not None and each["state"] != "cancelled"]
        return {
            "id": row["id"],
            "number": row["number"],
            "reference": text_or_none(row["reference"]),
            "sale": next((each["sale"] for each in moves), None),
            "customer": row["customer"],
            "warehouse": inner_value(row, "warehouse", "code") or inner_value(row, "warehouse", "name"),
            "state": row["state"],
            "effective_date": plain(row["effective_date"]),
            "moves": [
                {"id": each["id"], "product": each["product"], "quantity": each["internal_quantity"]} for each in moves
            ],
        }


class Invoices(Documents):
    """What customers were billed. Tryton writes a credit note as an invoice of less than nothing."""

    name: ClassVar[str] = "account.invoice"
    model: ClassVar[str] = "account.invoice"
    parts: ClassVar[Mapping[str, str]] = {LINES: "account.invoice.line", PAYMENTS: "account.move.line"}
    shown: ClassVar[Domain] = [["type", "=", "out"], ["state", "in", ["posted", "paid"]]]
    told: ClassVar[tuple[str, ...]] = (
        *("number", "kind", "party", "sale", "origin", "currency", "state", "invoice_date", "due_date"),
        *(*AMOUNTS, "amount_paid", "amount_to_pay", LINES),
        *(
            f"{LINES}.{each}"
            for each in ("id", "product", "description", "quantity", "unit_price", "discount", "amount")
        ),
    )

    @override
    def paths(self) -> list[str]:
        lines = ("type", "product", "description", "quantity", "unit_price", "amount")
        own = ("number", "party", "sales", "origin_invoices", "currency.code", "state", "invoice_date", "amount_to_pay")
        due = "lines_to_pay.maturity_date"
        return [*self.key_paths(), *own, *AMOUNTS, due, *(f"{LINES}.{field}" for field in lines)]

    @override
    def body(self, row: Row) -> Body:
        total, left = Decimal(plain(row["total_amount"])), Decimal(plain(row["amount_to_pay"]))
        sign = -1 if total < 0 else 1
        dates = [plain(each["maturity_date"]) for each in inner(row, "lines_to_pay") or () if each["maturity_date"]]
        return {
            "id": row["id"],
            "number": row["number"],
            "kind": "credit_note" if sign < 0 else "invoice",
            "party": row["party"],
            "sale": next(iter(row["sales"]), None),
            "origin": next(iter(row["origin_invoices"]), None) if sign < 0 else None,
            "currency": inner_value(row, "currency", "code"),
            "state": row["state"],
            "invoice_date": plain(row["invoice_date"]),
            "due_date": min(dates, default=None),
            **{name: str(sign * Decimal(plain(row[name]))) for name in AMOUNTS},
            "amount_paid": str(sign * (total - left)),
            "amount_to_pay": str(sign * left),
            LINES: [_line(each, sign) for each in inner(row, LINES) or () if each["type"] == "line"],
        }


class Payments(Documents):
    """What customers paid: the bookings that invoices were paid by."""

    name: ClassVar[str] = "account.move.line"
    model: ClassVar[str] = "account.move.line"
    parts: ClassVar[Mapping[str, str]] = {"move": "account.move"}
    shown: ClassVar[Domain] = [["invoice_payments.type", "=", "out"], ["move.state", "=", "posted"]]
    told: ClassVar[tuple[str, ...]] = ("number", "invoice", "party", "amount", "currency", "date", "journal")

    @override
    def domain(self, where: Where) -> Domain:
        return [["move.company", "=", self.rpc.company], *self.shown, *[[name, "=", value] for name, value in where]]

    @override
    def paths(self) -> list[str]:
        return [*self.key_paths(), "debit", "credit", "date", "party", "invoice_payments", *_MOVE]

    @override
    def body(self, row: Row) -> Body:
        move = inner(row, "move")
        return {
            "id": row["id"],
            "number": f"{move['number']}/{row['id']}",
            "invoice": next(iter(row["invoice_payments"]), None),
            "party": row["party"],
            "amount": str(Decimal(plain(row["credit"])) - Decimal(plain(row["debit"]))),
            "currency": self.names.currency(),
            "date": plain(row["date"]),
            "journal": move["journal."]["type"],
        }


_MOVE = ("move.number", "move.journal.type")


def _line(line: Row, sign: int) -> Body:
    told: dict[str, Any] = {name: line[name] for name in ("id", "product")}
    return {
        **told,
        "description": text_or_none(line["description"]),
        "quantity": sign * line["quantity"],
        "unit_price": plain(line["unit_price"]),
        # Tryton reduces the price.
        "discount": None,
        "amount": str(sign * Decimal(plain(line["amount"]))),
    }
