"""Somebody who is posted to: a small server that keeps what it was sent, and answers as it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override


class Inbox:
    """What was posted, in order; `status` is what is answered."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.status = 200
        self.url = ""

    def about(self, name: str) -> list[str]:
        """The kinds of what was told about one thing."""
        return [post["kind"] for post in self.posts if post["about"] == name]


@contextmanager
def listening() -> Iterator[Inbox]:
    """A place to post to, for the length of a block."""
    inbox = Inbox()

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if inbox.status < 300:
                inbox.posts.append(content)
            self.send_response(inbox.status)
            self.send_header("content-type", "text/plain")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    inbox.url = f"http://127.0.0.1:{server.server_port}/services/T0/very-secret-path"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
