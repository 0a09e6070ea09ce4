"""The law of stock over both sides: people sell, ship, return, buy, make and count, and calls and runs go wrong."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from connector.context import Context
from connector.errors import RunError
from connector.retries import retry_problems
from connector.sync import sync
from tests import witness
from tests.trade import Trade, trading

pytestmark = pytest.mark.slow

STEPS = 18
LOST = [
    {"fault": "lost_response", "path": "*/bulk", "probability": 0.4},
    {"fault": "lost_response", "path": "*/batch", "probability": 0.4},
    {"fault": "reset", "when": "after", "path": "*/bulk", "probability": 0.2},
]


class Ended(BaseException):
    """The process ends in the middle of a run."""


class Life:
    """What happens in both systems, by one seed, and a tally of the goods that asks neither of them."""

    def __init__(self, trade: Trade, seed: int) -> None:
        self.trade, self.chance = trade, Random(seed)  # noqa: S311 -- a life can be lived again
        self.goods = [trade.item("0") for _ in range(2)]
        self.rare = trade.item("2", backorder=False)
        self.tally: dict[int, Decimal] = defaultdict(Decimal, {self.rare["id"]: Decimal(2)})
        self.orders: list[dict[str, Any]] = []
        trade.erp.create("boms", item_id=self.goods[0]["id"], lines=[{"item_id": self.goods[1]["id"], "qty": "1"}])
        trade.sync("product", "stock")

    def live(self) -> None:
        """One thing that somebody does."""
        deeds: list[Callable[[], None]] = [self.order, self.order, self.count, self.confirm, self.confirm]
        self.chance.choice([*deeds, self.ship, self.ship, self.buy, self.make, self.give_back, self.want_back])()

    def order(self) -> None:
        item = self.chance.choice([*self.goods, self.rare])
        self.orders.append(self.trade.submit(item, quantity=self.chance.randint(1, 2), price=1))

    def count(self) -> None:
        item, moved = self.chance.choice(self.goods), self.chance.randint(1, 5)
        values = {"productId": self.trade.product(item), "warehouse": "MAIN", "quantity": moved}
        self.trade.crm.create("stock-adjustments", **values, reason="RETURN")
        self.tally[item["id"]] += moved

    def buy(self) -> None:
        item = self.chance.choice(self.goods)
        made = self.trade.erp.create("purchase_orders", item_id=item["id"], warehouse_code="MAIN", qty="4")
        self.trade.erp.call("POST", f"purchase_orders/{made['id']}/receive", json={"qty": 3})
        self.tally[item["id"]] += 3

    def make(self) -> None:
        made, part = self.goods
        if self.held(part) >= 1:
            values = {"item_id": made["id"], "warehouse_code": "MAIN", "qty": "1"}
            order = self.trade.erp.create("production_orders", **values)
            self.trade.erp.call("POST", f"production_orders/{order['id']}/finish", json={})
            self.tally[made["id"]] += 1
            self.tally[part["id"]] -= 1

    def confirm(self) -> None:
        for sale in self.sales("draft")[:2]:
            self.trade.do(sale, "confirm")

    def ship(self) -> None:
        for sale in self.sales("confirmed", "partially_shipped"):
            line = sale["lines"][0]
            there = self.held({"id": line["item_id"]})
            if there >= 1:
                lines = [{"order_line_id": line["id"], "qty": "1"}]
                self.trade.erp.create("shipments", order_id=sale["id"], lines=lines)
                self.tally[line["item_id"]] -= 1
                return

    def give_back(self) -> None:
        for sale in self.sales("shipped")[:1]:
            line = sale["lines"][0]
            lines = [{"order_line_id": line["id"], "qty": "1"}]
            if not self.trade.erp.listed("returns", order_id=sale["id"]):
                back = self.trade.erp.create("returns", order_id=sale["id"], lines=lines)
                self.trade.erp.call("POST", f"returns/{back['id']}/receive", json={})
                self.tally[line["item_id"]] += 1

    def want_back(self) -> None:
        for order in self.chance.sample(self.orders, min(1, len(self.orders))):
            now = self.trade.crm.read("orders", order["id"])
            if now["stage"] in ("CONFIRMED", "ON_HOLD"):
                self.trade.crm.change("orders", order["id"], stage="CANCEL_REQUESTED")

    def sales(self, *states: str) -> list[dict[str, Any]]:
        return self.trade.erp.listed("sales_orders", state=",".join(states))

    def held(self, item: dict[str, Any]) -> Decimal:
        levels = self.trade.erp.listed("stock_levels", item_id=item["id"])
        return sum((Decimal(level["on_hand"]) for level in levels), Decimal(0))


def broken_off(context: Context, after: int) -> None:
    """A run whose process ends in the middle."""
    left = iter(range(after))

    def new_id() -> str:
        if next(left, None) is None:
            raise Ended
        return context.new_id()

    with suppress(Ended, RunError):
        sync(replace(context, new_id=new_id))


@pytest.fixture(scope="module")
def trade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trade]:
    with trading(tmp_path_factory.mktemp("law"), "--faults") as made:
        yield made


def settle(trade: Trade) -> None:
    """End all faults, and let the connector do what is left to do."""
    for system in trade.systems:
        system.heal()
    for _ in range(4):
        report = trade.sync()
        retry_problems(trade.context.store, trade.context.clock(), timedelta(0), timedelta(0))
        if not report.writes and not report.open_problems:
            return
    pytest.fail("it does not come to rest")


@pytest.mark.parametrize("seed", range(2))
def test_stock_is_one_story_whatever_people_do_and_whatever_breaks(trade: Trade, seed: int) -> None:
    life = Life(trade, seed)
    for number in range(STEPS):
        life.live()
        if number % 6 == 5:
            for place, system in enumerate(trade.systems):
                system.faults(*LOST, seed=seed + place)
            broken_off(trade.context, after=life.chance.randint(2, 12))
    settle(trade)

    assert witness.stock(trade.systems).is_one_story
    assert witness.adjustments(trade.systems).is_one_story
    origins = Counter(sale["origin"] for sale in witness.every(trade.erp, "sales_orders").values())
    for item in (*life.goods, life.rare):
        shown, derived = trade.level(item), trade.erp.read("stock_levels", f"{item['id']}-MAIN")
        assert Decimal(derived["on_hand"]) == life.tally[item["id"]]
        assert [shown[name] for name in ("onHand", "reserved", "available")] == [
            float(derived[name]) for name in ("on_hand", "reserved", "available")
        ]
    assert [origins[order["orderNumber"]] for order in life.orders] == [1] * len(life.orders)
    assert Decimal(trade.erp.read("stock_levels", f"{life.rare['id']}-MAIN")["available"]) >= 0
