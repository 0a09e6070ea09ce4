"""What only a real socket can do: break off, hang up, stall, flood."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from connector.adapters.authentication import ApiKey
from connector.adapters.http import HttpClient
from connector.errors import Sent, SystemDown, UnreadableAnswer
from tests.adapters.servers import send, served

KEY = "top-secret-key"


def local(url: str, **options: Any) -> HttpClient:
    given = {"auth": ApiKey("X-API-Key", lambda: KEY), "sleep": lambda _: None, **options}
    return HttpClient(url, name="crm", **given)


ATTEMPTS = {"a read is tried again": (True, 5), "a write may have been done": (False, 1)}


@pytest.mark.parametrize(("is_safe", "attempts"), ATTEMPTS.values(), ids=ATTEMPTS)
def test_an_answer_that_breaks_off_is_unreadable(*, is_safe: bool, attempts: int) -> None:
    with served(lambda handler: send(handler, b'{"a": 1}', length=500)) as (url, asked):
        client = local(url)
        with pytest.raises(UnreadableAnswer, match="broke off after status 200") as caught:
            client.request("POST", "/things", json={}, safe=is_safe)
        client.close()

    assert caught.value.sent is Sent.MAYBE
    assert len(asked) == attempts


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
    assert len(asked) == 1


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


def answer(handler: BaseHTTPRequestHandler, status: int, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": "2", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(b"{}")


def test_no_thread_sends_before_a_rest_is_over() -> None:
    came: list[float] = []

    def ask_for_rest_once(handler: BaseHTTPRequestHandler) -> None:
        came.append(time.monotonic())
        answer(handler, 429 if len(came) == 1 else 200, Retry_After="1")

    with served(ask_for_rest_once) as (url, _):
        client = local(url, sleep=time.sleep)
        with ThreadPoolExecutor(4) as threads:
            first = threads.submit(client.request, "GET", "/things", safe=True)
            while not client._rest.until:
                time.sleep(0.01)
            others = [threads.submit(client.request, "POST", "/things", json={}, safe=False) for _ in range(3)]
            statuses = [each.result().status for each in (first, *others)]
        client.close()

    assert statuses == [200] * 4
    assert min(came[1:]) - came[0] >= 1


def test_a_system_that_is_down_is_asked_by_one_thread_after_the_cool_down() -> None:
    now = [0.0]
    with served(lambda handler: answer(handler, 500)) as (url, asked):
        client = local(url, max_attempts=1, trip_after=3, cool_down=30.0, clock=lambda: now[0])
        with ThreadPoolExecutor(4) as threads:
            for _ in range(2):
                calls = [threads.submit(client.request, "GET", "/things", safe=True) for _ in range(20)]
                errors = [each.exception() for each in calls]
                now[0] += 31
        client.close()

    # As many as were under way when the third one failed, and the trial.
    assert 3 < len(asked) <= 3 + 3 + 1
    assert {type(each) for each in errors} == {SystemDown}
