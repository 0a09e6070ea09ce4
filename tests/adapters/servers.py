"""Small servers on real sockets, for what only a socket can do, and the faults that the reference servers know."""

import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from connector.records import Remote


@contextmanager
def served(
    reply: Callable[[BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[str]]]:
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
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def send(handler: BaseHTTPRequestHandler, body: bytes, length: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = length is not None


class Faults:
    """A reference server's own faults, for what a proxy cannot do: rights, times and lags of stored records."""

    def __init__(self, person: requests.Session, base: str) -> None:
        self._person, self._address = person, f"{base}/_faults"

    def set(self, **rule: Any) -> None:
        """Let one fault be in force, and no other."""
        self._person.put(self._address, json=[rule], timeout=10).raise_for_status()

    def end(self) -> None:
        """Let the server be honest again."""
        self._person.delete(self._address, timeout=10).raise_for_status()

    def forbid(self, record_id: str) -> None:
        """Take away the right to one record."""
        self.set(fault="forbidden", ids=[record_id])

    def tied(self, create: Callable[[int], Sequence[Remote]], count: int) -> list[str]:
        """Make records that all have one time of change."""
        self.set(fault="one_timestamp")
        ids = [each.id for each in create(count)]
        self.end()
        return ids
