"""The state database's versions: brings one up to what this program needs, and refuses one that is newer.

Alembic costs a fifth of a second to import, so it is asked only when the stored version is not the current one.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

from sqlalchemy import Connection, text

from connector.errors import StoreError
from connector.store.schema import metadata

HEAD = "0007"
"""The version this program works with; the last file in `migrations/versions`."""

Transaction: TypeAlias = Callable[[], AbstractContextManager[Connection]]


def migrate(read: Transaction, write: Transaction) -> None:
    """Bring the database to HEAD in one transaction; a database that is there already costs one query."""
    with read() as conn:
        if _stored(conn) == HEAD:
            return
    with write() as conn:
        _lock(conn)
        # Another process may have done it while this one waited for the lock.
        if (stored := _stored(conn)) == HEAD:
            return
        if stored is None and not conn.dialect.has_table(conn, "link"):
            create(conn)
        else:
            upgrade(conn, stored)


def create(conn: Connection) -> None:
    """Give an empty database the tables of HEAD, without Alembic; tests hold that `upgrade` makes the same."""
    metadata.create_all(conn, checkfirst=False)
    primary = "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)"
    conn.execute(text(f"CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, {primary})"))
    conn.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})


def _stored(conn: Connection) -> str | None:
    if not conn.dialect.has_table(conn, "alembic_version"):
        return None
    version: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


def _lock(conn: Connection) -> None:
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(823016479)"))


def upgrade(conn: Connection, stored: str | None) -> None:
    """Bring a database from the version it has (None: from nothing) to HEAD, migration by migration."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "connector.store:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if stored is not None and stored not in known:
        raise StoreError(
            f"The state database has schema {stored}, which is newer than this program's {HEAD}: "
            "upgrade the connector, or restore the backup made before the upgrade."
        )
    config.attributes["connection"] = conn
    command.upgrade(config, "head")
