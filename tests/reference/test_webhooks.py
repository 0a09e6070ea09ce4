"""Both servers tell who subscribed of every change, signed, until it is taken."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.reference.crm_tables import COLLECTIONS
from connector.reference.crm_webhooks import envelope as crm_envelope
from connector.reference.outbox import FIRST_DELAY, KEPT_SECONDS, Outbox
from connector.reference.storage import Row, Store
from tests.reference.doors import ask, batch, bulk, refusal
from tests.reference.receiver import SECRET, Receiver, listening
from tests.systems import System, start


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as found:
        yield found


@pytest.fixture(autouse=True)
def _no_subscriptions_stay(crm: System, erp: System) -> Iterator[None]:
    yield
    for each in crm.call("GET", "webhook-subscriptions")["subscriptions"]:
        crm.delete("webhook-subscriptions", each["id"])
    for each in erp.call("GET", "webhooks")["items"]:
        erp.delete("webhooks", each["id"])


def subscribe(system: System, receiver: Receiver, *names: str) -> dict[str, Any]:
    if system.kind == "crm":
        return system.create("webhook-subscriptions", url=receiver.url, events=list(names))
    return system.create("webhooks", target_url=receiver.url, models=list(names), secret=SECRET)


def test_the_crm_sends_one_signed_message_for_each_change(crm: System, receiver: Receiver) -> None:
    made = subscribe(crm, receiver, "accounts")

    account = crm.create("accounts", name="A")
    receiver.wait(1)
    crm.change("accounts", account["id"], name="B")
    receiver.wait(2)
    crm.delete("accounts", account["id"])
    events = receiver.wait(3)

    assert [event["type"] for event in events] == ["accounts.created", "accounts.updated", "accounts.deleted"]
    assert [event["data"] for event in events] == [{"id": account["id"], "version": each} for each in (1, 2, 3)]
    assert events[0]["timestamp"] == account["createdAt"]
    assert events[0]["organizationId"] == crm.call("GET", "organization")["id"]
    receiver.verify(made["secret"])


def test_the_erp_tells_several_ids_of_one_write_in_one_message(erp: System, receiver: Receiver) -> None:
    subscribe(erp, receiver, "partners")

    made = bulk(erp, "partners", create=[{"values": {"is_company": True, "name": name}} for name in "abc"])
    events = receiver.wait(1)

    assert [events[0][name] for name in ("model", "event")] == ["partners", "create"]
    assert events[0]["ids"] == [each["id"] for each in made]
    assert events[0]["write_date"] == made[-1]["write_date"]
    assert events[0]["database"] == erp.call("GET", "company")["database"]
    receiver.verify(SECRET)


def test_the_erp_names_writes_and_deletes_in_its_own_words(erp: System, receiver: Receiver) -> None:
    partner = erp.create("partners", is_company=True, name="A")
    subscribe(erp, receiver, "partners")

    erp.change("partners", partner["id"], name="B")
    receiver.wait(1)
    erp.delete("partners", partner["id"])
    events = receiver.wait(2)

    assert [(event["event"], event["ids"]) for event in events] == [
        ("write", [partner["id"]]),
        ("unlink", [partner["id"]]),
    ]


def test_what_follows_from_a_write_is_told_too(erp: System, receiver: Receiver, unique: str) -> None:
    item = erp.create("items", code=unique, name="Bolt")
    subscribe(erp, receiver, "stock_levels")

    erp.create("stock_moves", item_id=item["id"], warehouse_code="MAIN", quantity="5", kind="receipt")

    assert receiver.wait(1)[0]["ids"] == [f"{item['id']}-MAIN"]


def test_a_refused_item_of_a_batch_is_not_told(crm: System, receiver: Receiver) -> None:
    subscribe(crm, receiver, "accounts")

    results = batch(
        crm, "accounts", {"op": "create", "record": {}}, {"op": "create", "record": {"name": "A"}}, minimal=True
    )

    assert receiver.wait(1)[0]["data"] == {"id": results[1]["id"], "version": 1}
    assert crm.stats()["webhooks"]["queued"] <= 1


def test_only_what_was_asked_for_is_told(crm: System, receiver: Receiver) -> None:
    subscribe(crm, receiver, "contacts")

    account = crm.create("accounts", name="A")
    crm.create("contacts", accountId=account["id"], lastName="B")

    assert [event["type"] for event in receiver.wait(1)] == ["contacts.created"]


def test_what_is_not_taken_is_sent_again_under_the_same_id(crm: System, receiver: Receiver) -> None:
    subscribe(crm, receiver, "accounts")
    receiver.statuses = [500, 302, 200]

    crm.create("accounts", name="A")
    receiver.wait(3)

    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1
    assert crm.stats()["webhooks"]["failed"] >= 2


def test_a_restart_loses_no_message(tmp_path: Path) -> None:
    with listening() as receiver:
        pass
    first = start("crm", tmp_path, "")
    secret = subscribe(first, receiver, "accounts")["secret"]
    batch(first, "accounts", *({"op": "create", "record": {"name": f"N{each}"}} for each in range(50)))
    first.process.kill()
    first.stop()

    with listening(receiver.server_address[1]) as again:
        second = start("crm", tmp_path, "")
        try:
            again.wait(50)
        finally:
            second.stop()

    assert len({event["data"]["id"] for event in again.events}) == 50
    again.verify(secret)


def test_a_subscription_of_the_crm_ends_unless_it_is_renewed(tmp_path: Path) -> None:
    times = [1_000_000.0]
    store = Store(tmp_path / "crm.db", COLLECTIONS, lambda: times[0], 1000)
    outbox = Outbox(store, crm_envelope("org-1"), lambda: times[0])
    made = outbox.add("http://127.0.0.1:9/", ["accounts"], SECRET, expires=1_000_100)

    write(store, 1)
    times[0] += 200
    write(store, 2)
    outbox.keep(made._replace(expires=1_000_900))
    write(store, 3)

    told = [json.loads(each.body)["data"]["id"] for each in outbox.due(made.id, 10, ())]
    assert told == ["acc-1", "acc-3"]
    store.close()


def test_pauses_between_attempts_grow_until_a_message_is_given_up(tmp_path: Path) -> None:
    times = [1_000_000.0]
    store = Store(tmp_path / "crm.db", COLLECTIONS, lambda: times[0], 1000)
    outbox = Outbox(store, crm_envelope("org-1"), lambda: times[0])
    made = outbox.add("http://127.0.0.1:9/", ["accounts"], SECRET, expires=None)
    write(store, 1)

    pauses = []
    for _ in range(3):
        assert outbox.postpone(outbox.due(made.id, 1, ())[0])
        pauses.append(outbox.seconds_to_next(made.id, ()))
        times[0] += pauses[-1]
    times[0] += KEPT_SECONDS

    assert pauses == [FIRST_DELAY, FIRST_DELAY * 2, FIRST_DELAY * 4]
    assert not outbox.postpone(outbox.due(made.id, 1, ())[0])
    assert outbox.queued() == 0
    store.close()


def write(store: Store, num: int) -> None:
    with store.transaction():
        store.insert("accounts", Row(num, 1, store.now(), 0, b"{}"), {"id": f"acc-{num}"})


def test_the_crm_renews_moves_and_rests_a_subscription(crm: System, receiver: Receiver) -> None:
    made = subscribe(crm, receiver, "accounts")
    path = f"webhook-subscriptions/{made['id']}"

    assert datetime.fromisoformat(made["expiresAt"]) - datetime.fromisoformat(made["createdAt"]) == timedelta(days=7)
    assert "secret" not in crm.call("GET", path)
    assert crm.call("PATCH", path, json={"renew": True})["expiresAt"] >= made["expiresAt"]
    assert crm.call("PATCH", path, json={"status": "PAUSED"})["status"] == "PAUSED"
    assert crm.call("PATCH", path, json={"events": ["orders"], "status": "ACTIVE"})["events"] == ["orders"]


def test_a_message_goes_to_this_machine_only(crm: System, erp: System) -> None:
    for url in ("http://192.0.2.1/x", "ftp://127.0.0.1/x", "http://user@127.0.0.1/", "http://[::2", 5):
        answer = ask(crm, "POST", "webhook-subscriptions", json={"url": url, "events": ["accounts"]})
        assert refusal(answer) == (422, "VALIDATION_FAILED", "url")
        sent = {"target_url": url, "models": ["partners"], "secret": SECRET}
        assert refusal(ask(erp, "POST", "webhooks", json=sent)) == (422, "invalid", "target_url")


def test_what_cannot_be_subscribed_to_is_refused(crm: System, erp: System, receiver: Receiver) -> None:
    for events in ([], ["horses"], "accounts", None):
        answer = ask(crm, "POST", "webhook-subscriptions", json={"url": receiver.url, "events": events})
        assert refusal(answer) == (422, "VALIDATION_FAILED", "events")
    for secret in (None, "short", "whsec_!!!"):
        sent = {"target_url": receiver.url, "models": ["partners"], "secret": secret}
        assert refusal(ask(erp, "POST", "webhooks", json=sent)) == (422, "invalid", "secret")


def test_who_ends_a_subscription_hears_no_more(erp: System, receiver: Receiver) -> None:
    made = subscribe(erp, receiver, "partners")
    erp.delete("webhooks", made["id"])

    erp.create("partners", is_company=True, name="A")

    assert erp.call("GET", "webhooks") == {"items": []}
    assert ask(erp, "GET", f"webhooks/{made['id']}").status_code == 404
    assert erp.stats()["webhooks"]["queued"] == 0
