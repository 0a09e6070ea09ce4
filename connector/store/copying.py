# ruff: noqa: S608 -- every identifier comes from our own tables
"""Many rows into PostgreSQL by its `COPY`, several times cheaper than binding their values."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, Table
from sqlalchemy.exc import IntegrityError, OperationalError

from connector.store.statements import Clash, quoted, type_of

WORTH = 20
"""So many rows are worth a `COPY`, which takes some steps more than a statement does."""


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
    names, loaded = quoted(columns), copy_beside(conn, table, columns, rows)
    merge = f'INSERT INTO "{table.name}" ({names}) SELECT {names} FROM "{loaded}" {clash.words}'
    return conn.exec_driver_sql(merge).rowcount


def copy_beside(conn: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> str:
    """Stream rows into a temporary table of this connection, to be merged from there; says its name."""
    names, name = quoted(columns), f"load_{table.name}_{crc32(','.join(columns).encode()):x}"
    fresh = f'CREATE TEMP TABLE IF NOT EXISTS "{name}" AS SELECT {names} FROM "{table.name}" WITH NO DATA'
    conn.exec_driver_sql(f'{fresh}; TRUNCATE "{name}"')
    _stream(conn, table, name, columns, rows)
    return name


def _stream(
    conn: Connection, table: Table, into: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    import psycopg

    driver: Any = conn.connection.driver_connection
    command = f'COPY "{into}" ({quoted(columns)}) FROM STDIN (FORMAT BINARY)'
    try:
        with driver.cursor() as cursor, cursor.copy(command) as stream:
            stream.set_types([type_of(table, column).lower() for column in columns])
            for row in rows:
                stream.write_row(row)
    except psycopg.IntegrityError as error:
        raise IntegrityError("COPY", None, error) from error
    except psycopg.OperationalError as error:
        raise OperationalError("COPY", None, error) from error
