"""Stock levels: what the ledger and the open orders come to, whatever happens in whatever order."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings, strategies as st

from connector.reference.erp_cash_tables import PRODUCTION_ORDERS, PURCHASE_ORDERS, SALES_ORDERS
from connector.reference.erp_records import TICKS, Records
from connector.reference.erp_tables import ITEMS, PARTNERS, RESOURCES, STOCK_LEVELS, STOCK_MOVES, WAREHOUSES
from connector.reference.fields import Collection
from connector.reference.storage import Selection, Store
from tests.systems import System

PLACES = ("MAIN", "NORTH")
SUPPLIES = {"purchase": (PURCHASE_ORDERS, "expected_date"), "production": (PRODUCTION_ORDERS, "planned_date")}

places = st.sampled_from(PLACES)
items = st.integers(1, 2)
amounts = st.decimals(-50, 50, places=3).map(str)
steps = st.one_of(
    st.tuples(st.just("move"), items, places, amounts),
    st.tuples(st.just("order"), items, places, amounts),
    st.tuples(st.sampled_from(("purchase", "production")), items, places, st.dates().map(str)),
    st.tuples(st.sampled_from(("confirm", "cancel", "receive", "finish", "reschedule")), st.integers(0, 5)),
)


class Company:
    """A small company in memory, without a server around it."""

    def __init__(self, store: Store) -> None:
        self.store, self.records = store, Records(store)
        self.documents: list[tuple[Collection, int]] = []
        for code in PLACES:
            self.create(WAREHOUSES, code=code, name=code)
        for code in ("A", "B"):
            self.create(ITEMS, code=code, name=code)
        self.partner = self.create(PARTNERS, is_company=True, name="Company")

    def create(self, resource: Collection, **values: Any) -> int:
        return int(self.records.create(resource, values, "test").values["id"])

    def take(self, step: tuple[Any, ...]) -> None:
        kind, *given = step
        if kind == "move":
            item, place, quantity = given
            self.create(STOCK_MOVES, item_id=item, warehouse_code=place, quantity=quantity, kind="adjustment")
        elif kind == "order":
            item, place, quantity = given
            lines = [{"item_id": item, "qty": quantity, "price_unit": "1"}] * 2
            number = self.create(SALES_ORDERS, partner_id=self.partner, warehouse_code=place, lines=lines)
            self.documents.append((SALES_ORDERS, number))
        elif kind in SUPPLIES:
            (resource, day), (item, place, date) = SUPPLIES[kind], given
            number = self.create(resource, item_id=item, warehouse_code=place, qty="2.5", **{day: date})
            self.documents.append((resource, number))
        else:
            self.act(kind, given[0])

    def act(self, action: str, position: int) -> None:
        """Run the action on one of the documents, where it has such an action and is in the right state."""
        for resource, number in self.documents[position : position + 1]:
            row = self.records.read(resource, number)
            if action in resource.actions and row.values["state"] in ("draft", "confirmed", "open", "planned"):
                self.records.act(resource, number, action, "test", row.version)
            elif action == "reschedule" and row.values["state"] in ("open", "planned"):
                values = {"qty": "4", "warehouse_code": "NORTH"}
                self.records.update(resource, number, values, "test", row.version)

    def all(self, resource: Collection) -> list[dict[str, Any]]:
        return [row.values for row in self.store.select(resource.name, Selection(), 10_000)]

    def expected(self, item: int, place: str) -> dict[str, Any]:
        """What a level must hold, worked out from all documents anew."""

        def here(document: dict[str, Any]) -> bool:
            return document["item_id"] == item and document["warehouse_code"] == place

        on_hand = sum((Decimal(each["quantity"]) for each in self.all(STOCK_MOVES) if here(each)), Decimal(0))
        reserved = sum(
            (
                Decimal(line["qty"])
                for order in self.all(SALES_ORDERS)
                if order["state"] == "confirmed" and order["warehouse_code"] == place
                for line in order["lines"]
                if line["item_id"] == item
            ),
            Decimal(0),
        )
        coming = [
            (Decimal(each["qty"]), each[day])
            for resource, day in SUPPLIES.values()
            for each in self.all(resource)
            if here(each) and each["state"] in ("open", "planned")
        ]
        incoming = sum((quantity for quantity, _ in coming), Decimal(0))
        return {
            "on_hand": on_hand,
            "reserved": reserved,
            "available": on_hand - reserved,
            "incoming": incoming,
            "expected_date": min((day for _, day in coming), default=None),
        }


@contextmanager
def small_company() -> Iterator[Company]:
    store = Store(Path(":memory:"), RESOURCES, lambda: 1_800_000_000.0, TICKS)
    with store.transaction():
        yield Company(store)
    store.close()


def derived(level: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: Decimal(level[name]) for name in ("on_hand", "reserved", "available", "incoming")}
    return {**numbers, "expected_date": level["expected_date"]}


@given(st.lists(steps, max_size=25))
@settings(max_examples=60, deadline=None)
def test_levels_are_always_what_the_documents_come_to(taken: list[tuple[Any, ...]]) -> None:
    with small_company() as company:
        for step in taken:
            company.take(step)

        for level in company.all(STOCK_LEVELS):
            assert derived(level) == company.expected(level["item_id"], level["warehouse_code"])


@given(st.lists(steps, max_size=15), steps)
@settings(max_examples=40, deadline=None)
def test_a_level_has_a_new_revision_exactly_when_it_differs(
    taken: list[tuple[Any, ...]], last: tuple[Any, ...]
) -> None:
    with small_company() as company:
        for step in taken:
            company.take(step)
        before = {level["id"]: level for level in company.all(STOCK_LEVELS)}

        company.take(last)

        for level in company.all(STOCK_LEVELS):
            was = before.get(level["id"])
            assert was is None or (level["revision"] > was["revision"]) == (derived(level) != derived(was))


def test_confirming_reserves_and_cancelling_releases(erp: System, unique: str) -> None:
    item = erp.create("items", code=unique, name="Thing")["id"]
    partner = erp.create("partners", is_company=True, name="Company")["id"]
    erp.create("stock_moves", item_id=item, warehouse_code="MAIN", quantity="10", kind="receipt")
    lines = [{"item_id": item, "qty": "12.5", "price_unit": "1"}]
    order = erp.create("sales_orders", partner_id=partner, lines=lines)["id"]

    erp.call("POST", f"sales_orders/{order}/confirm")
    confirmed = erp.read("stock_levels", f"{item}-MAIN")
    erp.call("POST", f"sales_orders/{order}/cancel")
    cancelled = erp.read("stock_levels", f"{item}-MAIN")

    assert (confirmed["on_hand"], confirmed["reserved"], confirmed["available"]) == ("10.000", "12.500", "-2.500")
    assert (cancelled["reserved"], cancelled["available"]) == ("0.000", "10.000")
    assert confirmed["revision"] < cancelled["revision"]


def test_goods_that_arrive_are_in_the_ledger(erp: System, unique: str) -> None:
    item = erp.create("items", code=unique, name="Thing")["id"]
    order = erp.create("purchase_orders", item_id=item, warehouse_code="NORTH", qty="5", expected_date="2026-12-24")
    expected = erp.read("stock_levels", f"{item}-NORTH")

    received = erp.call("POST", f"purchase_orders/{order['id']}/receive")

    level = erp.read("stock_levels", f"{item}-NORTH")
    assert (expected["incoming"], expected["expected_date"]) == ("5.000", "2026-12-24")
    assert (received["state"], received["qty_received"]) == ("received", "5.000")
    assert (level["on_hand"], level["incoming"], level["expected_date"]) == ("5.000", "0.000", None)
    assert [move["kind"] for move in erp.listed("stock_moves", item_id=str(item))] == ["receipt"]


def test_a_level_follows_its_items_code(erp: System, unique: str) -> None:
    item = erp.create("items", code=unique, name="Thing")
    erp.create("stock_moves", item_id=item["id"], warehouse_code="MAIN", quantity="1", kind="receipt")

    erp.change("items", item["id"], code=f"{unique}-new")

    assert erp.read("stock_levels", f"{item['id']}-MAIN")["item_code"] == f"{unique}-new"


def test_levels_are_found_by_their_ids(erp: System, unique: str) -> None:
    item = erp.create("items", code=unique, name="Thing")["id"]
    for place in PLACES:
        erp.create("stock_moves", item_id=item, warehouse_code=place, quantity="1", kind="receipt")

    keys = erp.listed("stock_levels", id=f"{item}-MAIN,{item}-NORTH,{item}-WEST", fields="id,revision,write_date")

    assert [key["id"] for key in keys] == [f"{item}-MAIN", f"{item}-NORTH"]
