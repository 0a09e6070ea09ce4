"""What `forget` leaves of a person in the tables: nothing."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from connector.entities import Entity, FieldRule
from connector.errors import LeaseHeld, RunError
from connector.forget import Forgotten, forget
from connector.holder import HOLD
from connector.records import (
    Arrival,
    Base,
    Conflict,
    Event,
    NewLink,
    Operation,
    OperationKind,
    OperationState,
    Problem,
    Record,
    Ref,
    Side,
    Sighting,
    Version,
    decode,
    encode,
)
from connector.store import conflicts, history, inbox, journal, leases, links, problems, sightings
from connector.store.database import Store
from connector.store.schema import metadata
from connector.tenure import LEASE

MAIL = "zyx.quetzalcoatl@odd.example"
PERSON = Ref("contact", Side.CRM, "c1")
CONTACT = Entity(name="contact", fields={"email": FieldRule(personal=True), "title": FieldRule()})
HELD: Record = {"email": MAIL, "title": "Dr"}
UPDATE = Operation(
    "op-1", "contact", Side.ERP, OperationKind.UPDATE, "e1", "c1", None, Version("v1"), HELD, HELD, HELD, reserved=9
)


@pytest.fixture
def link(store: Store, at: datetime) -> int:
    """A person whose address stands in every table that can hold one; the number of the link."""
    base = Base(encode(HELD), Version("v1"), 1)
    with store.write() as conn:
        (number,) = links.add(conn, [NewLink("contact", "c1", "e1", base, base)], at)
        done = UPDATE._replace(state=OperationState.DONE, link=number)
        refused = done._replace(id="op-2", state=OperationState.REJECTED, error=f"rejected: {MAIL} is taken")
        journal.add(conn, [done, refused], at)
        conflicts.open(conn, [Conflict("contact", number, "c1", "e1", "email", HELD, HELD, HELD, HELD, "both")], at)
        lost = {"lost": {"email": MAIL}, "policy": "crm"}
        history.append(conn, "run-1", [Event("contact", Side.ERP, "e1", "overridden", lost, number)], at)
        problems.report(conn, [Problem("contact", Side.CRM, "c1", "rejected", f"{MAIL} is taken")], at)
        inbox.put(conn, [Arrival("contact", Side.CRM, "c1", "scan", Version("v2"), encode(HELD))], at)
        sightings.see(conn, "contact", Side.CRM, [Sighting("c1", Version("v1"), (7,))], 1, at)
    return number


def everything(store: Store) -> str:
    """All rows of all tables, as text."""
    with store.read() as conn:
        return "\n".join(str(row) for table in metadata.sorted_tables for row in conn.execute(select(table)))


def erase(store: Store, at: datetime) -> Forgotten:
    """Forget the person."""
    forgotten = forget(store, CONTACT, PERSON, "anna", at)
    assert forgotten is not None
    return forgotten


def test_no_table_holds_a_forgotten_value(store: Store, link: int, at: datetime) -> None:
    before = everything(store)

    erase(store, at)

    assert before.count(MAIL) > 10
    assert "quetzalcoatl" not in everything(store)


def test_an_erased_field_has_no_base_and_the_others_keep_theirs(store: Store, link: int, at: datetime) -> None:
    erase(store, at)

    with store.read() as conn:
        known = links.get(conn, [link])[link]
    assert [decode(known.base_on(side).record) for side in Side] == [{"title": "Dr"}, {"title": "Dr"}]
    assert (known.crm_id, known.erp_id, known.crm_base.version) == ("c1", "e1", "v1")


def test_a_create_in_doubt_keeps_no_marker_that_could_become_a_base(store: Store, link: int, at: datetime) -> None:
    create = UPDATE._replace(id="op-4", kind=OperationKind.CREATE, target=None, state=OperationState.REJECTED)
    with store.write() as conn:
        journal.add(conn, [create], at)

    erase(store, at)

    with store.read() as conn:
        assert journal.get(conn, ["op-4"])["op-4"].values == {"title": "Dr"}


def test_match_keys_that_hash_a_value_are_gone(store: Store, link: int, at: datetime) -> None:
    erase(store, at)

    with store.read() as conn:
        assert sightings.candidates(conn, "contact", Side.CRM, [7]) == {}
        assert sightings.known(conn, "contact", Side.CRM, ["c1"]) == {"c1": "v1"}
        assert journal.get(conn, ["op-1"])["op-1"].reserved is None


def test_a_conflict_over_an_erased_value_is_closed_and_looked_at_again(store: Store, link: int, at: datetime) -> None:
    assert erase(store, at).looked_at_again

    with store.read() as conn:
        assert [item.how for item in conflicts.listed(conn, include_closed=True)] == ["forgotten"]
        assert {row.id: row.record for row in inbox.take(conn, "contact", 0, 10, at)} == {"c1": None, "e1": None}


def test_forgetting_is_recorded_without_the_value(store: Store, link: int, at: datetime) -> None:
    erase(store, at)

    with store.read() as conn:
        event = history.newest(conn, 1)[0][2]
    assert (event.kind, event.id, event.detail["by"], event.detail["fields"]) == ("forgotten", "c1", "anna", ["email"])


def test_of_a_record_that_is_not_known_nothing_is_forgotten(store: Store, at: datetime) -> None:
    assert forget(store, CONTACT, Ref("contact", Side.CRM, "c404"), "anna", at) is None


def test_a_write_under_way_must_end_before_its_values_go(store: Store, link: int, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [UPDATE._replace(id="op-3", state=OperationState.UNKNOWN)], at)

    with pytest.raises(RunError, match="has not come to its end"):
        forget(store, CONTACT, PERSON, "anna", at)

    assert MAIL in everything(store)


def test_nothing_is_forgotten_while_a_run_is_at_work(store: Store, link: int, at: datetime) -> None:
    with store.write() as conn:
        leases.acquire(conn, LEASE, "elsewhere/1/run-9", HOLD, at)

    with pytest.raises(LeaseHeld):
        forget(store, CONTACT, PERSON, "anna", at)


def test_no_byte_of_a_forgotten_value_is_left_in_the_file(sqlite_store: Store, tmp_path: Path, at: datetime) -> None:
    base = Base(encode(HELD), Version("v1"), 1)
    with sqlite_store.write() as conn:
        links.add(conn, [NewLink("contact", "c1", "e1", base, base)], at)
        inbox.put(conn, [Arrival("contact", Side.CRM, f"x{n}", "scan", None, encode(HELD)) for n in range(300)], at)
    with sqlite_store.write() as conn:
        inbox.settle(conn, range(301))
    before = occurrences(tmp_path)

    assert erase(sqlite_store, at).scrubbed

    assert sum(before.values()) > 300
    assert occurrences(tmp_path) == dict.fromkeys(before, 0)


def occurrences(folder: Path) -> Mapping[str, int]:
    """How often the address stands in each file of the state."""
    return {
        one.name: one.read_bytes().count(b"quetzalcoatl") for one in folder.glob("state.db*") if "shm" not in one.name
    }


def test_a_reader_that_keeps_the_log_is_noticed(sqlite_store: Store, tmp_path: Path, at: datetime) -> None:
    base = Base(encode(HELD), Version("v1"), 1)
    with sqlite_store.write() as conn:
        links.add(conn, [NewLink("contact", "c1", "e1", base, base)], at)

    with closing(sqlite3.connect(tmp_path / "state.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM link").fetchone()
        forgotten = erase(sqlite_store, at)

    assert not forgotten.scrubbed
