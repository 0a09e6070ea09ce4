"""SIGKILL at any moment of a sync, then another sync: the same end as without the kill."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests import witness
from tests.command import command, connector
from tests.systems import Systems, running

SEED = "customers=150,contacts=150,products=40,orders=100"
KILLS = int(os.environ.get("CONNECTOR_TEST_KILLS", "10"))
"""How often each database's sync is killed; `make crash` asks for two hundred."""
FIRST_CONTACT = 3
"""So many kills before people begin to edit; after that every sync has as much to do."""
CALM = 10
"""So many edits are one sync's work where nobody kills."""
LONGEST = 0.6
"""Seconds: a sync is at work for about as long."""


@pytest.fixture
def drifted(tmp_path: Path) -> Iterator[Systems]:
    """Two systems that have never met."""
    with running(tmp_path, SEED) as systems:
        yield systems


@pytest.fixture
def undisturbed(tmp_path: Path) -> Iterator[Systems]:
    """The same two systems once more, for the run without kills."""
    folder = tmp_path / "undisturbed"
    folder.mkdir()
    with running(folder, SEED) as systems:
        yield systems


def kill_during(config: Path, systems: Systems, seconds: float) -> bool:
    """Start a sync and kill it so long after its first request; says whether it was still at work."""
    before = tokens(systems)
    environ = {**os.environ, "CONNECTOR_CONFIG": str(config)}
    process = subprocess.Popen(
        command("sync"), env=environ, cwd=config.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and tokens(systems) == before:
        time.sleep(0.01)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        return True
    return False


def tokens(systems: Systems) -> int:
    """How many tokens the CRM has given out: every sync asks for one first."""
    return int(systems.crm.stats()["requests"]["POST"]["/oauth/token"])


class People:
    """What people do meanwhile: a website here, a limit there, and a hundred new customers on each side."""

    def __init__(self, systems: Systems, seed: int) -> None:
        self.systems = systems
        self.dice = random.Random(seed)  # noqa: S311 -- a failure names the seed, to be played again
        self.accounts = sorted(witness.every(systems.crm, "accounts"))
        self.partners = sorted(witness.every(systems.erp, "partners", is_company="true"))

    def edit(self, number: int) -> None:
        """Their deeds between two syncs; both runs see the same."""
        website, limit = f"kill-{number}.example", f"{number}00.00"
        self.systems.crm.change("accounts", self.dice.choice(self.accounts), website=website)
        self.systems.erp.change("partners", str(self.dice.choice(self.partners)), credit_limit=limit)
        _enter_customers(self.systems, number)


def _enter_customers(systems: Systems, number: int) -> None:
    new = [
        {"name": f"Killed {number:03}-{n:03}", "email": f"killed-{number:03}-{n:03}@crash.example"} for n in range(100)
    ]
    systems.crm.call("POST", "accounts/batch", json={"operations": [{"op": "create", "record": one} for one in new]})
    met = [
        {"is_company": True, "name": f"Hit {number:03}-{n:03}", "email": f"hit-{number:03}-{n:03}@crash.example"}
        for n in range(100)
    ]
    systems.erp.call("POST", "partners/bulk", json={"create": [{"values": one} for one in met]})


def contents(systems: Systems) -> Counter[witness.Fact]:
    """All that the CRM holds, but for ids and numbers: they follow the order in which records arrive."""
    accounts, products = witness.every(systems.crm, "accounts"), witness.every(systems.crm, "products")
    orders = witness.every(systems.crm, "orders").values()
    return Counter(
        [("customer", account.get("website"), *without_number(account)) for account in accounts.values()]
        + [
            ("order", *witness.crm_order(order, accounts, products)[2:])
            for order in orders
            if order["stage"] != "DRAFT"
        ]
        + [tuple(row[name] for name in ("productCode", "warehouse", "onHand")) for row in _stock(systems)]
    )


def without_number(account: witness.Body) -> witness.Fact:
    """What an account says, but for the number that the ERP gave it."""
    return witness.crm_customer({**account, "erpNumber": None})


def _stock(systems: Systems) -> Iterable[witness.Body]:
    return witness.every(systems.crm, "stock-levels").values()


def live_on(config: Path, people: People) -> None:
    """The same edits, and syncs that nobody kills."""
    assert connector(config, "sync").code in (0, 3)
    for number in range(FIRST_CONTACT, KILLS):
        people.edit(number)
        if number % CALM == CALM - 1 or number == KILLS - 1:
            assert connector(config, "sync").code in (0, 3)


def live_with_kills(config: Path, people: People, dice: random.Random) -> int:
    """The first syncs are killed, one ends, and then every edit's; says how many were still at work."""
    systems = people.systems
    hit = sum(kill_during(config, systems, dice.uniform(0, LONGEST)) for _ in range(FIRST_CONTACT))
    assert connector(config, "sync").code in (0, 3)
    for number in range(FIRST_CONTACT, KILLS):
        people.edit(number)
        hit += kill_during(config, systems, dice.uniform(0, LONGEST))
    return hit


def test_kills_at_random_moments_end_as_a_run_without_kills_does(
    drifted: Systems, undisturbed: Systems, tmp_path: Path, store_url: str
) -> None:
    seed = int(os.environ.get("CONNECTOR_TEST_SEED", time.time_ns() % 1_000_000))
    config = drifted.write_config(tmp_path, store=store_url)
    hit = live_with_kills(config, People(drifted, seed), random.Random(seed))  # noqa: S311 -- to be played again
    final = connector(config, "sync", "--json")
    assert final.code in (0, 3), f"seed {seed}: {final.out}{final.err}"
    assert final.json["halted"] == []
    planted = witness.shared_vat_ids(drifted)
    for told in (witness.customers(drifted, planted), witness.orders(drifted), witness.stock(drifted)):
        assert told.is_one_story, f"seed {seed}: {told}"
    assert connector(config, "sync", "--json").json["writes"] == 0
    standing = connector(config, "status", "--json").json["entities"]
    assert [one["entity"] for one in standing if one["unknown"]] == []
    live_on(undisturbed.write_config(tmp_path / "undisturbed"), People(undisturbed, seed))
    assert contents(drifted) == contents(undisturbed), f"seed {seed}"
    assert hit >= max(1, KILLS // 4 - 1), (
        f"seed {seed}: {hit} of {KILLS} syncs were still at work when they were killed"
    )
