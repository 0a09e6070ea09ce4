"""Two systems that can be told to misbehave, with customers on both sides."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.faults.desk import Desk, add_customers
from tests.systems import running

LINKED = 20
TAKEN = count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("faults")
    with running(folder, "", "--faults") as systems:
        add_customers(systems, LINKED)
        desk = Desk(systems, systems.write_config(folder))
        assert desk.sync().code == 0
        yield desk


@pytest.fixture
def linked(desk: Desk) -> tuple[dict[str, Any], dict[str, Any]]:
    """A customer on both sides that no other test has."""
    return desk.pair(desk.crm.listed("accounts", name="Linked")[next(TAKEN) % LINKED])


@pytest.fixture
def desk(shared: Desk) -> Iterator[Desk]:
    """Both systems, without faults before and after a test, which has customers of its own."""
    yield shared
    shared.heal()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Desk]:
    """Both systems with ten linked customers, for a test that leaves them in a bad way."""
    with running(tmp_path, "", "--faults") as systems:
        add_customers(systems, 10)
        desk = Desk(systems, systems.write_config(tmp_path))
        assert desk.sync().code == 0
        yield desk
