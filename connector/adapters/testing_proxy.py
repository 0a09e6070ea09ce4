"""A proxy that stands between an adapter and its system, on loopback, and treats requests as badly as it is told to.

A real server on a real socket, so that it disturbs any adapter, whatever library it speaks HTTP with. What to do to
which requests is said with `disturb`; `testing_faults` has the usual ways. Everything else passes through.
"""

import gzip
import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias
from urllib.parse import unquote, urlsplit

from typing_extensions import override

PATIENCE_SECONDS = 30
ALWAYS = 1_000_000
_BETWEEN_HOPS = frozenset(
    ("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "host")
)
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: closing sends a reset instead of a farewell."""

_GZIP = b"\x1f\x8b"
"""How every packed body begins."""


class Request(NamedTuple):
    """What an adapter asked for; `at` is when, on a clock that never goes backwards."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @override
    def __repr__(self) -> str:
        # A failing assert prints it, and headers hold credentials.
        return f"{self.method} {urlsplit(self.target).path}"

    @property
    def text(self) -> str:
        """Everything that was sent, as one text to search in."""
        told = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"{self.method} {unquote(self.target)}\n{told}\n\n{self.body.decode(errors='replace')}"


class Reply(NamedTuple):
    """An answer, with its body whole and unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @override
    def __repr__(self) -> str:
        return f"{self.status} with {len(self.body)} bytes"


class Exchange:
    """One request, and what can be done to it."""

    def __init__(self, request: Request, door: "_Door") -> None:
        self.request = request
        self._door = door

    def forward(self) -> Reply:
        """Let the system process the request."""
        return self._door.proxy.forward(self.request)

    def answer(self, reply: Reply) -> None:
        """Answer the adapter."""
        self._door.send(reply, len(reply.body))

    def break_off(self, reply: Reply) -> None:
        """Announce the whole answer, send half of its body, and hang up."""
        self._door.send(reply._replace(body=reply.body[: len(reply.body) // 2]), len(reply.body))
        self._door.close_connection = True

    def hang_up(self) -> None:
        """Reset the connection."""
        self._door.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._door.close_connection = True

    def wait(self) -> None:
        """Hold the connection, silently, until the test has ended."""
        self._door.proxy.ended.wait(PATIENCE_SECONDS)


Fault: TypeAlias = Callable[[Exchange], None]
Where: TypeAlias = Callable[[Request], bool]


class _Disturbance:
    def __init__(self, fault: Fault, where: Where, times: int) -> None:
        self.fault, self.where, self.times = fault, where, times


class Proxy:
    """Passes requests on to `target` and remembers them, but for those it was told to disturb."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._secure = parts.scheme == "https"
        self._netloc = parts.netloc
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._lock = threading.Lock()
        self._disturbances: list[_Disturbance] = []
        self._server = _Server(self)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = self.origin + parts.path
        self.asked: list[Request] = []
        """What came, in order."""
        self.passed: list[Request] = []
        """What the system was asked to process, in order."""
        self.ended = threading.Event()

    def disturb(self, fault: Fault, where: Where = lambda _: True, times: int = 1) -> None:
        """Do this to the next requests of the kind, instead of passing them on."""
        with self._lock:
            self._disturbances.append(_Disturbance(fault, where, times))

    def treat(self, request: Request, door: "_Door") -> None:
        """Do to one request what was asked for."""
        with self._lock:
            self.asked.append(request)
            wanted = (each for each in self._disturbances if each.times and each.where(request))
            disturbance = next(wanted, None)
            if disturbance is not None:
                disturbance.times -= 1
        exchange = Exchange(request, door)
        if disturbance is None:
            exchange.answer(exchange.forward())
        else:
            disturbance.fault(exchange)

    def forward(self, request: Request) -> Reply:
        """The system's own answer; addresses in it lead back here."""
        with self._lock:
            self.passed.append(request)
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        upstream = kind(self._netloc, timeout=PATIENCE_SECONDS)
        try:
            upstream.request(request.method, request.target, request.body or None, self._outwards(request.headers))
            response = upstream.getresponse()
            return self._inwards(response.status, dict(response.getheaders()), response.read())
        finally:
            upstream.close()

    def __enter__(self) -> Self:
        serve = {"poll_interval": 0.01}
        threading.Thread(target=self._server.serve_forever, kwargs=serve, name="proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _outwards(self, headers: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in headers.items() if name.lower() not in _BETWEEN_HOPS}
        # Answers are to be read here, so nobody packs them.
        return {**kept, "Accept-Encoding": "identity"}

    def _inwards(self, status: int, headers: Mapping[str, str], body: bytes) -> Reply:
        kept = {name: value for name, value in headers.items() if name.lower() not in _BETWEEN_HOPS}
        own = {name: value.replace(self._origin, self.origin) for name, value in kept.items()}
        packing = [name for name in own if name.lower() == "content-encoding"]
        # Some servers pack what nobody asked them to pack, and some only say that they did.
        if packing and body.startswith(_GZIP):
            body = gzip.decompress(body)
        own = {name: value for name, value in own.items() if name not in packing}
        return Reply(status, own, body.replace(self._origin.encode(), self.origin.encode()))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Door)

    @override
    def shutdown_request(self, request: Any) -> None:
        # Without the polite shutdown first, which would turn a reset into an end.
        self.close_request(request)

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """An adapter that has given up, or a system that is away, is what these tests are about."""


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def proxy(self) -> Proxy:
        assert isinstance(self.server, _Server)
        return self.server.proxy

    def treat(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        request = Request(str(self.command), self.path, dict(self.headers.items()), body, time.monotonic())
        try:
            self.proxy.treat(request, self)
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = treat  # noqa: N815 -- the base's names

    def send(self, reply: Reply, length: int) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status not in (204, 304):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """What is asked for is remembered, not printed."""
