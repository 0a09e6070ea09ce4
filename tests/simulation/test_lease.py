"""A process that slept between its journal and its call, while another one took over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest

from connector.apply import send_creates
from connector.context import Work
from connector.decide import decide
from connector.errors import LeaseLost
from connector.gather import gather
from connector.pull import pull
from connector.records import Side
from connector.report import Report
from connector.stage import stage
from connector.store import inbox
from connector.sync import running
from tests.simulation.process import Process
from tests.simulation.small import Small
from tests.simulation.traits import Traits
from tests.simulation.wire import CALM

World = Callable[..., Small]


@contextmanager
def begun(small: Small) -> Iterator[Work]:
    """The customers' part of a run that goes on."""
    context = small.life.running(Random(0)).context
    report = Report(context.new_id(), "sync")
    with running(context, report) as epoch:
        yield Work(context, context.entities["customer"], report.run, report.tally("customer"), epoch)


def take_over(small: Small) -> None:
    """Another process does a whole run."""
    other = Process(small.life, small.life.disk.url, small.life.script.rules, Random(0))
    other.run(CALM)
    other.close()


@pytest.mark.parametrize("safety", ["key", "none"])
def test_a_process_that_slept_sends_nothing_once_another_one_took_over(world: World, safety: str) -> None:
    small = world(erp=Traits.good(safety=safety))
    small.customer()
    with begun(small) as work:
        for side in Side:
            pull(work, side)
        with work.store.read() as connection:
            rows = inbox.take(connection, "customer", 0, 9, work.now())
        chunk = gather(work, rows)
        creates = stage(work, decide(work, chunk))
        small.wait(work.context.limits.lease.total_seconds() + 1)
        take_over(small)
        before = small.erp.requests

        with pytest.raises(LeaseLost):
            send_creates(work, creates, chunk.refs)

    assert small.erp.requests == before
    assert (len(list(small.erp.of("customer"))), small.causes()) == (1, [])


def test_the_store_is_asked_about_the_lease_only_where_nothing_was_stored_lately(world: World) -> None:
    small = world()
    with begun(small) as work:
        process = small.life.running(Random(0))
        boundaries = [process.boundary]
        for seconds in (0, 1, 100):
            small.wait(seconds)
            work.hold_lease()
            boundaries.append(process.boundary)

    first, asked, known, again = boundaries
    assert first < asked == known < again
