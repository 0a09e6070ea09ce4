"""The state database: opening it, migrating it, and one transaction at a time."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    DisconnectionError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
    SQLAlchemyError,
    TimeoutError as PoolTimeout,
)

from connector.errors import StoreError
from connector.store.schema import fit_postgresql
from connector.store.upgrade import migrate

_SQLITE_NEEDED = (3, 35)
_WAIT_SECONDS = 30
_SCRUB_SECONDS = 5
"""How long readers of the log are waited for."""
_RESTS, _RESTED_SECONDS = "rests since", 1.0
"""Under what a connection notes since when it rests, and after how long it may have been cut."""
_LEVEL = "durability"
"""Under what a connection notes how durable its commits are."""
_AS_THE_SERVER_SAYS = "SET LOCAL synchronous_commit TO DEFAULT"
_READER_CACHE, _WRITER_CACHE = 4_096, 16_384
"""KiB of pages; what readers keep is good only until the next commit."""


class Store:
    """One state database, usable from several threads; every function of this package takes a connection it gives."""

    def __init__(self, engine: Engine, writer: Engine | None = None) -> None:
        self._engine, self._writer = engine, writer or engine
        self._reading = engine.execution_options(**_reading_options(engine.dialect.name))
        # SQLite lets one writer in and has the others poll; among threads of one process a lock hands over at once.
        self._turn: AbstractContextManager[object] = Lock() if engine.dialect.name == "sqlite" else nullcontext()

    @property
    def url(self) -> str:
        """Where it is, its password included: only for another process of ours."""
        return self._engine.url.render_as_string(hide_password=False)

    @property
    def file(self) -> Path | None:
        """The file that it is, where it is one."""
        name = self._engine.url.database
        return Path(name) if self.dialect == "sqlite" and name and name != ":memory:" else None

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Connection]:
        """A connection in one transaction: committed at the end, rolled back when an exception leaves the block.

        What is committed outlives the process. A `durable` one outlives a power failure too (on PostgreSQL: a crash of
        its server), with everything committed before it, which costs some milliseconds.
        """
        with self._turn, _clear_errors(self._engine.url), self._writer.begin() as conn:
            if conn.dialect.name == "sqlite":
                _begin_to_write(conn, "FULL" if durable else "NORMAL")
            elif durable:
                conn.exec_driver_sql(_AS_THE_SERVER_SAYS)
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database from its first query on, whatever others commit."""
        with _clear_errors(self._engine.url), self._reading.begin() as conn:
            if conn.dialect.name == "sqlite":
                _driver(conn).execute("BEGIN")
            yield conn

    def harden(self) -> None:
        """Wait until everything that was committed outlives a power failure, and let others write meanwhile.

        It does for all transactions so far what `durable` does for one, which waits with the turn in its hands.
        """
        if self.dialect == "postgresql":
            with self.write(durable=True) as conn:
                # Whose commit waits for the log must have something in it.
                conn.exec_driver_sql("SELECT pg_logical_emit_message(true, 'connector', '')")
        else:
            file = Path(str(self._engine.url.database))
            log = file.with_name(f"{file.name}-wal")
            # Where there can be no log, all that a commit leaves to be done is to take its journal out of the folder.
            _sync(log if log.exists() else file.parent)

    def scrub(self) -> bool:
        """Rewrite a SQLite file, so that nothing deleted can be read from it or its log any more.

        False where that was not done: PostgreSQL keeps old rows until `VACUUM FULL`, and a reader keeps the log.
        """
        if self.dialect != "sqlite":
            return False
        with self._turn, _clear_errors(self._engine.url), closing(self._writer.raw_connection()) as raw:
            driver: Any = raw.driver_connection
            try:
                # The copy is as large as the database, and so not made in memory.
                for setting in ("temp_store = FILE", "secure_delete = ON", f"busy_timeout = {_SCRUB_SECONDS * 1000}"):
                    driver.execute(f"PRAGMA {setting}")
                driver.execute("VACUUM")
                busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                _set_profile(driver, None)
                raw.info.pop(_LEVEL, None)
                driver.execute(f"PRAGMA busy_timeout = {_WAIT_SECONDS * 1000}")
        return not busy

    def close(self) -> None:
        """Close every connection; the one that has written goes last, as it need not synchronise the folder again."""
        self._engine.dispose()
        self._writer.dispose()


def open_store(url: str) -> Store:
    """The store behind `sqlite:///FILE` or `postgresql://...`, with its tables as this version needs them."""
    parsed = _read_url(url)
    with _clear_errors(parsed):
        store = _sqlite_store(parsed) if parsed.get_backend_name() == "sqlite" else Store(_postgresql(parsed))
    try:
        migrate(store.read, store.write)
    except BaseException:
        store.close()
        raise
    return store


def _read_url(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        # The text is left out: a malformed URL may still hold a password.
        raise StoreError("The state database's URL must read sqlite:///FILE or postgresql://USER@HOST/NAME.") from None
    if url.get_backend_name() == "postgres":
        url = url.set(drivername="postgresql")
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise StoreError(f"The state database can be sqlite:/// or postgresql://, not {url.get_backend_name()}.")
    return url


def _sqlite_store(url: URL) -> Store:
    """One connection writes and no other does: its cache stays good, and its statements stay prepared."""
    if sqlite3.sqlite_version_info < _SQLITE_NEEDED:
        raise StoreError(f"Python's SQLite is {sqlite3.sqlite_version}; the state database needs 3.35 or newer.")
    _prepare_file(url)
    return Store(_sqlite(url, _READER_CACHE), _sqlite(url, _WRITER_CACHE))


def _sqlite(url: URL, cache: int) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _WAIT_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _set_profile)
    event.listen(engine, "connect", lambda raw, _record: raw.execute(f"PRAGMA cache_size = -{cache}"))
    return engine


