"""What the door to HTTP does with every kind of answer, silence and refusal."""

import ssl
import traceback
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
import requests
import responses
import urllib3.exceptions

from connector.adapters.authentication import ApiKey
from connector.adapters.http import HttpClient
from connector.errors import (
    AuthenticationFailed,
    ConfigError,
    ProtocolError,
    RateLimited,
    Sent,
    SystemDown,
    TransportError,
    UnreadableAnswer,
)

URL = "https://crm.test"
KEY = "top-secret-key"
ONCE, ALWAYS = 1, 5
READ, WRITE = "read", "write"


@pytest.fixture
def naps() -> list[float]:
    """The seconds the client rested, instead of resting."""
    return []


@pytest.fixture
def client(naps: list[float]) -> Iterator[HttpClient]:
    auth = ApiKey("X-API-Key", lambda: KEY)
    made = HttpClient(URL, name="crm", auth=auth, sleep=naps.append, clock=lambda: 0.0)
    yield made
    made.close()


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def refused_connection() -> requests.ConnectionError:
    reason = urllib3.exceptions.NewConnectionError(None, "refused")  # type: ignore[arg-type]
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/things", reason))  # type: ignore[arg-type]


def reset() -> requests.ConnectionError:
    return requests.ConnectionError(urllib3.exceptions.ProtocolError("aborted", ConnectionResetError(104, "reset")))


HTML = {"body": "<html>busy</html>", "content_type": "text/html"}
NO_CONNECTION = {"body": refused_connection()}
RESET = {"body": reset()}
READ_TIMEOUT = {"body": requests.ReadTimeout("slow")}
CONNECT_TIMEOUT = {"body": requests.ConnectTimeout("slow")}
REST = {"headers": {"Retry-After": "7"}, "json": {}}
LONG_REST = {"headers": {"Retry-After": "600"}, "json": {}}


class Failure(NamedTuple):
    """What the system does to a request, and what must come of it."""

    what: dict[str, Any]
    verb: str
    attempts: int = ALWAYS
    kind: type[TransportError] = SystemDown
    sent: Sent = Sent.MAYBE


