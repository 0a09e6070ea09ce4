"""A run shared among several slots comes to the same end as one done by a process alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import witness
from tests.command import Ran, connector
from tests.systems import Systems, running

SEED = "customers=60,contacts=60,products=20,orders=30"
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


def test_a_run_in_three_slots_tells_one_story(drifted: Systems, tmp_path: Path, store_url: str) -> None:
    config = drifted.write_config(tmp_path, SHARED, store_url)

    sync(config)

    assert witness.customers(drifted, witness.shared_vat_ids(drifted)).is_one_story
    assert witness.orders(drifted).is_one_story
    for number, account in enumerate(sorted(witness.every(drifted.crm, "accounts"))[:30]):
        drifted.crm.change("accounts", account, website=f"shared-{number}.example")
    assert sync(config, "--entity", "customer").json["writes"] > 20
    assert witness.customers(drifted, witness.shared_vat_ids(drifted)).is_one_story
    assert sync(config).json["writes"] == 0
