"""SIGKILL at any moment of a sync, then another sync: the same end as without the kill."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
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
LONGEST = 0.6
"""Seconds: a sync is at work for about as long."""


@pytest.fixture
def drifted(tmp_path: Path) -> Iterator[Systems]:
    """Two systems that have never met."""
    with running(tmp_path, SEED) as systems:
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


def edit(systems: Systems, dice: random.Random, number: int) -> None:
    """What people do meanwhile: a website here, a limit there, and a hundred new customers on each side."""
    accounts = sorted(witness.every(systems.crm, "accounts"))
    partners = sorted(witness.every(systems.erp, "partners", is_company="true"))
    systems.crm.change("accounts", dice.choice(accounts), website=f"kill-{number}.example")
    systems.erp.change("partners", str(dice.choice(partners)), credit_limit=f"{number}00.00")
    new = [
        {"name": f"Killed {number:03}-{n:03}", "email": f"killed-{number:03}-{n:03}@crash.example"} for n in range(100)
    ]
    systems.crm.call("POST", "accounts/batch", json={"operations": [{"op": "create", "record": one} for one in new]})
    met = [
        {"is_company": True, "name": f"Hit {number:03}-{n:03}", "email": f"hit-{number:03}-{n:03}@crash.example"}
        for n in range(100)
    ]
    systems.erp.call("POST", "partners/bulk", json={"create": [{"values": one} for one in met]})


def test_kills_at_random_moments_double_nothing_and_lose_nothing(
    drifted: Systems, tmp_path: Path, store_url: str
) -> None:
    seed = int(os.environ.get("CONNECTOR_TEST_SEED", time.time_ns() % 1_000_000))
    dice = random.Random(seed)  # noqa: S311 -- a failure names the seed, to be played again
    config = drifted.write_config(tmp_path, store=store_url)
    hit = 0
    for number in range(KILLS):
        hit += kill_during(config, drifted, dice.uniform(0, LONGEST))
        if number >= FIRST_CONTACT:
            edit(drifted, dice, number)
    final = connector(config, "sync", "--json")
    assert final.code in (0, 3), f"seed {seed}: {final.out}{final.err}"
    assert final.json["halted"] == []
    planted = witness.shared_vat_ids(drifted)
    for told in (witness.customers(drifted, planted), witness.orders(drifted), witness.stock(drifted)):
        assert told.is_one_story, f"seed {seed}: {told}"
    assert connector(config, "sync", "--json").json["writes"] == 0
    assert hit >= KILLS // 4, f"seed {seed}: {hit} of {KILLS} syncs were still at work when they were killed"
