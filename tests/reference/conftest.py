"""Both servers, empty, one pair for the whole session: a test makes the records it needs."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.systems import System, start


@pytest.fixture(scope="session")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    server = start("crm", tmp_path_factory.mktemp("crm"), "")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    server = start("erp", tmp_path_factory.mktemp("erp"), "")
    server.create("warehouses", code="MAIN", name="Main warehouse")
    server.create("warehouses", code="NORTH", name="Nordlager")
    yield server
    server.stop()


NUMBERS = count(1)


@pytest.fixture
def unique() -> str:
    """A word that no other test uses."""
    return f"u{next(NUMBERS)}"
