"""The receiver as a process: what it takes in is durable, and what it refuses leaves no trace but a count."""

import signal
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.records import Side
from connector.store import inbox
from connector.store.database import open_store
from tests.command import connector
from tests.hooks import CONFIG, FOREIGN, OLDER, SECRET, Sender, address, signed
from tests.services import Service, serving, until
from tests.systems import Systems


class Desk:
    """A receiver, somebody who sends to it, and the store that both end in."""

    def __init__(self, service: Service, sender: Sender, config: Path, store: str) -> None:
        self.service, self.sender, self.config = service, sender, config
        self.store = open_store(store)

    def waiting(self, entity: str, side: Side, record_id: str) -> bool:
        """Whether a record is noted to be looked at."""
        with self.store.read() as connection:
            return bool(inbox.rows(connection, entity, side, [record_id]))

    def counted(self, outcome: str, side: str = "crm") -> float:
        """How often a webhook came to this, by the receiver's own figures."""
        text = requests.get(f"{self.sender.url}/metrics", timeout=10).text
        name = f'connector_webhooks_total{{outcome="{outcome}",side="{side}"}} '
        return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))


@pytest.fixture(scope="module")
def desk(reference_systems: Systems, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("webhooks")
    config = reference_systems.write_config(folder, f"{CONFIG}sync: {{high_water: 1}}\n")
    assert connector(config, "sync").code in (0, 3)
    with serving(config, "webhooks") as service:
        made = Desk(service, Sender(address(service), reference_systems), config, f"sqlite:///{folder / 'state.db'}")
        yield made
        made.store.close()


def test_what_is_signed_is_taken_and_its_key_is_noted(desk: Desk) -> None:
    assert desk.sender.send("crm", desk.sender.crm("acc-signed")).status_code == 202
    assert desk.sender.send("erp", desk.sender.erp("910001", model="items")).status_code == 202

    assert desk.waiting("customer", Side.CRM, "acc-signed")
    assert desk.waiting("product", Side.ERP, "910001")


def test_status_tells_of_an_inbox_that_holds_more_than_reading_waits_for(desk: Desk) -> None:
    for name in ("acc-deep-1", "acc-deep-2"):
        assert desk.sender.send("crm", desk.sender.crm(name)).status_code == 202

    above = connector(desk.config, "status", "--json").json["above_high_water"]
    told = connector(desk.config, "status").out

    assert ("customer" in above["reading"], above["webhooks"]) == (True, [])
    assert "customer holds more keys than sync.high_water" in told


def test_a_secret_that_is_being_replaced_is_good_as_long_as_it_is_configured(desk: Desk) -> None:
    assert desk.sender.send("crm", desk.sender.crm("acc-older"), secret=OLDER).status_code == 202

    assert desk.waiting("customer", Side.CRM, "acc-older")


def test_a_delivery_that_comes_again_is_acknowledged_and_noted_once(desk: Desk) -> None:
    before = desk.counted("repeated")
    first = desk.sender.send("crm", desk.sender.crm("acc-once"), delivery="msg_once")
    with desk.store.write() as connection:
        (row,) = inbox.rows(connection, "customer", Side.CRM, ["acc-once"]).values()
        inbox.settle(connection, [row.seq])

    again = desk.sender.send("crm", desk.sender.crm("acc-once"), delivery="msg_once")

    assert (first.status_code, again.status_code) == (202, 202)
    assert not desk.waiting("customer", Side.CRM, "acc-once")
    assert desk.counted("repeated") == before + 1


def test_a_record_that_may_be_of_two_kinds_is_looked_at_as_both(desk: Desk) -> None:
    assert desk.sender.send("erp", desk.sender.erp("920001", "920002", event="create")).status_code == 202

    found = [desk.waiting(entity, Side.ERP, "920002") for entity in ("customer", "contact")]
    assert found == [True, True]


def test_a_linked_record_is_looked_at_as_what_it_is(desk: Desk, reference_systems: Systems) -> None:
    linked = connector(desk.config, "links", "list", "contact", "--json").json[0]

    assert desk.sender.send("erp", desk.sender.erp(linked["erp_id"])).status_code == 202

    assert desk.waiting("contact", Side.ERP, linked["erp_id"])
    assert not desk.waiting("customer", Side.ERP, linked["erp_id"])


def test_our_own_write_told_back_to_us_is_no_news(desk: Desk, reference_systems: Systems) -> None:
    linked = connector(desk.config, "links", "list", "customer", "--json").json[0]
    version = reference_systems.crm.read("accounts", linked["crm_id"])["version"]

    assert desk.sender.send("crm", desk.sender.crm(linked["crm_id"], version=version)).status_code == 202

    assert not desk.waiting("customer", Side.CRM, linked["crm_id"])


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        pytest.param({"secret": FOREIGN}, 401, "bad signature", id="signed by somebody else"),
        pytest.param({"age": timedelta(minutes=6)}, 401, "stale timestamp", id="replayed after the window"),
        pytest.param({"age": -timedelta(minutes=6)}, 401, "stale timestamp", id="from the future"),
    ],
)
def test_what_is_not_proved_is_refused_and_counted(
    desk: Desk, options: dict[str, Any], status: int, reason: str
) -> None:
    before = desk.counted(reason)

    answer = desk.sender.send("crm", desk.sender.crm("acc-forged"), **options)

    assert (answer.status_code, answer.json()) == (status, {"error": reason})
    assert desk.counted(reason) == before + 1
    assert not desk.waiting("customer", Side.CRM, "acc-forged")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"not json", id="no JSON"),
        pytest.param([1, 2], id="a list"),
        pytest.param({"type": "accounts"}, id="no event"),
        pytest.param(
            {"type": "accounts.updated", "organizationId": "o", "data": {"id": ["x"]}}, id="an id that is none"
        ),
        pytest.param({"type": "accounts.updated", "organizationId": "o", "data": None}, id="no data"),
    ],
)
def test_what_is_signed_and_malformed_is_refused(desk: Desk, content: Any) -> None:
    assert desk.sender.send("crm", content).status_code == 400


