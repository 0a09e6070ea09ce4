"""The schema's versions."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import StatementError

from connector.errors import StoreError
from connector.store.database import Store, open_store
from connector.store.schema import metadata
from connector.store.upgrade import HEAD, upgrade


def test_an_empty_database_gets_every_table(empty_url: str) -> None:
    store = open_store(empty_url)

    with store.read() as conn:
        assert set(inspect(conn).get_table_names()) == {*metadata.tables, "alembic_version"}
    store.close()


def test_the_migrations_end_at_the_version_the_program_names() -> None:
    config = Config()
    config.set_main_option("script_location", "connector.store:migrations")

    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


@pytest.fixture
def migrated(empty_url: str) -> Iterator[Engine]:
    """A database that came to its tables migration by migration."""
    engine = create_engine(empty_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as conn:
        upgrade(conn, None)
    yield engine
    engine.dispose()


def test_the_created_tables_are_those_of_the_schema(store: Store) -> None:
    with store.read() as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []


def test_the_migrated_tables_are_those_of_the_schema(migrated: Engine) -> None:
    with migrated.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []


def test_the_migrated_indexes_are_those_of_the_schema(migrated: Engine) -> None:
    named = {(name, index.name) for name, table in metadata.tables.items() for index in table.indexes}

    with migrated.connect() as conn:
        tables = inspect(conn)
        found = {(name, index["name"]) for name in metadata.tables for index in tables.get_indexes(name)}

    assert named - found == set()


def test_opening_again_changes_nothing(empty_url: str) -> None:
    open_store(empty_url).close()
    store = open_store(empty_url)

    with store.read() as conn:
        assert conn.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [HEAD]
    store.close()


def test_a_newer_schema_is_refused(empty_url: str) -> None:
    store = open_store(empty_url)
    with store.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()

    with pytest.raises(StoreError, match=r"schema 9999, which is newer than this program's \d+: upgrade the connector"):
        open_store(empty_url)


def test_a_creation_that_fails_leaves_nothing_behind(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        # No database can store this as the version, and that is what is stored last.
        patched.setattr("connector.store.upgrade.HEAD", object())
        with pytest.raises((StatementError, StoreError)):
            open_store(empty_url)

    store = open_store(empty_url)
    with store.read() as conn:
        assert "link" in inspect(conn).get_table_names()
    store.close()


def test_a_current_database_is_opened_without_alembic(tmp_path: object) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    open_store(url).close()
    program = (
        "import sys; from connector.store.database import open_store;"
        f"open_store({url!r}).close(); print([name for name in sys.modules if name in ('alembic', 'psycopg')])"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "[]"
