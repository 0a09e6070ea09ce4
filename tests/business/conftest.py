"""Two reference systems without a seed: every record of a test is its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connector.bootstrap import build
from connector.context import Context
from connector.settings import load_settings
from tests.business.office import Body, Office
from tests.systems import running


@contextmanager
def connected(config: Path) -> Iterator[Context]:
    """The connector of a configuration file, for the length of a block."""
    context = build(load_settings(config, {}))
    try:
        yield context
    finally:
        for system in context.systems.values():
            system.adapter.close()
        context.store.close()


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A company whose two systems start empty, but for a warehouse."""
    folder = tmp_path_factory.mktemp("office")
    with running(folder, "", "--faults") as systems, connected(systems.write_config(folder)) as context:
        systems.erp.create("warehouses", code="MAIN", name="Main warehouse")
        yield Office(systems, context)


@pytest.fixture(scope="module", autouse=True)
def at_peace(office: Office) -> Iterator[None]:
    """Whatever the tests of a file did, one sync brings it to an end, and a second one has nothing to write."""
    yield
    office.settle()
    assert office.sync().writes == 0


@pytest.fixture(scope="session")
def sold(office: Office) -> tuple[Body, Body, Body, Body]:
    """A customer and a product that both sides know, as account and partner, product and item."""
    account, item = office.account(), office.item()
    office.sync("customer", "product")
    return account, office.partner(account), office.product(item), item
