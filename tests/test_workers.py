"""Workers as processes beside the one that conducts a run: they share it, and any of them may die at any time."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from benchmarks.cases import Pair, bench_pair
from connector.store import portions
from connector.store.database import Store, open_store
from tests.command import connector
from tests.forks import Files, Fork
from tests.postgres import Server
from tests.services import until

pytestmark = pytest.mark.postgres

LOAD = int(os.environ.get("CONNECTOR_TEST_LOAD", "2000"))
"""Customers that are met for the first time; `make crash-workers` asks for two hundred thousand."""
KILLED = 2
DICE = random.Random()  # noqa: S311 -- any moment will do
CONFIGURATION = """\
systems:
  crm: {{system: reference-crm, url: "{crm}", client_id: demo-client, client_secret: demo-secret}}
  erp: {{system: reference-erp, url: "{erp}", api_key: demo-key}}
store: {{url: "{store}"}}
workers: {{queue: true, slots: 0, portion: {portion}}}
mappings: {{crm: {{customer: {{number: null}}}}}}
"""


class Office(NamedTuple):
    """Two systems, a configuration, and the state that its processes share."""

    pair: Pair
    config: Path
    store: Store

    def hands(self) -> set[int]:
        """The process ids of those who work on portions now."""
        with self.store.read() as connection:
            held = portions.holders(connection, datetime.fromtimestamp(0, UTC))
        return {int(one.split("/")[-2]) for one in held if one}

    def partners(self) -> int:
        """How many customers the ERP has."""
        address = f"{self.pair.erp.url}/api/partners"
        answer = requests.get(address, params={"per_page": 1}, headers={"X-API-Key": "demo-key"}, timeout=30)
        return int(answer.json()["total"])


@pytest.fixture
def office(postgres_server: Server, postgres_template: str, tmp_path: Path) -> Iterator[Office]:
    """Customers in the CRM, none in the ERP, and nothing known of either."""
    url = postgres_server.create(postgres_template)
    store = open_store(url)
    with bench_pair(LOAD) as pair:
        config = tmp_path / "connector.yaml"
        told = {"crm": pair.crm.url, "erp": pair.erp.url, "store": url, "portion": max(50, LOAD // 200)}
        config.write_text(CONFIGURATION.format(**told), encoding="utf-8")
        yield Office(pair, config, store)
    store.close()
    postgres_server.drop(url)


def test_runs_whose_processes_are_killed_end_on_the_others_and_double_nothing(office: Office) -> None:
    die_conducting(office)
    sync_with_killed_workers(office, KILLED)
    assert office.partners() == LOAD

    office.pair.crm.touch(LOAD // 2)
    sync_with_killed_workers(office, 1)

    assert office.partners() == LOAD
    assert connector(office.config, "verify", "--entity", "customer").code == 0


def die_conducting(office: Office) -> None:
    """A sync that is killed while somebody works for it."""
    sync = running(office.config, "sync", "--entity", "customer")
    with running(office.config, "worker", "--slots", "2") as worker, sync as conductor:
        until(lambda: worker.pid in office.hands(), within=120, every=0.01)
        conductor.kill()
        assert conductor.wait(30) == -signal.SIGKILL


def sync_with_killed_workers(office: Office, kills: int) -> None:
    """A sync that some workers begin and die at, and another one ends."""
    with running(office.config, "sync", "--entity", "customer") as conductor:
        for _ in range(kills):
            die_at_work(office)
        with running(office.config, "worker", "--slots", "2"):
            assert conductor.wait(1800) == 0, told(office.config)


def die_at_work(office: Office) -> None:
    """A worker that is killed soon after it has begun to work on a portion."""
    with running(office.config, "worker", "--slots", "2") as worker:
        until(lambda: worker.pid in office.hands(), within=120, every=0.01)
        time.sleep(DICE.uniform(0, 0.1))
        worker.kill()
        assert worker.wait(30) == -signal.SIGKILL


@contextmanager
def running(config: Path, *words: str) -> Iterator[Fork]:
    """A command in a process of its own, for the length of a block."""
    log = config.parent / f"{words[0]}.log"
    environ = {**os.environ, "CONNECTOR_CONFIG": str(config)}
    process = Fork("connector", list(words), config.parent, environ, Files(Path(os.devnull), Path(os.devnull), log))
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


def told(config: Path) -> str:
    """What the conductor said."""
    return (config.parent / "sync.log").read_text(encoding="utf-8")