def _prepare_file(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        raise StoreError("The state database must be a file (sqlite:///FILE): it has to outlive the process.")
    file = Path(url.database)
    if not file.parent.is_dir():
        # Not made here: a share that is not mounted would look like an empty state, and everything be created twice.
        raise StoreError(f"The folder {file.parent} of the state database does not exist; make it or mount it first.")
    try:
        # Only the owner may read it: it holds copies of the records.
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"The state database {file} cannot be opened for writing: {error.strerror}.") from error


def _sync(path: Path) -> None:
    """Have the system write what it holds back of a file or folder; SQLite has no locks on its log to be dropped."""
    try:
        opened = os.open(path, os.O_RDONLY)
        try:
            # What it leaves out, such as the time of the last write, no one needs to find the log again.
            getattr(os, "fdatasync", os.fsync)(opened)
        finally:
            os.close(opened)
    except OSError as error:
        raise StoreError(f"The state database cannot be written to disk: {error.strerror} ({path})") from error


def _set_profile(raw: Any, _record: Any) -> None:
    # None leaves BEGIN to us, so that a writing transaction takes its lock at once and a reading one sees one state.
    raw.isolation_level = None
    for setting in (
        "page_size = 16384",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "wal_autocheckpoint = 4000",
        "temp_store = MEMORY",
        # Some builds write zeros over whatever is deleted, which costs a first sync a twentieth; `scrub` asks for it.
        "secure_delete = OFF",
    ):
        raw.execute(f"PRAGMA {setting}")


def _begin_to_write(conn: Connection, level: str) -> None:
    """Take the lock at once, with the level of durability that is wanted: it stays with the connection."""
    driver = _driver(conn)
    if conn.info.get(_LEVEL) != level:
        # Only outside of a transaction can it change.
        driver.execute(f"PRAGMA synchronous = {level}")
        conn.info[_LEVEL] = level
    driver.execute("BEGIN IMMEDIATE")


def _driver(conn: Connection) -> Any:
    """The driver's own connection: an engine that listens to itself pays for it with every statement."""
    return conn.connection.driver_connection


def _postgresql(url: URL) -> Engine:
    fit_postgresql()
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={"connect_timeout": _WAIT_SECONDS},
            hide_parameters=True,
            # As many as there are threads that want one: a worker may have dozens of slots.
            max_overflow=-1,
        )
    except ModuleNotFoundError as error:
        raise StoreError(
            "State in PostgreSQL needs the extra `postgres`: pip install crm-erp-connector[postgres]"
        ) from error
    event.listen(engine, "connect", _set_session)
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", _see_that_it_lives)
    return engine


def _set_session(raw: Any, _record: Any) -> None:
    """What our statements want of a session, whatever else the server is there for."""
    raw.autocommit = True
    # They look some hundred rows up by index, on tables that may have no statistics yet: the planner's usual prices
    # make it read whole tables instead. What takes a millisecond is not worth compiling. And only a durable transaction
    # waits for the log.
    raw.execute("SET random_page_cost = 1.1; SET jit = off; SET synchronous_commit = off")
    raw.autocommit = False


def _note_rest(_raw: Any, record: Any) -> None:
    record.info[_RESTS] = monotonic()


def _see_that_it_lives(raw: Any, record: Any, _proxy: Any) -> None:
    """Have a connection replaced that was cut while it rested; one that was just in use is not asked."""
    if monotonic() - record.info.get(_RESTS, monotonic()) < _RESTED_SECONDS:
        return
    try:
        raw.autocommit = True
        raw.execute("")
        raw.autocommit = False
    except raw.OperationalError as error:
        raise DisconnectionError from error


def _reading_options(dialect: str) -> dict[str, Any]:
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if dialect == "postgresql" else {}


@contextmanager
def _clear_errors(url: URL) -> Iterator[None]:
    """What the driver says about an unusable database, as a StoreError that says what to do."""
    try:
        yield
    except (IntegrityError, ProgrammingError, DataError):
        raise  # a mistake of ours, not of the database's
    except (DatabaseError, InterfaceError, PoolTimeout, sqlite3.Error) as error:
        raise StoreError(f"{_advice(error)} (state database {_place(url)})") from error


def _place(url: URL) -> str:
    return (
        str(url.database)
        if url.get_backend_name() == "sqlite"
        else url.set(query={}).render_as_string(hide_password=True)
    )


_ADVICE = {
    "locked": "Another process holds the state database; wait for it or stop it, then run again.",
    "not a database": "The file is not a state database; point to the right file or restore a backup.",
    "malformed": "The state database is damaged; restore a backup.",
    "disk is full": "The disk of the state database is full; make room and run again.",
    "readonly": "The state database cannot be written; give this user the right to write the file and its folder.",
    "unable to open": "The state database cannot be opened; look at the path and its permissions.",
    "authentication failed": "PostgreSQL refused the user or password; correct the state database's URL.",
    "does not exist": "PostgreSQL does not know this database or user; create it or correct the state database's URL.",
    "deadlock": "Two processes wanted the same rows of the state database; run again.",
    "too many": "PostgreSQL has no connection left; close some or raise max_connections.",
    "QueuePool limit": "Every connection to the state database is in use; run with fewer threads.",
}


def _advice(error: SQLAlchemyError | sqlite3.Error) -> str:
    said = str(getattr(error, "orig", None) or error)
    for words, advice in _ADVICE.items():
        if words in said:
            return advice
    first_line = said.strip().split("\n")[0]
    return f"The state database cannot be reached or used: {first_line}. See that it runs, then run again."
