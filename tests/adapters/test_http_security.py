"""The door to HTTP is shut: certificates are verified, credentials stay, sizes are limited, nothing is given away."""

import gzip
import logging
import ssl
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import structlog
import trustme

from connector import logs
from connector.adapters.authentication import ApiKey, ClientCredentials
from connector.adapters.http import HttpClient
from connector.adapters.reference_erp import connect
from connector.errors import AuthenticationFailed, ProtocolError, RunError, Sent, TransportError, UnreadableAnswer
from tests.adapters.servers import send, served

KEY = "top-secret-key"
PERSON = "eva.unusual@mustermann.test"
COMPANY = b'{"company_id": 1, "database": "live", "now": "2026-11-23 20:00:00"}'


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return str(tmp_path / "authority.pem")


def secured(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def client(url: str, **options: Any) -> HttpClient:
    given = {"auth": ApiKey("X-API-Key", lambda: KEY), "sleep": lambda _: None, "max_attempts": 2, **options}
    return HttpClient(url, name="crm", **given)


def company(handler: BaseHTTPRequestHandler) -> None:
    send(handler, COMPANY)


def test_a_certificate_that_nobody_vouches_for_is_refused(authority: trustme.CA) -> None:
    with served(company, secured(authority)) as (url, asked):
        adapter = connect({"url": url, "api_key": KEY})
        with pytest.raises(TransportError, match="certificate cannot be verified") as caught:
            adapter.identify()

    assert caught.value.sent is Sent.NO
    assert asked == []


def test_a_certificate_of_the_given_authority_is_accepted(authority: trustme.CA, bundle: str) -> None:
    with served(company, secured(authority)) as (url, asked):
        adapter = connect({"url": url, "api_key": KEY, "ca_bundle": bundle})
        fingerprint = adapter.identify()
        adapter.close()

    assert fingerprint.environment == "live"
    assert asked == ["/api/company"]


def test_a_certificate_of_another_authority_is_refused(bundle: str) -> None:
    with served(company, secured(trustme.CA())) as (url, asked):
        with pytest.raises(TransportError, match="certificate"):
            client(url, verify=bundle).request("GET", "/things", safe=True)

        assert asked == []


def test_a_certificate_of_another_host_is_refused(authority: trustme.CA, bundle: str) -> None:
    with served(company, secured(authority, "somewhere-else.test")) as (url, asked):
        with pytest.raises(TransportError, match="certificate"):
            client(url, verify=bundle).request("POST", "/things", json={}, safe=False)

        assert asked == []


def towards(url: str, status: int) -> Callable[[BaseHTTPRequestHandler], None]:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", f"{url}{handler.path}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return reply


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_follows_a_redirect_to_another_host(status: int) -> None:
    with served(company) as (elsewhere, asked), served(towards(elsewhere, status)) as (url, _):
        for door in (client(url), client(url, auth=ClientCredentials("/token", "demo", lambda: KEY))):
            with pytest.raises(ProtocolError, match="redirected to"):
                door.request("POST", "/things", json={"email": PERSON}, safe=True)
            door.close()

    assert asked == []


def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.adapters.http.ANSWER_LIMIT", 1_000_000)
    written: list[int] = []

    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        written.extend(handler.wfile.write(b"x" * 100_000) for _ in range(10_000))

    with served(quietly(flood)) as (url, _):
        door = client(url)
        with pytest.raises(UnreadableAnswer, match="smaller pages"):
            door.request("POST", "/things", json={}, safe=False)
        door.close()

    assert 1_000_000 < sum(written) < 100_000_000


def test_an_answer_that_swells_when_unpacked_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.adapters.http.ANSWER_LIMIT", 1_000_000)
    packed = gzip.compress(b"[" + b" " * 100_000_000 + b"]")

    def swell(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(packed)))
        handler.end_headers()
        handler.wfile.write(packed)

    with served(quietly(swell)) as (url, _):
        door = client(url)
        with pytest.raises(UnreadableAnswer, match="smaller pages"):
            door.request("POST", "/things", json={}, safe=False)
        door.close()


def quietly(reply: Callable[[BaseHTTPRequestHandler], None]) -> Callable[[BaseHTTPRequestHandler], None]:
    """The same, without a traceback when the client hangs up."""

    def guarded(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        try:
            reply(handler)
        except OSError:
            handler.close_connection = True

    return guarded


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Everything that is logged, at the most talkative level."""
    logs.configure("debug", "json")
    yield lambda: capsys.readouterr().err
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)


def answering(status: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        content = f"{PERSON} {KEY}".encode()
        handler.send_response(status, f"No {PERSON}")
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return reply


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


FAILURES = {
    "a page": answering(200),
    "a refusal that is no JSON": answering(422),
    "a server error": answering(500),
    "a request for rest": answering(429, Retry_After=PERSON),
    "refused credentials": answering(401, WWW_Authenticate=f"Bearer {KEY}"),
    "a redirect": answering(302, Location=f"https://u:{KEY}@elsewhere.test/?email={PERSON}#{KEY}"),
    "a broken connection": hang_up,
    "an unknown packing": answering(200, Content_Encoding="gzip"),
    "a type that says too much": answering(200, Content_Type=f"text/html; for={PERSON}"),
    "a type that is none": answering(200, Content_Type=PERSON),
}


@pytest.mark.parametrize("reply", FAILURES.values(), ids=FAILURES)
def test_neither_errors_nor_logs_give_anything_away(
    reply: Callable[[BaseHTTPRequestHandler], None], logged: Callable[[], str]
) -> None:
    with served(reply) as (url, _):
        door = client(url)
        with pytest.raises(RunError) as caught:
            door.request("POST", "/things", params={"email": PERSON}, json={"email": PERSON}, safe=True)
        logs.get_logger().error("run_failed", error=str(caught.value), exc_info=caught.value)
        door.close()

    shown = logged() + "".join(traceback.format_exception(caught.value)) + repr(door)
    assert "crm: POST /things" in shown
    assert PERSON not in shown
    assert KEY not in shown


@pytest.mark.parametrize("secret", [f"{KEY}\n", f"{KEY}\r\nX-Other: 1", f"{KEY}-→"])
def test_credentials_that_no_header_can_hold_are_told_without_being_shown(secret: str) -> None:
    with served(company) as (url, asked):
        door = client(url, auth=ApiKey("X-API-Key", lambda: secret))
        with pytest.raises(AuthenticationFailed, match="without a line break") as caught:
            door.request("GET", "/things", safe=True)
        door.close()

    assert asked == []
    assert KEY not in "".join(traceback.format_exception(caught.value))
