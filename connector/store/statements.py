# ruff: noqa: S608 -- every identifier comes from our own tables and every condition is a constant; values are bound
"""The words of statements about many rows, in each database's dialect; `bulk` binds the values and runs them."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Table


class Same(NamedTuple):
    """What makes a stored row and a new one the same, and what then becomes of the stored one.

    It takes every column of the new row but the `keys` and those it shall `keep`; `added` numbers are summed.
    `where` is the condition of a partial index, in the index's words. `rare` says that hardly any new row has a stored
    one that is the same.
    """

    keys: tuple[str, ...]
    keep: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    where: str = ""
    rare: bool = False


class Clash(NamedTuple):
    """What is done with a new row that is the same as a stored one, and whether that is rare."""

    words: str
    rare: bool = True


REFUSED, LEFT_OUT = Clash(""), Clash("ON CONFLICT DO NOTHING")


@lru_cache(maxsize=64)
def on_conflict(table: Table, columns: tuple[str, ...], same: Same) -> Clash:
    """What becomes of a stored row that is the same as a new one."""
    untouched = {*same.keys, *same.keep, *same.added}
    sets = [f'"{name}" = excluded."{name}"' for name in columns if name not in untouched]
    sets += [f'"{name}" = "{table.name}"."{name}" + excluded."{name}"' for name in same.added]
    index = f"({quoted(same.keys)})" + (f" WHERE {same.where}" if same.where else "")
    return Clash(f"ON CONFLICT {index} DO UPDATE SET {', '.join(sets)}", same.rare)


def quoted(columns: Iterable[str]) -> str:
    """Column names, as a list."""
    return ", ".join(f'"{name}"' for name in columns)


@lru_cache(maxsize=1024)
def insert_sql(
    table: Table, columns: tuple[str, ...], varying: tuple[str, ...], rows: int, conflict: str, dialect: str
) -> str:
    """Insert bound rows of the varying columns; the others are bound once, after them."""
    mark = "?" if dialect == "sqlite" else "%s"
    if varying == columns:
        row = f"({', '.join([mark] * len(columns))})"
        return f'INSERT INTO "{table.name}" ({quoted(columns)}) VALUES {", ".join([row] * rows)} {conflict}'
    # Both databases call the columns of such a list column1, column2, …
    told = [
        f"fresh.column{varying.index(name) + 1}" if name in varying else _typed(table, name, mark, dialect)
        for name in columns
    ]
    # SQLite takes an ON after a bare FROM for a join's, hence the WHERE.
    rows_sql = f"(VALUES {_value_rows(table, varying, rows, dialect)}) fresh WHERE true"
    return f'INSERT INTO "{table.name}" ({quoted(columns)}) SELECT {", ".join(told)} FROM {rows_sql} {conflict}'


def _typed(table: Table, name: str, mark: str, dialect: str) -> str:
    return mark if dialect == "sqlite" else f"{mark}::{type_of(table, name)}"


def update_sql(table: Table, keys: tuple[str, ...], columns: tuple[str, ...], source: str, more: str) -> str:
    """Set columns of the rows whose keys are those of `source`, which is called `fresh`."""
    sets = ", ".join(f'"{name}" = fresh."{name}"' for name in columns)
    match = " AND ".join(f'"{table.name}"."{name}" = fresh."{name}"' for name in keys)
    return f'UPDATE "{table.name}" SET {sets}{more} FROM {source} WHERE {match}'


@lru_cache(maxsize=256)
def values_sql(table: Table, names: tuple[str, ...], rows: int, dialect: str) -> str:
    """Bound rows under the name `fresh`."""
    return f"fresh ({quoted(names)}) AS (VALUES {_value_rows(table, names, rows, dialect)})"


def _value_rows(table: Table, names: tuple[str, ...], rows: int, dialect: str) -> str:
    mark = "?" if dialect == "sqlite" else "%s"
    plain = f"({', '.join([mark] * len(names))})"
    # PostgreSQL takes the types of the list from its first row; SQLite has none to take.
    first = plain if dialect == "sqlite" else f"({', '.join(f'%s::{type_of(table, name)}' for name in names)})"
    return ", ".join([first, *[plain] * (rows - 1)])


@lru_cache(maxsize=256)
def type_of(table: Table, column: str) -> str:
    """What PostgreSQL calls a column's type."""
    from sqlalchemy.dialects.postgresql import dialect

    return str(table.columns[column].type.compile(dialect=dialect()))  # type: ignore[no-untyped-call]


