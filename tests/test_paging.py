"""Pages are asked for ahead: of both sides at a time, several of one side where it can tell what follows."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from threading import Barrier, Event

import pytest
from typing_extensions import override

from connector.adapters.base import Capabilities
from connector.errors import Sent, SystemDown
from connector.executor import beside, in_turn
from connector.paging import Reading, together
from connector.records import Cursor, Page, Remote, Resource
from tests.adapters.memory import Memory, Shelf

THINGS = Resource("things")
PATIENCE = 20.0


class Numbered(Memory):
    """Five pages of one record, whose cursors are their numbers; what happens at a scan is up to a test."""

    claims = Capabilities(parallel=4)

    def __init__(self) -> None:
        super().__init__(Shelf())
        self.asked: list[int] = []
        self.before: Callable[[int], None] = lambda _: None
        self.foretells = False
        self.leads = {number: number + 1 for number in range(1, 5)}

    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        number = int(cursor or 1)
        self.asked.append(number)
        self.before(number)
        following = self.leads.get(number)
        return Page([Remote(str(number), None, None, {})], Cursor(str(following or "end")), more=following is not None)

    @override
    def ahead(self, resource: Resource, cursor: Cursor, *, keys_only: bool = False) -> Iterator[Cursor]:
        return (Cursor(str(number)) for number in range(int(cursor) + 1, 6) if self.foretells)


@contextmanager
def read(system: Numbered, executor: Callable[[int], Executor] = beside) -> Iterator[Reading]:
    reading = Reading(system, THINGS, None, executor, keys_only=False)
    try:
        yield reading
    finally:
        reading.close()


def numbers(reading: Reading) -> list[str]:
    """The records of all pages that are left."""
    found: list[str] = []
    while not reading.is_done:
        found += [remote.id for remote in reading.take().remotes]
    return found


@pytest.fixture
def system() -> Numbered:
    return Numbered()


@pytest.mark.parametrize("executor", [beside, in_turn])
@pytest.mark.parametrize("foretells", [True, False])
def test_every_page_is_given_once_and_in_its_order(
    system: Numbered, executor: Callable[[int], Executor], *, foretells: bool
) -> None:
    system.foretells = foretells

    with read(system, executor) as reading:
        found = numbers(reading)

    assert found == ["1", "2", "3", "4", "5"]
    assert sorted(system.asked) == [1, 2, 3, 4, 5]


def test_the_next_page_is_asked_for_while_nobody_takes_this_one(system: Numbered) -> None:
    asked = Event()
    system.before = lambda number: asked.set() if number == 2 else None

    with read(system):
        assert asked.wait(PATIENCE)


def test_no_more_than_two_pages_wait_to_be_taken(system: Numbered) -> None:
    with read(system, in_turn) as reading:
        assert system.asked == [1, 2]
        reading.take()
        assert system.asked == [1, 2, 3]


def test_pages_that_are_foretold_are_asked_for_at_the_same_time(system: Numbered) -> None:
    system.foretells, meeting = True, Barrier(4)
    system.before = lambda number: None if number == 1 else await_others(meeting)

    with read(system) as reading:
        assert numbers(reading) == ["1", "2", "3", "4", "5"]


def test_a_foretold_page_to_which_none_leads_is_dropped(system: Numbered) -> None:
    system.foretells, system.leads = True, {1: 2, 2: 5}

    with read(system, in_turn) as reading:
        assert numbers(reading) == ["1", "2", "5"]


def test_a_page_that_fails_is_told_in_its_turn(system: Numbered) -> None:
    system.before = lambda number: fail() if number == 2 else None

    with read(system) as reading:
        assert [one.id for one in reading.take().remotes] == ["1"]
        with pytest.raises(SystemDown):
            reading.take()


def test_a_page_that_leads_to_itself_is_asked_for_again(system: Numbered) -> None:
    system.leads = {1: 1}
    system.before = lambda _: system.leads.update({1: 5}) if len(system.asked) == 3 else None

    with read(system, in_turn) as reading:
        assert numbers(reading)[-2:] == ["1", "5"]


def test_both_sides_are_asked_at_the_same_time() -> None:
    sides, meeting = [Numbered(), Numbered()], Barrier(2)
    for side in sides:
        side.before = lambda number: await_others(meeting) if number == 1 else None

    with read(sides[0]) as one, read(sides[1]) as other:
        taken = [(reading is one, reading.take()) for reading in together([iter([one]), iter([other])])]

    assert len(taken) == 10


def test_a_slow_side_does_not_hold_up_the_other_one(system: Numbered) -> None:
    slow, go_on = Numbered(), Event()
    slow.before = lambda _: wait_for(go_on)

    with read(slow) as late, read(system) as early:
        order = []
        for reading in together([iter([late]), iter([early])]):
            reading.take()
            order.append(reading)
            if early.is_done:
                go_on.set()

    assert order == [early] * 5 + [late] * 5


def test_a_lane_goes_on_with_its_next_reading_when_one_is_done(system: Numbered) -> None:
    systems = [system, Numbered(), Numbered()]
    opened: list[Numbered] = []

    def readings() -> Iterator[Reading]:
        for one in systems:
            opened.append(one)
            yield kept.enter_context(read(one, in_turn))

    with ExitStack() as kept:
        lane, taken = readings(), 0
        for reading in together([lane, lane]):
            reading.take()
            taken += 1
            assert len(opened) <= 2 + taken // 5

    assert (taken, opened) == (15, systems)


def await_others(meeting: Barrier) -> None:
    meeting.wait(PATIENCE)


def wait_for(event: Event) -> None:
    assert event.wait(PATIENCE)


def fail() -> None:
    raise SystemDown("things: down", sent=Sent.NO)