HALF_JSON = {"status": 201, "body": '{"id": "a'}
FAILURES = {
    "a read is tried again when nobody listens": Failure(NO_CONNECTION, READ, sent=Sent.NO),
    "a write is tried again when nobody listens": Failure(NO_CONNECTION, WRITE, sent=Sent.NO),
    "a write that found no connection in time is tried again": Failure(CONNECT_TIMEOUT, WRITE, sent=Sent.NO),
    "a read without an answer in time is tried again": Failure(READ_TIMEOUT, READ),
    "a write without an answer in time may have been done": Failure(READ_TIMEOUT, WRITE, ONCE),
    "a read on a broken connection is tried again": Failure(RESET, READ),
    "a write on a broken connection may have been done": Failure(RESET, WRITE, ONCE),
    "a read is tried again after 429": Failure({"status": 429}, READ, ALWAYS, RateLimited, Sent.NO),
    "a write is tried again after 429": Failure({"status": 429}, WRITE, ALWAYS, RateLimited, Sent.NO),
    "a 429 with a time is waited for": Failure({"status": 429, **REST}, WRITE, ALWAYS, RateLimited, Sent.NO),
    "a 429 with a long time ends the run": Failure({"status": 429, **LONG_REST}, READ, ONCE, RateLimited, Sent.NO),
    "a read is tried again after 503": Failure({"status": 503}, READ),
    "a write may have been done at a bare 503": Failure({"status": 503}, WRITE, ONCE),
    "a 503 with a time was not processed": Failure({"status": 503, **REST}, WRITE, sent=Sent.NO),
    "a 503 with a long time ends the run": Failure({"status": 503, **LONG_REST}, WRITE, ONCE, sent=Sent.NO),
    "a read is tried again after 502": Failure({"status": 502, **HTML}, READ),
    "a write may have been done at 502": Failure({"status": 502, **HTML}, WRITE, ONCE),
    "a read is tried again after 504": Failure({"status": 504, **HTML}, READ),
    "a write may have been done at 504": Failure({"status": 504, **HTML}, WRITE, ONCE),
    "a 500 is not asked for again": Failure({"status": 500}, READ, ONCE),
    "a write may have been done at 500": Failure({"status": 500}, WRITE, ONCE),
    "an HTML page is no answer to a read": Failure(HTML, READ, ALWAYS, UnreadableAnswer),
    "a write answered with HTML may have been done": Failure(HTML, WRITE, ONCE, UnreadableAnswer),
    "a write answered with half a JSON may have been done": Failure(HALF_JSON, WRITE, ONCE, UnreadableAnswer),
    "an empty 200 is no answer": Failure({"status": 200, "body": ""}, READ, ALWAYS, UnreadableAnswer),
    "an HTML 404 is no answer of the system": Failure({"status": 404, **HTML}, READ, ALWAYS, UnreadableAnswer),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_failure_has_its_type_and_its_number_of_attempts(
    client: HttpClient, wire: responses.RequestsMock, failure: Failure
) -> None:
    wire.add("POST", f"{URL}/things", **failure.what)

    with pytest.raises(TransportError) as caught:
        client.request("POST", "/things", json={}, safe=failure.verb == READ)

    assert (type(caught.value), caught.value.sent) == (failure.kind, failure.sent)
    assert len(wire.calls) == failure.attempts


PASSING = {
    "a write whose first attempt found nobody": Failure(NO_CONNECTION, WRITE),
    "a write that was asked to wait": Failure({"status": 429}, WRITE),
    "a write that was declined for some seconds": Failure({"status": 503, **REST}, WRITE),
    "a read behind a tired proxy": Failure({"status": 504, **HTML}, READ),
    "a read that met a maintenance page": Failure(HTML, READ),
    "a read whose connection broke": Failure(RESET, READ),
}


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
def test_a_passing_failure_is_outlived(client: HttpClient, wire: responses.RequestsMock, failure: Failure) -> None:
    wire.add("POST", f"{URL}/things", **failure.what)
    wire.add("POST", f"{URL}/things", status=201, json={"id": 7})

    answer = client.request("POST", "/things", json={}, safe=failure.verb == READ)

    assert answer.data == {"id": 7}


def test_an_unreadable_answer_is_both_a_broken_promise_and_an_unknown_outcome() -> None:
    assert issubclass(UnreadableAnswer, ProtocolError)
    assert issubclass(UnreadableAnswer, TransportError)


RESTS = [
    pytest.param({"Retry-After": "7"}, 7, id="seconds"),
    pytest.param(
        {"Retry-After": "Mon, 23 Nov 2026 20:00:09 GMT", "Date": "Mon, 23 Nov 2026 20:00:00 GMT"},
        9,
        id="a date, by the answer's clock",
    ),
]


@pytest.mark.parametrize(("headers", "seconds"), RESTS)
def test_the_client_rests_as_long_as_the_system_asks(
    client: HttpClient, wire: responses.RequestsMock, naps: list[float], headers: dict[str, str], seconds: float
) -> None:
    wire.get(f"{URL}/things", status=429, headers=headers, json={})
    wire.get(f"{URL}/things", json={})

    client.request("GET", "/things", safe=True)

    assert naps == [seconds]


def test_rests_grow_when_the_system_names_no_time(
    client: HttpClient, wire: responses.RequestsMock, naps: list[float]
) -> None:
    wire.get(f"{URL}/things", status=503, headers={"Retry-After": "soon"}, json={})

    with pytest.raises(SystemDown):
        client.request("GET", "/things", safe=True)

    assert len(naps) == 4
    assert naps == sorted(naps)
    assert naps[-1] <= 5


def test_a_long_rest_is_told_with_the_error(client: HttpClient, wire: responses.RequestsMock) -> None:
    wire.get(f"{URL}/things", status=429, **LONG_REST)

    with pytest.raises(RateLimited, match="600 s") as caught:
        client.request("GET", "/things", safe=True)

    assert caught.value.retry_after == 600


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 412, 422, 423])
def test_a_refusal_of_the_system_is_an_answer(client: HttpClient, wire: responses.RequestsMock, status: int) -> None:
    wire.get(f"{URL}/things", status=status, json={"error": "no"})

    answer = client.request("GET", "/things", safe=True)

    assert (answer.status, answer.data) == (status, {"error": "no"})


