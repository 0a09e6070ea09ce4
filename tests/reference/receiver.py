"""Somebody who listens to webhooks: a real HTTP server that keeps what it is sent and answers as it is told."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from standardwebhooks.webhooks import Webhook

SECRET = "whsec_dGhpcyBpcyBhIHNlY3JldCBmb3IgdGVzdHM="


class Receiver(ThreadingHTTPServer):
    """Keeps every POST; `statuses` are answered one after the other, the last one for ever."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Door)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hooks"
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses = [200]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in list(self.received)]

    def wait(self, count: int, seconds: float = 15) -> list[dict[str, Any]]:
        """What came, once so much came."""
        end = time.monotonic() + seconds
        while len(self.received) < count:
            assert time.monotonic() < end, f"{len(self.received)} of {count} messages came"
            time.sleep(0.02)
        return self.events

    def verify(self, secret: str) -> None:
        """Every message bears the right signature."""
        for headers, body in self.received:
            Webhook(secret).verify(body, headers)


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.send_header("Location", f"{self.server.url}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening(port: int = 0) -> Iterator[Receiver]:
    """A receiver for the length of a block."""
    receiver = Receiver(port)
    thread = Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()
        thread.join(5)
