"""Verify: what pages of pairs tell at once is what looking at each pair tells, and what is unusual is left to that."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from connector.comparison import Comparison
from connector.context import Context, Work
from connector.executor import beside
from connector.readings import Marks, side_to_list
from connector.records import LinkStatus, Side
from connector.report import Exit, Tally
from connector.scrutiny import look_closely
from connector.store import inbox, links
from connector.verify import verify
from tests.simulation.life import Life, write_script
from tests.simulation.small import Small
from tests.simulation.traits import Traits
from tests.simulation.trial import be_quiet

World = Callable[..., Small]
EVENTFUL = (1, 7, 8, 9, 15, 16, 17, 20, 23)
"""Lives that leave pairs of every kind: alike, in normal form, explained, different, missing."""


@contextmanager
def lived(seed: int) -> Iterator[Life]:
    """Some days of two systems and their connector; then people edit, and it has not run since."""
    be_quiet()
    with closing(Life(write_script(seed))) as life:
        life.play()
        life.world.wait(3600)
        life.sync(Random(seed))
        for number in range(4):
            life.act(Random(f"{seed}/{number}"))
        life.world.wait(3600)
        yield life


def context_of(life: Life) -> Context:
    return life.running(Random(0)).context


def work_on(context: Context, name: str = "customer") -> Work:
    return Work(context, context.entities[name], "verify", Tally(name))


def look_at_each(context: Context, name: str) -> Comparison:
    """Every linked pair looked at by itself."""
    found = Comparison(name)
    with context.store.read() as connection:
        pairs = links.page(connection, name, 0, 1000)
    look_closely(work_on(context, name), [link for link in pairs if link.status is LinkStatus.ACTIVE], found)
    return found


def told(found: Comparison) -> tuple[Any, ...]:
    """What was found of linked pairs."""
    differences = sorted(one for one in found.differences if not one.field.startswith("(only"))
    return found.pairs, found.fields["equal"], found.fields["equal after normal form"], differences


def only(context: Context, name: str = "customer") -> Comparison:
    ((found,), _) = verify(context, entities=[name])
    return found


def requests(small: Small) -> tuple[int, int]:
    return small.crm.requests, small.erp.requests


@pytest.mark.parametrize("seed", EVENTFUL)
def test_pages_tell_what_looking_at_each_pair_tells(seed: int) -> None:
    with lived(seed) as life:
        context = context_of(life)

        together, _ = verify(context)

        assert [told(one) for one in together] == [told(look_at_each(context, one.entity)) for one in together]


def test_a_pair_that_is_alike_is_read_once(world: World) -> None:
    small = world()
    for number in range(3):
        small.customer(serial=f"K{number}")
    small.sync()
    before = requests(small)

    found = only(context_of(small.life))

    # One list here; there the counterparts, and the ids of all.
    assert [now - was for now, was in zip(requests(small), before, strict=True)] == [1, 2]
    assert (found.pairs, dict(found.fields)) == (3, {"equal": 27})


def test_what_is_kept_in_another_form_is_equal_in_normal_form(world: World) -> None:
    small = world()
    small.customer(city="Ulm", phone="030-1")
    small.customer(serial="K2", city="ULM")
    small.sync()

    found = only(context_of(small.life))

    assert found.fields["equal after normal form"] >= 2
    assert found.fields.total() == 2 * 9
    assert found.differences == []


def test_a_page_with_a_record_that_cannot_be_translated_tells_of_the_others(world: World) -> None:
    small = world()
    rows = [small.customer(serial=f"K{number}") for number in range(5)]
    small.sync()
    rows[2].fields["status"] = "nobody knows"

    found = only(context_of(small.life))

    assert (found.pairs, found.fields["equal"]) == (5, 4 * 9)
    assert [(one.crm_id, one.field) for one in found.differences] == [(rows[2].id, "(not readable on crm)")]


@pytest.mark.parametrize("side", list(Side))
def test_a_record_that_may_not_be_read_is_told_as_such(world: World, side: Side) -> None:
    small = world()
    for number in range(3):
        small.customer(serial=f"K{number}")
    small.sync()
    system = small.life.world.systems[side]
    system.forbidden = {next(system.of("customer")).id}

    found = only(context_of(small.life))

    assert [one.field for one in found.differences] == [f"(not readable on {side})"]
    assert (found.pairs, found.fields["equal"]) == (3, 2 * 9)


def test_references_with_one_id_that_mean_two_records_are_different(world: World) -> None:
    small = world()
    for system, serials in ((small.crm, ("K1", "K2")), (small.erp, ("K2", "K1"))):
        for serial in serials:
            small.customer(system.side, serial)
    small.crm.insert("contact", {"serial": "P", "customer": "1", "name": "X", "status": "active"}, ours=False)
    small.sync()
    (across,) = small.erp.of("contact")
    agreed = only(context_of(small.life), "contact")

    small.erp.change(across, {"customer": "1"})
    moved = only(context_of(small.life), "contact")

    assert agreed.differences == []
    assert [one.field for one in moved.differences] == ["customer"]


def test_what_nothing_explains_goes_back_into_the_inbox(world: World) -> None:
    small = world()
    row = small.customer()
    small.sync()
    small.crm.change(row, {"name": "Berta"})

    _, code = verify(context_of(small.life), entities=["customer"])

    with small.life.desk.read() as connection:
        waiting = inbox.rows(connection, "customer", Side.CRM, [row.id])
    assert (code, waiting[row.id].why) == (Exit.FAILED, "verify")


def test_a_side_of_which_little_is_linked_is_not_read_as_a_whole(world: World) -> None:
    small = world()
    small.customer()
    small.sync()
    for number in range(2, 6):
        small.customer(serial=f"K{number}", status="nobody knows")
    small.sync()
    work = work_on(context_of(small.life))

    found = only(work.context)

    assert side_to_list(work) is None
    assert (found.pairs, found.fields["equal"], found.unlinked[Side.CRM, "with an open problem"]) == (1, 9, 4)


def test_the_side_is_listed_whose_pages_are_larger(world: World) -> None:
    small = world(crm=Traits.good(sizes=(2, 50, 50, 50)))
    small.customer()
    small.sync()

    assert side_to_list(work_on(context_of(small.life))) is Side.ERP


def test_pages_read_ahead_tell_the_same(world: World) -> None:
    few = Traits.good(sizes=(3, 2, 2, 50))
    small = world(crm=few, erp=few)
    rows = [small.customer(serial=f"K{number}") for number in range(14)]
    small.sync()
    small.crm.change(rows[7], {"name": "Berta"})
    context = context_of(small.life)

    in_turn = only(context)
    with_threads = only(replace(context, executor=beside))

    assert in_turn == with_threads
    assert (in_turn.pairs, len(in_turn.differences)) == (14, 1)


def test_every_link_is_marked_once() -> None:
    marks, numbers = Marks(), [1, 7, 8, 70_000, 7, 3, 1]

    fresh = [number for number in numbers if marks.add(number)]

    assert fresh == [1, 7, 8, 70_000, 3]
    assert (marks.count, marks.sum) == (5, 70_019)
