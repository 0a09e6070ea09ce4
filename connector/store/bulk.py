# ruff: noqa: S608 -- every identifier comes from our own tables and every condition is a constant; values are bound
"""Writing and looking up many rows at once, in each database's fastest way; only it and `statements` know dialects.

It speaks to the driver, because SQLAlchemy's own multi-row statements cost several times as much as the database.
Rows are plain tuples in the order of `columns`. `where` holds equalities; `also` is a constant SQL condition on top.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import chain, compress, repeat
from typing import Any, NamedTuple, TypeAlias

import orjson
from sqlalchemy import Connection, Executable, Table

from connector.store.copying import WORTH, array, as_source, fetch_binary, insert_copied
from connector.store.statements import (
    LEFT_OUT,
    REFUSED,
    Clash,
    Same,
    among,
    differing_sql,
    insert_sql,
    joined_sql,
    on_conflict,
    quoted,
    select_sql,
    type_of,
    update_sql,
    values_sql,
)

Row: TypeAlias = tuple[Any, ...]

_SQLITE_VARIABLES = 32_766
_POSTGRES_VARIABLES = 65_535
ROWS_A_STATEMENT = 1000
"""With fewer a thread waits for the others too often; with more the bound values of prepared statements take memory."""
_NOTHING: Mapping[str, Any] = {}


def insert_rows(
    conn: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], *, lenient: bool = False
) -> int:
    """Insert rows and say how many were stored; lenient leaves out those that a unique index refuses."""
    return _insert(conn, table, columns, rows, LEFT_OUT if lenient else REFUSED)


def insert_columns(
    conn: Connection,
    table: Table,
    columns: Mapping[str, Sequence[Any]],
    alike: Mapping[str, Any] = _NOTHING,
    *,
    lenient: bool = False,
) -> int:
    """Insert rows that come as columns of one length, and as values that are alike on every row; says how many.

    It is the quickest way in: no row exists in Python at all.
    """
    return _insert_columns(conn, table, columns, alike, LEFT_OUT if lenient else REFUSED)


def _insert_columns(
    conn: Connection, table: Table, columns: Mapping[str, Sequence[Any]], alike: Mapping[str, Any], clash: Clash
) -> int:
    names, lists = (*columns, *alike), list(columns.values())
    if conn.dialect.name == "postgresql":
        count = len(lists[0])
        return _insert(
            conn, table, names, list(zip(*lists, *(repeat(one, count) for one in alike.values()), strict=True)), clash
        )
    if not lists[0]:
        return 0
    varying, kept, same = _split(tuple(columns), lists)
    return _insert_lists(conn, table, names, (varying, kept, [*same, *alike.values()]), clash)


class Plus(NamedTuple):
    """A number to add to what is stored."""

    number: int


def upsert_rows(conn: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], same: Same) -> None:
    """Insert rows, or replace what is stored under the same keys, which must be unique within `rows`."""
    _insert(conn, table, columns, rows, on_conflict(table, columns, same))


def upsert_columns(
    conn: Connection, table: Table, columns: Mapping[str, Sequence[Any]], alike: Mapping[str, Any], same: Same
) -> None:
    """Like `upsert_rows`, for rows that come as columns and as values that are alike on every row."""
    _insert_columns(conn, table, columns, alike, on_conflict(table, (*columns, *alike), same))


def update_rows(
    conn: Connection,
    table: Table,
    keys: tuple[str, ...],
    columns: tuple[str, ...],
    rows: Sequence[Row],
    same: Mapping[str, Any] = _NOTHING,
) -> int:
    """Set columns row by row, and the `same` ones alike on all; says how many rows it found.

    Each row holds its keys first, then the columns.
    """
    names, sets = (*keys, *columns), "".join(f', "{name}" = {mark(conn)}' for name in same)
    if _is_worth_copying(conn, len(rows)):
        source, bound = as_source(conn, table, names, rows)
        return _execute(conn, update_sql(table, keys, columns, source, sets), (*same.values(), *bound))
    found = 0
    for chunk in _chunks(conn, rows, len(names)):
        values = values_sql(table, names, len(chunk), conn.dialect.name)
        sql = f"WITH {values} {update_sql(table, keys, columns, 'fresh', sets)}"
        found += _execute(conn, sql, (*chain.from_iterable(chunk), *same.values()))
    return found


def select_in(
    conn: Connection,
    table: Table,
    columns: tuple[str, ...],
    within: tuple[str, Collection[Any]],
    where: Mapping[str, Any] = _NOTHING,
    also: str = "",
) -> list[Row]:
    """The rows whose column, the first of `within`, holds one of the values that are its second."""
    column, values = within
    if not values:
        return []
    sql = select_sql(table, columns, column, tuple(where), also, conn.dialect.name)
    listed = _array(conn, values)
    # SQLite reads the array first, to look up each of its values; PostgreSQL knows what to do with it anywhere.
    bound = (listed, *where.values()) if conn.dialect.name == "sqlite" else (*where.values(), listed)
    return fetch(conn, sql, bound)


class Joined(NamedTuple):
    """A column of one table, and a column of the row of another one whose `key` holds the first one's `number`."""

    table: Table
    column: str
    number: str
    other: Table
    told: str
    key: str


