"""Ticks: each is taken once, by whichever daemon comes first."""

from datetime import datetime, timedelta

import pytest

from connector.store import ticks
from connector.store.database import Store

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("late", "taken"),
    [
        pytest.param(timedelta(), False, id="the same tick of a cron line"),
        pytest.param(HOUR / 3, False, id="the next one of a grid that lies between"),
        pytest.param(HOUR, True, id="the next tick"),
        pytest.param(HOUR + HOUR / 3, True, id="the next one of that grid, where the other daemon has died"),
        pytest.param(-3 * HOUR, True, id="a tick after the clock was set back"),
    ],
)
def test_a_tick_is_taken_once_whoever_asks(store: Store, at: datetime, late: timedelta, *, taken: bool) -> None:
    with store.write() as conn:
        assert ticks.claim(conn, "stock", at, at - HOUR, at)

        assert ticks.claim(conn, "stock", at + late, at + late - HOUR, at + late) is taken


def test_schedules_have_ticks_of_their_own(store: Store, at: datetime) -> None:
    with store.write() as conn:
        assert ticks.claim(conn, "stock", at, at - HOUR, at)

        assert ticks.claim(conn, "order", at, at - HOUR, at)
