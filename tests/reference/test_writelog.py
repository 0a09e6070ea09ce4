"""A server's own word for what was written, which tells a write that was done twice from one that was done once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.soak import written_twice
from tests.systems import System, start


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "writes"


@pytest.fixture
def erp(tmp_path: Path, log: Path) -> Iterator[System]:
    server = start("erp", tmp_path, "", "--log-writes", str(log))
    yield server
    server.stop()


def test_a_write_that_was_done_once_is_in_the_log_once_and_without_its_values(erp: System, log: Path) -> None:
    made = erp.create("partners", is_company=True, name="Secret Name", external_ref="acc-1")
    erp.change("partners", str(made["id"]), phone="+49 30 1234567")

    told = log.read_text(encoding="utf-8")

    assert [line.split('"kind":')[1][:9] for line in told.splitlines()] == ['"created"', '"updated"']
    assert "Secret" not in told
    assert written_twice(log) == []


def test_a_change_to_what_a_record_already_is_counts_as_done_twice(erp: System, log: Path) -> None:
    made = erp.create("partners", is_company=True, name="Anna")
    for _ in range(2):
        erp.change("partners", str(made["id"]), phone="+49 30 1234567")

    assert written_twice(log) == [f"updated partners {made['id']}"]


def test_a_second_record_with_one_marker_counts_as_done_twice(erp: System, log: Path) -> None:
    for _ in range(2):
        made = erp.create("partners", is_company=True, name="Anna", external_ref="acc-1")

    assert written_twice(log) == [f"created partners {made['id']}"]
