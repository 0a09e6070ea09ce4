"""What is measured: the connector as people run it, and the bare floor, each against fresh servers."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import orjson

from benchmarks.floor import Floor
from benchmarks.processes import Server, Stats, Usage, measured, server

CHANGES = 100
CUSTOMERS = ("--entity", "customer")
INITIAL, AGAIN, CHANGED, FULL, VERIFY = (
    "initial sync",
    "second sync, nothing changed",
    f"sync of {CHANGES} changes",
    "full comparison: sync --full",
    "full comparison: verify",
)
FLOOR, MAPPED, START, TWO_WAY, LARGE = (
    "bare floor",
    "bare floor, mapping by hand",
    "start alone (--help)",
    "initial sync, two-way mapping",
    "initial sync, customers and orders",
)

COMMAND = (sys.executable, "-m", "connector")
CONFIGURATION = """\
systems:
  crm: {{system: reference-crm, url: "{crm}", client_id: demo-client, client_secret: demo-secret}}
  erp: {{system: reference-erp, url: "{erp}", api_key: demo-key}}
store: {{url: "sqlite:///{store}"}}
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

    def __init__(self, pair: Pair, folder: Path, *, one_way: bool) -> None:
        folder.mkdir(parents=True)
        self._pair = pair
        self._folder = folder
        self._config = folder / "connector.yaml"
        text = CONFIGURATION.format(crm=pair.crm.url, erp=pair.erp.url, store=folder / "state.db")
        self._config.write_text(text + (ONE_WAY if one_way else ""), encoding="utf-8")

    def run(self, case: str, records: int, *words: str) -> Figure:
        """One command from start to end."""
        before = self._pair.stats()
        used = measured([*COMMAND, *words, "--config", str(self._config)], self._folder)
        counts = [now.since(then) for now, then in zip(self._pair.stats(), before, strict=True)]
        return _figure(case, records, used, counts)


@contextmanager
def bench_pair(customers: int, orders: int = 0) -> Iterator[Pair]:
    """Two fresh benchmark servers; the CRM is filled, the ERP holds the products only."""
    with server("crm", "--customers", str(customers), "--orders", str(orders)) as crm, server("erp") as erp:
        yield Pair(crm, erp)


def floor(pair: Pair, folder: Path, *, mapped: bool = False) -> Figure:
    """The bare loop, in a process of its own; its seconds are those of the loop alone."""
    folder.mkdir(parents=True)
    before = pair.stats()
    words = ["--mapped"] if mapped else []
    used = measured([sys.executable, "-m", "benchmarks.floor", pair.crm.url, pair.erp.url, *words], folder)
    if used.exit_code:
        raise RuntimeError(f"the floor failed: {used.output}")
    told = Floor(**orjson.loads(used.output))
    counts = [now.since(then) for now, then in zip(pair.stats(), before, strict=True)]
    loop = used._replace(seconds=told.seconds, cpu_seconds=told.cpu_seconds)
    return _figure(MAPPED if mapped else FLOOR, told.records, loop, counts)._replace(told="")


def one_round(customers: int, folder: Path) -> Iterator[Figure]:
    """The floor and the product in turn, so that both meet the machine in the same mood."""
    with bench_pair(customers) as pair:
        yield floor(pair, folder / "floor")
    with bench_pair(customers) as pair:
        yield floor(pair, folder / "mapped", mapped=True)
    with bench_pair(customers) as pair:
        yield from life(pair, customers, folder / "one-way")
    with bench_pair(customers) as pair:
        yield two_way(pair, customers, folder / "two-way")
    yield _figure(START, 0, measured([*COMMAND, "--help"], folder), [])


def life(pair: Pair, customers: int, folder: Path) -> Iterator[Figure]:
    """What happens to one state file, from first contact on."""
    product = Connector(pair, folder, one_way=True)
    yield product.run(INITIAL, customers, "sync", *CUSTOMERS)
    yield product.run(AGAIN, customers, "sync", *CUSTOMERS)
    pair.crm.touch(CHANGES)
    yield product.run(CHANGED, CHANGES, "sync", *CUSTOMERS)
    yield product.run(FULL, customers, "sync", "--full", *CUSTOMERS)
    yield product.run(VERIFY, customers, "verify", *CUSTOMERS)


def two_way(pair: Pair, customers: int, folder: Path) -> Figure:
    """First contact with the bundled mapping, which writes every new customer's number back."""
    return Connector(pair, folder, one_way=False).run(TWO_WAY, customers, "sync", *CUSTOMERS)


def large(customers: int, orders: int, folder: Path) -> Figure:
    """Everything at once, for the peak of memory."""
    chosen = ("--entity", "product", "--entity", "customer", "--entity", "order")
    with bench_pair(customers, orders) as pair:
        return Connector(pair, folder, one_way=False).run(LARGE, customers + orders, "sync", *chosen)


def _figure(case: str, records: int, used: Usage, counts: Sequence[Stats]) -> Figure:
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