def select_joined(conn: Connection, pairs: Joined, values: Collection[Any], where: Mapping[str, Any]) -> list[Row]:
    """For those of the values that the column holds: the value, and what the other table tells of it."""
    if not values:
        return []
    joined = joined_sql(*pairs, tuple(where), conn.dialect.name)
    return fetch(conn, joined, (_array(conn, values), *where.values()))


def select_differing(
    conn: Connection, pairs: Joined, given: Mapping[str, str | None], where: Mapping[str, Any]
) -> list[str]:
    """The keys that the column does not hold, or of which the other table tells another value than the given one."""
    if not given:
        return []
    sql = differing_sql(*pairs, tuple(where), conn.dialect.name)
    sqlite = conn.dialect.name == "sqlite"
    bound = (orjson.dumps(given).decode(),) if sqlite else (array(given), array(given.values()))
    return [row[0] for row in fetch(conn, sql, (*bound, *where.values()))]


def repeated_in(
    conn: Connection, table: Table, told: str, within: tuple[str, Collection[Any]], where: Mapping[str, Any]
) -> list[Any]:
    """Those of the values that stand in rows with more than one different `told`."""
    column, values = within
    sql = select_sql(table, (column, told), column, tuple(where), "", conn.dialect.name)
    listed = _array(conn, values)
    bound = (listed, *where.values()) if conn.dialect.name == "sqlite" else (*where.values(), listed)
    counted = f'SELECT "{column}" FROM ({sql}) found GROUP BY "{column}" HAVING count(DISTINCT "{told}") > 1'
    return [row[0] for row in fetch(conn, counted, bound)]


def held_in(conn: Connection, table: Table, column: str, values: Collection[Any], holders: int) -> list[Any]:
    """Those of the values that at least so many rows hold; an index on the column answers it without the table."""
    if conn.dialect.name == "sqlite":
        asked = "SELECT j.value FROM json_each(?) j"
    else:
        asked = f"SELECT j.value FROM unnest(%s::{type_of(table, column).lower()}[]) j(value)"
    rest = f'WHERE t."{column}" = j.value LIMIT 1 OFFSET {holders - 1}'
    sql = f'{asked} WHERE EXISTS (SELECT 1 FROM "{table.name}" t {rest})'
    return [row[0] for row in fetch(conn, sql, (_array(conn, values),))] if values else []


