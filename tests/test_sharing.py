"""A run shared among several slots comes to the same end as one done by a process alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.holder import name_process
from connector.store import leases, portions
from connector.store.database import Store
from connector.store.portions import Portion
from connector.tenure import LEASE
from tests import witness
from tests.command import Ran, connector
from tests.postgres import Server
from tests.services import until
from tests.systems import Systems, running

SEED = "customers=40,contacts=30,products=20,orders=15"
TTL = timedelta(minutes=5)
SHARED = "workers: {slots: 3, portion: 7}\n"


@pytest.fixture
def drifted(tmp_path: Path) -> Iterator[Systems]:
    """Two systems that have never met."""
    with running(tmp_path, SEED) as systems:
        yield systems


def sync(config: Path, *words: str) -> Ran:
    ran = connector(config, "sync", "--json", *words)
    assert ran.code in (0, 3), ran.out + ran.err
    return ran


@pytest.mark.postgres
def test_a_run_in_three_slots_tells_one_story(drifted: Systems, tmp_path: Path, postgres_server: Server) -> None:
    config = drifted.write_config(tmp_path, SHARED, postgres_server.create())

    sync(config)

    assert "/api/v1/accounts/ranges" in drifted.crm.stats()["requests"]["GET"]
    assert witness.customers(drifted, witness.shared_vat_ids(drifted)).is_one_story
    assert witness.orders(drifted).is_one_story
    for number, account in enumerate(sorted(witness.every(drifted.crm, "accounts"))[:20]):
        drifted.crm.change("accounts", account, website=f"shared-{number}.example")
    assert sync(config, "--entity", "customer").json["writes"] > 12
    assert witness.customers(drifted, witness.shared_vat_ids(drifted)).is_one_story
    assert sync(config, "--full").json["writes"] == 0


@pytest.fixture
def orphan(store: Store) -> Portion:
    """What somebody works on whose conductor has died."""
    now = datetime.now(UTC)  # noqa: TID251 -- the command goes by the real one
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with store.write() as conn:
        owner = name_process("gone").replace(f"/{os.getpid()}/", f"/{dead.pid}/")
        epoch = leases.acquire(conn, LEASE, owner, TTL, now)
        assert epoch is not None
        portions.add(conn, ("gone", epoch), "customer", "range", [{"after": 0}])
        held = portions.claim(conn, "gone", LEASE, name_process("gone"), TTL, now)
    assert held is not None
    return held


def test_a_run_waits_for_those_who_still_work_for_a_conductor_that_is_gone(
    reference_systems: Systems, tmp_path: Path, store: Store, orphan: Portion
) -> None:
    config = reference_systems.write_config(tmp_path, SHARED, store.url)

    with ThreadPoolExecutor(1) as pool:
        ran = pool.submit(connector, config, "sync", "--entity", "customer")
        until(lambda: _is_released(store), within=30)
        with store.write() as conn:
            portions.give_back(conn, orphan, tried=False)

    assert ran.result().code in (0, 3), ran.result().out + ran.result().err


@pytest.mark.usefixtures("orphan")
def test_a_run_does_not_wait_for_them_for_ever(reference_systems: Systems, tmp_path: Path, store: Store) -> None:
    ran = connector(reference_systems.write_config(tmp_path, SHARED, store.url), "sync", "--entity", "customer")

    assert ran.code == 5
    assert "another connector process is at work" in ran.err


def _is_released(store: Store) -> bool:
    with store.read() as conn:
        return leases.holder(conn, LEASE) is None
