"""Opening the state database, and one transaction at a time."""

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from connector.errors import StoreError
from connector.records import Arrival, Side
from connector.store import inbox
from connector.store.bulk import fetch
from connector.store.database import Store, open_store
from tests.postgres import Server, name_of


def arrival(record_id: str) -> Arrival:
    return Arrival("customer", Side.CRM, record_id, "test")


@pytest.fixture
def careful_store(postgres_server: Server, postgres_template: str) -> Iterator[Store]:
    """A store in a PostgreSQL whose commits wait for the log, which those of the tests' server need not."""
    url = postgres_server.create(postgres_template)
    opened = open_store(url)
    with opened.write() as conn:
        conn.exec_driver_sql(f'ALTER DATABASE "{name_of(url)}" SET synchronous_commit = on')
    opened.close()
    opened = open_store(url)
    yield opened
    opened.close()
    postgres_server.drop(url)


def test_what_is_written_is_there_for_the_next_process(store_url: str, at: datetime) -> None:
    first = open_store(store_url)
    with first.write() as conn:
        inbox.put(conn, [arrival("1")], at)
    first.close()

    second = open_store(store_url)
    with second.read() as conn:
        assert inbox.depth(conn) == {"customer": (1, at)}
    second.close()


def test_an_exception_rolls_the_transaction_back(store: Store, at: datetime) -> None:
    def put_and_fail() -> None:
        with store.write() as conn:
            inbox.put(conn, [arrival("1")], at)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        put_and_fail()

    with store.read() as conn:
        assert inbox.depth(conn) == {}


def test_a_reader_sees_one_state_while_others_commit(store: Store, at: datetime) -> None:
    with store.read() as reading:
        before = inbox.head(reading)
        with store.write() as conn:
            inbox.put(conn, [arrival("1")], at)

        assert inbox.head(reading) == before


def test_several_threads_write_at_once(store: Store, at: datetime) -> None:
    def put(number: int) -> None:
        with store.write() as conn:
            inbox.put(conn, [arrival(f"{number}-{part}") for part in range(20)], at)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(12)))

    with store.read() as conn:
        assert inbox.depth(conn)["customer"][0] == 240
        assert inbox.head(conn) == 240


def test_a_mistake_of_ours_is_no_store_error(store: Store) -> None:
    with pytest.raises(IntegrityError), store.write() as conn:
        conn.execute(text("INSERT INTO lease (name, owner, epoch, until) VALUES ('a', 'b', 1, NULL)"))


def test_sqlite_gets_its_profile(sqlite_store: Store) -> None:
    with sqlite_store.read() as conn:
        profile = {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "page_size", "synchronous", "wal_autocheckpoint", "busy_timeout")
        }

    assert profile == {
        "journal_mode": "wal",
        "page_size": 16384,
        "synchronous": 1,
        "wal_autocheckpoint": 4000,
        "busy_timeout": 30000,
    }


def test_only_a_durable_transaction_waits_for_the_disk(sqlite_store: Store) -> None:
    levels = []
    for durable in (True, False, True):
        with sqlite_store.write(durable=durable) as conn:
            levels.append(conn.exec_driver_sql("PRAGMA synchronous").scalar())

    assert levels == [2, 1, 2]


@pytest.mark.postgres
def test_only_a_durable_transaction_waits_for_the_log_of_postgresql(careful_store: Store) -> None:
    levels = []
    for durable in (True, False, True):
        with careful_store.write(durable=durable) as conn:
            levels.append(conn.exec_driver_sql("SHOW synchronous_commit").scalar())

    assert levels == ["on", "off", "on"]


@pytest.mark.postgres
def test_hardening_waits_for_the_log_of_postgresql(careful_store: Store) -> None:
    with careful_store.write() as conn:
        conn.execute(text("INSERT INTO pause (name, by, at) VALUES ('a', 'b', 1)"))
        written = conn.exec_driver_sql("SELECT pg_current_wal_insert_lsn()").scalar()

    careful_store.harden()

    with careful_store.read() as conn:
        assert conn.execute(text("SELECT pg_current_wal_flush_lsn() >= :lsn"), {"lsn": written}).scalar()


