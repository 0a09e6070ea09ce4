"""The contract suite itself: an honest system passes it, and every lie is caught by the test that is about it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest
from typing_extensions import override

from connector.adapters.base import Split
from connector.adapters.testing import Decimals, ResourceContract, SystemUnderTest
from connector.errors import Forbidden, Rejected
from connector.records import (
    Body,
    Cursor,
    Draft,
    Fetched,
    Fingerprint,
    Outcome,
    Page,
    Patch,
    Presence,
    Remote,
    Removal,
    Resource,
    Transition,
    Version,
)
from tests.adapters.memory import FIELDS, THINGS, Memory, Shelf

SECRET = "memory-secret"


def system_of(kind: type[Memory]) -> SystemUnderTest:
    shelf = Shelf()
    return SystemUnderTest(
        connect=lambda: kind(shelf),
        resource=THINGS,
        make_body=lambda n: {"name": f"Thing {n}", "note": "new", "price": "1.50", "colour": "red"},
        field="name",
        values=("First", "Second"),
        missing_id="987654",
        wrong={"name": None},
        text="note",
        decimals=Decimals("price", ("0.10", "1234567890123.45")),
        transition="close",
        forbid=shelf.forbidden.add,
        create_tied=lambda count: tied(kind(shelf), count),
        move=shelf.move,
        secrets=(SECRET,),
    )


def tied(adapter: Memory, count: int) -> list[str]:
    adapter.shelf.is_frozen = True
    drafts = [Draft(f"tied-{n}", {"name": f"Tied {n}"}, f"tied-{id(adapter)}-{n}") for n in range(count)]
    ids = [str(each.id) for each in adapter.create(THINGS, drafts)]
    adapter.shelf.is_frozen = False
    return ids


class TestAnHonestSystem(ResourceContract):
    @pytest.fixture
    def system(self) -> SystemUnderTest:
        return system_of(Memory)


class OverwritesStaleReads(Memory):
    @override
    def current(self, item: Patch | Removal | Transition) -> Remote:
        return super().current(item._replace(version=None))


class ReplacesWholeRecords(Memory):
    @override
    def change(self, item: Patch | Removal | Transition, fields: Body) -> Remote:
        empty = dict.fromkeys(each.name for each in FIELDS)
        return self.shelf.store(item.id, {**empty, **fields, "id": self.current(item).id, "state": "open"})


class SkipsTies(Memory):
    @override
    def in_window(self, remote: Remote, since: str) -> bool:
        return super().in_window(remote, since) and str(remote.modified and remote.modified.isoformat()) > since


class StartsTheNextWindowLate(Memory):
    @override
    def next_window(self, began: str) -> dict[str, Any]:
        return {"since": self.shelf.now.isoformat(), "began": "", "after": 0}


class LeavesOutTheLastRange(Memory):
    @override
    def split(self, resource: Resource, size: int) -> Split:
        return Split(super().split(resource, size).ranges[:-1], self.cursor_after(self.shelf.now.isoformat()))


class BeginsTheWindowAfterRangesLate(Memory):
    @override
    def split(self, resource: Resource, size: int) -> Split:
        return Split(super().split(resource, size).ranges, self.cursor_after("9999"))


class ForgetsMarkers(Memory):
    @override
    def find(self, resource: Resource, field: str, values: Sequence[str]) -> list[Remote]:
        return []


class AnswersInItsOwnOrder(Memory):
    @override
    def fetch(self, resource: Resource, ids: Sequence[str]) -> list[Fetched]:
        return sorted(super().fetch(resource, ids), key=lambda each: each.id)


class CountsTheDeleted(Memory):
    @override
    def count(self, resource: Resource) -> int | None:
        return len(self.shelf.rows)


class HidesTombstones(Memory):
    @override
    def in_window(self, remote: Remote, since: str) -> bool:
        return super().in_window(remote, since) and not remote.deleted


class SendsBodiesWithKeys(Memory):
    @override
    def shown(self, remote: Remote, *, keys_only: bool) -> Remote:
        return remote


class KeepsTheCursorToItself(Memory):
    pages = 0

    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        self.pages += 1
        return super().scan(resource, None if self.pages == 1 else cursor, keys_only=keys_only)


class ForetellsOtherPages(Memory):
    @override
    def ahead(self, resource: Resource, cursor: Cursor, *, keys_only: bool = False) -> Iterable[Cursor]:
        spot = orjson.loads(cursor)
        return [Cursor(orjson.dumps({**spot, "after": spot["after"] + 1}).decode())]


class RoundsDecimals(Memory):
    @override
    def writable(self, fields: Body) -> Body:
        return {
            name: str(float(value)) if name == "price" else value for name, value in super().writable(fields).items()
        }


class DropsNulls(Memory):
    @override
    def writable(self, fields: Body) -> Body:
        return {name: value for name, value in super().writable(fields).items() if value is not None}


class CutsText(Memory):
    @override
    def writable(self, fields: Body) -> Body:
        return {
            name: value[:20] if name == "note" and value else value for name, value in super().writable(fields).items()
        }


class FailsTheWholeBatch(Memory):
    @override
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        made = super().create(resource, drafts)
        failed = next((each.error for each in made if each.error), None)
        return [Outcome(None, error=failed) for _ in made] if failed else made


class TellsOldVersions(Memory):
    @override
    def attempt(self, record_id: str | None, write: Callable[[], Remote]) -> Outcome:
        return super().attempt(record_id, write)._replace(version=Version("1"))


class TellsWhatWasSent(Memory):
    @override
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        return [
            made._replace(body=draft.body) for made, draft in zip(super().create(resource, drafts), drafts, strict=True)
        ]


class WritesReadOnlyFields(Memory):
    @override
    def writable(self, fields: Body) -> Body:
        return fields


class RefusesAChoice(Memory):
    @override
    def make(self, draft: Draft) -> Remote:
        if draft.body["colour"] == "blue":
            raise Rejected("no blue today")
        return super().make(draft)


class ShowsItsSecret(Memory):
    @override
    def __repr__(self) -> str:
        return f"Memory({SECRET})"


class DoesWhatItIsNotAskedFor(Memory):
    @override
    def act(self, transition: Transition) -> Remote:
        return self.change(transition, {"state": "closed"})


class StumblesOverTheDeleted(Memory):
    @override
    def remove(self, removal: Removal) -> Remote:
        self.current(removal)
        return self.shelf.store(removal.id, None, deleted=True)


class IsSomebodyElseEachTime(Memory):
    @override
    def identify(self) -> Fingerprint:
        return super().identify()._replace(tenant=str(id(self)))


class TakesForbiddenForAbsent(Memory):
    @override
    def fetched(self, record_id: str) -> Fetched:
        told = super().fetched(record_id)
        return told._replace(presence=Presence.ABSENT) if told.presence is Presence.FORBIDDEN else told


class CountsTheForbiddenAsDeleted(Memory):
    @override
    def delete(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        return [
            Outcome(each.id) if isinstance(each.error, Forbidden) else each
            for each in super().delete(resource, removals)
        ]


class RefusesAllForOne(Memory):
    @override
    def update(self, resource: Resource, patches: Sequence[Patch]) -> list[Outcome]:
        outcomes = super().update(resource, patches)
        refused = next((each.error for each in outcomes if each.error), None)
        return [each._replace(error=refused) for each in outcomes]


class ShowsNewRecordsLate(Memory):
    looks = 0

    @override
    def fetch(self, resource: Resource, ids: Sequence[str]) -> list[Fetched]:
        self.looks += 1
        return [Fetched(each, Presence.ABSENT) for each in ids] if self.looks < 3 else super().fetch(resource, ids)

    @override
    def find(self, resource: Resource, field: str, values: Sequence[str]) -> list[Remote]:
        self.looks += 1
        return [] if self.looks < 3 else super().find(resource, field, values)


class JumpsOverWhatShowsLate(Memory):
    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self.shown_once: set[str] = set()

    @override
    def in_window(self, remote: Remote, since: str) -> bool:
        is_known = remote.id in self.shown_once
        self.shown_once.add(remote.id)
        return is_known and super().in_window(remote, since)

    @override
    def next_window(self, began: str) -> dict[str, Any]:
        return {"since": (self.shelf.now + timedelta(seconds=1)).isoformat(), "began": "", "after": 0}


class TakesMovesForDeletes(Memory):
    @override
    def fetched(self, record_id: str) -> Fetched:
        return super().fetched(record_id)._replace(moved_to=None)


class NumbersVersionsInAnyOrder(Memory):
    @override
    def shown(self, remote: Remote, *, keys_only: bool) -> Remote:
        version = Version(str(int(str(remote.version)) * 3571 % 9973))
        return super().shown(remote, keys_only=keys_only)._replace(version=version)

    @override
    def current(self, item: Patch | Removal | Transition) -> Remote:
        return super().current(item._replace(version=None))


class ListsNewVersionsOfOldBodies(Memory):
    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        page = super().scan(resource, cursor, keys_only=keys_only)
        old = [each._replace(body={**(each.body or {}), "name": "Thing"}) for each in page.remotes]
        return page._replace(remotes=old)


class PagesByTime(Memory):
    @override
    def number(self, remote: Remote) -> int:
        return int(remote.modified.timestamp()) if remote.modified else 0


LIES: list[tuple[type[Memory], Callable[[ResourceContract, SystemUnderTest], None]]] = [
    (OverwritesStaleReads, ResourceContract.test_an_update_from_a_stale_read_is_refused),
    (OverwritesStaleReads, ResourceContract.test_a_delete_from_a_stale_read_is_refused),
    (ReplacesWholeRecords, ResourceContract.test_only_the_patched_fields_change),
    (SkipsTies, ResourceContract.test_a_window_starts_where_the_last_one_ended),
    (StartsTheNextWindowLate, ResourceContract.test_what_moves_during_paging_is_not_lost),
    (LeavesOutTheLastRange, ResourceContract.test_ranges_show_what_a_whole_scan_shows),
    (BeginsTheWindowAfterRangesLate, ResourceContract.test_what_moves_while_ranges_are_read_is_not_lost),
    (ForgetsMarkers, ResourceContract.test_records_are_found_by_their_markers),
    (ForgetsMarkers, ResourceContract.test_many_markers_are_found_at_once),
    (ForgetsMarkers, ResourceContract.test_a_repeated_create_makes_no_second_record),
    (ForgetsMarkers, ResourceContract.test_a_taken_marker_is_refused_with_the_id_that_holds_it),
    (AnswersInItsOwnOrder, ResourceContract.test_fetch_answers_in_order_and_tells_what_is_absent),
    (CountsTheDeleted, ResourceContract.test_the_count_follows_creates_and_deletes),
    (HidesTombstones, ResourceContract.test_a_deleted_record_leaves_a_tombstone),
    (SendsBodiesWithKeys, ResourceContract.test_keys_agree_with_records),
    (KeepsTheCursorToItself, ResourceContract.test_a_cursor_goes_on_in_another_process),
    (ForetellsOtherPages, ResourceContract.test_pages_that_are_foretold_come_as_foretold_whenever_they_are_read),
    (RoundsDecimals, ResourceContract.test_decimals_keep_every_digit),
    (DropsNulls, ResourceContract.test_an_emptied_field_is_empty),
    (CutsText, ResourceContract.test_awkward_characters_survive),
    (CutsText, ResourceContract.test_text_of_the_described_length_survives),
    (FailsTheWholeBatch, ResourceContract.test_one_wrong_record_fails_alone),
    (TellsOldVersions, ResourceContract.test_an_outcome_of_an_update_tells_what_is_stored),
    (TellsWhatWasSent, ResourceContract.test_an_outcome_tells_what_is_stored),
    (WritesReadOnlyFields, ResourceContract.test_a_read_only_field_keeps_its_value),
    (RefusesAChoice, ResourceContract.test_every_described_choice_is_accepted),
    (ShowsItsSecret, ResourceContract.test_no_credentials_show),
    (DoesWhatItIsNotAskedFor, ResourceContract.test_what_is_not_claimed_is_refused),
    (StumblesOverTheDeleted, ResourceContract.test_a_delete_is_done_once_and_then_already_done),
    (IsSomebodyElseEachTime, ResourceContract.test_the_system_tells_who_it_is),
    (TakesForbiddenForAbsent, ResourceContract.test_forbidden_absent_and_deleted_are_told_apart),
    (CountsTheForbiddenAsDeleted, ResourceContract.test_a_forbidden_record_does_not_count_as_deleted),
    (RefusesAllForOne, ResourceContract.test_a_change_of_a_forbidden_record_fails_alone),
    (RefusesAllForOne, ResourceContract.test_one_stale_update_is_refused_alone),
    (RefusesAllForOne, ResourceContract.test_one_wrong_update_is_refused_alone),
    (ShowsNewRecordsLate, ResourceContract.test_a_new_record_is_fetched_within_the_declared_lag),
    (ShowsNewRecordsLate, ResourceContract.test_a_new_record_is_found_by_its_marker_within_the_declared_lag),
    (JumpsOverWhatShowsLate, ResourceContract.test_what_scans_show_late_is_not_jumped_over),
    (TakesMovesForDeletes, ResourceContract.test_a_record_that_goes_on_elsewhere_is_told_with_its_new_id),
    (NumbersVersionsInAnyOrder, ResourceContract.test_of_two_versions_the_larger_one_is_newer),
    (ListsNewVersionsOfOldBodies, ResourceContract.test_a_list_shows_each_state_under_its_own_version),
    (PagesByTime, ResourceContract.test_records_of_one_time_are_all_seen),
]


@pytest.mark.parametrize(("liar", "test"), LIES, ids=[f"{liar.__name__}: {test.__name__}" for liar, test in LIES])
def test_a_lie_is_caught(liar: type[Memory], test: Callable[[ResourceContract, SystemUnderTest], None]) -> None:
    with pytest.raises(AssertionError):
        test(ResourceContract(), system_of(liar))
