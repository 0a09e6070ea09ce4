"""One SQLite file of records: each a row with its JSON as it is answered, and beside it the columns to search by.

All calls are short and come from one thread, the server's event loop, so writes are in sequence and a stamp taken
inside a transaction is in the order of commits.
"""

# ruff: noqa: S608 -- names in statements come from the field tables, values are always arguments

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import orjson

from connector.reference.fields import Collection

Clock = Callable[[], float]
"""Seconds since 1970."""

SETTINGS = ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -65536", "temp_store = MEMORY")
LARGEST_ID = 10**15
KEYS = "num, version, modified, deleted"
FEW = 20_000
"""Up to so many changed records are sorted by id; beyond, all are read in the order of ids."""


class Row(NamedTuple):
    """One record as it is stored."""

    num: int
    version: int
    modified: int
    deleted: int
    body: bytes

    @property
    def values(self) -> dict[str, Any]:
        """The record itself."""
        loaded: dict[str, Any] = orjson.loads(self.body)
        return loaded


class Change(NamedTuple):
    """One write, as it is told to who listens."""

    table: str
    kind: Literal["created", "updated", "deleted"]
    record_id: Any
    version: int
    modified: int


Listener = Callable[[Sequence[Change]], None]
"""Told what a transaction changed, inside it and right before it is committed."""


class Veil(Protocol):
    """What a store does not show though it is there."""

    def condition(self, table: str, *, by_time: bool) -> "Condition | None":
        """What holds of the records that a list shows, asked for by the time of their change or not."""

    def hides(self, table: str, record_id: object) -> bool:
        """Whether a search by ids does not find this record."""


class Condition(NamedTuple):
    """Part of a WHERE clause with its arguments."""

    sql: str
    arguments: tuple[Any, ...] = ()


class Selection(NamedTuple):
    """Which records of a collection are meant: all conditions hold."""

    conditions: tuple[Condition, ...] = ()
    since: int | None = None
    """Changed at this time or later, in the server's own ticks."""

    @property
    def where(self) -> str:
        """The clause, without its keyword."""
        return " AND ".join(condition.sql for condition in self._all()) or "1"

    @property
    def arguments(self) -> list[Any]:
        """The arguments of the clause."""
        return [each for condition in self._all() for each in condition.arguments]

    def _all(self) -> Iterator[Condition]:
        yield from self.conditions
        if self.since is not None:
            yield Condition("modified >= ?", (self.since,))


