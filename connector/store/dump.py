"""The whole state as one file, and back: a SQLite database with the tables of the schema, whichever database it left.

A backup of PostgreSQL can therefore be restored into SQLite, and the other way round.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copyfile
from typing import Any

from sqlalchemy import URL, Connection, Table, create_engine, func, select

from connector.errors import StoreError
from connector.store import bulk
from connector.store.database import Store, open_store
from connector.store.schema import (
    alert,
    conflict,
    counter,
    history,
    lease,
    metadata,
    pace,
    pause,
    portion,
    problem,
    tick,
)
from connector.store.statements import Same
from connector.store.upgrade import HEAD

KEPT = frozenset({lease, pause, alert, portion, pace, tick})
"""What tells who is at work and what is halted now, and is no part of the state: it stays as it is."""

_ROWS = 2000
_LINKS = "link_number"
_NUMBERED = ((history, "seq"), (conflict, "id"), (problem, "number"))


def save(store: Store, path: Path) -> None:
    """Write everything to a new file that only its owner can read, as it was at one instant, while others go on."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with store.read() as conn:
        if store.dialect == "sqlite":
            with _named(path), closing(sqlite3.connect(path)) as target:
                driver: Any = conn.connection.driver_connection
                driver.backup(target)
        else:
            _copy_out(conn, path)
    with closing(sqlite3.connect(path)) as file:
        # One file alone, without a log of changes beside it.
        file.execute("PRAGMA journal_mode = DELETE")
        if (found := file.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
            raise StoreError(f"The backup {path} is damaged: {found}. The state itself may be, too; look at its disk.")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say that it is the backup which could not be written, as nobody who reads only the reason would."""
    try:
        yield
    except sqlite3.OperationalError as error:
        advice = "Make room there, or name another place."
        raise StoreError(f"The backup {path} could not be written: {error}. {advice}") from error


def _copy_out(conn: Connection, path: Path) -> None:
    target = open_store(f"sqlite:///{path}")
    try:
        with target.write() as file:
            for table in metadata.sorted_tables:
                _copy_table(conn, file, table)
            drawn = bulk.fetch(conn, f"SELECT last_value, is_called FROM {_LINKS}")[0]  # noqa: S608 -- our own name
            row = (_LINKS, drawn[0] if drawn[1] else 0)
            bulk.upsert_rows(file, counter, ("name", "value"), [row], Same(keys=("name",)))
    finally:
        target.close()


def _copy_table(source: Connection, target: Connection, table: Table) -> int:
    names, copied = tuple(table.columns.keys()), 0
    streamed = select(table).execution_options(yield_per=_ROWS)
    for part in source.execute(streamed).partitions():
        copied += bulk.insert_rows(target, table, names, [tuple(row) for row in part])
    return copied


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    """A backup to read, brought to this program's tables in a copy of its own where it is older."""
    if _version(path) == HEAD:
        with _reading(path) as conn:
            yield conn
        return
    own = path.with_name(f"{path.name}.upgraded")
    try:
        copyfile(path, own)
        own.chmod(0o600)
        open_store(f"sqlite:///{own}").close()
        with _reading(own) as conn:
            yield conn
    finally:
        own.unlink(missing_ok=True)


@contextmanager
def _reading(path: Path) -> Iterator[Connection]:
    """A file that is only read, and may lie in a folder that cannot be written."""
    place = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    engine = create_engine(URL.create("sqlite", database=place, query={"uri": "true"}))
    try:
        with engine.connect() as conn:
            yield conn
    finally:
        engine.dispose()


def _version(path: Path) -> str:
    """The version of a backup's tables; raises `StoreError` where it is none."""
    if not path.is_file():
        raise StoreError(f"There is no backup {path}.")
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise StoreError(f"{path} is in use as a database, and no backup; make one with: connector state backup FILE")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as file:
            found = file.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path} is no backup of the state: {error}.") from error
    return str(found[0]) if found else ""


def load(conn: Connection, backup: Connection) -> dict[str, int]:
    """Replace everything by what a backup holds, within one transaction; says how many rows each table got."""
    rows = {}
    for table in metadata.sorted_tables:
        if table not in KEPT:
            conn.execute(table.delete())
            rows[table.name] = _copy_table(backup, conn, table)
    if conn.dialect.name == "postgresql":
        _set_sequences(conn)
    return rows


def _set_sequences(conn: Connection) -> None:
    """Let PostgreSQL count on where the backup's own numbers end."""
    known = conn.execute(select(counter.c.value).where(counter.c.name == _LINKS)).scalar() or 0
    bulk.fetch(conn, "SELECT setval(%s, %s, %s)", (_LINKS, max(known, 1), known > 0))
    for table, column in _NUMBERED:
        last = conn.execute(select(func.max(table.c[column]))).scalar() or 0
        bound = (table.name, column, max(last, 1), last > 0)
        bulk.fetch(conn, "SELECT setval(pg_get_serial_sequence(%s, %s), %s, %s)", bound)
