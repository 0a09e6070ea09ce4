"""What the door to HTTP does with every kind of answer, silence and refusal."""

import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest
import requests
import responses
import urllib3.exceptions

from connector.adapters.authentication import ApiKey, ClientCredentials
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
    made = HttpClient(URL, name="crm", auth=ApiKey("X-API-Key", lambda: KEY), sleep=naps.append)
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


# --- tokens


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bearer(clock: Clock, naps: list[float]) -> HttpClient:
    auth = ClientCredentials("/oauth/token", "demo", lambda: KEY, clock=clock)
    return HttpClient(URL, name="crm", auth=auth, sleep=naps.append)


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


# --- what only a real socket can do


@contextmanager
def served(reply: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, list[str]]]:
    """A server that answers every request with `reply`; gives its address and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            reply(self)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *args: Any) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def local(url: str, **options: Any) -> HttpClient:
    return HttpClient(url, name="crm", auth=ApiKey("X-API-Key", lambda: KEY), sleep=lambda _: None, **options)


def send(handler: BaseHTTPRequestHandler, body: bytes, length: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = length is not None


BROKEN = {"a read": Failure({}, READ, ALWAYS), "a write": Failure({}, WRITE, ONCE)}


@pytest.mark.parametrize("failure", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_breaks_off_is_unreadable(failure: Failure) -> None:
    with served(lambda handler: send(handler, b'{"a": 1}', length=500)) as (url, asked):
        client = local(url)
        with pytest.raises(UnreadableAnswer, match="broke off after status 200") as caught:
            client.request("POST", "/things", json={}, safe=failure.verb == READ)
        client.close()

    assert caught.value.sent is Sent.MAYBE
    assert len(asked) == failure.attempts


def test_a_connection_that_closes_without_an_answer_may_have_done_the_write() -> None:
    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    with served(hang_up) as (url, asked):
        client = local(url)
        with pytest.raises(SystemDown) as caught:
            client.request("POST", "/things", json={}, safe=False)
        client.close()

    assert caught.value.sent is Sent.MAYBE
    assert len(asked) == ONCE


def test_a_port_where_nobody_listens_was_never_reached() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = local(f"http://127.0.0.1:{unused.getsockname()[1]}", max_attempts=2)
        with pytest.raises(SystemDown, match="no connection") as caught:
            client.request("POST", "/things", json={}, safe=False)

    assert caught.value.sent is Sent.NO


def test_a_slow_answer_may_have_done_the_write() -> None:
    released = threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        released.wait(5)
        handler.close_connection = True

    with served(stall) as (url, _):
        client = local(url, timeout=(1, 0.05))
        with pytest.raises(SystemDown, match="no answer within") as caught:
            client.request("POST", "/things", json={}, safe=False)
        released.set()
        client.close()

    assert caught.value.sent is Sent.MAYBE


def test_an_answer_that_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.adapters.http.ANSWER_LIMIT", 1000)
    with served(lambda handler: send(handler, b"[" + b"1," * 1000 + b"1]")) as (url, _):
        client = local(url)
        with pytest.raises(UnreadableAnswer, match="smaller pages"):
            client.request("GET", "/things", safe=True)
        client.close()


def test_connections_are_kept_alive() -> None:
    ports: list[int] = []

    def remember(handler: BaseHTTPRequestHandler) -> None:
        ports.append(handler.client_address[1])
        send(handler, b"{}")

    with served(remember) as (url, _):
        client = local(url)
        for _ in range(3):
            client.request("GET", "/things", safe=True)
        client.close()

    assert len(set(ports)) == 1


def test_a_certificate_that_cannot_be_verified_is_not_tried_again(
    wire: responses.RequestsMock, client: HttpClient
) -> None:
    wire.get(f"{URL}/things", body=requests.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed")))

    with pytest.raises(TransportError, match="certificate") as caught:
        client.request("GET", "/things", safe=True)

    assert caught.value.sent is Sent.NO
    assert len(wire.calls) == ONCE


def test_a_proxy_in_the_environment_is_used_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(lambda handler: send(handler, b'{"by": "proxy"}')) as (proxy, asked):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        client = local("http://crm.invalid", trust_env=True)
        answer = client.request("GET", "/things", safe=True)
        client.close()

    assert answer.data == {"by": "proxy"}
    assert asked == ["http://crm.invalid/things"]
