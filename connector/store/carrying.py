"""New rows made of stored ones: what is long stays in the database, and never comes by Python."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from connector.store.bulk import ROWS_A_STATEMENT, mark
from connector.store.copying import array
from connector.store.statements import carried_sql

_NOTHING: Mapping[str, Any] = {}


class Carried(NamedTuple):
    """How rows are made of given columns and of stored rows: what each column is told by, and what joins them.

    The given columns are called `fresh`; `kinds` are their names, with PostgreSQL's types.
    """

    kinds: Mapping[str, str]
    told: Mapping[str, str]
    join: str


def insert_carried(
    conn: Connection,
    table: Table,
    carried: Carried,
    columns: Mapping[str, Sequence[Any]],
    alike: Mapping[str, Any] = _NOTHING,
) -> int:
    """Insert rows whose long values stand in the store already, and never come by here; says how many there were."""
    sqlite, lists = conn.dialect.name == "sqlite", [columns[name] for name in carried.kinds]
    told, given = (*carried.told.items(), *((name, mark(conn)) for name in alike)), tuple(carried.kinds.items())
    stored = 0
    for start in range(0, len(lists[0]), ROWS_A_STATEMENT):
        part = [column[start : start + ROWS_A_STATEMENT] for column in lists]
        sql = carried_sql(table, told, given, carried.join, len(part[0]) if sqlite else 0, conn.dialect.name)
        bound = chain.from_iterable(zip(*part, strict=True)) if sqlite else map(_array, part, carried.kinds.values())
        stored += conn.exec_driver_sql(sql, (*bound, *alike.values())).rowcount
    return stored


def _array(values: Sequence[Any], kind: str) -> Any:
    return list(values) if kind == "bytea" else array(values)
