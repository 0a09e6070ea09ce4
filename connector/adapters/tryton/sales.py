"""Sales with their lines: what a person gets filled in when typing is looked up here, as the server does not."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from typing_extensions import override

from connector.adapters.base import Capabilities
from connector.adapters.tryton.children import Verbs
from connector.adapters.tryton.collection import AUTHORS, PREFIX, Collection, Domain, Values
from connector.adapters.tryton.describing import Describing
from connector.adapters.tryton.ordering import Buyer, Catalogue
from connector.adapters.tryton.rpc import NAME
from connector.adapters.tryton.values import Row, day, decimal, inner, inner_value, number, plain, text_or_none
from connector.errors import RecordError, Rejected
from connector.records import Body, LiveField

MARKER, LINES, NOTES = "external_id", "lines", "notes"
TEXTS = ("reference", "description", "comment")
AMOUNTS = ("untaxed_amount", "tax_amount", "total_amount")
STATES = ("state", "shipment_state", "invoice_state")
STATUSES = ("draft", "quotation", "confirmed", "partially shipped", "shipped", "invoiced", "paid", "cancelled")
BILLED = {"awaiting payment": "invoiced", "partially paid": "invoiced", "paid": "paid"}
LINE_FIELDS = ("product", "description", "quantity", "unit_price", "discount")
PRICE_DIGITS = Decimal("0.0001")


class Sales(Collection):
    """Sales; the other side's id stands in a note, as a sale has no field for it."""

    name: ClassVar[str] = "sale.sale"
    model: ClassVar[str] = "sale.sale"
    parts: ClassVar[Mapping[str, str]] = {LINES: "sale.line"}
    has_logged_deletes: ClassVar[bool] = True
    claims: ClassVar[Capabilities] = Capabilities(
        page_size=200,
        keys_page_size=1000,
        fetch_size=100,
        write_size=50,
        marker_field=MARKER,
        conditional_write=True,
        trustworthy_times=True,
        counts=True,
        transitions=frozenset(("confirm", "cancel")),
    )
    presses: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
        "confirm": {
            "draft": ("quote", "confirm"),
            "quotation": ("confirm",),
            "confirmed": (),
            "processing": (),
            "done": (),
        },
        "cancel": {"draft": ("cancel",), "quotation": ("cancel",), "confirmed": ("cancel",), "cancelled": ()},
    }

    def __init__(self, *rooms: Any, warehouse: str | None) -> None:
        super().__init__(*rooms)
        self._warehouse = warehouse

    @override
    def paths(self) -> list[str]:
        return [
            *self.key_paths(),
            *AUTHORS,
            *("number", "party", "sale_date", "currency.code", *TEXTS, *AMOUNTS, *STATES),
            *(f"{LINES}.{field}" for field in ("type", "sequence", "product", "description", "quantity", "unit_price")),
            *(f"{LINES}.{field}" for field in ("taxes", "unit.symbol", "product.default_uom", *self._discounts())),
            f"{NOTES}.message",
        ]

    @override
    def body(self, row: Row) -> Body:
        own = (str(each["message"]) for each in inner(row, NOTES) or ())
        marked = (each.removeprefix(PREFIX) for each in own if each.startswith(PREFIX))
        return {
            "id": row["id"],
            "number": text_or_none(row["number"]),
            "party": row["party"],
            "sale_date": plain(row["sale_date"]),
            "currency": inner_value(row, "currency", "code"),
            **{field: text_or_none(row[field]) for field in TEXTS},
            "status": _status(row),
            **{field: plain(row[field]) for field in AMOUNTS},
            LINES: [_line_body(each) for each in self._lines(row)],
            MARKER: next(marked, None),
        }

    @override
    def described(self) -> list[LiveField]:
        live, line = Describing(self.schema, self.model), Describing(self.schema, "sale.line")
        return [
            *live.fields("number", "party", "sale_date", *TEXTS, *AMOUNTS),
            LiveField("status", "selection", read_only=True, choices=STATUSES),
            live.named("currency", "currency.currency", "code"),
            LiveField(LINES, "one2many"),
            live.outside(f"{LINES}.id", "sale.line", "id", read_only=True),
            *(line.outside(f"{LINES}.{field}", "sale.line", field) for field in LINE_FIELDS),
            LiveField(MARKER, "char"),
        ]

    @override
    def path(self, field: str) -> str:
        return f"{NOTES}.message" if field == MARKER else field

    @override
    def searched(self, field: str, value: str) -> str:
        return f"{PREFIX}{value}" if field == MARKER else value

    @override
    def domain(self, where: Any) -> Domain:
        return [["company", "=", self.rpc.company], *super().domain(where)]

    @override
    def new(self, bodies: Sequence[Body]) -> list[Values | RecordError]:
        buyers = Buyer.read(self.rpc, [body.get("party") for body in bodies])
        catalogue = self._catalogue(bodies)
        warehouse = self.names.warehouse(self._warehouse)
        return [self._new(body, buyers.get(body.get("party")), catalogue, warehouse) for body in bodies]

    @override
    def changed(self, items: Sequence[tuple[Body, Row]]) -> list[Values | RecordError]:
        bodies = [body for body, _ in items]
        # Lines that stay need what their buyer gets, too.
        parties = [body.get("party", row["party"]) for body, row in items]
        buyers, catalogue = Buyer.read(self.rpc, parties), self._catalogue(bodies)
        return [
            self._changed(body, row, buyers.get(party), catalogue)
            for (body, row), party in zip(items, parties, strict=True)
        ]

    def _new(
        self, body: Body, buyer: Buyer | None, catalogue: Catalogue, warehouse: int | None
    ) -> Values | RecordError:
        try:
            verbs = Verbs()
            if body.get(MARKER) is not None:
                verbs.put(NOTES, None, {"message": f"{PREFIX}{body[MARKER]}"})
            for at, line in enumerate(body.get(LINES) or ()):
                verbs.put(LINES, None, {**self._line(line, buyer, catalogue), "sequence": at + 1})
            place = {} if warehouse is None else {"warehouse": warehouse}
            return {**(buyer.values() if buyer else {}), **place, **self._head(body), **verbs.values()}
        except RecordError as error:
            return error

    def _changed(self, body: Body, row: Row, buyer: Buyer | None, catalogue: Catalogue) -> Values | RecordError:
        try:
            verbs = Verbs()
            if LINES in body:
                self._put_lines(verbs, body[LINES] or (), row, buyer, catalogue)
            moved = buyer.values() if buyer and body.get("party", row["party"]) != row["party"] else {}
            return {**moved, **self._head(body), **verbs.values()}
        except RecordError as error:
            return error

    def _head(self, body: Body) -> Values:
        found = {name: body[name] for name in ("party", *TEXTS) if name in body}
        if "sale_date" in body:
            found["sale_date"] = day(body["sale_date"], "sale_date")
        if body.get("currency") is not None:
            found["currency"] = self.names.find("currency.currency", "code", body["currency"])
        return found

    def _put_lines(
        self, verbs: Verbs, lines: Sequence[Body], row: Row, buyer: Buyer | None, catalogue: Catalogue
    ) -> None:
        """Lines as they are to be, all of them: titles and comments that people put between them stay."""
        held = {each["id"]: each for each in self._lines(row)}
        for at, line in enumerate(lines):
            known = held.pop(line.get("id"), None)
            values = self._line(line, buyer, catalogue)
            verbs.put(LINES, known, _kept(known, values) if known else {**values, "sequence": len(lines) + at})
        verbs.remove(LINES, held)

    def _line(self, line: Body, buyer: Buyer | None, catalogue: Catalogue) -> Values:
        product, quantity = line.get("product"), number(line.get("quantity"), "quantity")
        return {
            "product": product,
            "description": line.get("description"),
            "quantity": quantity,
            "unit_price": decimal(line.get("unit_price")),
            "unit": catalogue.unit(product),
            "taxes": [["add", catalogue.taxes(product, quantity, buyer)]],
            **self._discount(line),
        }

    def _discount(self, line: Body) -> Values:
        """Tryton keeps discounts only where a module brings them; one that would get lost is refused."""
        given = line.get("discount")
        share = Decimal(str(given or 0)) / 100
        if self._discounts():
            price = Decimal(str(line.get("unit_price") or 0))
            reduced = (price * (1 - share)).quantize(PRICE_DIGITS)
            return {"base_price": decimal(price), "discount_rate": decimal(share), "unit_price": decimal(reduced)}
        if share:
            reason = (
                "a line has a discount, and the module sale_discount is not active; activate it, or reduce the price"
            )
            raise Rejected(f"{NAME}: {self.name}: {reason}", field="lines")
        return {}

    def _discounts(self) -> list[str]:
        return self.schema.brought({"base_price": "sale_discount", "discount_rate": "sale_discount"})

    def _lines(self, row: Row) -> list[Row]:
        """The lines that sell something, in their order."""
        known = [each for each in inner(row, LINES) or () if each["type"] == "line"]
        return sorted(known, key=lambda each: (each["sequence"] or 0, each["id"]))

    def _catalogue(self, bodies: Sequence[Body]) -> Catalogue:
        lines = [line for body in bodies for line in body.get(LINES) or ()]
        return Catalogue.read(self.rpc, [line.get("product") for line in lines])


