"""What is measured: the connector as people run it, and the bare floor, each against fresh servers."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import orjson

from benchmarks.floor import Floor
from benchmarks.inside import Inside
from benchmarks.processes import Server, Stats, Usage, measured, server

CHANGES, MANY_CHANGES = 100, 5_000
CUSTOMERS = ("--entity", "customer")
INITIAL, AGAIN, CHANGED, MANY, FULL, VERIFY = (
    "initial sync",
    "second sync, nothing changed",
    f"sync of {CHANGES} changes",
    f"sync of {MANY_CHANGES:,} changes",
    "full comparison: sync --full",
    "full comparison: verify",
)
FLOOR, TOGETHER, MAPPED, READ = (
    "bare floor",
    "bare floor, 4 threads",
    "bare floor, mapping by hand",
    "only reading both sides",
)
_FLOORS = {FLOOR: (), TOGETHER: ("--threads", "4"), MAPPED: ("--mapped",), READ: ("--read",)}
POSTGRES = "initial sync, PostgreSQL"
IMPORTS, INSIDE, BARE, LEAST = (
    "importing requests, SQLAlchemy and pydantic",
    "the work inside a second sync",
    "the bare requests of a second sync",
    "the fewest requests for as many changes",
)
START, TWO_WAY, LARGE = (
    "start alone (--help)",
    "initial sync, two-way mapping",
    "initial sync, customers and orders",
)

LIBRARIES = "import requests, sqlalchemy, pydantic"
COMMAND = (sys.executable, "-m", "connector")
CONFIGURATION = """\
systems:
  crm: {{system: reference-crm, url: "{crm}", client_id: demo-client, client_secret: demo-secret}}
  erp: {{system: reference-erp, url: "{erp}", api_key: demo-key}}
store: {{url: "{store}"}}
log: {{level: warning}}
"""
ONE_WAY = "mappings: {crm: {customer: {number: null}}}\n"
"""The customer's number is the one field that every new partner sends back: without it the copy is one-way, as the
floor's is."""


class Figure(NamedTuple):
    """What one case cost in one round; the CPU is the command's own, and beside it that of both servers."""

    case: str
    records: int
    seconds: float
    cpu_seconds: float
    peak_mib: float | None = None
    requests: int | None = None
    written_crm: int | None = None
    written_erp: int | None = None
    server_cpu_seconds: float = 0.0
    exit_code: int = 0
    told: str = ""

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def work(self) -> float:
        """Records a second of CPU, servers included: what the rate would be on one core that nobody else uses."""
        return self.records / (self.cpu_seconds + self.server_cpu_seconds)


class Pair(NamedTuple):
    """The two systems a case works with."""

    crm: Server
    erp: Server

    def stats(self) -> tuple[Stats, Stats]:
        """What each was asked so far."""
        return self.crm.stats(), self.erp.stats()


class Connector:
    """The product as its users run it: one command, one process, one state file."""

    def __init__(self, pair: Pair, folder: Path, *, one_way: bool, store: str = "", more: str = "") -> None:
        folder.mkdir(parents=True)
        self._pair = pair
        self.folder = folder
        self.config = folder / "connector.yaml"
        """The configuration file."""
        place = store or f"sqlite:///{folder / 'state.db'}"
        text = CONFIGURATION.format(crm=pair.crm.url, erp=pair.erp.url, store=place)
        self.config.write_text(text + (ONE_WAY if one_way else "") + more, encoding="utf-8")

    def run(self, case: str, records: int, *words: str) -> Figure:
        """One command from start to end."""
        before = self._pair.stats()
        used = measured([*COMMAND, *words, "--config", str(self.config)], self.folder)
        counts = [now.since(then) for now, then in zip(self._pair.stats(), before, strict=True)]
        return as_figure(case, records, used, counts)


@contextmanager
def bench_pair(customers: int, orders: int = 0, latency: float = 0.0) -> Iterator[Pair]:
    """Two fresh benchmark servers; the CRM is filled, the ERP holds the products only."""
    slow = ("--latency", str(latency))
    filled = ("--customers", str(customers), "--orders", str(orders))
    with server("crm", *filled, *slow) as crm, server("erp", *slow) as erp:
        yield Pair(crm, erp)