class Store:
    """The records of one server."""

    def __init__(self, path: Path, collections: Iterable[Collection], clock: Clock, ticks: int) -> None:
        """`ticks` is how many steps a second the stamps of this server have."""
        self.path = path
        self.veil: Veil | None = None
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._clock, self._ticks = clock, ticks
        self._collections = {each.name: each for each in collections}
        self._inserts: dict[str, str] = {}
        self._updates: dict[str, str] = {}
        self._counters: dict[str, int] = {}
        self._moved: set[str] = set()
        self._changes: list[Change] = []
        self._listeners: list[Listener] = []
        for setting in SETTINGS:
            self._database.execute(f"PRAGMA {setting}")
        with self.transaction():
            self._make_tables()
        self._counters.update(self._database.execute("SELECT name, value FROM counter"))
        self._latest = self._newest()

    def close(self) -> None:
        """Leave the file complete and closed."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is stored together, or not at all."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._tell_changes()
            self._keep_counters()
        except BaseException:
            self._changes.clear()
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def step(self) -> Iterator[None]:
        """One item of a batch: undone alone when it fails."""
        self._database.execute("SAVEPOINT step")
        before = len(self._changes)
        try:
            yield
        except BaseException:
            del self._changes[before:]
            self._database.execute("ROLLBACK TO step")
            raise
        finally:
            self._database.execute("RELEASE step")

    def listen(self, listener: Listener, *, wanted: bool = True) -> None:
        """Tell from now on what every transaction changes, or no longer; told nothing, the store notes nothing."""
        others = [each for each in self._listeners if each != listener]
        self._listeners = [*others, listener] if wanted else others

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """A statement about what lies beside the records in the same file."""
        return self._database.execute(sql, arguments).fetchall()

    def seconds(self) -> float:
        """The time by this server's clock."""
        return self._clock()

    def now(self) -> int:
        """The present, in this server's ticks; never before a stamp that was given."""
        self._latest = max(self._latest, int(self._clock() * self._ticks))
        return self._latest

    def rewind(self) -> None:
        """The clock may have been set back: later stamps follow it."""
        self._latest = 0

    def next(self, counter: str, first: int = 1) -> int:
        """The next number of a sequence; a number is never given twice, but some are never used."""
        number = self._counters.get(counter, first - 1) + 1
        self._counters[counter] = number
        self._moved.add(counter)
        return number

    def setting(self, name: str, make: Callable[[], str]) -> str:
        """A text that is made once and then kept with the records."""
        found = self._database.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        if found:
            return str(found[0])
        value = make()
        self._database.execute("INSERT INTO setting VALUES (?, ?)", (name, value))
        return value

    def get(self, table: str, num: int) -> Row | None:
        """One record by its number; a deleted one may still be there."""
        if not 0 <= num < LARGEST_ID:
            return None
        found = self._database.execute(f"SELECT {KEYS}, body FROM {_quoted(table)} WHERE num = ?", (num,)).fetchone()
        return Row(*found) if found else None

    def look_up(self, table: str, num: int) -> Row | None:
        """One record as a search by ids finds it."""
        row = self.get(table, num)
        if row and self.veil and self.veil.hides(table, row.values["id"]):
            return None
        return row

    def holder(self, table: str, column: str, value: object) -> int | None:
        """The number of the record, not deleted, that holds this value in an indexed column."""
        sql = f"SELECT num FROM {_quoted(table)} WHERE {_column(column)} = ? AND deleted = 0 LIMIT 1"
        found = self._database.execute(sql, (value,)).fetchone()
        return found[0] if found else None

    def insert(self, table: str, row: Row, values: Mapping[str, Any]) -> None:
        """Add a record."""
        columns = [values.get(name) for name in self._collections[table].indexed]
        self._database.execute(self._inserts[table], (*row, *columns))
        if self._listeners:
            self._changes.append(Change(table, "created", values.get("id", row.num), row.version, row.modified))

    def replace(self, table: str, row: Row, values: Mapping[str, Any]) -> None:
        """Put a record in the place of the one with the same number."""
        columns = [values.get(name) for name in self._collections[table].indexed]
        self._database.execute(self._updates[table], (*row[1:], *columns, row.num))
        if self._listeners:
            kind: Literal["updated", "deleted"] = "deleted" if row.deleted else "updated"
            self._changes.append(Change(table, kind, values.get("id", row.num), row.version, row.modified))

    def remove(self, table: str, num: int, record_id: object = None) -> None:
        """Take a record away without a trace; its id where that is not its number."""
        self._database.execute(f"DELETE FROM {_quoted(table)} WHERE num = ?", (num,))
        if self._listeners:
            self._changes.append(Change(table, "deleted", num if record_id is None else record_id, 0, self.now()))

    def select(self, table: str, selection: Selection, limit: int, offset: int = 0) -> list[Row]:
        """Records in the order of their numbers."""
        rows = self._select(table, f"{KEYS}, body", selection, limit, offset)
        return [Row(*row) for row in rows]

    def select_keys(self, table: str, selection: Selection, limit: int, offset: int = 0) -> list[Row]:
        """The same without bodies."""
        rows = self._select(table, f"{KEYS}, x''", selection, limit, offset)
        return [Row(*row) for row in rows]

    def count(self, table: str, selection: Selection) -> int:
        """How many records are meant."""
        selection = self._veiled(table, selection)
        sql = f"SELECT count(*) FROM {_quoted(table)} WHERE {selection.where}"
        return int(self._database.execute(sql, selection.arguments).fetchone()[0])

    def span(self, table: str, selection: Selection) -> tuple[int, int, int]:
        """The least and the greatest number of the records that are meant, and how many there are."""
        selection = self._veiled(table, selection)
        sql = f"SELECT min(num), max(num), count(*) FROM {_quoted(table)} WHERE {selection.where}"
        least, most, count = self._database.execute(sql, selection.arguments).fetchone()
        return least or 0, most or 0, count

    def holding(self, table: str, columns: Mapping[str, object]) -> list[dict[str, Any]]:
        """The records whose indexed columns hold all of these values."""
        where = " AND ".join(f"{_column(name)} = ?" for name in columns)
        sql = f"SELECT body FROM {_quoted(table)} WHERE {where} AND deleted = 0"
        return [orjson.loads(body) for (body,) in self._database.execute(sql, tuple(columns.values()))]

    def mentions(self, table: str, text: str) -> bool:
        """Whether any record's JSON holds this text; reads the whole table."""
        sql = f"SELECT 1 FROM {_quoted(table)} WHERE instr(body, ?) LIMIT 1"
        return self._database.execute(sql, (text.encode(),)).fetchone() is not None

    def remember(self, key: str, table: str, digest: bytes, answer: bytes) -> None:
        """Keep what the first create under this key was answered."""
        self._database.execute("INSERT INTO idempotency VALUES (?, ?, ?, ?)", (key, table, digest, answer))

    def remembered(self, key: str, table: str) -> tuple[bytes, bytes] | None:
        """The digest of the values and the answer of the first create under this key."""
        sql = "SELECT digest, answer FROM idempotency WHERE key = ? AND resource = ?"
        found = self._database.execute(sql, (key, table)).fetchone()
        return (found[0], found[1]) if found else None

    def add_function(self, name: str, function: Callable[..., Any]) -> None:
        """Let conditions call a function."""
        self._database.create_function(name, -1, function)

    def copy_to(self, path: Path) -> None:
        """Copy everything into another file."""
        with closing(sqlite3.connect(path)) as copy:
            self._database.backup(copy)

    def restore_from(self, path: Path) -> None:
        """Become what was copied, counters and all."""
        with closing(sqlite3.connect(path)) as copy:
            copy.backup(self._database)
        self._counters = dict(self._database.execute("SELECT name, value FROM counter"))
        self._latest = self._newest()

    def restamp(self, field: str, write: Callable[[int], str]) -> None:
        """Give all records the present as the time of their last change."""
        now = self.now()
        stored = "CAST(json_set(CAST(body AS TEXT), '$.' || ?, ?) AS BLOB)"
        with self.transaction():
            for name in self._collections:
                sql = f"UPDATE {_quoted(name)} SET modified = ?, body = {stored}"
                self._database.execute(sql, (now, field, write(now)))

    def is_empty(self) -> bool:
        """Whether nothing was ever stored here."""
        return not any(self.count(name, Selection()) for name in self._collections)

    def _select(self, table: str, columns: str, selection: Selection, limit: int, offset: int) -> list[tuple[Any, ...]]:
        name, selection = _quoted(table), self._veiled(table, selection)
        order = "+num" if self._is_narrow(table, selection) else "num"
        inner = f"SELECT num FROM {name} WHERE {selection.where} ORDER BY {order} LIMIT ? OFFSET ?"
        sql = f"SELECT {columns} FROM {name} WHERE num IN ({inner}) ORDER BY num"
        return self._database.execute(sql, [*selection.arguments, limit, offset]).fetchall()

    def _veiled(self, table: str, selection: Selection) -> Selection:
        if self.veil is None:
            return selection
        shown = self.veil.condition(table, by_time=selection.since is not None)
        return selection._replace(conditions=(*selection.conditions, shown)) if shown else selection

    def _is_narrow(self, table: str, selection: Selection) -> bool:
        """Whether few records changed since then, so that the index of times finds them faster than the ids."""
        if selection.since is None:
            return False
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {_quoted(table)} WHERE modified >= ? LIMIT {FEW})"
        return int(self._database.execute(sql, (selection.since,)).fetchone()[0]) < FEW

    def _tell_changes(self) -> None:
        while self._changes:
            # What a listener changes is told to all of them, too.
            changes, self._changes = self._changes, []
            for listener in self._listeners:
                listener(changes)

    def _keep_counters(self) -> None:
        kept = [(name, self._counters[name]) for name in self._moved]
        for pair in kept:
            self._database.execute("REPLACE INTO counter VALUES (?, ?)", pair)
        self._moved.clear()

    def _newest(self) -> int:
        """The latest stamp that was given."""
        tables = map(_quoted, self._collections)
        found = [self._database.execute(f"SELECT max(modified) FROM {table}").fetchone()[0] for table in tables]
        return max(int(each or 0) for each in found)

    def _make_tables(self) -> None:
        run = self._database.execute
        run("CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID")
        run("CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        run(
            "CREATE TABLE IF NOT EXISTS idempotency"
            " (key TEXT, resource TEXT, digest BLOB, answer BLOB, PRIMARY KEY (key, resource))"
        )
        for collection in self._collections.values():
            self._make_table(collection)

    def _make_table(self, collection: Collection) -> None:
        name = _quoted(collection.name)
        columns = "".join(f", {_column(each)}" for each in collection.indexed)
        self._inserts[collection.name] = (
            f"INSERT INTO {name} ({KEYS}, body{columns}) VALUES (?, ?, ?, ?, ?{', ?' * len(collection.indexed)})"
        )
        changes = "".join(f", {_column(each)} = ?" for each in collection.indexed)
        self._updates[collection.name] = (
            f"UPDATE {name} SET version = ?, modified = ?, deleted = ?, body = ?{changes} WHERE num = ?"
        )
        self._database.execute(
            f"CREATE TABLE IF NOT EXISTS {name} (num INTEGER PRIMARY KEY, version INTEGER NOT NULL,"
            f" modified INTEGER NOT NULL, deleted INTEGER NOT NULL{columns}, body BLOB NOT NULL)"
        )
        for column in ("modified", *collection.indexed):
            self._make_index(collection, column)

    def _make_index(self, collection: Collection, column: str) -> None:
        is_unique = column in collection.unique
        where = "WHERE deleted = 0" if is_unique else ""
        plain = column if column == "modified" else _column(column)
        self._database.execute(
            f"CREATE {'UNIQUE ' if is_unique else ''}INDEX IF NOT EXISTS {_quoted(f'{collection.name} by {column}')}"
            f" ON {_quoted(collection.name)} ({plain}) {where}"
        )


def _quoted(name: str) -> str:
    return f'"{name}"'


def _column(field: str) -> str:
    """The column that holds a field, apart from the store's own columns."""
    return f'"f_{field}"'


def one_of(collection: Collection, field: str, values: Sequence[object]) -> Condition:
    """Records whose field holds one of these values."""
    marks = ", ".join("?" * len(values))
    if field in collection.indexed:
        return Condition(f"{_column(field)} IN ({marks})", tuple(values))
    # The JSON is stored as bytes, which SQLite reads as text only when told to.
    return Condition(f"json_extract(CAST(body AS TEXT), '$.' || ?) IN ({marks})", (f'"{field}"', *values))