def test_a_204_has_no_data(client: HttpClient, wire: responses.RequestsMock) -> None:
    wire.delete(f"{URL}/things/1", status=204)

    assert client.request("DELETE", "/things/1", safe=False).data is None


def test_a_redirect_is_not_followed_and_tells_where_to_point(client: HttpClient, wire: responses.RequestsMock) -> None:
    wire.get(f"{URL}/things", status=301, headers={"Location": "https://u:p@other.test/things?token=abc"})

    with pytest.raises(ProtocolError, match=r"https://other\.test/things;") as caught:
        client.request("GET", "/things", safe=True)

    assert "abc" not in str(caught.value)
    assert len(wire.calls) == 1


def test_a_refused_key_ends_the_run(client: HttpClient, wire: responses.RequestsMock) -> None:
    wire.get(f"{URL}/things", status=401, json={})

    with pytest.raises(AuthenticationFailed):
        client.request("GET", "/things", safe=True)

    assert len(wire.calls) == 1


def test_queries_and_bodies_are_encoded(client: HttpClient, wire: responses.RequestsMock) -> None:
    wire.post(f"{URL}/things", json={})

    client.request(
        "POST", "/things", params={"ids": "a,b", "name": "Ü & Söhne"}, json={"price": Decimal("10.10")}, safe=True
    )

    sent = wire.calls[0].request
    assert sent.url == f"{URL}/things?ids=a,b&name=%C3%9C%20%26%20S%C3%B6hne"
    assert sent.body == b'{"price":10.10}'
    assert sent.headers["Content-Type"] == "application/json"


def test_every_attempt_is_reported(wire: responses.RequestsMock) -> None:
    seen: list[tuple[str, int]] = []
    client = HttpClient(
        URL,
        name="crm",
        auth=ApiKey("X-API-Key", lambda: KEY),
        sleep=lambda _: None,
        on_request=lambda method, status, _: seen.append((method, status)),
    )
    wire.get(f"{URL}/things", **RESET)
    wire.get(f"{URL}/things", status=503, json={})
    wire.get(f"{URL}/things", json={})

    client.request("GET", "/things", safe=True)

    assert seen == [("GET", 0), ("GET", 503), ("GET", 200)]


def test_requests_keep_to_their_rate(wire: responses.RequestsMock, naps: list[float]) -> None:
    client = HttpClient(URL, name="crm", auth=ApiKey("X-API-Key", lambda: KEY), sleep=naps.append, rate=0.01)
    wire.get(f"{URL}/things", json={})

    for _ in range(3):
        client.request("GET", "/things", safe=True)

    assert [round(nap, -1) for nap in naps] == [100, 200]


@pytest.mark.parametrize(
    "failure", [NO_CONNECTION, RESET, {"status": 500, "body": "Mustermann"}, {"body": "Mustermann"}]
)
def test_errors_show_no_secret_no_query_and_no_body(
    client: HttpClient, wire: responses.RequestsMock, failure: dict[str, Any]
) -> None:
    wire.get(f"{URL}/things", **failure)

    query = {"email": "eva@mustermann.test"}

    with pytest.raises(TransportError) as caught:
        client.request("GET", "/things", params=query, safe=True)

    shown = "".join(traceback.format_exception(caught.value)) + repr(client)
    assert "crm: GET /things" in shown
    assert "ustermann" not in shown
    assert KEY not in shown


@pytest.mark.parametrize("url", ["ftp://crm.test", "crm.test", "https://user:pw@crm.test", "https://crm.test/?key=1"])
def test_an_address_that_cannot_be_used_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigError, match="`url` must"):
        HttpClient(url, name="crm", auth=ApiKey("X-API-Key", lambda: KEY))


def test_a_certificate_that_cannot_be_verified_is_not_tried_again(
    wire: responses.RequestsMock, client: HttpClient
) -> None:
    wire.get(f"{URL}/things", body=requests.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed")))

    with pytest.raises(TransportError, match="certificate") as caught:
        client.request("GET", "/things", safe=True)

    assert caught.value.sent is Sent.NO
    assert len(wire.calls) == ONCE
