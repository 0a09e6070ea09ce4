"""The law of stock over both sides: people sell, ship, buy, make and count, and calls, runs and processes die."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.context import Context
from connector.errors import RunError
from connector.retries import retry_problems
from connector.sync import sync
from tests import witness
from tests.systems import System
from tests.test_crash import kill_during
from tests.trade import Trade, trading
from tests.warehouse import Life

pytestmark = pytest.mark.row("ERP: inventory")

LIVES = int(os.environ.get("CONNECTOR_TEST_LIVES", "1"))
"""How many lives are lived; `make trade-laws` asks for more, and for longer ones."""
STEPS = int(os.environ.get("CONNECTOR_TEST_STEPS", "12"))
SEED = int(os.environ.get("CONNECTOR_TEST_SEED", "0"))
BREAK = 6
"""So many things happen between two runs that do not end well."""
LOST = [
    {"fault": "lost_response", "path": "*/bulk", "probability": 0.4},
    {"fault": "lost_response", "path": "*/batch", "probability": 0.4},
    {"fault": "reset", "when": "after", "path": "*/bulk", "probability": 0.2},
]


class Ended(BaseException):
    """The process ends in the middle of a run."""


def broken_off(context: Context, after: int) -> None:
    """A run that ends at a step of its own."""
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


@pytest.fixture(autouse=True)
def healed(trade: Trade) -> Iterator[None]:
    """However a life ended, the next one begins with systems that answer."""
    yield
    for system in trade.systems:
        system.heal()


def spoil(trade: Trade, seed: int) -> None:
    """From now on answers get lost on both sides."""
    for place, system in enumerate(trade.systems):
        system.faults(*LOST, seed=seed + place)


def settle(trade: Trade) -> None:
    """End all faults, and let the connector do what is left to do."""
    for system in trade.systems:
        system.heal()
    for _ in range(6):
        report = trade.sync()
        retry_problems(trade.context.store, trade.context.clock(), timedelta(0), timedelta(0))
        if not report.writes and not report.open_problems:
            return
    pytest.fail("it does not come to rest")


def confirm(erp: System, sale: dict[str, Any]) -> None:
    """A clerk with a connection of their own confirms an order."""
    clerk = System("erp", erp.url, erp.process)
    try:
        clerk.call("POST", f"sales_orders/{sale['id']}/confirm", json={})
    finally:
        clerk.session.close()


@pytest.mark.parametrize("seed", range(SEED, SEED + LIVES))
def test_stock_is_one_story_whatever_people_do_and_whatever_breaks(trade: Trade, seed: int) -> None:
    life = Life(trade, seed)
    for number in range(STEPS):
        life.live()
        if number % BREAK == BREAK - 1:
            spoil(trade, seed)
            if number % (2 * BREAK) < BREAK:
                kill_during(trade.config, trade.systems, life.chance.uniform(0, 0.5))
            else:
                broken_off(trade.context, after=life.chance.randint(2, 12))
    settle(trade)

    assert witness.stock(trade.systems).is_one_story
    posted = Counter(move["number"] for move in witness.every(trade.erp, "stock_moves", kind="adjustment").values())
    told = [one["erpDocument"] for one in witness.every(trade.crm, "stock-adjustments").values()]
    assert Counter(told) == posted
    for item in (*life.goods, life.rare):
        shown, derived = trade.level(item), trade.erp.read("stock_levels", f"{item['id']}-MAIN")
        kept = life.promised(item)
        assert Decimal(derived["on_hand"]) == life.tally[item["id"]], f"seed {seed}: {item['code']}"
        assert (Decimal(derived["reserved"]), Decimal(derived["available"])) == (kept, life.tally[item["id"]] - kept)
        assert [shown[name] for name in ("onHand", "reserved", "available")] == [
            float(derived[name]) for name in ("on_hand", "reserved", "available")
        ]
    sold = Counter(sale["origin"] for sale in witness.every(trade.erp, "sales_orders").values())
    assert [sold[order["orderNumber"]] for order in life.orders] == [1] * len(life.orders)
    assert Decimal(trade.erp.read("stock_levels", f"{life.rare['id']}-MAIN")["available"]) >= 0


@pytest.mark.parametrize("seed", range(SEED, SEED + LIVES))
def test_the_last_piece_is_sold_once_though_two_confirm_it_while_a_sync_is_killed(trade: Trade, seed: int) -> None:
    last = trade.item("1", backorder=False)
    trade.sync("product", "stock")
    ours = trade.submit(last, quantity=1)
    trade.sync("order")
    sales = [trade.sale(ours), trade.sell(last, "1")]
    spoil(trade, seed)

    with ThreadPoolExecutor(2) as clerks:
        racing = [clerks.submit(confirm, trade.erp, sale) for sale in sales]
        kill_during(trade.config, trade.systems, 0.1)
        for one in racing:
            one.result()
    settle(trade)

    shown = sorted((order["stage"], order["statusReason"]) for order in map(trade.order, sales))
    reason = f"stock: {last['code']}: 1.000 asked, 0.000 available in MAIN"
    assert shown[0][0] == "CONFIRMED"
    assert shown[1] == ("ON_HOLD", reason)
    assert (trade.level(last)["onHand"], trade.level(last)["available"]) == (1, 0)
