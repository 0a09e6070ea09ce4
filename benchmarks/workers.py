"""`make bench-workers`: what more slots bring at 50 ms a call, and whether workers keep a system's rate together.

Both are whole runs against benchmark servers behind a door of their own, which waits, counts, and refuses what is too
much. The connector's state is in a PostgreSQL started for this; conductor and workers are processes as in production.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import requests
from typing_extensions import override

from benchmarks.asgi import Answer, Application, Asked, Message, Receive, Send
from benchmarks.crm import Crm
from benchmarks.erp import Erp
from benchmarks.processes import HOME, started
from tests.postgres import Server, running_server

COMMAND = (sys.executable, "-m", "connector")
CONFIGURATION = """\
systems:
  crm: {{system: reference-crm, url: "{crm}", client_id: demo-client, client_secret: demo-secret}}
  erp: {{system: reference-erp, url: "{erp}", api_key: demo-key{rate}}}
store: {{url: "{store}"}}
sync: {{batch: {batch}}}
workers: {{queue: true, slots: 0, portion: 1000}}
mappings: {{crm: {{customer: {{number: null}}}}}}
log: {{level: warning}}
"""
MUST, GOAL = 0.75, 0.8
"""The efficiency of eight slots against one."""
WITHIN, SHARE = 1.0, 0.9
"""Requests a second over the limit, on average, and the share of it that must be used."""
LATENCY = 0.05
LISTED = "/api/v1/accounts"


class Door(Application):
    """A benchmark server's front: every answer takes so long, and beyond so many requests a second it is a 429."""

    def __init__(self, application: Application, latency: float, limit: float) -> None:
        super().__init__()
        self._application, self._latency, self._limit = application, latency, limit
        self._recent: deque[float] = deque()
        self._refused = 0
        self._first = self._last = 0.0
        self._begun = self._ended = 0.0
        self._count = self._asked = 0

    @override
    def answer(self, asked: Asked) -> Answer:
        return self._application.answer(asked)

    @override
    def touch(self, collection: str | None, count: int) -> int:
        return self._application.touch(collection, count)

    @override
    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == "/_door":
            await self._tell(send)
            return
        if path.startswith("/api/") and not self._lets_in(time.monotonic(), scope["method"]):
            await _answer(send, 429, b'{"error": {"code": "rate_limited"}}', [(b"retry-after", b"1")])
            return
        begun = time.monotonic()
        if not path.startswith("/_bench"):
            await asyncio.sleep(self._latency)
        await self._application(scope, receive, send)
        if scope["method"] == "GET" and path == LISTED:
            self._begun, self._ended = self._begun or begun, time.monotonic()

    def _lets_in(self, now: float, method: str) -> bool:
        """Whether this one is within the limit of the last second, with one to spare.

        What is counted begins with the first write and ends with the last: all that time there is more to be sent.
        """
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if self._count or method == "POST":
            self._count += 1
        if method == "POST":
            self._first, self._last, self._asked = self._first or now, now, self._count
        if self._limit and len(self._recent) > self._limit:
            self._refused += 1
            return False
        self._recent.append(now)
        return True

    async def _tell(self, send: Send) -> None:
        seconds, reading = self._last - self._first, self._ended - self._begun
        told = b'{"count": %d, "refused": %d, "seconds": %f, "reading": %f}'
        await _answer(send, 200, told % (self._asked, self._refused, seconds, reading))


