"""When a side's clock was noted: often enough to see that it goes on, and not with every run."""

from collections.abc import Callable
from datetime import datetime

import pytest

from connector.records import Side
from connector.store import endpoints
from tests.simulation.small import Small

World = Callable[..., Small]


def noted(small: Small) -> datetime | None:
    """When the CRM's clock was noted last."""
    with small.life.desk.read() as connection:
        known = endpoints.get(connection, Side.CRM)
    return None if known is None else known.answered_at


@pytest.mark.parametrize(("seconds", "again"), [(20, False), (70, True)])
def test_a_clock_that_was_noted_a_moment_ago_is_not_noted_again(world: World, seconds: float, *, again: bool) -> None:
    small = world()
    small.sync()
    before = noted(small)
    small.wait(seconds)

    small.sync()

    assert before is not None
    assert (noted(small) != before) is again
