"""A run shared among several slots comes to the same end as one done by a process alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.holder import name_process
from connector.store import portions
from connector.store.database import Store
from tests import witness
from tests.command import Ran, connector
from tests.postgres import Server
from tests.systems import Systems, running

SEED = "customers=40,contacts=30,products=20,orders=15"
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


def test_a_run_waits_for_those_who_still_work_for_a_conductor_that_is_gone(
    reference_systems: Systems, tmp_path: Path, store: Store
) -> None:
    url = store.url
    config = reference_systems.write_config(tmp_path, SHARED, url)
    now = datetime.now(UTC)  # noqa: TID251 -- the command goes by the real one
    with store.write() as conn:
        portions.add(conn, ("gone", 1), "customer", "range", [{"after": 0}])
        held = portions.claim(conn, "gone", name_process("gone"), timedelta(minutes=5), now)
    assert held is not None

    early = connector(config, "sync", "--entity", "customer")
    with store.write() as conn:
        portions.give_back(conn, held, tried=False)
    late = connector(config, "sync", "--entity", "customer")

    assert early.code == 5
    assert late.code in (0, 3), late.out + late.err
    assert "another connector process is at work" in early.err