async def _answer(send: Send, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    told = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


class Case(NamedTuple):
    """One run: how many customers, in batches of how many, by how many workers with how many slots."""

    customers: int
    batch: int
    workers: int
    slots: int
    rate: float = 0.0

    @property
    def hands(self) -> int:
        """All slots together."""
        return self.workers * self.slots


class Figure(NamedTuple):
    """What a run took, and what the ERP's door saw."""

    seconds: float
    asked: int
    refused: int
    door_seconds: float
    reading: float
    """Seconds from the first page that the CRM was asked for to the last."""


def run(case: Case, postgres: Server) -> Figure:
    """One first sync with fresh servers, fresh state and fresh workers."""
    url = postgres.create()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        options = ["--customers", str(case.customers)]
        crm = stack.enter_context(_door("crm", *options))
        erp = stack.enter_context(_door("erp", "--limit", str(case.rate)))
        config = Path(name) / "connector.yaml"
        rate = f", requests_per_second: {case.rate}" if case.rate else ""
        text = CONFIGURATION.format(crm=crm, erp=erp, store=url, batch=case.batch, rate=rate)
        config.write_text(text, encoding="utf-8")
        subprocess.run([*COMMAND, "status", "--config", config], cwd=HOME, capture_output=True, check=False)
        for number in range(case.workers):
            stack.enter_context(_working(config, case.slots, Path(name) / f"worker-{number}.log"))
        begun = time.perf_counter()
        words = ["sync", "--entity", "customer", "--config", str(config)]
        done = subprocess.run([*COMMAND, *words], cwd=HOME, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - begun
        if done.returncode:
            raise RuntimeError(f"the sync failed ({done.returncode}): {done.stdout[-1000:]}{done.stderr[-1000:]}")
        told, read = (requests.get(f"{door}/_door", timeout=30).json() for door in (erp, crm))
        return Figure(seconds, told["count"], told["refused"], told["seconds"], read["reading"])


def _door(side: str, *options: str) -> AbstractContextManager[str]:
    return started([sys.executable, "-m", "benchmarks.workers", "--serve", side, *options])


@contextmanager
def _working(config: Path, slots: int, log: Path) -> Iterator[None]:
    words = ["worker", "--slots", str(slots), "--config", str(config)]
    environ = {**os.environ, "CONNECTOR_LOG__LEVEL": "info"}
    with log.open("wb") as sink:
        process = subprocess.Popen([*COMMAND, *words], cwd=HOME, stdout=sink, stderr=sink, env=environ)
    try:
        while b"worker_started" not in log.read_bytes():
            if process.poll() is not None:
                raise RuntimeError(f"a worker ended: {log.read_text()[-1000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(60)


def efficiency(rounds: int, customers: int, batch: int, postgres: Server) -> float:
    """Eight slots against one, in turn, so that both meet the machine in the same mood; the median of the rounds.

    What is compared is the time from the first write to the last. Beside it stands the whole command, of which
    starting and reading are one process's alone.
    """
    found = []
    for _ in range(rounds):
        one = run(Case(customers, batch, 1, 1), postgres)
        eight = run(Case(customers, batch, 2, 4), postgres)
        found.append(one.door_seconds / eight.door_seconds / 8)
        whole = one.seconds / eight.seconds / 8
        print(
            f"  batches of {batch}: writing {one.door_seconds:.1f} s in 1 slot, {eight.door_seconds:.1f} s in 2 x 4: "
            f"{found[-1]:.2f}; whole commands {one.seconds:.1f} s and {eight.seconds:.1f} s: {whole:.2f}",
            flush=True,
        )
    return median(found)


def reading(customers: int, postgres: Server) -> None:
    """What ranges bring: a first read by one slot and by eight, told without a gate."""
    for workers, slots in ((1, 1), (2, 4)):
        figure = run(Case(customers, 200, workers, slots), postgres)
        print(
            f"  {customers} customers read in {workers} x {slots}: {figure.reading:.1f} s, "
            f"{customers / figure.reading:.0f} a second; whole command {figure.seconds:.1f} s",
            flush=True,
        )


def rate_limit(postgres: Server) -> bool:
    """Ten requests a second, shared by four workers: told, and whether both bounds hold."""
    figure = run(Case(customers=3000, batch=10, workers=4, slots=1, rate=10.0), postgres)
    average = (figure.asked - 1) / figure.door_seconds
    print(f"  10 a second: {figure.asked} requests at {average:.2f} a second, {figure.refused} refused", flush=True)
    return SHARE * 10 <= average <= 10 + WITHIN


def main(arguments: Sequence[str]) -> int:
    """Measure, or be a server to measure against."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--customers", type=int, default=6_000)
    parser.add_argument("--reading", type=int, default=50_000, help="customers of the first read; 0 leaves it out")
    parser.add_argument("--batch", type=int, action="append", help="records a call; may be said several times")
    parser.add_argument("--serve", choices=("crm", "erp"), help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=float, default=0.0, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.serve:
        from benchmarks.servers import serve

        inner = Crm(customer_count=chosen.customers, order_count=0) if chosen.serve == "crm" else Erp()
        serve(Door(inner, LATENCY, chosen.limit))
        return 0
    with running_server() as postgres:
        print(f"efficiency of 8 slots, {LATENCY * 1000:.0f} ms a call, {chosen.customers} customers:", flush=True)
        found = [efficiency(chosen.rounds, chosen.customers, batch, postgres) for batch in chosen.batch or [10]]
        if chosen.reading:
            reading(chosen.reading, postgres)
        kept = rate_limit(postgres)
    print(f"efficiency {found[0]:.2f} (must {MUST}, goal {GOAL}); the rate is {'kept' if kept else 'NOT kept'}")
    return 0 if found[0] >= MUST and kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
