"""What Tryton fills in for a person who types an order, and does not for a program: addresses, terms, units, taxes."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from connector.adapters.tryton.children import Addresses
from connector.adapters.tryton.collection import Values
from connector.adapters.tryton.rpc import NAME, Rpc
from connector.adapters.tryton.values import Row, inner
from connector.errors import Rejected

ADDRESS = ("active", "invoice", "delivery")
TAXES = "customer_taxes_used"


class Buyer(NamedTuple):
    """A party that buys: where bills and goods go, when it pays, and by which rule it is taxed."""

    party: int
    invoice: int | None
    shipment: int | None
    term: int | None
    rule: int | None

    @classmethod
    def read(cls, rpc: Rpc, parties: Iterable[Any]) -> dict[Any, Self]:
        """The buyers of these ids."""
        ids = sorted({each for each in parties if isinstance(each, int)})
        fields = [*(f"addresses.{each}" for each in ADDRESS), "customer_payment_term", "customer_tax_rule"]
        rows = rpc.ask("party.party", "search_read", [["id", "in", ids]], 0, None, None, fields) if ids else []
        return {row["id"]: cls._of(row) for row in rows}

    @classmethod
    def _of(cls, row: Row) -> Self:
        addresses = Addresses.of(row)
        billing = addresses.billing["id"] if addresses.billing else None
        shipping = addresses.shipping["id"] if addresses.shipping else billing
        return cls(row["id"], billing, shipping, row["customer_payment_term"], row["customer_tax_rule"])

    def values(self) -> Values:
        """What a sale to this buyer says of it."""
        return {"invoice_address": self.invoice, "shipment_address": self.shipment, "payment_term": self.term}


class Catalogue:
    """The products of a batch of orders: their units and taxes."""

    def __init__(self, rpc: Rpc, rows: Mapping[int, Row]) -> None:
        self._rpc, self._rows = rpc, rows

    @classmethod
    def read(cls, rpc: Rpc, products: Iterable[Any]) -> Self:
        """The products of these ids."""
        ids = sorted({each for each in products if isinstance(each, int)})
        fields = ["template.default_uom", f"template.account_category.{TAXES}"]
        rows = rpc.ask("product.product", "search_read", [["id", "in", ids]], 0, None, None, fields) if ids else []
        return cls(rpc, {row["id"]: row for row in rows})

    def unit(self, product: Any) -> int:
        """The unit that a product is counted in."""
        return int(self._row(product)["default_uom"])

    def taxes(self, product: Any, quantity: float, buyer: Buyer | None) -> list[int]:
        """What a product is taxed by: its category's taxes, or what the server makes of them by the buyer's rule."""
        if buyer is not None and buyer.rule is not None:
            return self._ruled(product, quantity, buyer)
        category = inner(self._row(product), "account_category")
        return list(category[TAXES]) if category else []

    def _ruled(self, product: Any, quantity: float, buyer: Buyer) -> list[int]:
        sale = {"party": buyer.party, "company": self._rpc.company}
        line = {"type": "line", "product": product, "quantity": quantity, "unit": None, "taxes": [], "sale": sale}
        told = self._rpc.ask("sale.line", "on_change", line, ["product"])
        return [each["id"] for _, each in (told.get("taxes") or {}).get("add", ())]

    def _row(self, product: Any) -> Row:
        if product not in self._rows:
            raise Rejected(f"{NAME}: sale.sale: a line names a product that is not in Tryton", field="lines")
        found: Row = inner(self._rows[product], "template")
        return found
