"""The contract suite itself: an honest system passes it, and every lie is caught by the test that is about it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from typing_extensions import override

from connector.adapters.testing import AdapterContract, Decimals, SystemUnderTest
from connector.errors import Rejected
from connector.records import (
    Body,
    Cursor,
    Draft,
    Fetched,
    Fingerprint,
    Outcome,
    Page,
    Patch,
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
        secrets=(SECRET,),
    )


class TestAnHonestSystem(AdapterContract):
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


LIES: list[tuple[type[Memory], Callable[[AdapterContract, SystemUnderTest], None]]] = [
    (OverwritesStaleReads, AdapterContract.test_an_update_from_a_stale_read_is_refused),
    (OverwritesStaleReads, AdapterContract.test_a_delete_from_a_stale_read_is_refused),
    (ReplacesWholeRecords, AdapterContract.test_only_the_patched_fields_change),
    (SkipsTies, AdapterContract.test_a_window_starts_where_the_last_one_ended),
    (StartsTheNextWindowLate, AdapterContract.test_what_moves_during_paging_is_not_lost),
    (ForgetsMarkers, AdapterContract.test_records_are_found_by_their_markers),
    (ForgetsMarkers, AdapterContract.test_many_markers_are_found_at_once),
    (ForgetsMarkers, AdapterContract.test_a_repeated_create_makes_no_second_record),
    (ForgetsMarkers, AdapterContract.test_a_taken_marker_is_refused_with_the_id_that_holds_it),
    (AnswersInItsOwnOrder, AdapterContract.test_fetch_answers_in_order_and_tells_what_is_absent),
    (CountsTheDeleted, AdapterContract.test_the_count_follows_creates_and_deletes),
    (HidesTombstones, AdapterContract.test_a_deleted_record_leaves_a_tombstone),
    (SendsBodiesWithKeys, AdapterContract.test_keys_agree_with_records),
    (KeepsTheCursorToItself, AdapterContract.test_a_cursor_goes_on_in_another_process),
    (RoundsDecimals, AdapterContract.test_decimals_keep_every_digit),
    (DropsNulls, AdapterContract.test_an_emptied_field_is_empty),
    (CutsText, AdapterContract.test_awkward_characters_survive),
    (CutsText, AdapterContract.test_text_of_the_described_length_survives),
    (FailsTheWholeBatch, AdapterContract.test_one_wrong_record_fails_alone),
    (TellsOldVersions, AdapterContract.test_an_outcome_of_an_update_tells_what_is_stored),
    (TellsWhatWasSent, AdapterContract.test_an_outcome_tells_what_is_stored),
    (WritesReadOnlyFields, AdapterContract.test_a_read_only_field_keeps_its_value),
    (RefusesAChoice, AdapterContract.test_every_described_choice_is_accepted),
    (ShowsItsSecret, AdapterContract.test_no_credentials_show),
    (DoesWhatItIsNotAskedFor, AdapterContract.test_what_is_not_claimed_is_refused),
    (StumblesOverTheDeleted, AdapterContract.test_a_delete_is_done_once_and_then_already_done),
    (IsSomebodyElseEachTime, AdapterContract.test_the_system_tells_who_it_is),
]


@pytest.mark.parametrize(("liar", "test"), LIES, ids=[f"{liar.__name__}: {test.__name__}" for liar, test in LIES])
def test_a_lie_is_caught(liar: type[Memory], test: Callable[[AdapterContract, SystemUnderTest], None]) -> None:
    with pytest.raises(AssertionError):
        test(AdapterContract(), system_of(liar))
