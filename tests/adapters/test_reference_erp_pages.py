"""Page numbers lose nothing, whatever changes while the pages are read."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses

from connector.adapters.authentication import ApiKey
from connector.adapters.http import HttpClient
from connector.adapters.reference_erp import ReferenceErp
from connector.adapters.testing_system import body_of
from connector.errors import ProtocolError
from connector.records import Cursor, Page, Resource

URL = "https://erp.test"
PARTNERS = Resource("partners")
START = datetime(2026, 11, 23, 20, 0, 0, tzinfo=UTC)


class Wire:
    """The ERP's list of partners over HTTP: rows, a clock, and what happens before each answer."""

    def __init__(self) -> None:
        self.rows: dict[int, str] = {}
        self.clock = START
        self.before: Callable[[], None] = lambda: None
        self.asked: list[dict[str, str]] = []

    @property
    def now(self) -> str:
        return self.clock.strftime("%Y-%m-%d %H:%M:%S")

    def write(self, *ids: int) -> None:
        self.rows.update(dict.fromkeys(ids, self.now))

    def wait(self, seconds: float) -> None:
        self.clock += timedelta(seconds=seconds)

    def disturb(self, chance: random.Random) -> None:
        """Somebody changes, adds or deletes a few records, and time passes."""
        newest = max(self.rows, default=0)
        for each in chance.sample(range(1, newest + 2), chance.choice([0, 0, 1, 2])) if newest else []:
            self.write(each)
        self.rows.pop(chance.randint(1, 3 * newest + 1), None)
        self.wait(chance.choice([0, 0.1, 0.4, 1, 2]))

    def answer(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.before()
        query = dict(parse_qsl(urlsplit(str(request.url)).query))
        self.asked.append(query)
        lower, upper = query.get("write_date_from", ""), query.get("write_date_to", "9")
        ids = sorted(each for each, moment in self.rows.items() if lower <= moment <= upper)
        size = int(query["per_page"])
        start = (int(query["page"]) - 1) * size
        items = [{"id": each, "revision": 1, "write_date": self.rows[each]} for each in ids[start : start + size]]
        return 200, {}, json.dumps({"items": items, "total": len(ids), "now": self.now})


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    with responses.RequestsMock() as mock:
        mock.add_callback("GET", f"{URL}/api/partners", made.answer)
        yield made


@pytest.fixture
def erp() -> ReferenceErp:
    client = HttpClient(URL, name="erp", auth=ApiKey("X-API-Key", lambda: "key"))
    return ReferenceErp(client, page_size=5, keys_page_size=5)


def scan(erp: ReferenceErp, cursor: Cursor | None = None) -> tuple[list[int], Cursor]:
    seen: list[int] = []
    while True:
        page = erp.scan(PARTNERS, cursor)
        seen += [int(each.id) for each in page.remotes]
        cursor = page.cursor
        if not page.more:
            return seen, cursor


def test_a_poll_that_fits_a_page_is_one_request(wire: Wire, erp: ReferenceErp) -> None:
    wire.write(1, 2, 3)

    seen, _ = scan(erp)

    assert seen == [1, 2, 3]
    assert len(wire.asked) == 1


def test_a_quiet_scan_of_many_pages_gives_each_record_once(wire: Wire, erp: ReferenceErp) -> None:
    wire.write(*range(1, 24))
    wire.wait(10)

    seen, _ = scan(erp)

    assert seen == list(range(1, 24))


def test_the_next_window_begins_a_second_before_the_last_ended(wire: Wire, erp: ReferenceErp) -> None:
    wire.write(1)
    _, cursor = scan(erp)

    scan(erp, cursor)

    assert wire.asked[-1]["write_date_from"] == "2026-11-23 19:59:59"


def test_records_written_in_the_second_of_the_scan_are_covered(wire: Wire, erp: ReferenceErp) -> None:
    wire.write(*range(1, 24))

    seen, cursor = scan(erp)
    wire.write(24)
    following, _ = scan(erp, cursor)

    assert set(seen) == set(range(1, 24))
    assert 24 in following


def test_a_record_that_leaves_the_window_hides_no_neighbour(wire: Wire, erp: ReferenceErp) -> None:
    wire.write(*range(1, 24))
    wire.wait(10)
    first = erp.scan(PARTNERS, None)

    wire.write(1, 2, 3)
    rest, _ = scan(erp, first.cursor)

    assert set(rest) >= set(range(6, 24)) | {1, 2, 3}


def test_a_window_that_grows_is_read_again_from_its_start(wire: Wire, erp: ReferenceErp) -> None:
    wire.write(*range(2, 24))
    wire.wait(10)
    first = erp.scan(PARTNERS, None)

    wire.rows[1] = "2026-11-23 20:00:00"
    rest, _ = scan(erp, first.cursor)

    assert 1 in rest


def test_a_resource_that_changes_faster_than_it_is_read_ends_the_run(wire: Wire, erp: ReferenceErp) -> None:
    wire.write(*range(1, 200))
    wire.wait(10)
    late = iter(range(200, 10_000))
    wire.before = lambda: wire.rows.update({next(late): "2026-11-23 20:00:00"})

    with pytest.raises(ProtocolError, match="changes faster"):
        scan(erp)


def test_a_foreign_cursor_is_refused(erp: ReferenceErp) -> None:
    for cursor in ("scroll-1", '{"offset": 3}', "[1, 2]"):
        with pytest.raises(ProtocolError, match="rewind"):
            erp.scan(PARTNERS, Cursor(cursor))


def test_ranges_of_a_quiet_list_give_each_record_once(wire: Wire, erp: ReferenceErp) -> None:
    wire.write(*range(1, 24))
    wire.wait(10)

    split = erp.split(PARTNERS, 10)

    assert [scan(erp, cursor)[0] for cursor in split.ranges] == [
        list(range(1, 11)),
        list(range(11, 21)),
        list(range(21, 24)),
    ]
    assert scan(erp, split.after)[0] == []


def test_a_range_of_a_window_that_grows_is_read_with_all_of_the_window(wire: Wire, erp: ReferenceErp) -> None:
    wire.write(*range(11, 34))
    wire.wait(10)
    split = erp.split(PARTNERS, 10)

    wire.rows.update(dict.fromkeys(range(1, 8), "2026-11-23 20:00:00"))
    last, _ = scan(erp, split.ranges[-1])

    assert set(last) == set(range(1, 8)) | set(range(11, 34))


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_lost_between_ranges_in_any_disorder(wire: Wire, erp: ReferenceErp, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- no secret depends on it
    for each in range(1, chance.randint(12, 60)):
        wire.write(each)
        wire.wait(chance.choice([0, 0, 0, 0.4, 1]))
    wire.wait(2)

    wire.before = lambda: wire.disturb(chance)
    split, seen = erp.split(PARTNERS, chance.choice([3, 5, 12])), dict[int, str]()
    for cursor in chance.sample(split.ranges, len(split.ranges)):
        window(erp, cursor, seen)
    wire.before = lambda: None
    window(erp, split.after, seen)

    assert {each: seen.get(each) for each in wire.rows} == wire.rows


@pytest.mark.parametrize("seed", range(60))
def test_nothing_is_lost_in_any_disorder(wire: Wire, erp: ReferenceErp, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- no secret depends on it
    for each in range(1, chance.randint(2, 60)):
        wire.write(each)
        wire.wait(chance.choice([0, 0, 0, 0.4, 1]))

    wire.before = lambda: wire.disturb(chance)
    cursor, seen = None, dict[int, str]()
    for _ in range(3):
        cursor = window(erp, cursor, seen)
    wire.before = lambda: None
    window(erp, cursor, seen)

    assert {each: seen.get(each) for each in wire.rows} == wire.rows


@pytest.mark.parametrize("seed", range(30))
def test_nothing_is_lost_when_pages_are_asked_for_out_of_turn(wire: Wire, erp: ReferenceErp, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- no secret depends on it
    for each in range(1, chance.randint(20, 60)):
        wire.write(each)
        wire.wait(chance.choice([0, 0, 0, 0.4, 1]))

    wire.before = lambda: wire.disturb(chance)
    cursor, seen = None, dict[int, str]()
    for _ in range(3):
        cursor = window(Hasty(erp, chance), cursor, seen)
    wire.before = lambda: None
    window(erp, cursor, seen)

    assert {each: seen.get(each) for each in wire.rows} == wire.rows


def test_pages_of_a_closed_window_can_be_foretold(wire: Wire, erp: ReferenceErp) -> None:
    wire.write(*range(1, 24))
    wire.wait(10)
    first = erp.scan(PARTNERS, None)

    foretold = list(erp.ahead(PARTNERS, first.cursor))

    pages = [erp.scan(PARTNERS, cursor) for cursor in [*foretold[::-1], first.cursor][::-1]]
    assert [page.cursor for page in pages[:-1]] == foretold
    assert [int(one.id) for page in pages for one in page.remotes] == list(range(6, 24))


def test_a_page_that_was_foretold_is_not_led_to_once_somebody_left(wire: Wire, erp: ReferenceErp) -> None:
    wire.write(*range(1, 24))
    wire.wait(10)
    first = erp.scan(PARTNERS, None)
    foretold = list(erp.ahead(PARTNERS, first.cursor))

    wire.write(2)

    assert erp.scan(PARTNERS, first.cursor).cursor not in foretold


def test_what_changes_right_now_is_not_read_out_of_turn(wire: Wire, erp: ReferenceErp) -> None:
    wire.write(1)
    _, cursor = scan(erp)
    wire.write(*range(1, 18))

    page = erp.scan(PARTNERS, cursor)

    assert page.more
    assert list(erp.ahead(PARTNERS, page.cursor)) == []


def test_what_was_written_moments_ago_is_asked_for_page_by_page_and_once_more_later(
    wire: Wire, erp: ReferenceErp
) -> None:
    wire.write(1)
    _, cursor = scan(erp)
    wire.write(*range(1, 18))
    wire.wait(3)

    seen, cursor = scan(erp, cursor)
    again, _ = scan(erp, cursor)

    assert (seen, again) == (list(range(1, 18)), list(range(1, 18)))
    assert [each["page"] for each in wire.asked[1:5]] == ["1", "2", "3", "4"]


class Hasty:
    """Reads through an adapter as `connector.paging` does, but asks for pages out of turn as chance will have it."""

    def __init__(self, erp: ReferenceErp, chance: random.Random) -> None:
        self.erp, self.chance = erp, chance
        self.asked: dict[Cursor | None, Page] = {}

    def scan(self, resource: Resource, cursor: Cursor | None) -> Page:
        ahead = [cursor, *(islice(self.erp.ahead(resource, cursor), 3) if cursor else ())]
        for each in self.chance.sample(ahead, len(ahead)):
            if each not in self.asked:
                self.asked[each] = self.erp.scan(resource, each)
        page = self.asked.pop(cursor)
        if page.cursor not in self.asked:
            self.asked.clear()
        return page


def window(erp: ReferenceErp | Hasty, cursor: Cursor | None, seen: dict[int, str]) -> Cursor:
    """Read one window and note which state of which record was seen last."""
    while True:
        page = erp.scan(PARTNERS, cursor)
        seen |= {int(each.id): body_of(each)["write_date"] for each in page.remotes}
        cursor = page.cursor
        if not page.more:
            return cursor
