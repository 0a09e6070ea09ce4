"""The daemon by a clock of the test's own: a day in seconds, with real systems and a real store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Connection

from connector import sync as running
from connector.always import build_daemon
from connector.bootstrap import build
from connector.context import Context, Quiet
from connector.daemon import Daemon, Doors
from connector.errors import StoreError
from connector.records import Arrival, Problem, Side
from connector.report import Report
from connector.retries import retry_problems
from connector.settings import Settings, load_settings
from connector.store import inbox, journal, leases, pauses, problems
from tests.clocks import WallClock
from tests.systems import Systems

DAILY = """
sync: {lease_seconds: 86400}
daemon:
  every: 6h
  poll_seconds: 60
  timezone: Europe/Berlin
  entities:
    customer: {cron: "0 3 * * *"}
    product: {every: 30m}
"""


class LongRun(Quiet):
    """A run that takes hours, once."""

    def __init__(self, clock: WallClock) -> None:
        self._clock, self._at_work = clock, True

    def step(self, entity: str, activity: str, done: int) -> None:
        if self._at_work:
            self._at_work = False
            self._clock.wait(3 * 3600)


class Watch:
    """A daemon, its clock, and what its store says of its runs."""

    def __init__(self, context: Context, settings: Settings, clock: WallClock) -> None:
        self.context, self.settings, self.clock = context, settings, clock
        self.started = clock()

    def daemon(self, until: datetime) -> Daemon:
        """A daemon that is told to stop when the clock says so."""
        return build_daemon(self.settings, self.context, Doors(self.clock.wait, lambda: self.clock() >= until))

    def live(self, hours: float) -> None:
        self.daemon(self.clock() + timedelta(hours=hours)).run()

    def runs(self, entity: str, kind: str = "sync") -> list[datetime]:
        """When this entity was run, to the minute."""
        with self.context.store.read() as connection:
            found = journal.last_runs(connection, 10_000)
        return sorted(
            run.started_at.replace(second=0, microsecond=0)
            for run in found
            if run.kind == kind and entity in {one["entity"] for one in run.counts.get("entities", ())}
        )


@contextmanager
def watching(systems: Systems, folder: Path, start: datetime, more: str = DAILY) -> Iterator[Watch]:
    """Everything a daemon needs, with a clock that starts then."""
    settings = load_settings(systems.write_config(folder, more), {})
    clock = WallClock(start)
    context = replace(build(settings), clock=clock)
    try:
        yield Watch(context, settings, clock)
    finally:
        for system in context.systems.values():
            system.adapter.close()
        context.store.close()


@pytest.fixture
def watch(reference_systems: Systems, tmp_path: Path) -> Iterator[Watch]:
    with watching(reference_systems, tmp_path, datetime(2026, 12, 1, 12, tzinfo=UTC)) as made:
        yield made


def test_a_day_over_the_change_to_summer_time_keeps_every_schedule(reference_systems: Systems, tmp_path: Path) -> None:
    start = datetime(2027, 3, 27, 12, tzinfo=UTC)
    with watching(reference_systems, tmp_path, start) as watch:
        watch.live(24)

        assert watch.runs("customer") == [start, datetime(2027, 3, 28, 1, tzinfo=UTC)]
        assert watch.runs("product") == [start + n * timedelta(minutes=30) for n in range(48)]
        assert watch.runs("order") == [start + n * timedelta(hours=6) for n in range(4)]


def test_two_daemons_on_one_store_run_what_one_would(watch: Watch) -> None:
    replicas = [watch.daemon(watch.started + timedelta(days=1))]
    replicas[0].look()
    watch.clock.wait(600)
    replicas.append(watch.daemon(watch.started + timedelta(days=1)))

    for _ in range(10):
        for replica in replicas:
            replica.look()
        watch.clock.wait(600)

    # The second one looks once when it starts, as whatever starts does, and that is a tick as good as any.
    minutes = [round((when - watch.started) / timedelta(minutes=1)) for when in watch.runs("product")]
    assert minutes == [0, 10, 40, 70, 100]


def test_a_clock_that_is_set_back_and_forth_neither_stops_nor_hurries_the_daemon(watch: Watch) -> None:
    watch.clock.step(watch.started + timedelta(hours=2), timedelta(hours=-1))
    watch.clock.step(watch.started + timedelta(hours=3), timedelta(hours=5))

    watch.live(12)

    shown = sorted([12, 12.5, 13, 13.5] + [13, 13.5, 14, 14.5] + [20 + n / 2 for n in range(8)])
    assert [when.hour + when.minute / 60 for when in watch.runs("product")] == shown


def test_a_long_run_is_followed_by_one_and_not_by_all_it_missed(watch: Watch) -> None:
    watch.context = replace(watch.context, progress=LongRun(watch.clock))

    watch.live(4)

    expected = [watch.started, *(watch.started + timedelta(hours=3, minutes=n) for n in (0, 30))]
    assert watch.runs("product") == expected


def test_what_arrives_is_settled_at_the_next_look(watch: Watch) -> None:
    watch.live(0.01)
    with watch.context.store.write() as connection:
        inbox.put(connection, [Arrival("customer", Side.CRM, "not-there", "webhook")], watch.clock())

    watch.live(0.05)

    assert len(watch.runs("customer", "drain")) == 1
    with watch.context.store.read() as connection:
        assert inbox.rows(connection, "customer", Side.CRM, ["not-there"]) == {}


def test_what_is_paused_is_left_alone_and_misses_its_times(watch: Watch) -> None:
    with watch.context.store.write() as connection:
        pauses.add(connection, ["product"], "me", watch.clock())
    watch.live(2.01)
    with watch.context.store.write() as connection:
        pauses.lift(connection, ["product"])
    watch.live(0.6)

    assert [when - watch.started for when in watch.runs("product")] == [
        timedelta(hours=2, minutes=1),
        timedelta(hours=2, minutes=31),
    ]


def test_everything_can_be_paused(watch: Watch) -> None:
    with watch.context.store.write() as connection:
        pauses.add(connection, [pauses.ALL], "me", watch.clock())

    watch.live(7)

    assert watch.runs("product") == watch.runs("order") == []


def test_while_another_process_is_at_work_the_daemon_waits_for_its_turn(watch: Watch) -> None:
    with watch.context.store.write() as connection:
        leases.acquire(connection, "sync", "another/machine/1/run", timedelta(minutes=10), watch.clock())

    watch.live(0.5)

    assert watch.runs("product")[0] - watch.started == timedelta(minutes=10)


def test_a_daemon_that_is_kept_out_for_long_says_so(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    # What another test had left out of the log is told again.
    structlog.reset_defaults()
    with watch.context.store.write() as connection:
        leases.acquire(connection, "sync", "another/machine/1/run", timedelta(minutes=10), watch.clock())

    watch.live(0.5)

    told = [line for line in "".join(capsys.readouterr()).splitlines() if "kept_out" in line]
    assert 5 <= len(told) <= 10
    assert "another connector process is at work" in told[0]


@pytest.mark.parametrize("lost", ["its last transaction", "the answer to its first"])
def test_a_daemon_whose_store_went_away_at_the_end_of_a_run_keeps_nobody_out(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    broken = [1]
    release, begin = leases.release, running._begin

    def fail() -> None:
        if broken:
            broken.pop()
            raise StoreError("the connection was closed")

    def fails_to_release(connection: Connection, name: str, epoch: int) -> None:
        fail()
        release(connection, name, epoch)

    def begins_unheard(context: Context, report: Report) -> int:
        epoch = begin(context, report)
        fail()
        return epoch

    if lost == "its last transaction":
        monkeypatch.setattr(leases, "release", fails_to_release)
    else:
        monkeypatch.setattr(running, "_begin", begins_unheard)

    watch.live(1.1)

    assert not broken
    assert watch.runs("product")


def refused(watch: Watch, cause: str = "rejected") -> Problem:
    """A record that one side refused, as the last run met it."""
    problem = Problem("customer", Side.CRM, "acc-refused", cause, "refused")
    with watch.context.store.write() as connection:
        problems.report(connection, [problem], watch.clock())
    return problem


def tries(watch: Watch, hours: float, cause: str = "rejected") -> list[float]:
    """After how many hours the record was tried again, asked every minute; every try is refused again."""
    found = []
    for minute in range(int(hours * 60)):
        watch.clock.wait(60)
        if retry_problems(watch.context.store, watch.clock(), timedelta(minutes=15), timedelta(hours=4)):
            found.append((minute + 1) / 60)
            refused(watch, cause)
    return found


def test_a_problem_is_tried_again_after_growing_rests(watch: Watch) -> None:
    refused(watch)

    assert tries(watch, 18) == [0.25, 0.75, 1.75, 3.75, 7.75, 11.75, 15.75]
    with watch.context.store.read() as connection:
        assert inbox.depth(connection)["customer"][0] == 1


def test_a_try_that_says_nothing_is_not_made_again_at_once(watch: Watch) -> None:
    refused(watch)
    first, most = timedelta(minutes=15), timedelta(hours=4)
    watch.clock.wait(15 * 60)
    assert retry_problems(watch.context.store, watch.clock(), first, most) == 1

    watch.clock.wait(60)

    assert retry_problems(watch.context.store, watch.clock(), first, most) == 0


@pytest.mark.parametrize("cause", ["ambiguous", "waiting", "outcome_unknown"])
def test_what_waits_for_a_person_is_not_tried_by_itself(watch: Watch, cause: str) -> None:
    refused(watch, cause)

    assert tries(watch, 30, cause) == []
