# ruff: noqa: S608 -- only marks and names of our own are put into statements
"""Numbers that nobody had before."""

from sqlalchemy import Connection

from connector.store.bulk import fetch, mark


def allocate(conn: Connection, name: str, count: int) -> int:
    """The first of `count` numbers nobody had before; they follow each other in the order of the commits."""
    sign = mark(conn)
    sql = (
        f"INSERT INTO counter (name, value) VALUES ({sign}, {sign})"
        " ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value RETURNING value"
    )
    last: int = fetch(conn, sql, (name, count))[0][0]
    return last - count + 1


def draw(conn: Connection, sequence: str, count: int) -> list[int]:
    """Ascending numbers nobody had before, drawn so that no transaction waits for another where that can be."""
    if conn.dialect.name == "sqlite":
        first = allocate(conn, sequence, count)
        return list(range(first, first + count))
    return [number for (number,) in fetch(conn, f"SELECT nextval('{sequence}') FROM generate_series(1, %s)", (count,))]
