"""Real systems for live tests, started when the first test asks for one, and stopped after the last."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.live.odoo import Odoo, prepare, running_odoo
from tests.live.tryton import running_tryton

for part in ("failing_reads", "failing_writes", "reads", "refusals", "scans", "system", "trial", "writes"):
    pytest.register_assert_rewrite(f"connector.adapters.testing_{part}")

HERE = Path(__file__).parent
STARTS: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {"odoo": running_odoo, "tryton": running_tryton}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is live: `make live` runs it, and nothing else does.

    Stories begin with empty systems, so they come before what fills them with all sorts.
    """
    items.sort(key=lambda item: not (HERE in item.path.parents and item.path.stem.endswith("_story")))
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def systems(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[Any]]]:
    """The real systems that the chosen tests ask for, started side by side, and stopped at the end."""
    wanted = {name for item in request.session.items for name in item.fixturenames} & STARTS.keys()
    with ExitStack() as running, ThreadPoolExecutor(len(STARTS)) as beside:
        yield {name: beside.submit(running.enter_context, STARTS[name]()) for name in sorted(wanted)}


@pytest.fixture(scope="session")
def odoo(systems: Mapping[str, Future[Any]]) -> Odoo:
    """One Odoo for the session, from a clean database."""
    return systems["odoo"].result()


@pytest.fixture(scope="session")
def prepared(odoo: Odoo) -> Odoo:
    """The same Odoo, with the fields that the connector needs of its own."""
    prepare(odoo)
    return odoo


@pytest.fixture(scope="session")
def company(prepared: Odoo) -> int:
    """A customer that nobody changes."""
    return prepared.create("res.partner", {"name": "Parent", "is_company": True, "customer_rank": 1})[0]


@pytest.fixture(scope="session")
def product(prepared: Odoo) -> int:
    """A product that nobody changes."""
    return prepared.create("product.product", {"name": "Parent", "default_code": "PARENT", "is_storable": True})[0]


@pytest.fixture(scope="session")
def tryton(systems: Mapping[str, Future[Any]]) -> dict[str, Any]:
    """One Tryton for the session, with a fresh company: what its script tells of it."""
    return systems["tryton"].result()
