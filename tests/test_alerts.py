"""Alerts: told once when something stops, again after a while, and when it is over; never too many."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from connector.alerts import Alerts, senders
from connector.records import Problem, Side
from connector.services import AlertSettings
from connector.standing import reader
from connector.store import pauses, problems, standings
from connector.store.database import Store
from tests.clocks import WallClock
from tests.receiver import Inbox, listening

ENTITIES = ("customer", "order")


class Office:
    """A store in which things go wrong, somebody who is told, and time."""

    def __init__(self, store: Store, chat: Inbox, at: datetime, **settings: object) -> None:
        self.store, self.chat, self.clock = store, chat, WallClock(at)
        given = AlertSettings.model_validate({"url": SecretStr(chat.url), **settings})
        self.counted: list[str] = []
        read = reader(store, ENTITIES, timedelta(hours=1), self.clock)
        self.alerts = Alerts(given, read, store, senders(given), self.clock, self.counted.append)

    def halt(self, entity: str, reason: str = "the system does not answer") -> None:
        with self.store.write() as connection:
            standings.note_halted(connection, {entity: reason}, "run", self.clock())

    def recover(self, *entities: str) -> None:
        with self.store.write() as connection:
            standings.note_good(connection, entities, "run", self.clock())

    def look(self, after: timedelta = timedelta()) -> None:
        self.clock.wait(after.total_seconds())
        self.alerts.look()


@pytest.fixture
def chat() -> Iterator[Inbox]:
    with listening() as made:
        yield made


@pytest.fixture
def office(store: Store, chat: Inbox, at: datetime) -> Office:
    return Office(store, chat, at)


def test_a_halt_is_told_once_and_so_is_its_end(office: Office) -> None:
    office.halt("customer")
    office.look()
    office.look(timedelta(minutes=10))
    office.recover("customer")
    office.look()
    office.look()

    assert office.chat.about("halted customer") == ["halted", "recovered"]
    assert "customer is halted: the system does not answer" in office.chat.posts[0]["text"]


def test_a_halt_that_goes_on_is_told_again_after_a_while(office: Office) -> None:
    office.halt("customer")
    for _ in range(10):
        office.look(timedelta(hours=1))

    assert office.chat.about("halted customer") == ["halted"] * 3


def test_an_entity_that_has_not_gone_through_for_too_long_is_told(office: Office) -> None:
    office.recover(*ENTITIES)
    office.look(timedelta(minutes=59))
    assert office.chat.posts == []

    office.look(timedelta(minutes=2))

    assert office.chat.about("stale") == ["stale"]
    assert "customer, order" in office.chat.posts[0]["text"]


def test_many_problems_are_told_and_few_are_not(office: Office) -> None:
    for number in range(9):
        _trouble(office, number)
    office.look()
    assert office.chat.posts == []

    _trouble(office, 9)
    office.look()

    assert office.chat.about("problems customer") == ["problems"]


def _trouble(office: Office, number: int) -> None:
    with office.store.write() as connection:
        problems.report(
            connection, [Problem("customer", Side.CRM, f"acc-{number}", "rejected", "refused")], office.clock()
        )


def test_what_is_paused_is_not_told(office: Office) -> None:
    office.halt("customer")
    with office.store.write() as connection:
        pauses.add(connection, ["customer"], "me", office.clock())

    office.look()

    assert office.chat.posts == []


def test_what_could_not_be_told_is_told_later(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.chat.status = 500
    office.halt("customer")
    office.look()
    office.look(timedelta(seconds=5))
    office.chat.status = 200
    office.look(timedelta(minutes=2))

    assert office.chat.about("halted customer") == ["halted"]
    assert office.counted == ["failed", "sent"]
    assert "very-secret-path" not in capsys.readouterr().out


def test_no_more_than_the_hours_measure_is_told(store: Store, chat: Inbox, at: datetime) -> None:
    office = Office(store, chat, at, most_per_hour=3)
    for _ in range(5):
        office.halt("customer")
        office.look(timedelta(minutes=1))
        office.recover("customer")
        office.look(timedelta(minutes=1))

    assert len(chat.posts) == 3
    office.look(timedelta(hours=1))
    assert chat.about("halted customer")[-1] == "recovered"


def test_two_processes_tell_once(office: Office) -> None:
    office.halt("customer")
    office.look()

    Office(office.store, office.chat, office.clock()).look()

    assert office.chat.about("halted customer") == ["halted"]


def test_a_command_gets_the_text_and_all_of_the_alert(tmp_path: Path, store: Store, chat: Inbox, at: datetime) -> None:
    out = tmp_path / "told"
    program = f"import sys; open({str(out)!r}, 'w').write(sys.argv[1] + '\\n' + sys.stdin.read())"
    office = Office(store, chat, at, command=[sys.executable, "-c", program])
    office.halt("order")

    office.look()

    text, content = out.read_text(encoding="utf-8").split("\n", 1)
    assert text == "connector: order is halted: the system does not answer"
    assert json.loads(content)["kind"] == "halted"


def test_a_command_that_fails_is_counted_and_stops_nothing(store: Store, chat: Inbox, at: datetime) -> None:
    office = Office(store, chat, at, command=["/does/not/exist"])
    office.halt("order")

    office.look()

    assert sorted(office.counted) == ["failed", "sent"]
