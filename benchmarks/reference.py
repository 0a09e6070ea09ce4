"""The same cases against the bundled reference systems: real servers with a database each, so without a gate."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import requests

from benchmarks.cases import (
    AGAIN,
    CHANGED,
    CHANGES,
    CUSTOMERS,
    FULL,
    INITIAL,
    TWO_WAY,
    VERIFY,
    Connector,
    Figure,
    Pair,
    floor,
)
from benchmarks.floor import sign_in
from benchmarks.processes import started


def one_round(customers: int, folder: Path) -> Iterator[Figure]:
    """The floor with its mapping, and the product, against fresh reference systems."""
    with reference_pair(customers, folder / "floor-systems") as pair:
        yield floor(pair, folder / "floor", mapped=True)
    with reference_pair(customers, folder / "systems") as pair:
        product = Connector(pair, folder / "one-way", one_way=True)
        yield product.run(INITIAL, customers, "sync", *CUSTOMERS)
        yield product.run(AGAIN, customers, "sync", *CUSTOMERS)
        touch(pair.crm, CHANGES)
        yield product.run(CHANGED, CHANGES, "sync", *CUSTOMERS)
        yield product.run(FULL, customers, "sync", "--full", *CUSTOMERS)
        yield product.run(VERIFY, customers, "verify", *CUSTOMERS)
    with reference_pair(customers, folder / "two-way-systems") as pair:
        product = Connector(pair, folder / "two-way", one_way=False)
        yield product.run(TWO_WAY, customers, "sync", *CUSTOMERS)


@contextmanager
def reference_pair(customers: int, folder: Path) -> Iterator[Pair]:
    """Both reference systems on free loopback ports; the CRM is filled, the ERP is empty."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        yield Pair(
            stack.enter_context(_system("crm", folder, "--seed", f"customers={customers}")),
            stack.enter_context(_system("erp", folder)),
        )


def touch(crm: str, count: int) -> None:
    """Change so many accounts as a person would, through the CRM's own API."""
    session = requests.Session()
    sign_in(session, crm)
    url = f"{crm}/api/v1/accounts"
    found = session.get(url, params={"limit": count}, timeout=60).json()["records"]
    changes = [
        {"op": "update", "id": each["id"], "version": each["version"], "record": {"notes": "Called again"}}
        for each in found
    ]
    session.post(f"{url}/batch", json={"operations": changes}, timeout=60).raise_for_status()


def _system(side: str, folder: Path, *options: str) -> AbstractContextManager[str]:
    database = str(folder / f"{side}.db")
    return started([sys.executable, "-m", "connector.reference", side, "--port", "0", "--database", database, *options])
