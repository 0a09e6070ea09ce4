"""When things are due: on their grid, once for many missed times, across summer time and clocks that are set."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.schedules import Schedule, trigger
from connector.services import Timing
from tests.clocks import WallClock

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)


def fired(timing: Timing, clock: WallClock, hours: float, jitter: timedelta = timedelta()) -> list[datetime]:
    """When it is done, if somebody looks every ten seconds by the clock on the wall."""
    schedule = Schedule(trigger(timing, clock(), "Europe/Berlin"), clock(), jitter=jitter, seed="one")
    found = []
    for _ in range(int(hours * 360)):
        if schedule.is_due(clock()):
            found.append(clock())
            schedule.begin(clock())
        clock.wait(10)
    return found


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        pytest.param(at(3, 28, 12), [at(3, 29, 1)], id="an hour earlier by UTC after summer time began"),
        pytest.param(at(10, 24, 12), [at(10, 25, 2)], id="an hour later by UTC after it ended"),
        pytest.param(at(6, 1, 12), [at(6, 2, 1)], id="as ever in between"),
    ],
)
def test_a_daily_cron_line_keeps_to_the_clock_on_the_wall(start: datetime, expected: list[datetime]) -> None:
    assert fired(Timing(cron="0 3 * * *"), WallClock(start), 24) == expected


def test_a_time_that_summer_time_leaves_out_is_kept_an_hour_later() -> None:
    found = fired(Timing(cron="30 2 * * *"), WallClock(at(3, 28, 12)), 24)

    assert [when.astimezone(BERLIN).strftime("%H:%M") for when in found] == ["03:30"]


def test_an_interval_knows_no_summer_time_and_does_not_drift() -> None:
    found = fired(Timing(every="5m"), WallClock(at(3, 28, 12)), 24)

    assert found == [at(3, 28, 12) + n * 5 * MINUTE for n in range(24 * 12)]


def test_jitter_does_not_add_up() -> None:
    found = fired(Timing(every="5m"), WallClock(at(6, 1, 12)), 24, jitter=timedelta(seconds=60))

    late = [(when - at(6, 1, 12)) % (5 * MINUTE) for when in found]
    assert len(found) in (287, 288)
    assert max(late) <= timedelta(seconds=70)
    assert len(set(late)) > 3


def test_what_is_due_at_one_instant_is_late_by_the_same() -> None:
    start = at(6, 1, 12)
    pair = [Schedule(trigger(Timing(every="5m"), start, "UTC"), start, jitter=MINUTE, seed="s") for _ in range(2)]

    assert pair[0].due_at(start) == pair[1].due_at(start) != start


def test_many_missed_times_are_due_once() -> None:
    clock = WallClock(at(6, 1, 12))
    schedule = Schedule(trigger(Timing(every="5m"), clock(), "UTC"), clock())
    clock.wait(3 * 3600 + 100)

    assert schedule.is_due(clock())
    schedule.begin(clock())
    assert schedule.due_at(clock()) == at(6, 1, 15, 5)


def test_a_clock_set_forward_costs_one_time_and_keeps_the_grid() -> None:
    clock = WallClock(at(6, 1, 12))
    clock.step(at(6, 1, 13, 2), timedelta(hours=2))

    found = fired(Timing(every="5m"), clock, 2)

    assert found[12:15] == [at(6, 1, 13), at(6, 1, 15, 2), at(6, 1, 15, 5)]


def test_a_clock_set_back_makes_nobody_wait_for_longer_than_an_interval() -> None:
    clock = WallClock(at(6, 1, 12))
    clock.step(at(6, 1, 13, 2), -timedelta(hours=6))

    found = fired(Timing(every="5m"), clock, 2)

    assert found[12:15] == [at(6, 1, 13), at(6, 1, 7, 5), at(6, 1, 7, 10)]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="neither"),
        pytest.param({"every": "5m", "cron": "* * * * *"}, id="both"),
        pytest.param({"cron": "61 * * * *"}, id="a minute that there is not"),
        pytest.param({"every": "0s"}, id="no time at all"),
    ],
)
def test_a_timing_that_says_nothing_clear_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"every|minute|expression|range"):
        Timing.model_validate(given)
