"""The law of stock: the ledger is what people did, levels are what it comes to, and nothing is promised twice."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings, strategies as st

from connector.reference.erp_cash_tables import (
    BOMS,
    PRODUCTION_ORDERS,
    PURCHASE_ORDERS,
    RETURNS,
    SALES_ORDERS,
    SHIPMENTS,
)
from connector.reference.erp_records import TICKS, Records
from connector.reference.erp_tables import ITEMS, PARTNERS, RESOURCES, STOCK_LEVELS, STOCK_MOVES, WAREHOUSES
from connector.reference.fields import Collection
from connector.reference.refusals import Refusal
from connector.reference.storage import Selection, Store

PART, GOODS, RARE = 1, 2, 3
"""What goods are made of; what is made and bought; and what is only sold when it is there."""

kinds = st.sampled_from((PART, GOODS, RARE))
pieces = st.integers(1, 6)
places = st.integers(0, 3)
BEGINNING = [
    *(("count", kind, 6) for kind in (PART, GOODS, RARE)),
    *(("order", kind, 4) for kind in (GOODS, RARE, RARE)),
    *(("confirm", place) for place in range(3)),
]
"""Some goods, and orders for more of the rare ones than there are."""

steps = st.lists(
    st.one_of(
        st.tuples(st.just("count"), kinds, pieces),
        st.tuples(st.just("order"), kinds, pieces),
        st.tuples(st.sampled_from(("confirm", "hold", "release", "reopen", "cancel", "drop_rest", "split")), places),
        st.tuples(st.just("ship"), places, pieces),
        st.tuples(st.just("send_back"), places, st.booleans()),
        st.tuples(st.just("buy"), kinds, pieces),
        st.tuples(st.just("receive"), places, pieces),
        st.tuples(st.just("make"), pieces),
        st.tuples(st.just("plan"), pieces),
        st.tuples(st.sampled_from(("finish", "drop")), places),
    ),
    max_size=30,
)


class Warehouse:
    """One warehouse, in memory, and a tally of what was done that asks the ledger nothing."""

    def __init__(self, store: Store) -> None:
        self.store, self.records = store, Records(store)
        self.tally: dict[int, Decimal] = defaultdict(Decimal)
        self.orders: list[int] = []
        self.purchases: list[int] = []
        self.productions: list[int] = []
        self._enter(WAREHOUSES, code="MAIN", name="Main")
        for code in ("PART", "GOODS", "RARE"):
            self._enter(ITEMS, code=code, name=code, backorder=code != "RARE")
        self._enter(BOMS, item_id=GOODS, lines=[{"item_id": PART, "qty": "2"}])
        self.partner = self._enter(PARTNERS, is_company=True, name="Company")

    def take(self, step: tuple[Any, ...]) -> None:
        """One thing that somebody does; what the ERP refuses has not happened."""
        kind, *given = step
        try:
            with self.store.step():
                getattr(self, f"_{kind}", self._act)(*given if hasattr(self, f"_{kind}") else (kind, *given))
        except Refusal:
            pass

    def all(self, resource: Collection) -> list[dict[str, Any]]:
        return [row.values for row in self.store.select(resource.name, Selection(), 10_000)]

    def _enter(self, resource: Collection, **values: Any) -> int:
        return int(self.records.create(resource, values, "test").values["id"])

    def _count(self, item: int, moved: int) -> None:
        place = {"item_id": item, "warehouse_code": "MAIN"}
        self._enter(STOCK_MOVES, **place, quantity=str(moved), kind="adjustment")
        self.tally[item] += moved

    def _order(self, item: int, asked: int) -> None:
        lines = [{"item_id": item, "qty": str(asked), "price_unit": "1"}]
        self.orders.append(self._enter(SALES_ORDERS, partner_id=self.partner, lines=lines))

    def _act(self, action: str, place: int) -> None:
        for order in self.orders[place : place + 1]:
            self.records.act(SALES_ORDERS, order, action, "test", None, {"reason": "because"})

    def _ship(self, place: int, asked: int) -> None:
        for order in self.orders[place : place + 1]:
            line = self.records.values("sales_orders", order)["lines"][-1]
            lines = [{"order_line_id": line["id"], "qty": str(asked)}]
            self._enter(SHIPMENTS, order_id=order, lines=lines)
            self.tally[line["item_id"]] -= asked

    def _send_back(self, place: int, restock: bool) -> None:  # noqa: FBT001 -- as Hypothesis gives it
        for order in self.orders[place : place + 1]:
            line = self.records.values("sales_orders", order)["lines"][0]
            lines = [{"order_line_id": line["id"], "qty": "1"}]
            back = self._enter(RETURNS, order_id=order, restock=restock, lines=lines)
            self.records.act(RETURNS, back, "receive", "test", None)
            self.tally[line["item_id"]] += int(restock)

    def _buy(self, item: int, asked: int) -> None:
        self.purchases.append(self._enter(PURCHASE_ORDERS, item_id=item, warehouse_code="MAIN", qty=str(asked)))

    def _receive(self, place: int, come: int) -> None:
        for purchase in self.purchases[place : place + 1]:
            self.records.act(PURCHASE_ORDERS, purchase, "receive", "test", None, {"qty": come})
            self.tally[self.records.values("purchase_orders", purchase)["item_id"]] += come

    def _make(self, made: int) -> None:
        self._plan(made)
        self._finish(len(self.productions) - 1)

    def _plan(self, made: int) -> None:
        values = {"item_id": GOODS, "warehouse_code": "MAIN", "qty": str(made)}
        self.productions.append(self._enter(PRODUCTION_ORDERS, **values))

    def _finish(self, place: int) -> None:
        for order in self.productions[place : place + 1]:
            before = self.records.values("production_orders", order)
            self.records.act(PRODUCTION_ORDERS, order, "finish", "test", None)
            made = Decimal(before["qty"]) if before["state"] == "planned" else Decimal(0)
            self.tally[GOODS] += made
            self.tally[PART] -= 2 * made

    def _drop(self, place: int) -> None:
        for order in self.productions[place : place + 1]:
            self.records.act(PRODUCTION_ORDERS, order, "cancel", "test", None)


@contextmanager
def warehouse() -> Iterator[Warehouse]:
    store = Store(Path(":memory:"), RESOURCES, lambda: 1_800_000_000.0, TICKS)
    with store.transaction():
        yield Warehouse(store)
    store.close()


def promised(orders: list[dict[str, Any]], item: int) -> Decimal:
    """What confirmed orders have not got yet, counted from the orders alone."""
    lines = [
        line for order in orders if order["state"] in ("confirmed", "partially_shipped") for line in order["lines"]
    ]
    mine = (line for line in lines if line["item_id"] == item)
    return sum((Decimal(line["qty"]) - Decimal(line["qty_shipped"]) for line in mine), Decimal(0))


@given(steps)
@settings(max_examples=40, deadline=None)
def test_stock_is_what_people_did_and_nothing_is_promised_twice(taken: list[tuple[Any, ...]]) -> None:
    with warehouse() as here:
        for step in (*BEGINNING, *taken):
            here.take(step)
        levels = {level["item_id"]: level for level in here.all(STOCK_LEVELS)}
        ledger: dict[int, Decimal] = defaultdict(Decimal)
        for move in here.all(STOCK_MOVES):
            ledger[move["item_id"]] += Decimal(move["quantity"])

        orders, planned = here.all(SALES_ORDERS), here.all(PRODUCTION_ORDERS)
        made = sum((Decimal(each["qty"]) for each in planned if each["state"] == "planned"), Decimal(0))
        for item, level in levels.items():
            kept = promised(orders, item) + (2 * made if item == PART else 0)
            assert ledger[item] == here.tally[item] == Decimal(level["on_hand"])
            assert (Decimal(level["reserved"]), Decimal(level["available"])) == (kept, ledger[item] - kept)
            assert ledger[item] >= 0
        assert Decimal(levels[RARE]["available"] if RARE in levels else 0) >= 0