def test_a_tenant_that_is_not_ours_is_refused(desk: Desk) -> None:
    foreign = desk.sender.crm("acc-foreign") | {"organizationId": "org-elsewhere"}

    answer = desk.sender.send("crm", foreign)

    assert (answer.status_code, answer.json()) == (401, {"error": "unknown tenant"})
    assert not desk.waiting("customer", Side.CRM, "acc-foreign")


def test_a_collection_that_is_not_shared_is_acknowledged_and_ignored(desk: Desk) -> None:
    assert desk.sender.send("crm", desk.sender.crm("cmp-1", "campaigns.updated")).status_code == 202

    assert desk.counted("not shared") >= 1


@pytest.mark.parametrize("side", ["other", "CRM", "crm%2F..", ""])
def test_a_side_that_there_is_not_is_refused(desk: Desk, side: str) -> None:
    assert desk.sender.send(side, desk.sender.crm("acc-1")).status_code in (401, 404)


def test_a_body_that_is_announced_too_large_is_not_read(desk: Desk) -> None:
    with socket.create_connection(("127.0.0.1", int(desk.sender.url.rpartition(":")[2])), timeout=10) as line:
        line.sendall(b"POST /webhooks/crm HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n")

        assert line.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_turns_out_too_large_is_given_up_on_the_way(desk: Desk) -> None:
    before = desk.counted("too large")
    with socket.create_connection(("127.0.0.1", int(desk.sender.url.rpartition(":")[2])), timeout=10) as line:
        line.sendall(b"POST /webhooks/crm HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        line.sendall(b"1388\r\n" + b"x" * 5000 + b"\r\n")

        assert line.recv(100).startswith(b"HTTP/1.1 413 ")

    assert desk.counted("too large") == before + 1


def test_the_log_holds_nothing_of_what_was_sent(desk: Desk) -> None:
    body = b'{"type": "accounts.updated", "name": "Erika Mustermann"}'
    headers = signed(body, FOREIGN, "msg_secretive")

    requests.post(f"{desk.sender.url}/webhooks/crm", data=body, headers=headers, timeout=10)

    said = until(lambda: desk.service.logged("webhook_refused") and desk.service.text)
    found = [word for word in ("Mustermann", "msg_secretive", headers["webhook-signature"], SECRET) if word in said]
    assert found == []


def test_a_side_without_secrets_takes_nothing(reference_systems: Systems, tmp_path: Path) -> None:
    config = reference_systems.write_config(tmp_path, "serve: {port: 0}\n")
    with serving(config, "webhooks") as service:
        sender = Sender(address(service), reference_systems)

        assert sender.send("crm", sender.crm("acc-1")).status_code == 401


def test_before_first_contact_the_sender_is_asked_to_come_again(reference_systems: Systems, tmp_path: Path) -> None:
    config = reference_systems.write_config(tmp_path, CONFIG)
    with serving(config, "webhooks") as service:
        sender = Sender(address(service), reference_systems)

        answer = sender.send("crm", sender.crm("acc-1"))

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")


def test_what_was_acknowledged_outlives_a_kill(reference_systems: Systems, tmp_path: Path, store_url: str) -> None:
    config = reference_systems.write_config(tmp_path, CONFIG, store_url)
    assert connector(config, "sync").code in (0, 3)
    with serving(config, "webhooks") as service:
        sender = Sender(address(service), reference_systems)
        ids = [f"acc-kill-{number}" for number in range(200)]
        taken = [one for one in ids if sender.send("crm", sender.crm(one)).status_code == 202]
        service.stop(signal.SIGKILL)

    store = open_store(store_url)
    with store.read() as connection:
        found = inbox.rows(connection, "customer", Side.CRM, ids)
    store.close()
    assert sorted(found) == sorted(taken) == sorted(ids)


def test_an_edit_told_by_webhook_is_on_the_other_side_at_once(
    reference_systems: Systems, tmp_path: Path, store_url: str
) -> None:
    config = reference_systems.write_config(tmp_path, CONFIG + "daemon: {every: 1h}\n", store_url)
    with serving(config, "serve") as service:
        sender = Sender(address(service), reference_systems)
        until(lambda: service.logged("run_finished"))
        made = reference_systems.crm.create("accounts", name="Hooked", email=f"hooked-{tmp_path.name}@hook.example")

        assert sender.send("crm", sender.crm(made["id"], "accounts.created")).status_code == 202

        until(lambda: reference_systems.erp.listed("partners", email=made["email"]))
        assert service.stop() == 0


def test_a_person_that_shares_a_collection_with_companies_becomes_a_contact_and_no_customer(
    reference_systems: Systems, tmp_path: Path
) -> None:
    config = reference_systems.write_config(tmp_path, CONFIG + "daemon: {every: 1h}\n")
    crm, erp = reference_systems
    with serving(config, "serve") as service:
        sender = Sender(address(service), reference_systems)
        until(lambda: service.logged("run_finished"))
        company = connector(config, "links", "list", "customer", "--json").json[0]["erp_id"]
        name, email = {"firstname": "Per", "lastname": "Son"}, f"person-{tmp_path.name}@hook.example"
        made = erp.create("partners", is_company=False, name="Per Son", parent_id=int(company), email=email, **name)

        assert sender.send("erp", sender.erp(str(made["id"]), event="create")).status_code == 202

        until(lambda: crm.listed("contacts", email=email))
        until(lambda: connector(config, "status", "--json").json["running"] is None)
        assert crm.listed("accounts", email=email) == []
    assert connector(config, "problems", "list", "--json").json is not None


def test_a_receiver_in_another_process_and_folder_wakes_the_daemon(
    reference_systems: Systems, tmp_path: Path, store_url: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    config = reference_systems.write_config(tmp_path, "daemon: {every: 1h}\n", store_url)
    other = reference_systems.write_config(tmp_path / "elsewhere", CONFIG, store_url)
    with serving(config, "daemon") as daemon, serving(other, "webhooks") as receiver:
        until(lambda: daemon.logged("run_finished"))
        sender = Sender(address(receiver), reference_systems)
        made = reference_systems.erp.create(
            "partners", name="Apart", is_company=True, email=f"apart-{tmp_path.name}@hook.example"
        )

        assert sender.send("erp", sender.erp(str(made["id"]), event="create")).status_code == 202

        until(lambda: reference_systems.crm.listed("accounts", email=made["email"]))
