"""Stock levels: what the ledger and the open orders come to, whatever happens in whatever order."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings, strategies as st

from connector.reference.erp_cash_tables import BOMS, PRODUCTION_ORDERS, PURCHASE_ORDERS, SALES_ORDERS
from connector.reference.erp_records import TICKS, Records
from connector.reference.erp_tables import ITEMS, PARTNERS, RESOURCES, STOCK_LEVELS, STOCK_MOVES, WAREHOUSES
from connector.reference.fields import Collection
from connector.reference.refusals import Refusal
from connector.reference.storage import Selection, Store
from tests.systems import System

PART, MADE = 1, 2
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
        self.create(BOMS, item_id=MADE, lines=[{"item_id": PART, "qty": "2"}])
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
                # What lacks its components is not finished.
                with suppress(Refusal), self.store.step():
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
        planned = [each for each in self.all(PRODUCTION_ORDERS) if each["state"] == "planned"]
        making = (each for each in planned if (each["item_id"], each["warehouse_code"]) == (MADE, place))
        reserved += sum((2 * Decimal(each["qty"]) for each in making if item == PART), Decimal(0))
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


def bench(erp: System, unique: str, seats: str) -> tuple[int, int]:
    """Something that is made of two of another thing, of which there are so many."""
    made, part = (erp.create("items", code=f"{unique}-{name}", name=name)["id"] for name in ("bench", "seat"))
    erp.create("boms", item_id=made, lines=[{"item_id": part, "qty": "2"}])
    erp.create("stock_moves", item_id=part, warehouse_code="MAIN", quantity=seats, kind="receipt")
    return made, part


def plan(erp: System, item: int, qty: str = "3") -> dict[str, Any]:
    return erp.create("production_orders", item_id=item, warehouse_code="MAIN", qty=qty, planned_date="2027-01-15")


def promised(erp: System, item: int) -> tuple[str, str, str]:
    found = erp.read("stock_levels", f"{item}-MAIN")
    return found["on_hand"], found["reserved"], found["available"]


def test_a_planned_production_keeps_its_components_until_it_is_finished(erp: System, unique: str) -> None:
    made, part = bench(erp, unique, "10")
    order = plan(erp, made)
    planned = promised(erp, part)
    erp.call("POST", f"production_orders/{order['id']}/finish")

    assert [line["qty"] for line in order["materials"]] == ["6.000"]
    assert (planned, order["lacking"]) == (("10.000", "6.000", "4.000"), None)
    assert promised(erp, part) == ("4.000", "0.000", "4.000")


def test_a_production_that_is_cancelled_or_made_smaller_lets_components_go(erp: System, unique: str) -> None:
    made, part = bench(erp, unique, "10")
    order = plan(erp, made)
    erp.change("production_orders", order["id"], qty="1")
    smaller = promised(erp, part)
    erp.call("POST", f"production_orders/{order['id']}/cancel")

    assert (smaller, promised(erp, part)) == (("10.000", "2.000", "8.000"), ("10.000", "0.000", "10.000"))


def test_what_a_production_keeps_is_not_sold(erp: System, unique: str) -> None:
    made, part = bench(erp, unique, "6")
    erp.change("items", part, backorder=False)
    plan(erp, made)
    partner = erp.create("partners", is_company=True, name="Company")["id"]
    lines = [{"item_id": part, "qty": "1", "price_unit": "1"}]
    order = erp.create("sales_orders", partner_id=partner, lines=lines)["id"]

    held = erp.call("POST", f"sales_orders/{order}/confirm")

    assert (held["state"], held["state_reason"]) == (
        "on_hold",
        f"stock: {unique}-seat: 1.000 asked, 0.000 available in MAIN",
    )


def test_a_production_says_what_it_lacks_as_long_as_it_does(erp: System, unique: str) -> None:
    made, part = bench(erp, unique, "4")
    order = plan(erp, made)
    purchase = erp.create("purchase_orders", item_id=part, warehouse_code="MAIN", qty="2", expected_date="2026-12-24")
    later = erp.read("production_orders", order["id"])["lacking"]
    erp.call("POST", f"purchase_orders/{purchase['id']}/receive")

    told = f"components: {unique}-seat: 6.000 needed, 4.000 available in MAIN"
    assert (order["lacking"], later) == (told, f"{told}, more expected on 2026-12-24")
    assert erp.read("production_orders", order["id"])["lacking"] is None


def test_a_change_of_the_bill_is_for_what_is_planned_later(erp: System, unique: str) -> None:
    made, part = bench(erp, unique, "10")
    order = plan(erp, made, "1")
    (bill,) = erp.listed("boms", item_id=made)
    erp.change("boms", bill["id"], lines=[{"item_id": part, "qty": "9"}])

    erp.call("POST", f"production_orders/{order['id']}/finish")

    assert promised(erp, part) == ("8.000", "0.000", "8.000")