@lru_cache(maxsize=256)
def select_sql(
    table: Table, columns: tuple[str, ...], column: str, where: tuple[str, ...], also: str, dialect: str
) -> str:
    """Rows whose column holds one of the values of a bound array."""
    chosen = ", ".join(f't."{name}"' for name in columns)
    if dialect == "sqlite":
        # CROSS JOIN keeps the loop in this order; without it the planner may scan the table for each value.
        conditions = [f't."{name}" = ?' for name in where] + [f't."{column}" = j.value'] + ([also] if also else [])
        return f'SELECT {chosen} FROM json_each(?) j CROSS JOIN "{table.name}" t WHERE {" AND ".join(conditions)}'
    return f'SELECT {chosen} FROM "{table.name}" t WHERE {among(where, column, also, dialect)}'


@lru_cache(maxsize=64)
def joined_sql(  # noqa: PLR0913, PLR0917 -- the words of one statement
    table: Table, column: str, number: str, other: Table, told: str, key: str, where: tuple[str, ...], dialect: str
) -> str:
    """A column that holds one of the values of a bound array, and what another table's row tells of it."""
    chosen, join = f'SELECT t."{column}", u."{told}"', f'"{other.name}" u ON u."{key}" = t."{number}"'
    if dialect == "sqlite":
        match = " AND ".join([f't."{column}" = j.value', *(f't."{name}" = ?' for name in where)])
        return f'{chosen} FROM json_each(?) j CROSS JOIN "{table.name}" t ON {match} CROSS JOIN {join}'
    match = " AND ".join([f't."{column}" = ANY(%s)', *(f't."{name}" = %s' for name in where)])
    return f'{chosen} FROM "{table.name}" t JOIN {join} WHERE {match}'


@lru_cache(maxsize=64)
def differing_sql(  # noqa: PLR0913, PLR0917 -- the words of one statement
    table: Table, column: str, number: str, other: Table, told: str, key: str, where: tuple[str, ...], dialect: str
) -> str:
    """The bound keys that no row of the table holds in a column, or of which another table tells another value."""
    mark = "?" if dialect == "sqlite" else "%s"
    on = " AND ".join([f't."{column}" = j.key', *(f't."{name}" = {mark}' for name in where)])
    if dialect == "sqlite":
        joined = f'LEFT JOIN "{table.name}" t ON {on} LEFT JOIN "{other.name}" u ON u."{key}" = t."{number}"'
        return f'SELECT j.key FROM json_each(?) j {joined} WHERE u."{told}" IS NOT j.value'
    # A limit keeps PostgreSQL from reading both tables as a whole, which it does for some hundred keys.
    found = (
        f'SELECT u."{told}" FROM "{table.name}" t JOIN "{other.name}" u ON u."{key}" = t."{number}" WHERE {on} LIMIT 1'
    )
    given = "unnest(%s::text[], %s::text[]) j(key, value)"
    return f'SELECT j.key FROM {given} LEFT JOIN LATERAL ({found}) f ON true WHERE f."{told}" IS DISTINCT FROM j.value'


@lru_cache(maxsize=64)
def carried_sql(
    table: Table,
    told: tuple[tuple[str, str], ...],
    given: tuple[tuple[str, str], ...],
    join: str,
    rows: int,
    dialect: str,
) -> str:
    """Insert what `told` says of bound rows, which are called `fresh`, and of the stored ones that `join` finds.

    `given` are the names of what is bound, with PostgreSQL's types.
    """
    names = quoted([name for name, _ in given])
    if dialect == "sqlite":
        row = f"({', '.join('?' * len(given))})"
        bound = f"VALUES {', '.join([row] * rows)}"
    else:
        marks = [("%b" if kind == "bytea" else "%s", kind) for _, kind in given]
        bound = f"SELECT * FROM unnest({', '.join(f'{mark}::{kind}[]' for mark, kind in marks)})"
    into, chosen = quoted([name for name, _ in told]), ", ".join([expression for _, expression in told])
    # It begins with INSERT, or Python's SQLite would not count the rows.
    return f'INSERT INTO "{table.name}" ({into}) WITH fresh ({names}) AS ({bound}) SELECT {chosen} FROM fresh {join}'


def among(where: tuple[str, ...], column: str, also: str, dialect: str) -> str:
    """Equalities, then a column that holds one of the values of a bound array."""
    mark, array = ("?", "IN (SELECT value FROM json_each(?))") if dialect == "sqlite" else ("%s", "= ANY(%s)")
    terms = [f'"{name}" = {mark}' for name in where] + [f'"{column}" {array}'] + ([also] if also else [])
    return " AND ".join(terms)
