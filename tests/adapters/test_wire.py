"""What the adapters share at the wire: item results, refusals, promised shapes."""

from collections.abc import Mapping
from typing import Any

import pytest

from connector.adapters.http import Answer
from connector.adapters.wire import Refusal, accepted, batches, filters, outcomes, pack, promised, refused, unpack
from connector.errors import (
    AlreadyExists,
    AuthenticationFailed,
    Forbidden,
    Gone,
    Locked,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    RecordError,
    Rejected,
    UnreadableAnswer,
    VersionConflict,
)
from connector.records import Outcome, Removal, Resource

ITEMS = [Removal("k1", "1", None), Removal("k2", "2", None), Removal("k3", "3", None)]


def read(item: Removal, result: Mapping[str, Any]) -> Outcome:
    return Outcome(item.id, version=result["version"])


def test_items_that_are_not_reported_are_unknown() -> None:
    made = outcomes(ITEMS, [{"version": "7"}], read)

    assert made[0] == Outcome("1", version="7")
    assert [(each.id, type(each.error)) for each in made[1:]] == [("2", OutcomeUnknown), ("3", OutcomeUnknown)]


@pytest.mark.parametrize("result", [None, [], "ok", {"status": 200}, 5])
def test_an_illegible_result_is_unknown_and_the_next_one_counts(result: Any) -> None:
    made = outcomes(ITEMS[:2], [result, {"version": "7"}], read)

    assert isinstance(made[0].error, OutcomeUnknown)
    assert made[1].error is None


KINDS = {
    "a validation": (Refusal(422, "INVALID", "no"), Rejected),
    "a malformed value": (Refusal(400, "BAD", "no"), Rejected),
    "missing rights": (Refusal(403, "FORBIDDEN", "no"), Forbidden),
    "an unknown id": (Refusal(404, "NOT_FOUND", "no"), NotFound),
    "a deleted record": (Refusal(410, "GONE", "no"), Gone),
    "a stale version": (Refusal(412, "VERSION", "no"), VersionConflict),
    "a stale revision": (Refusal(409, "stale", "no"), VersionConflict),
    "a locked document": (Refusal(423, "LOCKED", "no"), Locked),
    "an item that came too early": (Refusal(429, "SLOW", "no"), OutcomeUnknown),
    "a server error in the middle of a batch": (Refusal(500, "OOPS", "no"), OutcomeUnknown),
    "a taken value, by the system's own code": (Refusal(409, "DUP", "no", kind=AlreadyExists), AlreadyExists),
}


@pytest.mark.parametrize(("refusal", "kind"), KINDS.values(), ids=KINDS)
def test_a_refusal_has_its_type(refusal: Refusal, kind: type[RecordError]) -> None:
    assert type(refused(refusal, "crm: accounts 1", {})) is kind


def test_a_taken_value_tells_who_holds_it() -> None:
    error = refused(Refusal(409, "DUP", "taken", "code", "17", AlreadyExists), "erp: items", {})

    assert isinstance(error, AlreadyExists)
    assert (error.field, error.existing_id) == ("code", "17")


def test_values_that_the_system_quotes_are_blotted_out() -> None:
    sent = {
        "email": "eva@mustermann",
        "address": {"city": "Ulm"},
        "lines": [{"note": "call 0731"}],
        "hold": True,
        "n": 1,
    }
    message = "'eva@mustermann' in Ulm, 'call 0731': True is 1 mistake"

    error = refused(Refusal(422, "INVALID", message, "email"), "crm: accounts acc-1", sent)

    assert str(error) == "crm: accounts acc-1: '…' in …, '…': True is 1 mistake (INVALID)"
    assert error.field == "email"


QUOTES = {
    "as it was sent": ("'Eva Quetzal' is taken", "'…' is taken"),
    "in other letters": ("EVA QUETZAL is taken", "… is taken"),
    "a telephone number with other signs": ("+49 (731) 55-01.23 4 is no number", "… is no number"),
    "a telephone number without signs": ("4973155012 34 is no number", "… is no number"),
    "a telephone number without its country": ("0731 5501234 is no number", "… is no number"),
    "an address in its normal form": ("eva@mustermann.test is taken", "… is taken"),
    "somebody else's address": ("compare <other@person.test>: it is alike", "compare <…>: it is alike"),
    "numbers of its own": ("line 17 of order 4711 is locked", "line 17 of order 4711 is locked"),
}


@pytest.mark.parametrize(("message", "shown"), QUOTES.values(), ids=QUOTES)
def test_values_are_blotted_out_however_they_are_quoted(message: str, shown: str) -> None:
    sent = {"name": "Eva Quetzal", "phone": "+49 731/550 1234", "email": "Eva@Mustermann.test"}

    error = refused(Refusal(422, "INVALID", message), "crm: accounts", sent)

    assert str(error) == f"crm: accounts: {shown} (INVALID)"


@pytest.mark.parametrize("data", [None, [], "text", {}, {"records": None}, {"records": {}}])
def test_an_answer_without_its_promised_member_is_unreadable(data: Any) -> None:
    with pytest.raises(UnreadableAnswer, match="holds no `records`"):
        promised(Answer(200, {}, data), "crm: accounts", "records", list)


@pytest.mark.parametrize(("status", "kind"), [(403, AuthenticationFailed), (404, ProtocolError), (413, ProtocolError)])
def test_a_call_refused_as_a_whole_ends_the_run(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=str(status)):
        accepted(Answer(status, {}, {}), "crm: accounts")


def test_batches_keep_the_order() -> None:
    assert [list(batch) for batch in batches([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]
    assert list(batches([], 2)) == []


def test_constant_conditions_become_parameters() -> None:
    assert filters(Resource("partners", (("is_company", True), ("kind", "x"), ("level", 3)))) == {
        "is_company": "true",
        "kind": "x",
        "level": "3",
    }


def test_a_cursor_gives_back_what_was_put_into_it() -> None:
    def spot(start: str, page: int | None = None) -> tuple[str, int | None]:
        return start, page

    assert unpack(pack({"start": "2026", "page": None}), spot, "erp") == ("2026", None)
    assert unpack(pack({"start": "2026", "page": 4}), spot, "erp") == ("2026", 4)
