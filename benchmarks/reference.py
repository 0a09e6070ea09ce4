"""The same cases against the bundled reference systems: real servers with a database each, so without a gate."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import requests
from typing_extensions import override

from benchmarks.cases import MAPPED, Figure, Pair, floor, life, two_way
from benchmarks.floor import KEY, sign_in
from benchmarks.processes import Server, Stats, started
from benchmarks.synthetic import customers as made_up

BATCH = 200
NOTED = {"notes": "Called again"}


def one_round(customers: int, folder: Path) -> Iterator[Figure]:
    """The floor with its mapping, and the product, each against fresh reference systems."""
    with reference_pair(customers, folder / "floor-systems") as pair:
        yield floor(pair, folder / "floor", MAPPED)
    with reference_pair(customers, folder / "systems") as pair:
        yield from life(pair, customers, folder / "one-way")
    with reference_pair(customers, folder / "two-way-systems") as pair:
        yield two_way(pair, customers, folder / "two-way")


class ReferenceServer(Server):
    """A reference system, spoken to through its own API."""

    def __init__(self, url: str, base: str, headers: Mapping[str, str]) -> None:
        super().__init__(url)
        self.base = f"{url}{base}"
        self.session = requests.Session()
        self.session.headers.update(headers)

    @override
    def stats(self) -> Stats:
        total = self._call("GET", "_stats")["total"]
        return Stats(total["requests"], 0, total["writes"], 0.0)

    @override
    def touch(self, count: int) -> None:
        found = self._call("GET", "accounts", params={"limit": count})["records"]
        self._batch({"op": "update", "id": each["id"], "version": each["version"], "record": NOTED} for each in found)

    def fill(self, count: int) -> None:
        """Enter so many customers."""
        self._batch({"op": "create", "record": body} for body in made_up(count))

    def _batch(self, operations: Iterator[dict[str, Any]]) -> None:
        while batch := list(islice(operations, BATCH)):
            self._call("POST", "accounts/batch", params={"return": "minimal"}, json={"operations": batch})

    def _call(self, method: str, path: str, **options: Any) -> Any:
        answer = self.session.request(method, f"{self.base}/{path}", timeout=60, **options)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def reference_pair(customers: int, folder: Path) -> Iterator[Pair]:
    """Both reference systems on free loopback ports; the CRM is filled with the usual customers, the ERP is empty."""
    folder.mkdir(parents=True)
    with started(_command("crm", folder)) as crm_url, started(_command("erp", folder)) as erp_url:
        crm = ReferenceServer(crm_url, "/api/v1", {})
        sign_in(crm.session, crm_url)
        crm.fill(customers)
        yield Pair(crm, ReferenceServer(erp_url, "/api", KEY))


def _command(side: str, folder: Path) -> list[str]:
    database = str(folder / f"{side}.db")
    return [sys.executable, "-m", "connector.reference", side, "--port", "0", "--database", database]