def floor(pair: Pair, folder: Path, case: str = FLOOR) -> Figure:
    """A bare loop, in a process of its own; its seconds are those of the loop alone."""
    folder.mkdir(parents=True)
    before = pair.stats()
    used = measured([sys.executable, "-m", "benchmarks.floor", pair.crm.url, pair.erp.url, *_FLOORS[case]], folder)
    if used.exit_code:
        raise RuntimeError(f"the floor failed: {used.output}")
    told = Floor(**orjson.loads(used.output))
    counts = [now.since(then) for now, then in zip(pair.stats(), before, strict=True)]
    loop = used._replace(seconds=told.seconds, cpu_seconds=told.cpu_seconds)
    return as_figure(case, told.records, loop, counts)._replace(told="")


def life(pair: Pair, customers: int, folder: Path) -> Iterator[Figure]:
    """What happens to one state file, from first contact on."""
    product = Connector(pair, folder, one_way=True)
    yield product.run(INITIAL, customers, "sync", *CUSTOMERS)
    yield from small(pair, product)
    yield product.run(FULL, customers, "sync", "--full", *CUSTOMERS)
    yield product.run(VERIFY, customers, "verify", *CUSTOMERS)


def small(pair: Pair, product: Connector) -> Iterator[Figure]:
    """Nothing changed, and some changes: what is decided by the start, so each is the middle one of several."""
    again = partial(product.run, AGAIN, 0, "sync", *CUSTOMERS)
    again()  # it may still read back what the first sync wrote
    yield from in_turn([partial(imports, product.folder), again])
    yield from inside(product)
    yield from in_turn([partial(changed, pair, product, CHANGED, CHANGES)], 3)


def inside(product: Connector) -> Iterator[Figure]:
    """The work of a sync with nothing to do in a process that is up, and that of its requests alone."""
    used = measured([sys.executable, "-m", "benchmarks.inside", str(product.config)], product.folder)
    if used.exit_code:
        raise RuntimeError(f"the work inside a sync could not be measured: {used.output}")
    told = Inside(**orjson.loads(used.output.splitlines()[-1]))
    yield Figure(INSIDE, 0, told.sync_seconds, 0.0, requests=told.requests)
    yield Figure(BARE, 0, told.bare_seconds, 0.0, requests=told.requests)


def in_turn(runs: Sequence[Callable[[], Figure]], times: int = 5) -> Iterator[Figure]:
    """Run each in turn, several times, and answer the middle one of each by the clock."""
    figures = [[run() for run in runs] for _ in range(times)]
    for found in zip(*figures, strict=True):
        yield sorted(found, key=lambda figure: figure.seconds)[times // 2]


def changed(pair: Pair, product: Connector, case: str, number: int) -> Figure:
    """People change so many customers of the CRM, and a sync follows."""
    pair.crm.touch(number)
    return product.run(case, number, "sync", *CUSTOMERS)


def imports(folder: Path) -> Figure:
    """What a process costs that only imports what the product is built on."""
    return as_figure(IMPORTS, 0, measured([sys.executable, "-c", LIBRARIES], folder), [])


def two_way(pair: Pair, customers: int, folder: Path) -> Figure:
    """First contact with the bundled mapping, which writes every new customer's number back."""
    return Connector(pair, folder, one_way=False).run(TWO_WAY, customers, "sync", *CUSTOMERS)


def large(customers: int, orders: int, folder: Path) -> Figure:
    """Everything at once, for the peak of memory."""
    chosen = ("--entity", "product", "--entity", "customer", "--entity", "order")
    with bench_pair(customers, orders) as pair:
        return Connector(pair, folder, one_way=False).run(LARGE, customers + orders, "sync", *chosen)


def as_figure(case: str, records: int, used: Usage, counts: Sequence[Stats]) -> Figure:
    """What a command used, and what both servers were asked meanwhile."""
    figure = Figure(case, records, used.seconds, used.cpu_seconds, used.peak_mib)
    if counts:
        crm, erp = counts
        figure = figure._replace(
            requests=crm.requests + erp.requests,
            written_crm=crm.written,
            written_erp=erp.written,
            server_cpu_seconds=crm.cpu_seconds + erp.cpu_seconds,
        )
    return figure._replace(exit_code=used.exit_code, told=used.output[-2000:])