def _status(row: Row) -> str:
    """How far a sale is: Tryton tells that in three states, of the sale, of its shipments and of its invoices."""
    state, shipped = row["state"], row["shipment_state"]
    if state not in {"processing", "done"}:
        return str(state)
    if shipped == "partially shipped":
        return "partially shipped"
    # A sale of services alone has nothing to ship.
    if shipped in {"sent", "none"} and row["invoice_state"] in BILLED:
        return BILLED[row["invoice_state"]]
    return "shipped" if shipped == "sent" else "confirmed"


def _kept(line: Row, values: Values) -> Values:
    """What changes on a line that is there: unit and taxes only with the product."""
    product = inner(line, "product")
    if product is not None and product["id"] == values["product"]:
        return {name: value for name, value in values.items() if name not in {"unit", "taxes"}}
    return {**values, "taxes": [["remove", list(line["taxes"])], *values["taxes"]]}


def _line_body(line: Row) -> Body:
    """A line in the product's own unit; one in another unit is nothing that the other side could understand."""
    product = inner(line, "product")
    quantity = line["quantity"]
    if product is not None and inner(line, "unit") is not None and inner(line, "unit")["id"] != product["default_uom"]:
        quantity = f"{quantity} {inner(line, 'unit')['symbol']}"
    rate, price = plain(line.get("discount_rate")), plain(line["unit_price"])
    return {
        "id": line["id"],
        "product": product["id"] if product else None,
        "description": text_or_none(line["description"]),
        "quantity": quantity,
        "unit_price": plain(line["base_price"]) if line.get("base_price") is not None else price,
        "discount": None if not rate or not Decimal(rate) else format((Decimal(rate) * 100).normalize(), "f"),
    }
