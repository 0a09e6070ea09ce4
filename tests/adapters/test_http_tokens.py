"""Tokens are asked for once, renewed in time, and shown to nobody."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from connector.adapters.authentication import ClientCredentials
from connector.adapters.http import HttpClient
from connector.errors import (
    AuthenticationFailed,
    ProtocolError,
)

URL = "https://crm.test"
KEY = "top-secret-key"


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bearer(clock: Clock) -> HttpClient:
    auth = ClientCredentials("/oauth/token", "demo", lambda: KEY, clock=clock)
    return HttpClient(URL, name="crm", auth=auth, sleep=lambda _: None)


def grant(wire: responses.RequestsMock, token: str, life: int = 100) -> None:
    wire.post(f"{URL}/oauth/token", json={"access_token": token, "token_type": "Bearer", "expires_in": life})


def tokens_used(wire: responses.RequestsMock) -> list[str]:
    used = [call.request for call in wire.calls if "/oauth" not in str(call.request.url)]
    return [request.headers["Authorization"] for request in used]


def test_a_token_is_asked_for_once_and_kept(bearer: HttpClient, wire: responses.RequestsMock) -> None:
    grant(wire, "one")
    wire.get(f"{URL}/things", json={})

    bearer.request("GET", "/things", safe=True)
    bearer.request("GET", "/things", safe=True)

    assert tokens_used(wire) == ["Bearer one", "Bearer one"]
    assert len(wire.calls) == 3
    assert "Authorization" not in wire.calls[0].request.headers


def test_a_token_is_renewed_before_it_ends(bearer: HttpClient, wire: responses.RequestsMock, clock: Clock) -> None:
    grant(wire, "one")
    grant(wire, "two")
    wire.get(f"{URL}/things", json={})

    bearer.request("GET", "/things", safe=True)
    clock.now = 91
    bearer.request("GET", "/things", safe=True)

    assert tokens_used(wire) == ["Bearer one", "Bearer two"]


def test_a_write_is_sent_again_with_a_new_token_after_401(bearer: HttpClient, wire: responses.RequestsMock) -> None:
    grant(wire, "one")
    grant(wire, "two")
    wire.post(f"{URL}/things", status=401, json={})
    wire.post(f"{URL}/things", status=201, json={"id": 1})

    answer = bearer.request("POST", "/things", json={}, safe=False)

    assert answer.data == {"id": 1}
    assert tokens_used(wire) == ["Bearer one", "Bearer two"]


def test_a_second_401_ends_the_run(bearer: HttpClient, wire: responses.RequestsMock) -> None:
    grant(wire, "one")
    wire.get(f"{URL}/things", status=401, json={})

    with pytest.raises(AuthenticationFailed):
        bearer.request("GET", "/things", safe=True)

    assert len(tokens_used(wire)) == 2


def test_refused_client_credentials_end_the_run_and_stay_secret(
    bearer: HttpClient, wire: responses.RequestsMock
) -> None:
    wire.post(f"{URL}/oauth/token", status=401, json={"error": f"wrong {KEY}"})

    with pytest.raises(AuthenticationFailed, match="check client_id") as caught:
        bearer.request("GET", "/things", safe=True)

    assert KEY not in str(caught.value)


def test_an_answer_without_a_token_breaks_the_promise(bearer: HttpClient, wire: responses.RequestsMock) -> None:
    wire.post(f"{URL}/oauth/token", json=["hello"])

    with pytest.raises(ProtocolError, match="holds no token"):
        bearer.request("GET", "/things", safe=True)


def test_threads_that_meet_a_401_together_ask_for_one_token() -> None:
    asked: list[str] = []

    def ask(path: str, form: Any) -> dict[str, Any]:
        asked.append(path)
        return {"access_token": f"token-{len(asked)}", "expires_in": 3600}

    auth = ClientCredentials("/oauth/token", "demo", lambda: KEY)
    refused = auth.headers(ask)
    threads = [threading.Thread(target=auth.renew, args=(refused, ask)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert auth.headers(ask) == {"Authorization": "Bearer token-2"}
    assert len(asked) == 2
