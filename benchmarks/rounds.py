"""What is measured in one round: floor, product and peers in turn, so that all meet the machine in the same mood."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cases import (
    AGAIN,
    COMMAND,
    CUSTOMERS,
    FLOOR,
    INITIAL,
    LEAST,
    MANY,
    MANY_CHANGES,
    MAPPED,
    POSTGRES,
    READ,
    START,
    TOGETHER,
    VERIFY,
    Connector,
    Figure,
    Pair,
    as_figure,
    bench_pair,
    changed,
    floor,
    life,
    two_way,
)
from benchmarks.floor import BATCH, PAGE
from benchmarks.peers.copies import copies
from benchmarks.processes import measured
from tests.postgres import Server

LATENCY = 0.05
"""Seconds a call, where a network is between the connector and its systems."""


def one_round(customers: int, folder: Path, database: Server | None, *, peers: bool) -> Iterator[Figure]:
    """Everything once, against fresh servers each."""
    for case in (FLOOR, TOGETHER, MAPPED):
        with bench_pair(customers) as pair:
            yield floor(pair, folder / case, case)
    with bench_pair(customers) as pair:
        yield from _one_life(pair, customers, folder / "one-way")
    if database:
        with bench_pair(customers) as pair:
            yield on_postgres(pair, customers, folder / "postgres", database)
    if peers:
        yield from copies(customers, folder / "peers")
    with bench_pair(customers) as pair:
        yield two_way(pair, customers, folder / "two-way")
    yield as_figure(START, 0, measured([*COMMAND, "--help"], folder), [])


def larger_round(customers: int, folder: Path) -> Iterator[Figure]:
    """First contact and the full comparison, among so many that the start of the command weighs little."""
    with bench_pair(customers) as pair:
        yield floor(pair, folder / FLOOR)
    with bench_pair(customers) as pair:
        product = Connector(pair, folder / "one-way", one_way=True)
        yield product.run(INITIAL, customers, "sync", *CUSTOMERS)
        yield product.run(VERIFY, customers, "verify", *CUSTOMERS)
        yield floor(pair, folder / READ, READ)


def slow_round(customers: int, folder: Path, *, peers: bool) -> Iterator[Figure]:
    """The first sync where every call takes its time."""
    for case in (FLOOR, TOGETHER):
        with bench_pair(customers, latency=LATENCY) as pair:
            yield floor(pair, folder / case, case)
    with bench_pair(customers, latency=LATENCY) as pair:
        yield Connector(pair, folder / "one-way", one_way=True).run(INITIAL, customers, "sync", *CUSTOMERS)
    if peers:
        yield from copies(customers, folder / "peers", LATENCY)


def first_syncs(sizes: list[int], folder: Path) -> Iterator[Figure]:
    """First contact with ever more customers: the cost of one, and the memory, must stay the same."""
    for size in sizes:
        with bench_pair(size) as pair:
            yield Connector(pair, folder / str(size), one_way=True).run(INITIAL, size, "sync", *CUSTOMERS)


def large_life(customers: int, folder: Path) -> Iterator[Figure]:
    """Floor, first contact and all that follows, among very many customers."""
    with bench_pair(customers) as pair:
        yield floor(pair, folder / "floor", FLOOR)
    with bench_pair(customers) as pair:
        yield from _one_life(pair, customers, folder / "one-way")


def _one_life(pair: Pair, customers: int, folder: Path) -> Iterator[Figure]:
    quiet = 0
    for figure in life(pair, customers, folder):
        yield figure
        if figure.case == AGAIN:
            quiet = figure.requests or 0
    yield floor(pair, folder / "read", READ)
    product = Connector(pair, folder / "many", one_way=True, store=f"sqlite:///{folder / 'state.db'}")
    yield changed(pair, product, MANY, MANY_CHANGES)
    fewest = quiet + math.ceil(MANY_CHANGES / PAGE) + math.ceil(MANY_CHANGES / BATCH)
    yield Figure(LEAST, 0, 0.0, 0.0, requests=fewest)


def on_postgres(pair: Pair, customers: int, folder: Path, database: Server) -> Figure:
    """First contact with the state in PostgreSQL; its own CPU is not counted."""
    with _database(database) as url:
        product = Connector(pair, folder, one_way=True, store=url)
        # As a company's database is: its tables are there before the first record.
        measured([*COMMAND, "status", "--config", str(product.config)], folder)
        return product.run(POSTGRES, customers, "sync", *CUSTOMERS)


@contextmanager
def _database(database: Server) -> Iterator[str]:
    url = database.create()
    try:
        yield url
    finally:
        database.drop(url)
