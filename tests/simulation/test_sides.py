"""Both sides are read at a time: what stops one of them neither stops the other nor hides what stops that."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from typing_extensions import override

from connector.context import Context
from connector.errors import AuthenticationFailed, LeaseLost, RunError, Sent, SystemDown
from connector.executor import beside
from connector.records import Cursor, Page, Resource, Side
from connector.report import Report
from connector.store import cursors, inbox
from connector.sync import sync
from tests.simulation.port import Port
from tests.simulation.small import Small

World = Callable[..., Small]
DOWN = SystemDown("the system is down", sent=Sent.NO)
LOCKED = AuthenticationFailed("the credentials were refused")


class Failing(Port):
    """A system whose scans come to an error."""

    def __init__(self, port: Port, error: Exception) -> None:
        super().__init__(port.system, port.wire)
        self.error = error

    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        raise self.error


def failing(small: Small, errors: Mapping[Side, RunError], **more: Any) -> Context:
    """What a run is given, with systems of which some fail."""
    context = small.life.running(Random(0)).context
    systems = dict(context.systems)
    for side, error in errors.items():
        port = systems[side].adapter
        assert isinstance(port, Port)
        systems[side] = systems[side]._replace(adapter=Failing(port, error))
    return replace(context, systems=systems, **more)


def run(context: Context) -> Report:
    return sync(context, entities=["customer"])


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("threads", [{}, {"executor": beside}], ids=["in turn", "at a time"])
def test_what_one_side_showed_is_kept_when_the_other_one_fails(
    world: World, side: Side, threads: dict[str, Any]
) -> None:
    small = world()
    small.customer(side.other)

    report = run(failing(small, {side: DOWN}, **threads))

    assert report.halted == ["customer: the system is down"]
    with small.life.desk.read() as connection:
        assert cursors.get(connection, "customer", side.other).complete
        assert not cursors.get(connection, "customer", side).complete
        assert [row.side for row in inbox.take(connection, "customer", 0, 9, small.life.world.now())] == [side.other]


def test_where_both_sides_fail_both_are_told(world: World) -> None:
    report = run(failing(world(), {Side.CRM: DOWN, Side.ERP: LOCKED}))

    assert sorted(report.halted) == ["customer: the credentials were refused", "customer: the system is down"]


def test_after_a_side_failed_nothing_is_created(world: World) -> None:
    small = world()
    small.customer(Side.CRM)

    run(failing(small, {Side.ERP: DOWN}))

    assert list(small.erp.of("customer")) == []


def test_who_lost_the_lease_reads_no_further(world: World) -> None:
    small = world()
    small.customer(Side.ERP)

    with pytest.raises(LeaseLost):
        run(failing(small, {Side.CRM: LeaseLost("another process took over")}))

    with small.life.desk.read() as connection:
        assert not cursors.get(connection, "customer", Side.ERP).complete
