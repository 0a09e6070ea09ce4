"""What was answered is stored, however the server ends."""

from itertools import count
from pathlib import Path

import pytest

from connector.reference.erp_records import TICKS, Records
from connector.reference.erp_tables import PARTNERS, RESOURCES
from connector.reference.refusals import Refusal
from connector.reference.storage import Selection, Store
from tests.reference.doors import batch
from tests.systems import System, start


def run_with(folder: Path, seed: str = "") -> System:
    return start("crm", folder, seed)


def test_records_and_identity_outlive_a_restart(tmp_path: Path) -> None:
    first = run_with(tmp_path)
    made = first.create("accounts", name="Kept")
    organization = first.call("GET", "organization")["id"]
    first.stop()

    second = run_with(tmp_path)
    try:
        assert second.read("accounts", made["id"]) == made
        assert second.call("GET", "organization")["id"] == organization
        assert second.create("accounts", name="Next")["id"] > made["id"]
    finally:
        second.stop()


def test_a_server_stops_cleanly_when_it_is_told(tmp_path: Path) -> None:
    server = run_with(tmp_path)

    server.stop()

    assert server.process.returncode == 0
    assert not (tmp_path / "crm.db-wal").exists()


def test_what_was_answered_outlives_a_kill(tmp_path: Path) -> None:
    first = run_with(tmp_path)
    results = batch(first, "accounts", *({"op": "create", "record": {"name": f"N{each}"}} for each in range(200)))
    first.process.kill()
    first.stop()

    second = run_with(tmp_path)
    try:
        assert second.call("GET", "accounts/count") == {"count": 200}
        assert second.read("accounts", results[-1]["id"]) == results[-1]["record"]
    finally:
        second.stop()


def test_a_seed_fills_only_an_empty_database(tmp_path: Path) -> None:
    first = run_with(tmp_path)
    first.create("accounts", name="Mine")
    first.stop()

    second = run_with(tmp_path, "customers=10")
    try:
        assert second.call("GET", "accounts/count") == {"count": 1}
    finally:
        second.stop()


def test_stamps_never_go_back_even_when_the_clock_does(tmp_path: Path) -> None:
    ticks = count(2_000_000_000, -100)
    store = Store(tmp_path / "erp.db", RESOURCES, lambda: float(next(ticks)), TICKS)
    records = Records(store)

    with store.transaction():
        for name in "abc":
            records.create(PARTNERS, {"is_company": True, "name": name}, "test")

    stamps = [row.modified for row in store.select("partners", Selection(), 10)]
    store.close()
    assert stamps == sorted(stamps)


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "erp.db", RESOURCES, lambda: 0.0, TICKS)
    records = Records(store)

    with pytest.raises(Refusal), store.transaction():
        _create_two(records)

    assert store.is_empty()
    store.close()


def _create_two(records: Records) -> None:
    """One record that is taken, and one that is refused."""
    records.create(PARTNERS, {"is_company": True, "name": "A"}, "test")
    records.create(PARTNERS, {"is_company": True}, "test")