def update_in(
    conn: Connection,
    table: Table,
    changes: Mapping[str, Any],
    within: tuple[str, Collection[Any]],
    where: Mapping[str, Any] = _NOTHING,
    also: str = "",
) -> int:
    """Set (or add, see `Plus`) the same on every row whose column holds one of the values; says how many rows."""
    column, values = within
    if not values:
        return 0
    sign = mark(conn)
    sets = [
        f'"{name}" = "{name}" + {sign}' if isinstance(to, Plus) else f'"{name}" = {sign}'
        for name, to in changes.items()
    ]
    bound = [to.number if isinstance(to, Plus) else to for to in changes.values()]
    condition = among(tuple(where), column, also, conn.dialect.name)
    sql = f'UPDATE "{table.name}" SET {", ".join(sets)} WHERE {condition}'
    return _execute(conn, sql, (*bound, *where.values(), _array(conn, values)))


def delete_in(
    conn: Connection,
    table: Table,
    within: tuple[str, Collection[Any]],
    where: Mapping[str, Any] = _NOTHING,
    also: str = "",
) -> int:
    """Delete every row whose column holds one of the values; says how many."""
    column, values = within
    if not values:
        return 0
    sql = f'DELETE FROM "{table.name}" WHERE {among(tuple(where), column, also, conn.dialect.name)}'
    return _execute(conn, sql, (*where.values(), _array(conn, values)))


def delete_rows(conn: Connection, table: Table, keys: tuple[str, ...], rows: Sequence[Row]) -> int:
    """Delete the rows with these keys; says how many."""
    found = 0
    for chunk in _chunks(conn, rows, len(keys)):
        gone = values_sql(table, keys, len(chunk), conn.dialect.name)
        sql = f'WITH {gone} DELETE FROM "{table.name}" WHERE ({quoted(keys)}) IN (SELECT {quoted(keys)} FROM fresh)'
        found += _execute(conn, sql, tuple(chain.from_iterable(chunk)))
    return found


def fetch(conn: Connection, sql: str, bound: Row = ()) -> list[Row]:
    """The rows of a query in the driver's own words (`?` for SQLite, `%s` for PostgreSQL)."""
    # The driver's own tuples: SQLAlchemy would wrap each one.
    if conn.dialect.name == "postgresql":
        return fetch_binary(conn, sql, bound)
    result: Any = conn.exec_driver_sql(sql, bound)
    rows = result.cursor.fetchall()
    result.close()
    return list(rows)


class Kind(Enum):
    """What a column holds: values that JSON can hold, canonical bytes, or any bytes."""

    PLAIN = "json_group_array({})"
    # No canonical bytes hold the character 30: JSON spells it otherwise.
    DOCUMENT = "CAST(group_concat(coalesce({}, ''), char(30)) AS BLOB)"
    BLOB = "group_concat(hex({}), ' ')"

    def read(self, value: Any) -> list[Any]:
        """The column behind SQLite's one value."""
        if self is Kind.PLAIN:
            return list(orjson.loads(value))
        return value.split(b"\x1e") if self is Kind.DOCUMENT else list(map(bytes.fromhex, value.split(" ")))


def fetch_columns(conn: Connection, columns: Mapping[str, Kind], inner: str, bound: Row) -> list[list[Any]]:
    """The columns of a query's result; where canonical bytes are missing, none come.

    SQLite gives them as one row: to take thousands of rows one by one hands the interpreter from thread to thread as
    often, which cost a first sync a tenth.
    """
    if conn.dialect.name != "sqlite":
        rows = fetch(conn, inner, bound)
        found = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in columns]
        kinds = zip(found, columns.values(), strict=True)
        return [[one or b"" for one in column] if kind is Kind.DOCUMENT else column for column, kind in kinds]
    told = ", ".join([kind.value.format(f'"{name}"') for name, kind in columns.items()])
    count, *values = fetch(conn, f"SELECT count(*), {told} FROM ({inner})", bound)[0]
    return [kind.read(value) if count else [] for kind, value in zip(columns.values(), values, strict=True)]


