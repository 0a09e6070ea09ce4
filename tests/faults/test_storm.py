"""Everything at once: calls go wrong at random while people work on both sides."""

from pathlib import Path
from random import Random

import pytest

from tests import witness
from tests.command import connector
from tests.faults.desk import PARKED, email
from tests.systems import Systems, running

CHANCE = 0.05
STORM = [
    {"fault": "latency", "seconds": 0.01, "jitter": 0.05},
    {"fault": "error", "status": 429},
    {"fault": "reset"},
    {"fault": "reset", "when": "after"},
    {"fault": "lost_response"},
    {"fault": "truncated"},
    {"fault": "truncated", "honest": True},
    {"fault": "html"},
    {"fault": "html", "status": 200, "when": "after"},
    {"fault": "partial_batch"},
    {"fault": "cut_results"},
]


def work(systems: Systems, random: Random) -> None:
    """People enter and edit customers, take goods and order some."""
    for _ in range(5):
        systems.crm.create("accounts", name="From CRM", email=email())
        systems.erp.create("partners", is_company=True, name="From ERP", email=email())
    for account in random.sample(systems.crm.listed("accounts"), 5):
        systems.crm.change("accounts", account["id"], phone=f"+49 30 {random.randrange(10**6, 10**7)}")
    for partner in random.sample(systems.erp.listed("partners"), 5):
        systems.erp.change("partners", str(partner["id"]), credit_limit=f"{random.randrange(1000)}.00")
    for product in systems.crm.listed("products"):
        line = {"productId": product["id"], "quantity": random.randrange(1, 9), "unitPrice": 2.5}
        buyer = systems.crm.listed("accounts")[0]["id"]
        systems.crm.create("orders", accountId=buyer, stage="SUBMITTED", currency="EUR", lines=[line])
        adjustment = {"warehouse": "MAIN", "quantity": random.randrange(1, 9), "reason": "COUNT"}
        systems.crm.create("stock-adjustments", productId=product["id"], **adjustment)


def settle(systems: Systems, config: Path) -> None:
    """End all faults, and sync until nothing is left to do."""
    for system in systems:
        system.heal()
    for _ in range(3):
        ran = connector(config, "sync", "--json")
        if ran.code == PARKED:
            connector(config, "problems", "retry", "--all")
    assert (ran.code, ran.json["writes"]) == (0, 0), ran.out + ran.err


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_both_sides_tell_one_story_after_a_storm(tmp_path: Path) -> None:
    random = Random(1)  # noqa: S311 -- a storm that can be repeated
    with running(tmp_path, "", "--faults") as systems:
        systems.erp.create("warehouses", code="MAIN", name="Main")
        systems.erp.create("items", code="BOLT", name="Bolt", uom="PCE", list_price="2.5", currency_code="EUR")
        config = systems.write_config(tmp_path)
        for _ in range(2):
            work(systems, random)
            for system in systems:
                system.faults(*({**each, "probability": CHANCE} for each in STORM), seed=random.randrange(1000))
            assert connector(config, "sync").code in (0, 4, 5)
            for system in systems:
                system.heal()
        settle(systems, config)

        assert witness.customers(systems).is_one_story
        assert witness.orders(systems).is_one_story
        assert witness.adjustments(systems).is_one_story
        assert witness.stock(systems).is_one_story
