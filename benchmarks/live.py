"""`make bench-live`: how fast an adapter is beside a bare loop over the same system's own bulk API.

Both write and read the same fields of the same number of records, in turn, round by round, and only shares within a
round count: a machine's own speed drifts. A system that cannot be had is left out, with the reason.
"""

import argparse
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple

import pytest
from rich.console import Console
from rich.table import Table

from benchmarks import live_tryton
from connector.adapters.base import Adapter
from connector.adapters.odoo.system import connect as connect_odoo
from connector.records import Cursor, Draft, Resource
from tests.live.odoo import Odoo, prepare, running_odoo

LEAST = 0.7
"""The share of the bare loop's speed below which an adapter is too slow."""
PAGE, BATCH = 1000, 200
FIELDS = ("name", "email", "phone", "street", "zip", "city", "vat")


class Contest(NamedTuple):
    """One system: its adapter and the bare loop, each reading everything and creating so many."""

    system: str
    adapter: Adapter
    resource: Resource
    body: Callable[[int], dict[str, Any]]
    bare_read: Callable[[], int]
    bare_create: Callable[[int], int]


class Figure(NamedTuple):
    """Records a second of one case: bare, and through the adapter."""

    system: str
    case: str
    bare: float
    ours: float

    @property
    def share(self) -> float:
        """How much of the bare speed is left."""
        return self.ours / self.bare


def main(arguments: Sequence[str]) -> int:
    """Measure, show, and answer 1 where an adapter is too slow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description="Adapters beside bare loops.")
    parser.add_argument("--records", type=int, default=1000, help="created in a round, each way")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 100)
    figures: list[Figure] = []
    for contest in (_odoo, _tryton):
        try:
            with contest() as one:
                figures += [each for _ in range(chosen.rounds) for each in _round(one, chosen.records)]
        except pytest.skip.Exception as reason:
            console.print(f"left out: {reason}", markup=False)
    return _show(figures, console)


def _round(contest: Contest, records: int) -> Iterator[Figure]:
    bare, ours = _rate(lambda: contest.bare_create(records)), _rate(lambda: _create(contest, records))
    yield Figure(contest.system, "create", bare, ours)
    bare, ours = _rate(contest.bare_read), _rate(lambda: _read(contest))
    yield Figure(contest.system, "read", bare, ours)


def _rate(work: Callable[[], int]) -> float:
    started = time.perf_counter()
    count = work()
    return count / (time.perf_counter() - started)


def _create(contest: Contest, records: int) -> int:
    made = 0
    for start in range(0, records, BATCH):
        places = range(start, min(start + BATCH, records))
        drafts = [Draft(uuid.uuid4().hex, contest.body(place), f"bench-{uuid.uuid4().hex}") for place in places]
        made += sum(each.error is None for each in contest.adapter.create(contest.resource, drafts))
    return made


def _read(contest: Contest) -> int:
    seen, cursor, more = 0, None, True
    while more:
        page = contest.adapter.scan(contest.resource, cursor)
        seen, cursor, more = seen + len(page.remotes), Cursor(page.cursor), page.more
    return seen


@contextmanager
def _odoo() -> Iterator[Contest]:
    """Partners: they are what Odoo is asked for most."""
    with running_odoo() as odoo:
        prepare(odoo)
        adapter = connect_odoo({"url": odoo.url, "database": odoo.database, "api_key": odoo.api_key})
        resource = Resource("res.partner", (), (*FIELDS, "x_connector_id"))
        yield Contest("odoo", adapter, resource, _partner, lambda: _bare_read(odoo), lambda n: _bare_create(odoo, n))
        adapter.close()


@contextmanager
def _tryton() -> Iterator[Contest]:
    """Parties with what belongs to them."""
    with live_tryton.parts() as parts:
        yield Contest("tryton", *parts)


def _partner(place: int) -> dict[str, Any]:
    where = {"street": f"{place} Long Road", "zip": "89073", "city": "Ulm"}
    return {"name": f"Bench {place}", "email": f"b{place}@bench.example", "phone": "+49 731 1", "vat": "X", **where}


def _bare_create(odoo: Odoo, records: int) -> int:
    for start in range(0, records, BATCH):
        odoo.create("res.partner", *(_partner(place) for place in range(start, min(start + BATCH, records))))
    return records


def _bare_read(odoo: Odoo) -> int:
    seen, last = 0, 0
    rows: list[dict[str, Any]] = [{}]
    while rows:
        asked = {"domain": [["id", ">", last]], "fields": [*FIELDS], "order": "id", "limit": PAGE}
        rows = odoo.call("res.partner", "search_read", **asked, context={"active_test": False})
        seen, last = seen + len(rows), rows[-1]["id"] if rows else last
    return seen


def _show(figures: Sequence[Figure], console: Console) -> int:
    table = Table("system", "case", "bare, records/s", "adapter, records/s", "share, median")
    slow = False
    for system, case in dict.fromkeys((each.system, each.case) for each in figures):
        rounds = [each for each in figures if (each.system, each.case) == (system, case)]
        share = median(each.share for each in rounds)
        slow = slow or share < LEAST
        speeds = (f"{median(each.bare for each in rounds):.0f}", f"{median(each.ours for each in rounds):.0f}")
        table.add_row(system, case, *speeds, f"{share:.2f}")
    console.print(table)
    console.print(
        f"too slow: below {LEAST} of the bare loop" if slow else f"at least {LEAST} of the bare loop everywhere"
    )
    return int(slow)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
