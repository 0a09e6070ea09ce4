"""What the reference adapters make of answers that the servers rarely give."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import requests
import responses

from connector.adapters.authentication import ApiKey
from connector.adapters.http import HttpClient
from connector.adapters.reference_crm import ReferenceCrm
from connector.adapters.reference_erp import ReferenceErp
from connector.errors import AuthenticationFailed, Gone, OutcomeUnknown, ProtocolError, Sent, TransportError
from connector.records import Draft, Patch, Presence, Removal, Resource, Version

URL = "https://system.test"
ACCOUNTS, PARTNERS = Resource("accounts"), Resource("partners")
CRM, ERP = f"{URL}/api/v1/accounts", f"{URL}/api/partners"
EMPTY_PAGE = {"items": [], "total": 0, "now": "2026-11-23 20:00:00"}
CREATED = {"status": 201, "id": 7, "revision": 1, "write_date": "2026-11-23 20:00:00", "changed": {}}


@pytest.fixture
def client() -> HttpClient:
    return HttpClient(URL, name="system", auth=ApiKey("X-Key", lambda: "key"), sleep=lambda _: None, max_attempts=2)


@pytest.fixture
def crm(client: HttpClient) -> ReferenceCrm:
    return ReferenceCrm(client)


@pytest.fixture
def erp(client: HttpClient) -> ReferenceErp:
    return ReferenceErp(client)


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


REASONS = {
    "the ERP's own not found is absent": (404, {"error": "not_found", "message": ""}, Presence.ABSENT),
    "a forbidden record is not absent": (403, {"error": "forbidden", "message": ""}, Presence.FORBIDDEN),
    "a record that shows after all is present": (
        200,
        {"id": 5, "revision": 2, "write_date": "2026-11-23 20:00:00"},
        Presence.PRESENT,
    ),
}


@pytest.mark.parametrize(("status", "body", "presence"), REASONS.values(), ids=REASONS)
def test_an_id_that_a_list_leaves_out_is_asked_for_by_itself(
    erp: ReferenceErp, wire: responses.RequestsMock, status: int, body: dict[str, Any], presence: Presence
) -> None:
    wire.get(ERP, json=EMPTY_PAGE)
    wire.get(f"{ERP}/5", status=status, json=body)

    assert erp.fetch(PARTNERS, ["5"])[0].presence is presence


def test_a_404_of_something_in_between_is_no_evidence(erp: ReferenceErp, wire: responses.RequestsMock) -> None:
    wire.get(ERP, json=EMPTY_PAGE)
    wire.get(f"{ERP}/5", status=404, json={"message": "no Route matched with those values"})

    with pytest.raises(ProtocolError):
        erp.fetch(PARTNERS, ["5"])


def test_the_crm_tells_the_reason_id_by_id(crm: ReferenceCrm, wire: responses.RequestsMock) -> None:
    told = [{"id": f"acc-{status}", "status": status} for status in (410, 403, 404)]
    wire.post(f"{CRM}/batch/read", json={"results": told})

    fetched = crm.fetch(ACCOUNTS, ["acc-403", "acc-404", "acc-410"])

    assert [each.presence for each in fetched] == [Presence.FORBIDDEN, Presence.ABSENT, Presence.GONE]


def test_an_id_that_the_crm_says_nothing_about_breaks_the_promise(
    crm: ReferenceCrm, wire: responses.RequestsMock
) -> None:
    wire.post(f"{CRM}/batch/read", json={"results": []})

    with pytest.raises(ProtocolError):
        crm.fetch(ACCOUNTS, ["acc-1"])


@pytest.mark.parametrize(
    "record", [{}, {"id": "acc-1"}, {"id": "acc-1", "version": 1, "modifiedAt": "soon"}, None, "x"]
)
def test_a_record_of_another_form_ends_the_scan(crm: ReferenceCrm, wire: responses.RequestsMock, record: Any) -> None:
    wire.get(CRM, json={"records": [record], "nextCursor": None, "serverTime": "2026-11-23T20:00:00.000Z"})

    with pytest.raises(ProtocolError, match="promised form"):
        crm.scan(ACCOUNTS, None)


def test_an_update_that_is_not_reported_is_unknown(crm: ReferenceCrm, wire: responses.RequestsMock) -> None:
    done = {"status": 200, "id": "acc-1", "version": 3, "modifiedAt": "2026-11-23T20:00:00.000Z", "changed": {}}
    wire.post(f"{CRM}/batch", json={"results": [done]})

    outcomes = crm.update(ACCOUNTS, [Patch("a", "acc-1", Version("2"), {}), Patch("b", "acc-2", Version("2"), {})])

    assert outcomes[0].version == "3"
    assert (outcomes[1].id, type(outcomes[1].error)) == ("acc-2", OutcomeUnknown)


def test_a_gone_record_cannot_be_changed_but_is_deleted(crm: ReferenceCrm, wire: responses.RequestsMock) -> None:
    gone = {"status": 410, "error": {"code": "GONE", "message": "deleted"}}
    wire.post(f"{CRM}/batch", json={"results": [gone]})

    changed = crm.update(ACCOUNTS, [Patch("a", "acc-1", Version("2"), {})])
    deleted = crm.delete(ACCOUNTS, [Removal("b", "acc-1", None)])

    assert isinstance(changed[0].error, Gone)
    assert deleted[0].error is None


def test_a_create_without_an_answer_is_sent_once_to_the_crm(crm: ReferenceCrm, wire: responses.RequestsMock) -> None:
    wire.post(f"{CRM}/batch", body=requests.ReadTimeout())

    with pytest.raises(TransportError) as caught:
        crm.create(ACCOUNTS, [Draft("a", {"name": "One"}, "marker")])

    assert caught.value.sent is Sent.MAYBE
    assert len(wire.calls) == 1


def test_a_create_without_an_answer_is_repeated_to_the_erp_under_its_key(
    erp: ReferenceErp, wire: responses.RequestsMock
) -> None:
    wire.post(f"{ERP}/bulk", body=requests.ReadTimeout())
    wire.post(f"{ERP}/bulk", json={"results": [CREATED]})

    outcome = erp.create(PARTNERS, [Draft("a-key", {"name": "One"}, "marker")])[0]

    sent = [orjson.loads(call.request.body or b"") for call in wire.calls]
    assert outcome.id == "7"
    assert sent[0] == sent[1]
    assert sent[0]["create"][0] == {
        "idempotency_key": "a-key",
        "values": {"name": "One", "external_ref": "marker"},
    }


def test_an_update_without_an_answer_is_sent_once_to_the_erp(erp: ReferenceErp, wire: responses.RequestsMock) -> None:
    wire.post(f"{ERP}/bulk", body=requests.ReadTimeout())

    with pytest.raises(TransportError) as caught:
        erp.update(PARTNERS, [Patch("a", "7", Version("1"), {"name": "One"})])

    assert caught.value.sent is Sent.MAYBE
    assert len(wire.calls) == 1


def test_a_batch_that_is_forbidden_as_a_whole_ends_the_run(erp: ReferenceErp, wire: responses.RequestsMock) -> None:
    wire.post(f"{ERP}/bulk", status=403, json={"error": "forbidden", "message": "no"})

    with pytest.raises(AuthenticationFailed):
        erp.update(PARTNERS, [Patch("a", "7", Version("1"), {"name": "One"})])


def test_a_value_with_a_comma_is_refused_rather_than_not_found(crm: ReferenceCrm, erp: ReferenceErp) -> None:
    for find in (lambda: crm.find(ACCOUNTS, "externalId", ["a,b"]), lambda: erp.find(PARTNERS, "name", ["Doe, Jane"])):
        with pytest.raises(ProtocolError, match="comma"):
            find()


def test_a_value_with_a_comma_is_found_where_values_go_one_by_one(
    crm: ReferenceCrm, wire: responses.RequestsMock
) -> None:
    record = {"id": "acc-1", "version": 1, "modifiedAt": "2026-11-23T20:00:00.000Z", "name": "Doe, Jane"}
    query = {"limit": "1000", "name": "Doe, Jane"}
    wire.get(CRM, json={"records": [record]}, match=[responses.matchers.query_param_matcher(query)])

    assert [each.id for each in crm.find(ACCOUNTS, "name", ["Doe, Jane"])] == ["acc-1"]
