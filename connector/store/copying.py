# ruff: noqa: S608 -- every identifier comes from our own tables
"""Many rows into PostgreSQL and out of it by its driver: value by value costs several times as much."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from zlib import crc32

import orjson
from sqlalchemy import Connection, Table
from sqlalchemy.exc import IntegrityError, OperationalError

from connector.store.statements import Clash, quoted, type_of

WORTH = 20
"""So many rows are worth a `COPY`, which takes some steps more than a statement does."""

_SPELLED = {"text", "bigint"}
"""What is bound as arrays; others go by way of a temporary table."""


def insert_copied(
    conn: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], clash: Clash
) -> int:
    """Stream rows straight into a table, which takes half of what it does by way of another one; says how many.

    Where one of them is the same as a stored one, which must be rare for that, all are streamed once more and merged.
    """
    if not clash.words:
        _stream(conn, table, table.name, columns, rows)
        return len(rows)
    if clash.rare:
        with suppress(IntegrityError), conn.begin_nested():
            _stream(conn, table, table.name, columns, rows)
            return len(rows)
    names, loaded = quoted(columns), _copy_beside(conn, table, columns, rows)
    merge = f'INSERT INTO "{table.name}" ({names}) SELECT {names} FROM "{loaded}" {clash.words}'
    return conn.exec_driver_sql(merge).rowcount


def as_source(
    conn: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> tuple[str, tuple[Any, ...]]:
    """Rows as something to select from, called `fresh`, and what is to be bound for it."""
    types = [type_of(table, column).lower() for column in columns]
    if _SPELLED.issuperset(types):
        arrays = ", ".join(f"%s::{kind}[]" for kind in types)
        return f"unnest({arrays}) fresh({quoted(columns)})", tuple(map(array, zip(*rows, strict=True)))
    return f'"{_copy_beside(conn, table, columns, rows)}" fresh', ()


def _copy_beside(conn: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> str:
    """Stream rows into a temporary table of this connection, to be merged from there; says its name."""
    names, name = quoted(columns), f"load_{table.name}_{crc32(','.join(columns).encode()):x}"
    fresh = f'CREATE TEMP TABLE IF NOT EXISTS "{name}" AS SELECT {names} FROM "{table.name}" WITH NO DATA'
    conn.exec_driver_sql(f'{fresh}; TRUNCATE "{name}"')
    _stream(conn, table, name, columns, rows)
    return name


def _stream(
    conn: Connection, table: Table, into: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    command = f'COPY "{into}" ({quoted(columns)}) FROM STDIN (FORMAT BINARY)'
    with _driver(conn, command) as driver, driver.cursor() as cursor, cursor.copy(command) as stream:
        stream.set_types([type_of(table, column).lower() for column in columns])
        for row in rows:
            stream.write_row(row)


def fetch_binary(conn: Connection, sql: str, bound: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The rows of a query; bytes come as they are, not spelled out as text, which costs both sides most of the work."""
    with _driver(conn, sql) as driver:
        found: list[tuple[Any, ...]] = driver.execute(sql, bound or None, binary=True).fetchall()
    return found


def array(values: Collection[Any]) -> Any:
    """Texts or numbers as one bound parameter: spelled out, where that is as in JSON, as the driver goes one by one."""
    spelled = orjson.dumps(list(values)).decode()
    return list(values) if "\\" in spelled else f"{{{spelled[1:-1]}}}"


@contextmanager
def _driver(conn: Connection, sql: str) -> Iterator[Any]:
    """The driver's own connection, whose errors are told as SQLAlchemy tells them."""
    import psycopg

    driver: Any = conn.connection.driver_connection
    try:
        yield driver
    except psycopg.IntegrityError as error:
        raise IntegrityError(sql, None, error) from error
    except psycopg.OperationalError as error:
        if driver.closed:
            # So that nobody gets it from the pool once more.
            conn.invalidate(error)
        raise OperationalError(sql, None, error) from error
