"""Every fault that a server can be told to have, as a caller sees it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.command import command
from tests.reference.doors import ask, batch, bulk, refusal
from tests.services import until
from tests.systems import System, launch, start

NAMED = [{"op": "create", "record": {"name": name}} for name in "abcd"]
ACCOUNTS = "*/accounts*"


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    server = start("crm", tmp_path_factory.mktemp("crm"), "", "--faults")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    server = start("erp", tmp_path_factory.mktemp("erp"), "", "--faults")
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _healed(crm: System, erp: System) -> Iterator[None]:
    yield
    crm.heal()
    erp.heal()


def count(crm: System) -> int:
    crm.heal()
    return crm.call("GET", "accounts/count")["count"]


def status(system: System, path: str) -> int:
    return ask(system, "GET", path).status_code


def test_a_server_that_was_not_told_so_has_no_faults(tmp_path: Path) -> None:
    server = start("erp", tmp_path, "")
    try:
        assert status(server, "_faults") == 404
    finally:
        server.stop()


def test_the_command_switches_faults_on(tmp_path: Path) -> None:
    words = ("reference", "erp", "--port", "0", "--database", str(tmp_path / "erp.db"), "--faults")
    server = launch("erp", tmp_path, command(*words))
    try:
        server.faults({"fault": "error", "status": 503, "path": "*/company"})
        assert status(server, "company") == 503
    finally:
        server.stop()


def test_only_who_may_enter_may_set_faults(crm: System) -> None:
    answer = requests.put(f"{crm.base}/_faults", json=[], timeout=10)

    assert answer.status_code == 401


def test_a_rule_that_is_not_understood_is_refused(crm: System) -> None:
    for rule in ({"fault": "fire"}, {"fault": "latency"}, {"fault": "reset", "often": True}, 5):
        answer = ask(crm, "PUT", "_faults", json=[rule])
        assert refusal(answer) == (422, "VALIDATION_FAILED", "rules")


def test_a_rule_strikes_the_next_few_calls_that_fit(crm: System) -> None:
    crm.faults({"fault": "error", "status": 503, "method": "GET", "path": ACCOUNTS, "skip": 1, "times": 2})

    assert [status(crm, "accounts") for _ in range(4)] == [200, 503, 503, 200]
    assert status(crm, "products") == 200
    assert crm.struck() == [2]


def test_a_rule_strikes_every_kth_call(erp: System) -> None:
    erp.faults({"fault": "error", "status": 500, "path": "*/partners", "every": 3})

    assert [status(erp, "partners") for _ in range(6)] == [200, 200, 500, 200, 200, 500]


def test_chance_repeats_itself_from_its_seed(crm: System) -> None:
    draws = []
    for seed in (1, 1, 2):
        crm.faults({"fault": "error", "status": 500, "path": ACCOUNTS, "probability": 0.5}, seed=seed)
        draws.append([status(crm, "accounts") for _ in range(20)])

    assert draws[0] == draws[1] != draws[2]
    assert {200, 500} == set(draws[0])


def test_answers_come_late(crm: System) -> None:
    crm.faults({"fault": "latency", "seconds": 0.2, "jitter": 0.1, "path": ACCOUNTS})
    began = time.monotonic()

    assert status(crm, "accounts") == 200
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("after", [None, 7, "Fri, 31 Dec 2027 23:59:59 GMT"])
def test_a_server_asks_for_rest(crm: System, erp: System, after: object) -> None:
    for system, path, word in ((crm, "accounts", "RATE_LIMITED"), (erp, "partners", "slow_down")):
        system.faults({"fault": "error", "status": 429, "path": f"*/{path}", "retry_after": after})
        answer = ask(system, "GET", path)

        assert refusal(answer)[:2] == (429, word)
        assert answer.headers.get("Retry-After") == (None if after is None else str(after))


@pytest.mark.parametrize("number", [500, 502, 503])
def test_a_call_that_fails_is_not_done(crm: System, number: int) -> None:
    before = count(crm)
    crm.faults({"fault": "error", "status": number, "method": "POST", "path": ACCOUNTS})

    assert ask(crm, "POST", "accounts", json={"name": "A"}).status_code == number
    assert count(crm) == before


@pytest.mark.parametrize(("when", "done"), [("before", 0), ("after", 1)])
def test_a_connection_is_reset(crm: System, when: str, done: int) -> None:
    before = count(crm)
    crm.faults({"fault": "reset", "when": when, "path": ACCOUNTS})

    with pytest.raises(requests.ConnectionError, match="reset"):
        ask(crm, "POST", "accounts", json={"name": "A"})

    assert count(crm) == before + done


def test_an_answer_is_lost_after_the_call_was_done(crm: System) -> None:
    before = count(crm)
    crm.faults({"fault": "lost_response", "path": ACCOUNTS})

    with pytest.raises(requests.ConnectionError, match="without response"):
        ask(crm, "POST", "accounts", json={"name": "A"})

    assert count(crm) == before + 1


def test_an_answer_is_held_until_the_caller_gives_up(crm: System) -> None:
    before = count(crm)
    crm.faults({"fault": "lost_response", "seconds": 30, "path": ACCOUNTS})

    with pytest.raises(requests.ReadTimeout):
        crm.session.post(f"{crm.base}/accounts", json={"name": "A"}, timeout=0.3)

    until(lambda: count(crm) == before + 1)


def test_a_body_ends_before_its_length(crm: System) -> None:
    crm.faults({"fault": "truncated", "path": ACCOUNTS})

    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        ask(crm, "GET", "accounts")


def test_a_body_is_half_a_document(erp: System) -> None:
    erp.faults({"fault": "truncated", "honest": True, "path": "*/partners"})

    answer = ask(erp, "GET", "partners")

    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(("number", "when", "done"), [(502, "before", 0), (200, "after", 1)])
def test_a_page_for_people_is_answered(crm: System, number: int, when: str, done: int) -> None:
    before = count(crm)
    crm.faults({"fault": "html", "status": number, "when": when, "path": ACCOUNTS})

    answer = ask(crm, "POST", "accounts", json={"name": "A"})

    assert (answer.status_code, answer.headers["Content-Type"]) == (number, "text/html")
    assert count(crm) == before + done


def test_some_items_of_a_batch_are_not_done(crm: System) -> None:
    before = count(crm)
    crm.faults({"fault": "partial_batch", "items": [1, 3], "status": 429, "path": "*/accounts/batch"})

    results = batch(crm, "accounts", *NAMED)

    assert [each["status"] for each in results] == [201, 429, 201, 429]
    assert [each["record"]["name"] for each in results[::2]] == ["a", "c"]
    assert results[1]["error"]["code"] == "RATE_LIMITED"
    assert count(crm) == before + 2


def test_a_share_of_a_batch_is_not_done(erp: System) -> None:
    erp.faults({"fault": "partial_batch", "share": 0.5, "path": "*/bulk"}, seed=3)

    values = {"is_company": True, "name": "A"}
    statuses = [each["status"] for each in bulk(erp, "partners", create=[{"values": values}] * 40)]

    assert 8 < statuses.count(500) < 32
    assert statuses.count(201) == 40 - statuses.count(500)


def test_results_are_cut_short_though_all_was_done(crm: System) -> None:
    before = count(crm)
    crm.faults({"fault": "cut_results", "keep": 0.5, "path": "*/batch"})

    assert len(batch(crm, "accounts", *NAMED)) == 2
    assert count(crm) == before + 4


def test_a_token_ends_in_the_middle(crm: System) -> None:
    crm.faults({"fault": "expired_token", "path": ACCOUNTS, "times": 1})

    statuses = [status(crm, path) for path in ("accounts", "accounts", "products")]
    crm.session.headers.update(crm._credentials())

    assert statuses == [401, 401, 401]
    assert status(crm, "accounts") == 200


def test_a_key_is_revoked_for_a_while(erp: System) -> None:
    erp.faults({"fault": "error", "status": 401, "times": 1, "lasting": 3})

    assert refusal(ask(erp, "GET", "partners"))[:2] == (401, "bad_key")
    assert status(erp, "items") == 401
    until(lambda: status(erp, "items") == 200)


def test_a_search_does_not_find_what_is_new(crm: System) -> None:
    crm.faults({"fault": "lookup_lag", "seconds": 60, "path": "*/accounts"})
    made = crm.create("accounts", name="New", externalId="ref-lag")
    looks = [
        lambda: [each["id"] for each in crm.listed("accounts", externalId="ref-lag")],
        lambda: [
            each["id"] for each in crm.listed("accounts", fields="id,version", limit=5000) if each["id"] == made["id"]
        ],
        lambda: [each["id"] for each in read_many(crm, made["id"]) if each["status"] == 200],
    ]

    assert [look() for look in looks] == [[], [], []]
    assert crm.read("accounts", made["id"]) == made
    assert ask(crm, "POST", "accounts", json={"name": "B", "externalId": "ref-lag"}).status_code == 409
    crm.faults({"fault": "lookup_lag", "seconds": 0.01, "path": "*/accounts"})
    until(lambda: looks[0]() == looks[2]() == [made["id"]])


def read_many(crm: System, *ids: str) -> list[dict[str, Any]]:
    return crm.call("POST", "accounts/batch/read", json={"ids": list(ids)})["results"]


def test_the_erp_does_not_list_a_new_record_by_its_id(erp: System) -> None:
    erp.faults({"fault": "lookup_lag", "seconds": 60})
    made = erp.create("partners", is_company=True, name="New")

    assert erp.call("GET", "partners", params={"id": made["id"]})["total"] == 0
    erp.faults({"fault": "lookup_lag", "seconds": 0.01})
    until(lambda: erp.listed("partners", id=made["id"]) == [made])


def test_a_list_by_time_does_not_show_a_fresh_change(crm: System, erp: System) -> None:
    account, partner = crm.create("accounts", name="A"), erp.create("partners", is_company=True, name="A")
    for system in (crm, erp):
        system.faults({"fault": "read_lag", "seconds": 60})
    changes = ((crm, "accounts", "modifiedSince", account), (erp, "partners", "write_date_from", partner))

    for system, collection, since, record in changes:
        stamp = record["modifiedAt" if system is crm else "write_date"]
        system.change(collection, record["id"], name="B")
        assert record["id"] not in [each["id"] for each in system.listed(collection, **{since: stamp})]
        assert system.read(collection, record["id"])["name"] == "B"
        system.faults({"fault": "read_lag", "seconds": 0.01})
        until(lambda: record["id"] in [each["id"] for each in system.listed(collection, **{since: stamp})])  # noqa: B023 -- called at once


@pytest.mark.parametrize("skew", [7200, -7200])
def test_a_clock_is_off(erp: System, skew: int) -> None:
    right = seconds(erp.call("GET", "company")["now"])
    erp.faults({"fault": "clock", "skew": skew})

    stamp = erp.create("partners", is_company=True, name="A")["write_date"]

    for wrong in (stamp, erp.call("GET", "company")["now"]):
        assert abs(seconds(wrong) - right - skew) < 10


def seconds(stamp: str) -> float:
    return time.mktime(time.strptime(stamp, "%Y-%m-%d %H:%M:%S"))


def test_a_clock_is_coarse(crm: System) -> None:
    crm.faults({"fault": "clock", "coarse": 60})

    stamp = crm.create("accounts", name="A")["modifiedAt"]

    assert stamp.endswith(":00.000Z")
    assert crm.call("GET", "organization")["serverTime"].endswith(":00.000Z")


def test_all_records_have_one_time(crm: System, erp: System) -> None:
    for system, collection, values in ((crm, "accounts", {}), (erp, "partners", {"is_company": True})):
        old = system.create(collection, name="Old", **values)
        time.sleep(1.1)
        system.faults({"fault": "one_timestamp"})
        field = "modifiedAt" if system is crm else "write_date"
        new = system.create(collection, name="New", **values)

        assert {each[field] for each in system.listed(collection)} == {new[field]}
        assert new[field] > old[field]


def test_a_part_of_the_data_may_not_be_seen(crm: System) -> None:
    shown, hidden = (crm.create("accounts", name=name)["id"] for name in "ab")
    crm.faults({"fault": "forbidden", "ids": [hidden], "path": ACCOUNTS})

    assert refusal(ask(crm, "GET", f"accounts/{hidden}"))[:2] == (403, "FORBIDDEN")
    assert [each["status"] for each in read_many(crm, shown, hidden)] == [200, 403]
    listed = [each["id"] for each in crm.listed("accounts", limit=1000)]
    assert shown in listed
    assert hidden not in listed


def test_what_may_not_be_seen_is_not_written_either(erp: System) -> None:
    values = {"is_company": True, "name": "A"}
    ids = [each["id"] for each in bulk(erp, "partners", create=[{"values": values}] * 40)]
    erp.faults({"fault": "forbidden", "share": 0.5, "path": "*/partners*"})

    updates = [{"id": each, "revision": 1, "values": {"name": "B"}} for each in ids]
    results = bulk(erp, "partners", update=updates)
    hidden = [each for each, result in zip(ids, results, strict=True) if result["status"] == 403]
    listed = erp.call("GET", "partners", params={"id": ",".join(map(str, ids)), "per_page": 100})

    assert 8 < len(hidden) < 32
    assert listed["total"] == 40 - len(hidden)
    erp.heal()
    assert {erp.read("partners", each)["name"] for each in hidden} == {"A"}


def test_rights_are_taken_and_nobody_is_told(crm: System, erp: System) -> None:
    account, partner = crm.create("accounts", name="A"), erp.create("partners", is_company=True, name="A")
    crm.faults({"fault": "no_rights", "reads": 404})
    erp.faults({"fault": "no_rights"})

    assert crm.call("GET", "accounts")["records"] == []
    assert crm.call("GET", "accounts/count") == {"count": 0}
    assert status(crm, f"accounts/{account['id']}") == 404
    assert read_many(crm, account["id"]) == [{"id": account["id"], "status": 404}]
    assert [erp.call("GET", "partners")[name] for name in ("items", "total")] == [[], 0]
    assert erp.read("partners", partner["id"]) == partner


def test_another_tenant_answers(crm: System, erp: System) -> None:
    before = crm.call("GET", "organization"), erp.call("GET", "company")
    for system in (crm, erp):
        system.faults({"fault": "other_tenant"})

    organization, company = crm.call("GET", "organization"), erp.call("GET", "company")

    assert organization["id"] != before[0]["id"]
    assert (company["company_id"], company["database"]) != (before[1]["company_id"], before[1]["database"])
    assert set(organization) == set(before[0])


def test_a_backup_brings_back_what_was(crm: System, erp: System) -> None:
    for system, collection, version, values in (
        (crm, "accounts", "version", {"name": "A"}),
        (erp, "partners", "revision", {"name": "A", "is_company": True}),
    ):
        kept = system.create(collection, **values)
        system.snapshot()
        system.change(collection, kept["id"], name="B")
        lost = system.create(collection, **values)
        system.restore()

        assert system.read(collection, kept["id"]) == kept
        assert status(system, f"{collection}/{lost['id']}") == 404
        again = system.create(collection, **values)
        assert (again["id"], again[version]) == (lost["id"], 1)


def test_without_a_backup_nothing_is_brought_back(tmp_path: Path) -> None:
    server = start("erp", tmp_path, "", "--faults")
    try:
        assert ask(server, "POST", "_faults/restore").status_code == 404
    finally:
        server.stop()


def test_several_faults_strike_one_call(crm: System) -> None:
    crm.faults(
        {"fault": "latency", "seconds": 0.2, "path": ACCOUNTS},
        {"fault": "cut_results", "keep": 0.5, "path": ACCOUNTS},
        {"fault": "partial_batch", "items": [0], "path": ACCOUNTS},
    )
    began = time.monotonic()

    assert [each["status"] for each in batch(crm, "accounts", *NAMED)] == [500, 201]
    assert time.monotonic() - began >= 0.2
    assert crm.struck() == [1, 1, 1]


def test_faults_are_counted_and_written_down_as_requests(tmp_path: Path) -> None:
    log = tmp_path / "requests.log"
    server = start("erp", tmp_path, "", "--faults", "--log-requests", str(log))
    try:
        server.faults({"fault": "error", "status": 503, "times": 1}, {"fault": "reset", "skip": 1})
        assert status(server, "company") == 503
        with pytest.raises(requests.ConnectionError):
            ask(server, "GET", "company")
        assert server.stats()["total"]["requests"] == 2
    finally:
        server.stop()

    assert [line.split()[2] for line in log.read_text(encoding="utf-8").splitlines()] == ["503", "0"]
    assert (tmp_path / "erp.log").read_text(encoding="utf-8") == ""
