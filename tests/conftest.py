"""Fixtures that several rooms' tests share: a store on each database, and both reference systems."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.store.database import Store, open_store
from tests.postgres import REQUIRE_VARIABLE, Server, Unavailable, name_of, running_server
from tests.systems import own_systems, reference_systems  # noqa: F401 -- fixtures

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture
def at() -> datetime:
    """A fixed instant, for everything that asks for the time."""
    return datetime(2026, 11, 23, 20, 44, 10, 123456, UTC)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One PostgreSQL for the session (for each worker, under xdist)."""
    try:
        with running_server() as server:
            yield server
    except Unavailable as reason:
        if os.environ.get(REQUIRE_VARIABLE):
            pytest.fail(f"PostgreSQL is required: {reason}")
        pytest.skip(f"PostgreSQL: {reason}")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Server) -> Iterator[str]:
    """The name of a database with all tables, which tests copy: faster than migrating each time."""
    url = postgres_server.create()
    open_store(url).close()
    yield name_of(url)
    postgres_server.drop(url)


@pytest.fixture(params=DATABASES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, once for each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'state.db'}"
        return
    server: Server = request.getfixturevalue("postgres_server")
    url = server.create()
    yield url
    server.drop(url)


@pytest.fixture(params=DATABASES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of its own for this test, once for each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'state.db'}"
        return
    server: Server = request.getfixturevalue("postgres_server")
    url = server.create(request.getfixturevalue("postgres_template"))
    yield url
    server.drop(url)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A store with all tables and nothing in them, once for each kind of database."""
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """A store in a SQLite file, for tests that need only one."""
    opened = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    opened.close()


@pytest.fixture
def postgres_store(postgres_server: Server, postgres_template: str) -> Iterator[Store]:
    """A store in PostgreSQL, for tests that need only that."""
    url = postgres_server.create(postgres_template)
    opened = open_store(url)
    yield opened
    opened.close()
    postgres_server.drop(url)
