"""Stock levels: how much of each product each warehouse holds, as the sum of Odoo's quants, and what is on its way.

Odoo keeps no such record. A level is there as soon as anything of the product was ever moved into the warehouse, also
when nothing is left; its id is `<product>-<warehouse>`. Odoo stamps quants and moves, not products, when stock moves.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from typing_extensions import override

from connector.adapters.odoo.calls import Fault
from connector.adapters.odoo.codes import CONTEXT
from connector.adapters.odoo.collection import Collection, Found
from connector.adapters.odoo.fetching import failed, fetch
from connector.adapters.odoo.reading import numbers_of, version_of
from connector.adapters.wire import batches
from connector.errors import ProtocolError
from connector.records import Body, Fetched, LiveField, Presence, Remote

QUANT, MOVE, PRODUCT = "stock.quant", "stock.move", "product.product"
OPEN = ["waiting", "confirmed", "partially_available", "assigned"]
DIGITS = 6
"""Sums of floats are rounded to what no unit of measure goes beyond."""
NUMBERS = ("on_hand", "reserved", "available", "incoming")
SKU = "default_code"


class Place(NamedTuple):
    """A product in a warehouse."""

    product: int
    warehouse: int

    @property
    def id(self) -> str:
        """Its id among the levels."""
        return f"{self.product}-{self.warehouse}"


class Levels(Collection):
    """Worked out product by product; nothing here can be written."""

    @override
    def describe(self) -> list[LiveField]:
        names = {"id": "char", "product_id": "many2one", SKU: "char", "warehouse": "char", "expected_on": "date"}
        kinds = {**names, **dict.fromkeys(NUMBERS, "float")}
        return [LiveField(name, kind, read_only=True) for name, kind in kinds.items()]

    @override
    def changed(self, since: str | None, last: int, size: int) -> Found:
        reply = self._stored(last, size) if since is None else self._moved(since)
        products = sorted(product for product in reply.products if product > last)[:size]
        more = len(products) == size
        return Found(self._levels(products), products[-1] if more else 0, more, reply.at)

    @override
    def fetch(self, ids: Sequence[str]) -> list[Fetched]:
        """A level is absent only where its product is seen, or known to be gone: hidden is not absent."""
        products = {each: each.partition("-")[0] for each in ids}
        held = {each.id: each for each in self._levels(numbers_of(dict.fromkeys(products.values())))}
        missing = [each for each in ids if each not in held]
        seen = fetch(self._reader, PRODUCT, [products[each] for each in missing], {"active": {}})
        hidden = {each.id for each in seen if each.presence is Presence.FORBIDDEN}
        return [_fetched(each, held.get(each), is_hidden=products[each] in hidden) for each in ids]

    @override
    def find(self, field: str, values: Sequence[str]) -> list[Remote]:
        if field != SKU:
            raise ProtocolError(f"{self.place}: levels can be searched by {SKU} alone, not by {field}")
        rows = self._ask(PRODUCT, "search_read", domain=[[SKU, "in", list(values)]], fields=["id"], load=None)
        return self._levels([row["id"] for row in rows.value])

    def _stored(self, last: int, size: int) -> "_Products":
        asked = {"domain": [["is_storable", "=", True], ["id", ">", last]], "order": "id", "limit": size}
        reply = self._ask(PRODUCT, "search", **asked)
        return _Products(reply.value, reply.at)

    def _moved(self, since: str) -> "_Products":
        """Products of which anything lies or moves otherwise than before."""
        found: set[int] = set()
        for model in (MOVE, QUANT):
            domain = [["write_date", ">=", since], ["product_id.is_storable", "=", True]]
            reply = self._ask(model, "read_group", domain=domain, fields=[], groupby=["product_id"], lazy=False)
            found |= {row["product_id"][0] for row in reply.value}
        return _Products(found, reply.at)

    def _levels(self, products: Sequence[int]) -> list[Remote]:
        return [level for batch in batches(products, self._kind.claims.fetch_size) for level in self._worked_out(batch)]

    def _worked_out(self, products: Sequence[int]) -> list[Remote]:
        warehouses = self._warehouses()
        inside = [["product_id", "in", products], ["location_id.usage", "=", "internal"]]
        lying = self._summed(QUANT, inside, "location_id", ["quantity", "reserved_quantity"], warehouses)
        into = [["product_id", "in", products], ["location_dest_id.usage", "=", "internal"]]
        ever = self._summed(MOVE, [*into, ["state", "not in", ["draft", "cancel"]]], "location_dest_id", [], warehouses)
        outside = [*into, ["state", "in", OPEN], ["location_id.usage", "!=", "internal"]]
        coming = self._summed(MOVE, outside, "location_dest_id", ["product_qty"], warehouses, "date:min")
        skus = self._reader.codes.of(PRODUCT, SKU, products)
        codes = self._reader.codes.of("stock.warehouse", "code", {place.warehouse for place in (*lying, *ever)})
        bodies = [
            _body(place, skus.get(place.product), codes.get(place.warehouse), lying.get(place), coming.get(place))
            for place in sorted({*lying, *ever})
        ]
        return [Remote(body["id"], version_of(body), None, body) for body in bodies]

    def _warehouses(self) -> dict[int, int]:
        """The warehouse of each place where goods can lie."""
        asked = {"domain": [["usage", "=", "internal"]], "fields": ["warehouse_id"], "load": None}
        reply = self._ask("stock.location", "search_read", **asked)
        return {row["id"]: row["warehouse_id"] for row in reply.value if row["warehouse_id"]}

    def _summed(
        self,
        model: str,
        domain: Sequence[Any],
        place: str,
        sums: Sequence[str],
        warehouses: dict[int, int],
        first: str | None = None,
    ) -> "dict[Place, dict[str, Any]]":
        """Sums by product and warehouse; `first` is besides them an earliest date."""
        fields = [*(f"{name}:sum" for name in sums), *([first] if first else [])]
        groupby = ["product_id", place]
        rows = self._ask(model, "read_group", domain=domain, fields=fields, groupby=groupby, lazy=False).value
        found: dict[Place, dict[str, Any]] = {}
        for row in rows:
            if row[place][0] not in warehouses:
                continue
            total = found.setdefault(Place(row["product_id"][0], warehouses[row[place][0]]), dict.fromkeys(sums, 0.0))
            for name in sums:
                total[name] += row[name] or 0.0
            if first and row["date"]:
                total["date"] = min(str(row["date"]), total.get("date") or "9")
        return found

    def _ask(self, model: str, method: str, **asked: Any) -> Any:
        try:
            return self._calls.call(model, method, {**asked, "context": CONTEXT}, safe=True)
        except Fault as fault:
            raise failed(fault, model) from None


class _Products(NamedTuple):
    products: Iterable[int]
    at: Any


def _body(place: Place, sku: Any, warehouse: Any, lying: dict[str, Any] | None, coming: dict[str, Any] | None) -> Body:
    held, expected = lying or {}, coming or {}
    rounded: Callable[[float], float] = lambda value: round(value, DIGITS)  # noqa: E731 -- used four times below
    on_hand, reserved = held.get("quantity", 0.0), held.get("reserved_quantity", 0.0)
    return {
        "id": place.id,
        "product_id": place.product,
        SKU: sku,
        "warehouse": warehouse,
        "on_hand": rounded(on_hand),
        "reserved": rounded(reserved),
        "available": rounded(on_hand - reserved),
        "incoming": rounded(expected.get("product_qty", 0.0)),
        "expected_on": str(expected["date"])[:10] if expected.get("date") else None,
    }


def _fetched(record_id: str, level: Remote | None, *, is_hidden: bool) -> Fetched:
    if level is not None:
        return Fetched(record_id, Presence.PRESENT, level)
    return Fetched(record_id, Presence.FORBIDDEN if is_hidden else Presence.ABSENT)