def select_columns(
    conn: Connection, table: Table, columns: Mapping[str, Kind], ids: Collection[str], where: Mapping[str, Any]
) -> list[list[Any]]:
    """Like `select_in` by `id`, as columns."""
    if not ids:
        return [[] for _ in columns]
    sql = select_sql(table, tuple(columns), "id", tuple(where), "", conn.dialect.name)
    listed = _array(conn, ids)
    bound = (listed, *where.values()) if conn.dialect.name == "sqlite" else (*where.values(), listed)
    return fetch_columns(conn, columns, sql, bound)


def fetch_query(conn: Connection, query: Executable) -> list[Row]:
    """The rows of a Core query as the driver's own tuples."""
    result: Any = conn.execute(query)
    rows = result.cursor.fetchall()
    result.close()
    return list(rows)


def by_side(triples: Iterable[tuple[str, Any, str]]) -> dict[tuple[str, str], list[str]]:
    """Ids gathered by (entity, side), so that each group is one statement."""
    groups: dict[tuple[str, str], list[str]] = {}
    for entity, side, record_id in triples:
        groups.setdefault((entity, str(side)), []).append(record_id)
    return groups


def _insert(conn: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], clash: Clash) -> int:
    if _is_worth_copying(conn, len(rows)):
        return insert_copied(conn, table, columns, rows, clash)
    if not rows:
        return 0
    return _insert_lists(conn, table, columns, _split(columns, list(zip(*rows, strict=True))), clash)


Split: TypeAlias = tuple[tuple[str, ...], Sequence[Sequence[Any]], list[Any]]
"""The names and the values of the columns that vary, and the values of the others, in the order of all columns."""


def _insert_lists(conn: Connection, table: Table, columns: tuple[str, ...], split: Split, clash: Clash) -> int:
    varying, lists, same = split
    size, stored = _rows_at_once(conn, len(varying)), 0
    for start in range(0, len(lists[0]), size):
        part = [column[start : start + size] for column in lists]
        sql = insert_sql(table, columns, varying, len(part[0]), clash.words, conn.dialect.name)
        stored += _execute(conn, sql, (*same, *chain.from_iterable(zip(*part, strict=True))))
    return stored


def _split(columns: tuple[str, ...], lists: Sequence[Sequence[Any]]) -> Split:
    """Take out the columns that are the same on every row: binding a value costs more than the database does with it.

    On the initial sync this halves what a record costs here.
    """
    count = len(lists[0])
    if count == 1:
        return columns, lists, []
    vary = [column[0] != column[-1] or column.count(column[0]) != count for column in lists]
    if not any(vary):
        # A statement needs at least one column that tells its rows apart.
        return columns, lists, []
    same = [column[0] for column, varies in zip(lists, vary, strict=True) if not varies]
    return tuple(compress(columns, vary)), list(compress(lists, vary)), same


def _is_worth_copying(conn: Connection, count: int) -> bool:
    return count >= WORTH and conn.dialect.name == "postgresql"


def _chunks(conn: Connection, rows: Sequence[Row], width: int) -> Iterator[Sequence[Row]]:
    size = _rows_at_once(conn, width)
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _rows_at_once(conn: Connection, width: int) -> int:
    variables = _SQLITE_VARIABLES if conn.dialect.name == "sqlite" else _POSTGRES_VARIABLES
    # Thirty are left for what a statement binds beside its rows.
    return min(ROWS_A_STATEMENT, (variables - 30) // width)


def _execute(conn: Connection, sql: str, bound: Row) -> int:
    return conn.exec_driver_sql(sql, bound).rowcount


def _array(conn: Connection, values: Collection[Any]) -> Any:
    """Many values as one bound parameter."""
    return orjson.dumps(list(values)).decode() if conn.dialect.name == "sqlite" else array(values)


def mark(conn: Connection) -> str:
    """How a bound value is marked in a statement."""
    return "?" if conn.dialect.name == "sqlite" else "%s"
