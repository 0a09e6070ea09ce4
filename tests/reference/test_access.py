"""Who gets in, how fast, and what is counted of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.reference.doors import ask, refusal
from tests.systems import System, start


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[System]:
    """A CRM whose tokens end at once."""
    server = start("crm", tmp_path, "", "--token-lifetime", "0")
    yield server
    server.stop()


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[System]:
    """An ERP that answers one request a second, and writes down each."""
    server = start("erp", tmp_path, "", "--rate-limit", "1", "--log-requests", str(tmp_path / "requests.log"))
    yield server
    server.stop()


def test_without_a_token_nobody_gets_in(crm: System) -> None:
    answer = requests.get(f"{crm.base}/accounts", timeout=10)

    assert refusal(answer)[:2] == (401, "INVALID_TOKEN")


def test_a_wrong_secret_gives_no_token(crm: System) -> None:
    form = {"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": "guess"}

    assert requests.post(f"{crm.url}/oauth/token", data=form, timeout=10).status_code == 401


def test_a_token_tells_how_long_it_lasts(crm: System) -> None:
    form = {"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": "demo-secret"}

    token = requests.post(f"{crm.url}/oauth/token", data=form, timeout=10).json()

    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)


def test_an_expired_token_does_not_open(hasty: System) -> None:
    assert refusal(ask(hasty, "GET", "accounts"))[:2] == (401, "INVALID_TOKEN")


def test_without_the_key_nobody_gets_in(erp: System) -> None:
    for headers in ({}, {"X-API-Key": "guess"}):
        assert refusal(requests.get(f"{erp.base}/partners", headers=headers, timeout=10))[:2] == (401, "bad_key")


def test_who_comes_too_fast_is_told_when_to_come_again(slow: System) -> None:
    answers = [ask(slow, "GET", "company") for _ in range(10)]

    late = next(answer for answer in answers if answer.status_code == 429)

    assert late.headers["Retry-After"] == "1"
    assert refusal(late)[:2] == (429, "slow_down")


def test_every_request_is_written_down(slow: System, tmp_path: Path) -> None:
    ask(slow, "GET", "company", params={"x": "1"})

    assert "GET '/api/company?x=1' 200" in (tmp_path / "requests.log").read_text(encoding="utf-8")


def test_an_unknown_call_is_refused_in_the_servers_own_words(crm: System, erp: System) -> None:
    assert refusal(ask(crm, "GET", "horses"))[:2] == (404, "NOT_FOUND")
    assert refusal(ask(erp, "GET", "horses"))[:2] == (404, "not_found")


def test_requests_and_writes_are_counted(crm: System) -> None:
    before = crm.stats()
    made = crm.create("accounts", name="A")
    crm.delete("accounts", made["id"])
    ask(crm, "POST", "accounts", json={})

    after = crm.stats()

    assert after["writes"]["accounts"]["create"] - before["writes"].get("accounts", {}).get("create", 0) == 1
    assert after["total"]["writes"] - before["total"]["writes"] == 2
    assert after["requests"]["POST"]["/api/v1/accounts"] >= 2
    assert after["requests"]["DELETE"]["/api/v1/accounts/{id}"] >= 1


def test_each_server_says_who_it_is(crm: System, erp: System) -> None:
    organization, company = crm.call("GET", "organization"), erp.call("GET", "company")

    assert set(organization) == {"id", "name", "environment", "serverTime"}
    assert set(company) == {"company_id", "name", "database", "now"}


def test_credentials_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFERENCE_ERP_API_KEY", "another")
    server = start("erp", tmp_path, "")

    try:
        statuses = [
            requests.get(f"{server.base}/company", headers={"X-API-Key": key}, timeout=10).status_code
            for key in ("demo-key", "another")
        ]
    finally:
        server.stop()

    assert statuses == [401, 200]


def test_strict_tax_ids_hold_up_to_their_countries_rules(tmp_path: Path) -> None:
    server = start("crm", tmp_path, "", "--strict")

    try:
        answers = [ask(server, "POST", "accounts", json={"name": "A", "vatId": vat}) for vat in VATS]
    finally:
        server.stop()

    assert [answer.status_code for answer in answers] == [201, 201, 422]


VATS = ("DE 136 695 976", "12/345", "DE136695975")
