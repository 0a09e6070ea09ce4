"""Records of the benchmark servers: in memory, each one kept as the JSON that a page is joined from."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeAlias

import orjson

Body: TypeAlias = dict[str, Any]
Test: TypeAlias = Callable[["Row"], bool]

FEW = 20_000
REMEMBERED = 8
"""Selections that are kept until the table changes; a scan by page numbers asks for the same one again and again."""


class Row:
    """One record: its key, what pages are filtered by, and its JSON."""

    __slots__ = ("data", "deleted", "flag", "key", "modified", "place", "version")

    def __init__(self, key: str, place: int, modified: str, flag: str, data: bytes) -> None:
        self.key = key
        self.place = place
        self.version = 1
        self.modified = modified
        self.flag = flag
        self.deleted = False
        self.data = data

    def body(self) -> Body:
        """The record, decoded."""
        body: Body = orjson.loads(self.data)
        return body


class Table:
    """One collection, in the order of its ids.

    `fields` are what every record shows, empty or not; `flag` names the field that lists are commonly narrowed by.
    """

    def __init__(self, fields: Iterable[str], *, prefix: str = "", first: int = 1, flag: str = "") -> None:
        self.rows: dict[str, Row] = {}
        self.flag = flag
        self._fields = tuple(fields)
        self._absent: dict[tuple[str, ...], bytes] = {}
        self._prefix = prefix
        self._next = first
        self._generation = 0
        self._places = 0
        self._latest: dict[str, Row] = {}
        """The same rows, in the order in which they changed last."""
        self._selections: dict[tuple[tuple[str, str], ...], tuple[int, list[Row]]] = {}

    def new_key(self) -> str:
        """The next id."""
        key = f"{self._prefix}{self._next}"
        self._next += 1
        return key

    def add(self, key: str, modified: str, stamps: bytes, body: Body) -> None:
        """Store a new record: the server's stamps, spelled as JSON, then what it holds, then its empty fields."""
        flag = spelled(body.get(self.flag)) if self.flag else ""
        absent = self._absent.get(tuple(body))
        if absent is None:
            empty = dict.fromkeys(field for field in self._fields if field not in body)
            absent = self._absent[tuple(body)] = (b"," if empty else b"") + orjson.dumps(empty)[1:]
        # Joining costs half of what encoding the empty fields with every record does.
        row = Row(key, self._places, modified, flag, b"{%b,%b%b" % (stamps, orjson.dumps(body)[1:-1], absent))
        self.rows[key] = self._latest[key] = row
        self._places += 1
        self._generation += 1

    def replace(self, row: Row, modified: str, body: Body) -> None:
        """Store a changed record; its new version is in the body already."""
        row.version += 1
        row.modified = modified
        row.data = orjson.dumps(body)
        self._latest[row.key] = self._latest.pop(row.key)
        self._generation += 1

    def remove(self, row: Row) -> None:
        """Forget a record without a trace."""
        del self.rows[row.key], self._latest[row.key]
        self._generation += 1

    def slice(
        self, start: int, limit: int, test: Test, since: str | None, end: int | None = None
    ) -> tuple[list[Row], int | None]:
        """At most `limit` matching rows from a place on, and the place after them, None at the end."""
        recent = self.since(since) if since else None
        rows = islice(self.rows.values(), start, end) if recent is None else [x for x in recent if x.place >= start]
        found: list[Row] = []
        for row in rows:
            if len(found) == limit:
                return found, row.place
            if test(row):
                found.append(row)
        return found, None

    def since(self, start: str) -> list[Row] | None:
        """What changed at or after an instant, in the order of the ids, as an index would find it; None if much did."""
        found: list[Row] = []
        for row in reversed(self._latest.values()):
            if row.modified < start:
                return sorted(found, key=lambda row: row.place)
            if len(found) == FEW:
                return None
            found.append(row)
        return None

    def select(self, conditions: Mapping[str, str], test: Test, since: str | None = None) -> list[Row]:
        """Every matching row; remembered while the table stays as it is."""
        name = tuple(sorted(conditions.items()))
        generation, rows = self._selections.get(name, (-1, []))
        if generation != self._generation:
            recent = self.since(since) if since else None
            rows = [row for row in (self.rows.values() if recent is None else recent) if test(row)]
            if len(self._selections) >= REMEMBERED:
                self._selections.clear()
            self._selections[name] = (self._generation, rows)
        return rows


def spelled(value: Any) -> str:
    """A value as a query spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def equals(table: Table, name: str, wanted: str) -> Test:
    """Whether a field holds one of the values in a list with commas; quick for the table's own flag only."""
    values = frozenset(wanted.split(","))
    if name == table.flag:
        return lambda row: row.flag in values
    return lambda row: spelled(row.body().get(name)) in values


def every(tests: list[Test]) -> Test:
    """All of the tests as one; a call each, as a whole table goes through them."""
    if not tests:
        return lambda _: True
    first, *others = tests
    if not others:
        return first
    rest = every(others)
    return lambda row: first(row) and rest(row)


def spread(table: Table, count: int) -> Iterator[Row]:
    """So many rows, evenly over the table."""
    step = max(1, len(table.rows) // max(1, count))
    return islice(table.rows.values(), 0, step * count, step)
