"""Until when the requests of one system are spoken for, by all processes together, in the database's own time."""

from sqlalchemy import Connection, text

from connector.store.schema import pace as _pace

_NOW = {
    "postgresql": "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
}
_LATER = {"postgresql": "greatest", "sqlite": "max"}


def reserve(conn: Connection, name: str, micros: int) -> float:
    """Speak for the next so many microseconds of a pace; says in how many seconds they begin."""
    now, later = _NOW[conn.dialect.name], _LATER[conn.dialect.name]
    sql = (
        f"INSERT INTO {_pace.name} (name, next) VALUES (:name, {now} + :step)"  # noqa: S608 -- our own words
        f" ON CONFLICT (name) DO UPDATE SET next = {later}(pace.next, {now}) + :step RETURNING next - :step - {now}"
    )
    begins: int = conn.execute(text(sql), {"name": name, "step": micros}).scalar_one()
    return max(0.0, begins / 1_000_000)


def rest(conn: Connection, name: str, micros: int) -> None:
    """Let nobody begin for so many microseconds; what is spoken for longer stays so."""
    now, later = _NOW[conn.dialect.name], _LATER[conn.dialect.name]
    sql = (
        f"INSERT INTO {_pace.name} (name, next) VALUES (:name, {now} + :rest)"  # noqa: S608 -- our own words
        f" ON CONFLICT (name) DO UPDATE SET next = {later}(pace.next, {now} + :rest)"
    )
    conn.execute(text(sql), {"name": name, "rest": micros})
