"""How the Tryton adapter speaks, and what it makes of what a Tryton says."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses

from connector.errors import (
    AlreadyExists,
    AuthenticationFailed,
    Locked,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    Rejected,
    Sent,
    SystemDown,
    UnreadableAnswer,
    VersionConflict,
)
from connector.records import Draft, Patch, Presence, Resource, Version
from tests.adapters.tryton_wire import (
    LATER,
    PASSWORD,
    SOMEBODY,
    STAMP,
    Wire,
    adapter,
    address,
    error,
    party,
    unavailable,
    user_error,
)

PARTIES = Resource("party.party", (("is_customer", True),))
READ, CREATE, WRITE = (f"model.party.party.{verb}" for verb in ("search_read", "create", "write"))
CONCURRENCY = error("ConcurrencyException", "Records were modified in the meanwhile")
WARNING = error("UserWarning", ["2be8e102.deactivate", "Some quantities are left.", "It is recommended to clear them."])


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock() as mock:
        yield Wire(mock)


def patch(record_id: int, **body: Any) -> Patch:
    return Patch(f"key-{record_id}", str(record_id), None, body)


def draft(name: str, **body: Any) -> Draft:
    return Draft(f"key-{name}", {"name": name, **body}, f"crm-{name}")


def test_the_password_is_shown_once_and_the_session_from_then_on(wire: Wire) -> None:
    wire.says(READ, [party(2)])

    adapter().scan(PARTIES, None)

    assert [name for name, _ in wire.called].count("common.db.login") == 1
    shown = base64.b64decode(wire.headers[-1]["Authorization"].removeprefix("Session ")).decode()
    assert shown == "connector:2:3c1573a4"


def test_every_call_ends_with_the_company_english_and_archived_records(wire: Wire) -> None:
    wire.says(READ, [])

    adapter().scan(PARTIES, None)

    assert wire.calls(READ)[0][-1] == {"company": 1, "language": "en", "active_test": False}


def test_a_session_that_ran_out_is_renewed_and_the_write_is_made_once(wire: Wire) -> None:
    wire.says(READ, [party(2)])
    wire.says(WRITE, (401, {}, b""), None)

    outcome = adapter().update(PARTIES, [patch(2, name="New")])[0]

    assert outcome.error is None
    assert len(wire.calls("common.db.login")) == 2


def test_a_refused_password_ends_the_run_and_is_not_shown(wire: Wire) -> None:
    wire.says("common.db.login", (401, {}, b"<html>"))

    with pytest.raises(AuthenticationFailed, match="check login and password") as caught:
        adapter().identify()

    assert PASSWORD not in str(caught.value)


def test_what_the_database_took_back_is_sent_again(wire: Wire) -> None:
    wire.says(READ, [party(2)])
    wire.says(WRITE, unavailable("could not serialize access due to concurrent update"), None)

    assert adapter().update(PARTIES, [patch(2, name="New")])[0].error is None
    assert len(wire.calls(WRITE)) == 2


def test_a_server_that_is_away_for_another_reason_may_have_done_it(wire: Wire) -> None:
    wire.says(READ, [party(2)])
    wire.says(WRITE, unavailable("The server is temporarily unable to service your request."))

    with pytest.raises(SystemDown) as caught:
        adapter().update(PARTIES, [patch(2, name="New")])

    assert caught.value.sent is Sent.MAYBE
    assert len(wire.calls(WRITE)) == 1


def test_a_failure_before_the_write_says_that_nothing_was_sent(wire: Wire) -> None:
    wire.says(READ, unavailable("The server is temporarily unable to service your request."))

    with pytest.raises(SystemDown) as caught:
        adapter().update(PARTIES, [patch(2, name="New")])

    assert caught.value.sent is Sent.NO


def test_a_warning_is_acknowledged_by_its_name_and_the_call_is_repeated(wire: Wire) -> None:
    wire.says(READ, [party(2)])
    wire.says(WRITE, WARNING, None)
    wire.says("model.res.user.warning.skip", None)

    outcome = adapter().update(PARTIES, [patch(2, active=False)])[0]

    assert outcome.error is None
    assert wire.calls("model.res.user.warning.skip")[0][:2] == ["2be8e102.deactivate", False]


def test_a_warning_that_is_not_to_be_acknowledged_refuses_the_record(wire: Wire) -> None:
    wire.says(READ, [party(2)])
    wire.says(WRITE, WARNING)

    outcome = adapter(acknowledge_warnings=False).update(PARTIES, [patch(2, active=False)])[0]

    assert isinstance(outcome.error, Rejected)
    assert "Some quantities are left" in str(outcome.error)


def test_one_bad_record_fails_alone_though_the_server_refuses_its_whole_batch(wire: Wire) -> None:
    def create(params: list[Any]) -> Any:
        names = [values["name"] for values in params[0]]
        return user_error("The code on party must be unique.") if "bad" in names else [ord(name) for name in names]

    wire.says(CREATE, create)
    wire.says(READ, lambda params: [party(each) for each in params[0][0][2]])

    outcomes = adapter().create(PARTIES, [draft(name) for name in ("a", "b", "bad", "d")])

    assert [each.id for each in outcomes] == ["97", "98", None, "100"]
    assert isinstance(outcomes[2].error, AlreadyExists)


def test_what_was_done_before_the_connection_broke_is_told(wire: Wire) -> None:
    wire.says(CREATE, user_error("Refused."), [97], requests.ConnectionError("reset"))
    wire.says(READ, [party(97)])

    outcomes = adapter().create(PARTIES, [draft("a"), draft("b")])

    assert outcomes[0].id == "97"
    assert isinstance(outcomes[1].error, OutcomeUnknown)


def test_a_stale_record_is_refused_by_the_server_though_it_looked_fresh(wire: Wire) -> None:
    wire.says(READ, [party(2)])
    wire.says(WRITE, CONCURRENCY)

    assert isinstance(adapter().update(PARTIES, [patch(2, name="New")])[0].error, VersionConflict)
    assert wire.calls(WRITE)[0][-1]["_timestamp"]["party.party,2"] == STAMP


def test_a_changed_contact_mechanism_makes_the_version_of_its_party_stale(wire: Wire) -> None:
    changed = party(2)
    changed["contact_mechanisms."][0]["_timestamp"] = LATER
    wire.says(READ, [party(2)], [changed])
    erp = adapter()
    seen = erp.scan(PARTIES, None).remotes[0]

    outcome = erp.update(PARTIES, [patch(2, name="New")._replace(version=seen.version)])[0]

    assert isinstance(outcome.error, VersionConflict)
    assert wire.calls(WRITE) == []


def test_somebodys_edit_right_after_a_write_does_not_count_as_stored(wire: Wire) -> None:
    wire.says(READ, [party(2)], [party(2, write_uid=SOMEBODY, name="Theirs")])
    wire.says(WRITE, None)

    outcome = adapter().update(PARTIES, [patch(2, name="Ours")])[0]

    assert (outcome.error, outcome.version, outcome.body) == (None, None, None)


def test_a_refusal_shows_neither_the_records_name_nor_its_values(wire: Wire) -> None:
    wire.says(READ, [party(2, name='ACME "Old" Ltd')])
    text = 'You are not allowed to modify the field "Name" in record "ACME "Old" Ltd" of "Party": first@one.example'
    wire.says(WRITE, user_error(text))

    refusal = adapter().update(PARTIES, [patch(2, name="ACME New")])[0].error

    assert isinstance(refusal, Locked)
    assert not any(each in str(refusal) for each in ("ACME", "Old", "first@one"))
    assert 'field "Name"' in str(refusal)


REASONS = {
    "only what the server says is not there is absent": (
        user_error('You are trying to read records "7" of "Party" that don\'t exist.'),
        Presence.ABSENT,
    ),
    "what the user may not see is not absent": (
        user_error('You are not allowed to read records "7" of "Party" because of at least one of those rules.'),
        Presence.FORBIDDEN,
    ),
    "what cannot be understood is no evidence": (user_error("Something else."), Presence.FORBIDDEN),
}


@pytest.mark.parametrize(("said", "presence"), REASONS.values(), ids=REASONS)
def test_an_id_that_a_search_leaves_out_is_asked_for_by_itself(wire: Wire, said: Any, presence: Presence) -> None:
    wire.says(READ, [])
    wire.says("model.party.party.read", said)

    assert adapter().fetch(PARTIES, ["7"])[0].presence is presence


def test_a_party_that_was_merged_is_told_with_the_one_that_goes_on(wire: Wire) -> None:
    wire.says(READ, [party(2, active=0, replaced_by=5)])
    erp = adapter()

    fetched = erp.fetch(PARTIES, ["2"])[0]
    outcome = erp.update(PARTIES, [patch(2, name="New")])[0]

    assert (fetched.presence, fetched.moved_to) == (Presence.ABSENT, "5")
    assert isinstance(outcome.error, NotFound)


def test_the_next_window_begins_before_the_server_answered_the_first_page(wire: Wire) -> None:
    wire.says(READ, [party(2), party(3)], [])
    erp = adapter(page_size=2, overlap=60)

    first = erp.scan(PARTIES, None)
    second = erp.scan(PARTIES, first.cursor)
    erp.scan(PARTIES, second.cursor)

    assert (first.more, second.more) == (True, False)
    assert ["id", ">", 3] in wire.calls(READ)[1][0]
    minute_before = {"__class__": "datetime", **MINUTE}
    conditions = [each[0] for each in wire.calls(READ)[2][0][1][1:]]
    assert ["last_modified_at", ">=", minute_before] in conditions
    assert ["contact_mechanisms.last_modified_at", ">=", minute_before] in conditions


MINUTE = {"year": 2026, "month": 11, "day": 26, "hour": 6, "minute": 55, "second": 44, "microsecond": 0}


def test_a_body_means_the_first_address_and_the_first_mechanism_that_are_in_use(wire: Wire) -> None:
    idle, billing, dock = address(1, active=0), address(2, invoice=1), address(3, delivery=1, city="Lille")
    wire.says(READ, [party(2, **{"addresses.": [idle, dock, billing]})])

    body = adapter().scan(PARTIES, None).remotes[0].body or {}

    assert (body["email"], body["external_id"], body["active"]) == ("first@one.example", "acc-1", True)
    assert (body["invoice_address"]["city"], body["delivery_address"]["city"]) == ("Paris", "Lille")


def test_a_change_goes_through_the_party_to_what_belongs_to_it(wire: Wire) -> None:
    wire.says(READ, [party(2)])
    wire.says(WRITE, None)
    wire.says("model.country.country.search", [1])

    adapter().update(PARTIES, [patch(2, email="new@one.example", phone="+33 1", delivery_address={"city": "Lyon"})])

    values = wire.calls(WRITE)[0][1]
    assert values["contact_mechanisms"] == [
        ["write", [20], {"value": "new@one.example"}],
        ["create", [{"type": "phone", "value": "+33 1"}]],
    ]
    assert values["addresses"] == [
        ["create", [{"street": None, "postal_code": None, "city": "Lyon", "country": None, "delivery": True}]]
    ]


def test_an_archived_party_is_in_use_only_while_it_is_changed(wire: Wire) -> None:
    wire.says(READ, [party(2, active=0)])
    wire.says(WRITE, None)

    adapter().update(PARTIES, [patch(2, name="New")])

    assert [params[1] for params in wire.calls(WRITE)] == [{"active": True}, {"active": False, "name": "New"}]


def test_a_name_that_tryton_does_not_know_refuses_the_record_and_says_which(wire: Wire) -> None:
    wire.says("model.country.country.search", [])

    outcome = adapter().create(PARTIES, [draft("a", invoice_address={"country": "XK"})])[0]

    assert isinstance(outcome.error, Rejected)
    assert "country.country: there is none whose code is 'XK'" in str(outcome.error)


def test_missing_rights_end_the_run_and_name_the_model(wire: Wire) -> None:
    wire.says(READ, user_error('You are not allowed to access "Party".'))

    with pytest.raises(AuthenticationFailed, match=r"party\.party\.search_read: the user may not do that"):
        adapter().scan(PARTIES, None)


def test_an_unknown_field_is_told_as_another_version_of_the_server(wire: Wire) -> None:
    wire.says(READ, error("'replaced_by'", ""))

    with pytest.raises(ProtocolError, match="check the server's version and modules"):
        adapter().scan(PARTIES, None)


def test_an_answer_without_a_result_is_unreadable(wire: Wire) -> None:
    wire.says(READ, (200, {}, b'{"id":1}'))

    with pytest.raises(UnreadableAnswer, match="check `url`"):
        adapter().scan(PARTIES, None)


def test_two_databases_are_told_apart_by_when_their_company_was_made(wire: Wire) -> None:
    made = {"__class__": "datetime", **MINUTE}
    wire.says("model.company.company.read", [{"id": 1, "create_date": made}])

    told = adapter().identify()

    assert told[:3] == ("tryton", "company 1 of 2026-11-26T06:55:44+00:00", "erp")
    assert told.clock.isoformat() == "2026-11-26T06:56:44+00:00"


def test_a_version_is_a_stamp_and_what_belongs_to_the_record(wire: Wire) -> None:
    alone = party(2, **{"addresses.": [], "contact_mechanisms.": [], "identifiers.": []})
    wire.says(READ, [alone])

    assert adapter().scan(PARTIES, None).remotes[0].version == Version(STAMP)


def test_a_delete_is_spelled_out_of_the_log_which_does_not_tell_it(wire: Wire) -> None:
    log, deleted = "model.ir.model.log", {31: "party.party,12", 32: "party.party,128"}

    def search(params: list[Any]) -> Any:
        conditions = params[0]
        if not conditions:
            return [30]
        rows, (_, operator, value) = conditions[0][2], conditions[1]
        fits = str.__eq__ if operator == "=" else lambda held, begin: held.startswith(begin.rstrip("%"))
        return [row for row in rows if fits(deleted[row], value)]

    made = {"__class__": "datetime", **MINUTE}
    wire.says(f"{log}.search", search)
    wire.says(f"{log}.search_read", [{"id": row, "create_date": made} for row in deleted])
    wire.says(READ, [])
    erp = adapter(delete_log=True, overlap=30)

    page = erp.scan(PARTIES, erp.scan(PARTIES, None).cursor)

    assert [(each.id, each.deleted, each.body) for each in page.remotes] == [("12", True, None), ("128", True, None)]
    assert '"mark":32' in page.cursor
    assert erp.capabilities("party.party").tombstones
