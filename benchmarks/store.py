"""Rows a second of the store's hot functions: `python -m benchmarks.store [URL] [--rows N]`.

Without a URL it measures SQLite in a temporary folder. A PostgreSQL URL must name an empty database.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from connector.records import (
    Arrival,
    Base,
    NewLink,
    Operation,
    OperationKind,
    OperationState,
    Rebase,
    Record,
    Side,
    Sighting,
    Version,
    encode,
)
from connector.store import inbox, journal, links, sightings
from connector.store.database import Store, open_store

Item = TypeVar("Item")
AT = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = 1000
ENTITY = "customer"
CREATE = OperationKind.CREATE


def main() -> None:
    """Measure one database and print a line for each function."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", help="the database to measure; SQLite in a temporary folder by default")
    parser.add_argument("--rows", type=int, default=50_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(chosen.url or f"sqlite:///{folder}/state.db")
        try:
            measure(store, chosen.rows)
        finally:
            store.close()


def measure(store: Store, rows: int) -> None:
    """Run every measurement over `rows` rows, a transaction a page."""
    ids = [f"{number:08d}-{random.getrandbits(32):08x}" for number in range(rows)]
    print(f"{store.dialect}, {rows} rows, {PAGE} a transaction")
    _measure_sightings(store, ids)
    _measure_links(store, ids)
    _measure_inbox(store, ids)
    _measure_journal(store, ids)


def _measure_sightings(store: Store, ids: Sequence[str]) -> None:
    version = Version("7")
    rows = [Sighting(one, version, (random.getrandbits(62), random.getrandbits(62))) for one in ids]
    hashes = [key for row in rows for key in row.keys or ()]
    _write(store, "sightings.see, new", rows, lambda conn, page: sightings.see(conn, ENTITY, Side.CRM, page, 1, AT))
    _write(store, "sightings.see, again", rows, lambda conn, page: sightings.see(conn, ENTITY, Side.CRM, page, 1, AT))
    _write(store, "sightings.mark", ids, lambda conn, page: sightings.mark(conn, ENTITY, Side.CRM, page, 2))
    _read(store, "sightings.candidates", hashes, lambda conn, page: sightings.candidates(conn, ENTITY, Side.CRM, page))
    _read(store, "sightings.known", ids, lambda conn, page: sightings.known(conn, ENTITY, Side.CRM, page))


def _measure_links(store: Store, ids: Sequence[str]) -> None:
    base = Base(encode({f"field_{number}": "x" * 20 for number in range(19)}), Version("12"), 5)
    rows = [NewLink(ENTITY, one, f"e{one}", base, base) for one in ids]
    numbers: list[int] = []
    _write(
        store,
        f"links.add, two bases of {len(base.record)} B",
        rows,
        lambda conn, page: numbers.extend(links.add(conn, page, AT)),
    )
    rebases = [Rebase(number, Side.ERP, base) for number in numbers]
    _read(store, "links.find", ids, lambda conn, page: links.find(conn, ENTITY, Side.CRM, page))
    _read(store, "links.versions", ids, lambda conn, page: links.versions(conn, ENTITY, Side.CRM, page))
    _read(store, "links.counterparts", ids, lambda conn, page: links.counterparts(conn, ENTITY, Side.CRM, page))
    _write(store, "links.rebase", rebases, lambda conn, page: links.rebase(conn, page, AT))


def _measure_inbox(store: Store, ids: Sequence[str]) -> None:
    record = encode({f"field_{number}": "x" * 20 for number in range(19)})
    rows = [Arrival(ENTITY, Side.CRM, one, "poll", Version("7"), record) for one in ids]
    _write(store, "inbox.put", rows, lambda conn, page: inbox.put(conn, page, AT))
    with store.read() as conn:
        first = inbox.head(conn) - len(ids) + 1
    seqs = range(first, first + len(ids))
    # The last `seq` of the page before is where the next page starts.
    _read(store, "inbox.take", seqs, lambda conn, page: inbox.take(conn, ENTITY, page[0] - 1, PAGE, AT))
    _write(store, "inbox.settle", seqs, inbox.settle)


def _measure_journal(store: Store, ids: Sequence[str]) -> None:
    values: Record = {f"field_{number}": "x" * 20 for number in range(19)}
    rows = [
        Operation(f"op{one}", ENTITY, Side.ERP, CREATE, None, one, None, None, values, {}, values, reserved=number)
        for number, one in enumerate(ids)
    ]
    names = [row.id for row in rows]
    _write(store, "journal.add", rows, lambda conn, page: journal.add(conn, page, AT))
    _write(store, "journal.advance", names, lambda conn, page: journal.advance(conn, page, OperationState.SENDING, AT))
    _write(
        store,
        "journal.complete",
        [(name, one) for name, one in zip(names, ids, strict=True)],
        lambda conn, page: journal.complete(conn, page, AT),
    )


def _write(store: Store, name: str, items: Sequence[Item], work: Callable[..., object]) -> None:
    started, spent = time.perf_counter(), time.process_time()
    for page in _pages(items):
        with store.write() as conn:
            work(conn, page)
    _report(name, len(items), time.perf_counter() - started, time.process_time() - spent)


def _read(store: Store, name: str, items: Sequence[Item], work: Callable[..., object]) -> None:
    started, spent = time.perf_counter(), time.process_time()
    for page in _pages(items):
        with store.read() as conn:
            work(conn, page)
    _report(name, len(items), time.perf_counter() - started, time.process_time() - spent)


def _pages(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), PAGE):
        yield items[start : start + PAGE]


def _report(name: str, rows: int, seconds: float, cpu: float) -> None:
    print(f"{name:40} {rows / seconds:>10,.0f} rows/s {seconds / rows * 1e6:8.1f} us {cpu / rows * 1e6:8.1f} us CPU")


if __name__ == "__main__":
    main()
