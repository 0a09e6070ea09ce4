"""Documents that must not be posted twice: stock adjustments and orders, through calls that go wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import witness
from tests.command import connector
from tests.faults.desk import PARKED, email
from tests.systems import Systems, running

pytestmark = pytest.mark.slow

AMBIGUOUS: dict[str, dict[str, Any]] = {
    "a connection reset after the write": {"fault": "reset", "when": "after"},
    "a response lost after commit": {"fault": "lost_response"},
    "half a document": {"fault": "truncated", "honest": True},
    "a page for people after the write": {"fault": "html", "status": 200, "when": "after"},
    "a list of results that was cut": {"fault": "cut_results"},
    "an item of a batch that failed": {"fault": "partial_batch", "items": [0]},
}


class Shop(NamedTuple):
    """A customer and a product on both sides."""

    systems: Systems
    config: Path
    account: str
    product: str

    def sync(self) -> int:
        return connector(self.config, "sync").code

    def order(self, quantity: int, account: str = "") -> dict[str, Any]:
        """A customer orders."""
        line = {"productId": self.product, "quantity": quantity, "unitPrice": 2.5}
        return self.systems.crm.create(
            "orders", accountId=account or self.account, stage="SUBMITTED", currency="EUR", lines=[line]
        )

    def adjust(self, quantity: int) -> None:
        """Somebody takes goods, or brings some back."""
        self.systems.crm.create(
            "stock-adjustments", productId=self.product, warehouse="MAIN", quantity=quantity, reason="COUNT"
        )

    def settle(self) -> None:
        """End all faults, and let the connector do what is left to do."""
        for system in self.systems:
            system.heal()
        if self.sync() == PARKED:
            connector(self.config, "problems", "retry", "--all")
        assert self.sync() == 0


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with running(folder, "", "--faults") as systems:
        systems.erp.create("warehouses", code="MAIN", name="Main")
        systems.erp.create("items", code="BOLT", name="Bolt", uom="PCE", list_price="2.5", currency_code="EUR")
        account = systems.crm.create("accounts", name="Buyer", email=email())
        config = systems.write_config(folder)
        assert connector(config, "sync").code == 0
        (product,) = systems.crm.listed("products", productCode="BOLT")
        yield Shop(systems, config, account["id"], product["id"])


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_every_adjustment_and_every_order_is_posted_exactly_once_through(shop: Shop, name: str) -> None:
    for number in (1, 2, 3):
        shop.adjust(number)
        shop.order(number)
    shop.systems.erp.faults(*({**AMBIGUOUS[name], "path": path, "times": 1} for path in DOCUMENTS))
    shop.systems.crm.faults(*({**AMBIGUOUS[name], "path": path, "times": 1} for path in ANSWERS))

    for _ in range(3):
        shop.sync()
    struck = shop.systems.erp.struck() + shop.systems.crm.struck()
    shop.settle()

    assert struck == [1] * 5
    assert witness.adjustments(shop.systems).is_one_story
    assert witness.orders(shop.systems).is_one_story
    assert witness.stock(shop.systems).is_one_story


DOCUMENTS = ("*/stock_moves/bulk", "*/sales_orders/bulk")
ANSWERS = ("*/stock-adjustments/batch", "*/orders/batch", "*/stock-levels/batch")


def test_an_order_is_cancelled_once_though_the_answer_was_lost(shop: Shop) -> None:
    order = shop.order(4)
    assert shop.sync() == 0
    (before,) = shop.systems.erp.listed("sales_orders", origin=order["orderNumber"])
    shop.systems.crm.change("orders", order["id"], stage="CANCELLED")
    shop.systems.erp.faults({"fault": "lost_response", "path": "*/sales_orders/bulk", "times": 1})

    shop.sync()
    shop.settle()

    after = shop.systems.erp.read("sales_orders", str(before["id"]))
    assert (after["state"], after["revision"]) == ("cancelled", before["revision"] + 1)


def test_orders_of_a_merged_customer_go_to_the_one_that_stays(shop: Shop) -> None:
    stays, goes = (shop.systems.crm.create("accounts", name=name, email=email())["id"] for name in "ab")
    order = shop.order(1, goes)
    assert shop.sync() == 0

    shop.systems.crm.call("POST", f"accounts/{goes}/merge", json={"into": stays})
    codes = [shop.sync() for _ in range(2)]

    # The customer that is left over in the ERP is told to a person, and not taken out of use.
    (theirs,) = shop.systems.erp.listed("sales_orders", origin=order["orderNumber"])
    assert codes == [3, 3]
    assert shop.systems.erp.read("partners", str(theirs["partner_id"]))["external_ref"] == stays
    assert all(shop.systems.erp.listed("partners", external_ref=each)[0]["active"] for each in (stays, goes))
