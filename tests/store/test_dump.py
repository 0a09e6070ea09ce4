"""A backup holds the whole state, whichever database it came from, and goes back into either."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from connector.backup import restore, save
from connector.errors import LeaseHeld, StoreError
from connector.records import (
    Arrival,
    Base,
    Conflict,
    Event,
    NewLink,
    Operation,
    OperationKind,
    OperationState,
    Side,
    Sighting,
    Version,
    encode,
)
from connector.store import conflicts, cursors, history, inbox, journal, leases, links, problems, sightings
from connector.store.database import Store, open_store
from connector.tenure import LEASE

BASE = Base(encode({"name": "Anna", "vip": True}), Version("v1"), 1)


def fill(store: Store, at: datetime) -> None:
    """A little of everything."""
    create = Operation(
        "op-1", "customer", Side.ERP, OperationKind.CREATE, None, "c9", None, None, {"name": "Cleo"}, {}, {}
    )
    with store.write() as conn:
        journal.start_run(conn, "run-1", "sync", at)
        (link,) = links.add(conn, [NewLink("customer", "c1", "e1", BASE, BASE)], at)
        journal.add(conn, [create._replace(state=OperationState.SENDING)], at)
        conflicts.open(conn, [Conflict("customer", link, "c1", "e1", "phone", {}, {}, {"phone": "1"}, {}, "both")], at)
        history.append(conn, "run-1", [Event("customer", Side.CRM, "c1", "linked", {"by": "tax id"}, link)], at)
        inbox.put(conn, [Arrival("customer", Side.CRM, "c2", "scan", Version("v1"), encode({"name": "Bert"}))], at)
        sightings.see(conn, "customer", Side.CRM, [Sighting("c2", Version("v1"), (7,))], 1, at)
        cursors.save(conn, cursors.Position("customer", Side.CRM, complete=True, known=2), at)


def set_version(file: Path, version: str) -> None:
    """Make a backup look as if another program had made it."""
    with closing(sqlite3.connect(file)) as conn:
        conn.execute("UPDATE alembic_version SET version_num = ?", (version,))
        conn.commit()


@pytest.fixture
def backup(store: Store, at: datetime, tmp_path: Path) -> Path:
    """A backup of either database."""
    fill(store, at)
    save(store, tmp_path / "backup.db")
    return tmp_path / "backup.db"


def test_a_backup_is_one_file_that_only_its_owner_reads(backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in backup.parent.glob("backup*")] == ["backup.db"]


def test_a_backup_of_either_database_goes_into_sqlite(backup: Path, at: datetime, tmp_path: Path) -> None:
    fresh = open_store(f"sqlite:///{tmp_path / 'fresh.db'}")

    restored = restore(fresh, backup, "run-2", at)

    with fresh.read() as conn:
        assert links.find(conn, "customer", Side.CRM, ["c1"])["c1"].crm_base == BASE
        assert [one.conflict.crm_value for one in conflicts.listed(conn)] == [{"phone": "1"}]
        assert [one.id for one in journal.last_runs(conn, 5)] == ["run-2", "run-1"]
    assert (restored.links, restored.saved_at) == (1, at)
    fresh.close()


def test_a_backup_goes_back_into_the_database_it_came_from(store: Store, backup: Path, at: datetime) -> None:
    with store.write() as conn:
        links.add(conn, [NewLink("customer", "c5", "e5", BASE, BASE)], at)

    restore(store, backup, "run-2", at)

    with store.read() as conn:
        assert [row[2:] for row in links.keys(conn, 0, 10)] == [("c1", "e1")]


def test_numbers_go_on_where_the_backup_ends(store: Store, backup: Path, at: datetime) -> None:
    restore(store, backup, "run-2", at)

    with store.write() as conn:
        (known,) = [row[0] for row in links.keys(conn, 0, 10)]
        (fresh,) = links.add(conn, [NewLink("customer", "c6", "e6", BASE, BASE)], at)
        history.append(conn, "run-3", [Event("customer", Side.CRM, "c6", "linked", {}, fresh)], at)
        newest = [event.id for _, _, event in history.newest(conn, 1)]
    assert fresh > known
    assert newest == ["c6"]


def test_after_a_restore_everything_is_read_again(store: Store, backup: Path, at: datetime) -> None:
    restore(store, backup, "run-2", at)

    with store.read() as conn:
        position = cursors.get(conn, "customer", Side.CRM)
        rows = inbox.take(conn, "customer", 0, 10, at)
        assert (position.cursor, position.complete, position.known) == (None, False, 0)
        assert sightings.known(conn, "customer", Side.CRM, ["c2"]) == {}
        assert {(row.side, row.id, row.record) for row in rows} == {
            (Side.CRM, "c1", None),
            (Side.ERP, "e1", None),
            (Side.CRM, "c2", None),
            (Side.CRM, "c9", None),
        }


def test_a_create_under_way_when_the_backup_was_made_waits_for_the_scans(
    store: Store, backup: Path, at: datetime
) -> None:
    restore(store, backup, "run-2", at)

    with store.read() as conn:
        assert journal.get(conn, ["op-1"])["op-1"].state is OperationState.REJECTED
        assert [(item.problem.id, item.problem.cause) for item in problems.listed(conn)] == [("c9", "outcome_unknown")]


def test_a_state_in_use_is_not_restored_over(store: Store, backup: Path, at: datetime) -> None:
    with store.write() as conn:
        leases.acquire(conn, LEASE, "elsewhere/1/run-9", timedelta(minutes=5), at)
        links.add(conn, [NewLink("customer", "c5", "e5", BASE, BASE)], at)

    with pytest.raises(LeaseHeld):
        restore(store, backup, "run-2", at)

    with store.read() as conn:
        assert len(links.keys(conn, 0, 10)) == 2


def test_what_is_no_backup_is_refused(sqlite_store: Store, at: datetime, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam, this is no database at all.", encoding="utf-8")

    with pytest.raises(StoreError, match=r"letter\.txt is no backup"):
        restore(sqlite_store, tmp_path / "letter.txt", "run-2", at)


def test_a_backup_of_a_newer_program_is_refused(sqlite_store: Store, at: datetime, tmp_path: Path) -> None:
    fill(sqlite_store, at)
    save(sqlite_store, tmp_path / "newer.db")
    set_version(tmp_path / "newer.db", "9999")

    with pytest.raises(StoreError, match="newer than this program"):
        restore(sqlite_store, tmp_path / "newer.db", "run-2", at)

    assert not list(tmp_path.glob("newer.db.*"))


def test_a_backup_of_an_older_program_is_brought_to_the_present_tables(
    store: Store, at: datetime, tmp_path: Path
) -> None:
    older = tmp_path / "older.db"
    make_first(older)

    restore(store, older, "run-2", at)

    with store.read() as conn:
        assert [(one.id, one.kind) for one in journal.last_runs(conn, 5)] == [("run-2", "restore"), ("run-1", "sync")]
    assert [one.name for one in tmp_path.glob("older*")] == ["older.db"]


def make_first(file: Path) -> None:
    """A backup as the first version of the tables had it, with one run in it."""
    config = Config()
    config.set_main_option("script_location", "connector.store:migrations")
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
        conn.execute(text("INSERT INTO run (id, kind, started_at) VALUES ('run-1', 'sync', 1)"))
    engine.dispose()
