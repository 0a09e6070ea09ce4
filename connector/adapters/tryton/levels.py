"""Stock levels: what lies in each warehouse of each product, counted by the server whenever it is asked.

There is no record of a level, so nothing tells when one changed: the movements and the products that changed since do.
A page holds all warehouses of its products.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

import xxhash

from connector.adapters.base import Capabilities
from connector.adapters.tryton.collection import Domain
from connector.adapters.tryton.places import Places
from connector.adapters.tryton.rpc import NAME, Rpc
from connector.adapters.tryton.values import instant, plain
from connector.adapters.tryton.windows import Window, beyond
from connector.records import Body, Cursor, Fetched, LiveField, Page, Presence, Remote, Version

BY_ID = [["id", "ASC"]]
PRODUCT, MOVE = "product.product", "stock.move"
GOODS: Domain = [["template.type", "=", "goods"], ["template.salable", "=", True], ["replaced_by", "=", None]]
PENDING = ["draft", "assigned"]
AMOUNTS = ("on_hand", "reserved", "available", "incoming")
TEXTS = ("product", "sku", "warehouse", "expected_on")
EXACT = Decimal("0.000001")


class Flow(NamedTuple):
    """What is on its way out of a warehouse, and into it, and when the first of it is expected."""

    leaving: Decimal = Decimal(0)
    coming: Decimal = Decimal(0)
    expected: str | None = None


class Levels:
    """What lies where."""

    name: ClassVar[str] = "stock.products_by_locations"
    claims: ClassVar[Capabilities] = Capabilities(
        page_size=300,
        keys_page_size=300,
        fetch_size=300,
        counts=True,
        can_create=False,
        can_update=False,
        can_delete=False,
    )

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def described(self) -> list[LiveField]:
        """The fields of a level; nothing can be written."""
        return [LiveField(name, "char", read_only=True) for name in (*TEXTS, *AMOUNTS)]

    def scan(self, cursor: Cursor | None, size: int, overlap: timedelta, *, keys_only: bool) -> Page:
        """One page: of all products first, later of those that moved and then of those that changed themselves."""
        window = Window.of(cursor, NAME)
        if window.start is None or window.is_second:
            return self._products(window, size, overlap, keys_only=keys_only)
        domain = [["last_modified_at", ">=", instant(window.start)], *beyond(window.after)]
        rows, now = self._rpc.dated(MOVE, "search_read", domain, 0, size, BY_ID, ["product"])
        window = window.timed(now)
        remotes = self._remotes(self._known([row["product"] for row in rows]), keys_only=keys_only)
        after = window.second() if len(rows) < size else window.next_page(rows[-1]["id"])
        return Page(remotes, after.cursor(), more=True)

    def count(self) -> int:
        """A level for every product and warehouse."""
        products: int = self._rpc.ask(PRODUCT, "search_count", GOODS)
        return products * len(Places.read(self._rpc).warehouses)

    def fetch(self, ids: Sequence[str]) -> list[Fetched]:
        """The levels of these ids."""
        products = {int(each.partition("-")[0]) for each in ids if each.partition("-")[0].isdecimal()}
        known = {each.id: each for each in self._remotes(self._known(products), keys_only=False)}
        return [
            Fetched(each, Presence.PRESENT, known[each]) if each in known else Fetched(each, Presence.ABSENT)
            for each in ids
        ]

    def _products(self, window: Window, size: int, overlap: timedelta, *, keys_only: bool) -> Page:
        places = Places.read(self._rpc)
        size = max(1, size // max(1, len(places.warehouses)))
        domain = [*GOODS, *beyond(window.after)]
        if window.start is not None:
            since = instant(window.start)
            domain.append(["OR", *([[f"{at}last_modified_at", ">=", since]] for at in ("", "template."))])
        rows, now = self._rpc.dated(PRODUCT, "search_read", domain, 0, size, BY_ID, ["code"])
        window = window.timed(now)
        remotes = self._remotes({row["id"]: row["code"] for row in rows}, keys_only=keys_only, places=places)
        if len(rows) < size:
            return Page(remotes, window.next_window(overlap).cursor(), more=False)
        return Page(remotes, window.next_page(rows[-1]["id"]).cursor(), more=True)

    def _known(self, products: Iterable[int]) -> dict[int, str]:
        ids = sorted(set(products))
        rows = self._rpc.ask(PRODUCT, "search_read", [*GOODS, ["id", "in", ids]], 0, None, BY_ID, ["code"])
        return {row["id"]: row["code"] for row in rows}

    def _remotes(
        self, codes: Mapping[int, str | None], *, keys_only: bool, places: Places | None = None
    ) -> list[Remote]:
        """The levels of products, given with their codes."""
        if not codes:
            return []
        places = places or Places.read(self._rpc)
        ids, today = sorted(codes), self._rpc.ask("ir.date", "today")
        flows, found = self._flows(ids, places), []
        for warehouse, name in places.warehouses.items():
            on_hand = self._on_hand(ids, warehouse, today)
            for each in ids:
                body = _body(on_hand.get(each, Decimal(0)), flows.get((each, warehouse), Flow()))
                body |= {"product": each, "sku": codes[each], "warehouse": name}
                found.append(_remote(f"{each}-{warehouse}", body, keys_only=keys_only))
        return found

    def _on_hand(self, ids: Sequence[int], warehouse: int, today: Any) -> dict[int, Decimal]:
        """What the done movements add up to; several locations at once would be summed up."""
        where = {"locations": [warehouse], "with_childs": True, "stock_date_end": today}
        rows = self._rpc.ask(PRODUCT, "read", list(ids), ["quantity"], **where)
        return {row["id"]: _exact(row["quantity"]) for row in rows}

    def _flows(self, ids: Sequence[int], places: Places) -> dict[tuple[int, int], Flow]:
        fields = ["product", "internal_quantity", "from_location", "to_location", "planned_date"]
        domain = [["product", "in", list(ids)], ["state", "in", PENDING], ["company", "=", self._rpc.company]]
        flows: dict[tuple[int, int], Flow] = {}
        for row in self._rpc.ask(MOVE, "search_read", domain, 0, None, BY_ID, fields):
            source, target = (places.warehouse_of(row[each]) for each in ("from_location", "to_location"))
            if source == target:
                continue
            quantity, when = _exact(row["internal_quantity"]), plain(row["planned_date"])
            if source is not None:
                flow = flows.setdefault((row["product"], source), Flow())
                flows[row["product"], source] = flow._replace(leaving=flow.leaving + quantity)
            if target is not None:
                flow = flows.setdefault((row["product"], target), Flow())
                expected = min(filter(None, (flow.expected, when)), default=None)
                flows[row["product"], target] = flow._replace(coming=flow.coming + quantity, expected=expected)
        return flows


def _body(on_hand: Decimal, flow: Flow) -> Body:
    amounts = (on_hand, flow.leaving, on_hand - flow.leaving, flow.coming)
    told = {name: format(amount.normalize(), "f") for name, amount in zip(AMOUNTS, amounts, strict=True)}
    return {**told, "expected_on": flow.expected}


def _remote(record_id: str, body: Body, *, keys_only: bool) -> Remote:
    version = Version(xxhash.xxh3_64_hexdigest(repr(sorted(body.items())).encode()))
    return Remote(record_id, version, None, None if keys_only else {"id": record_id, **body})


def _exact(quantity: float) -> Decimal:
    """A quantity without what floats add to it."""
    return Decimal(repr(quantity)).quantize(EXACT)
