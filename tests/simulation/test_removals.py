"""Deletes that wait, and deletes that are proved: what the evidence is, and that it is not forgotten."""

from collections.abc import Callable, Iterator

import pytest

from connector.records import OperationState, Side
from connector.store import journal
from tests.simulation.small import Small
from tests.simulation.tables import GENEROUS, compile_rules

World = Callable[..., Small]


@pytest.fixture
def _strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A guard that lets two deletes through."""
    compile_rules.cache_clear()
    monkeypatch.setitem(GENEROUS, "deletes", 2)
    monkeypatch.setitem(GENEROUS, "delete_share", 0.01)
    yield
    compile_rules.cache_clear()


def settled(small: Small, number: int) -> None:
    """So many linked customers, of whom nothing is news any more."""
    for each in range(number):
        small.life.world.chronicle.entities[f"K{each}"] = "customer"
        small.customer(serial=f"K{each}", name=f"Anna {each}")
    for _ in range(2):
        small.sync()
        small.wait()


def active(small: Small, side: Side) -> int:
    rows = small.life.world.systems[side].of("customer")
    return sum(row.fields["status"] == "active" for row in rows)


def held(small: Small) -> int:
    with small.life.desk.read() as connection:
        return len(journal.by_state(connection, [OperationState.HELD], entity="customer"))


@pytest.mark.usefixtures("_strict")
@pytest.mark.parametrize("side", Side)
def test_what_a_guard_holds_stays_held_as_a_whole_run_after_run(world: World, side: Side) -> None:
    small = world()
    settled(small, 9)
    for row in list(small.life.world.systems[side].of("customer"))[:4]:
        small.life.world.systems[side].remove(row)
    small.wait()

    seen = []
    for _ in range(3):
        small.sync()
        small.wait()
        seen.append((held(small), active(small, side.other)))

    assert seen == [(4, 9)] * 3


@pytest.mark.parametrize("side", Side)
def test_a_delete_is_proved_though_the_oldest_records_are_all_gone(world: World, side: Side) -> None:
    small = world()
    settled(small, 25)
    for part in (19, 3):
        for row in list(small.life.world.systems[side].of("customer"))[:part]:
            small.life.world.systems[side].remove(row)
        small.wait()
        small.sync()

    assert active(small, side.other) == 3
    assert small.causes() == []