@pytest.mark.postgres
def test_a_connection_that_the_server_cuts_is_told_and_replaced(careful_store: Store) -> None:
    def read_while_cut() -> None:
        with careful_store.read() as conn:
            (own,) = fetch(conn, "SELECT pg_backend_pid()")[0]
            with careful_store.write() as other:
                fetch(other, "SELECT pg_terminate_backend(%s, 10000)", (own,))
            fetch(conn, "SELECT 1")

    with pytest.raises(StoreError, match="run again"):
        read_while_cut()

    with careful_store.read() as conn:
        assert fetch(conn, "SELECT 1") == [(1,)]


@pytest.mark.postgres
def test_a_connection_that_was_cut_while_it_rested_is_replaced(
    careful_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.store.database._RESTED_SECONDS", 0)
    with careful_store.read() as conn:
        (own,) = fetch(conn, "SELECT pg_backend_pid()")[0]
        with careful_store.write() as other:
            (resting,) = fetch(other, "SELECT pg_backend_pid()")[0]
        fetch(conn, "SELECT pg_terminate_backend(%s, 10000)", (resting,))

    with careful_store.read() as one, careful_store.read() as another:
        found = {fetch(each, "SELECT pg_backend_pid()")[0][0] for each in (one, another)}

    assert own in found
    assert resting not in found


def test_hardening_waits_for_the_disk_to_have_the_log(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[int] = []
    monkeypatch.setattr("os.fdatasync", lambda opened: waited.append(os.fstat(opened).st_ino))
    with sqlite_store.write() as conn:
        conn.execute(text("DELETE FROM lease"))

    sqlite_store.harden()

    assert waited == [(tmp_path / "state.db-wal").stat().st_ino]


def test_a_disk_that_cannot_be_written_is_told(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_opened: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fdatasync", fail)

    with pytest.raises(StoreError, match="cannot be written to disk: No space left on device"):
        sqlite_store.harden()


def test_only_its_owner_can_read_the_file(sqlite_store: Store, tmp_path: Path) -> None:
    with sqlite_store.write() as conn:
        conn.execute(text("DELETE FROM lease"))

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("state.db*")}

    assert set(modes.values()) == {0o600}


def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"folder .*/nowhere of the state database does not exist"):
        open_store(f"sqlite:///{tmp_path}/nowhere/state.db")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="must be a file"):
        open_store(url)


@pytest.mark.parametrize("url", ["mysql://u:secret@h/db", "://u:secret@", "u:secret@nothing"])
def test_an_unknown_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url)

    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"minutes of the meeting " * 1000)

    with pytest.raises(StoreError, match=r"not a state database.*state\.db"):
        open_store(f"sqlite:///{tmp_path}/state.db")


def test_a_damaged_file_asks_for_a_backup(tmp_path: Path, at: datetime) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    store = open_store(url)
    with store.write() as conn:
        inbox.put(conn, [arrival(str(number)) for number in range(2000)], at)
    store.close()
    content = (tmp_path / "state.db").read_bytes()
    (tmp_path / "state.db").write_bytes(content[:16384] + b"\xff" * (len(content) - 16384))

    with pytest.raises(StoreError, match="restore a backup"):
        with_all_rows(url)


def with_all_rows(url: str) -> None:
    store = open_store(url)
    try:
        with store.read() as conn:
            conn.execute(text("SELECT * FROM inbox")).all()
    finally:
        store.close()


def test_a_database_locked_by_another_process_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.store.database._WAIT_SECONDS", 0.05)
    store = open_store(f"sqlite:///{tmp_path}/state.db")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="Another process holds the state database"), store.write():
        pass

    other.close()
    store.close()


def test_an_unreachable_server_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg")

    with pytest.raises(StoreError) as caught:
        open_store("postgresql://reader:s3cret@127.0.0.1:1/state")

    assert "cannot be reached" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
