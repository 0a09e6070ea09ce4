"""The keeper's process: it stores in order, tells what went wrong, and ends with the run that started it."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmarks.cases import CONFIGURATION, ONE_WAY, Pair, bench_pair
from connector.errors import LeaseLost, StoreError
from connector.keeper import KeeperBeside, Scribe
from connector.store.database import Store, open_store
from tests.command import command

CUSTOMERS = 6000
KILLS = int(os.environ.get("CONNECTOR_TEST_KILLS", "10")) // 2
READY_SECONDS = 30
PARENT = """
import sys, time
from connector.keeper import Scribe
from connector.store.database import open_store
open_store(sys.argv[1]).close()
scribe = Scribe(sys.argv[1])
while not scribe.is_ready():
    time.sleep(0.01)
from tests.test_keeper import who
print(scribe.keep(who, ()), flush=True)
time.sleep(60)
"""


def who(_: Store) -> int:
    """The process that does this step."""
    return os.getpid()


def lose(_: Store, name: str) -> None:
    raise LeaseLost(f"{name}: another process took over")


def give_up(_: Store) -> None:
    os._exit(7)


def note(store: Store, value: int) -> list[int]:
    """Write down a number, and tell all that were."""
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS noted (value INTEGER)")
        connection.exec_driver_sql(f"INSERT INTO noted VALUES ({value})")  # noqa: S608 -- a number of the test's own
        return [row[0] for row in connection.exec_driver_sql("SELECT value FROM noted ORDER BY rowid")]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def keeper(url: str) -> Iterator[KeeperBeside]:
    """A keeper that has been told that there will be much to store."""
    store = open_store(url)
    found = KeeperBeside(store)
    found.prepare()
    yield found
    found.rest()
    store.close()


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + READY_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def move_out(keeper: KeeperBeside) -> int:
    """Wait until steps are done in the process; gives its number."""
    wait_for(lambda: keeper.submit(who).result() != os.getpid())
    return keeper.submit(who).result()


def test_nobody_waits_for_the_process_to_start(keeper: KeeperBeside) -> None:
    assert keeper.submit(who).result() == os.getpid()


def test_steps_keep_their_order_when_they_move_to_the_process(keeper: KeeperBeside) -> None:
    first = keeper.submit(note, 1)
    move_out(keeper)

    rest = [keeper.submit(note, value) for value in (2, 3)]

    assert [first.result(), rest[-1].result()] == [[1], [1, 2, 3]]


def test_what_a_step_raises_there_is_raised_here(keeper: KeeperBeside) -> None:
    move_out(keeper)

    with pytest.raises(LeaseLost, match="customer: another process took over"):
        keeper.submit(lose, "customer").result()


def test_a_process_that_ends_is_told_with_what_to_do(keeper: KeeperBeside) -> None:
    move_out(keeper)

    with pytest.raises(StoreError, match=r"has ended .*run again"):
        keeper.submit(give_up).result()


def test_the_next_run_starts_a_process_anew(keeper: KeeperBeside) -> None:
    before = move_out(keeper)
    keeper.rest()
    keeper.prepare()

    assert move_out(keeper) != before


def test_where_the_process_cannot_open_the_store_the_run_goes_on_without_it(tmp_path: Path) -> None:
    scribe = Scribe(f"sqlite:///{tmp_path / 'nowhere' / 'state.db'}")
    wait_for(lambda: scribe.is_ready() or scribe.has_ended())

    assert not scribe.is_ready()
    scribe.end()


def test_the_process_ends_when_the_run_is_killed(url: str) -> None:
    run = subprocess.Popen([sys.executable, "-c", PARENT, url], stdout=subprocess.PIPE, text=True)
    number = int(run.stdout.readline()) if run.stdout else 0

    run.kill()
    run.communicate()

    wait_for(lambda: not is_alive(number))


def is_alive(number: int) -> bool:
    """Whether a process runs; one that has ended and was not collected yet does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_first_sync_that_is_killed_again_and_again_doubles_nothing(tmp_path: Path) -> None:
    seed = int(os.environ.get("CONNECTOR_TEST_SEED", time.time_ns() % 1_000_000))
    dice = random.Random(seed)  # noqa: S311 -- a failure names the seed, to be played again
    with bench_pair(CUSTOMERS) as pair:
        config = write_config(tmp_path, pair)
        for _ in range(KILLS):
            kill_after(config, dice.uniform(0.3, 1.6))
        subprocess.run([*command("sync"), "--entity", "customer", "--config", str(config)], check=True, timeout=120)

        assert sorted(partners(pair)) == sorted(accounts(pair)), f"seed {seed}"
        assert len(accounts(pair)) == CUSTOMERS


def write_config(folder: Path, pair: Pair) -> Path:
    text = CONFIGURATION.format(crm=pair.crm.url, erp=pair.erp.url, store=f"sqlite:///{folder / 'state.db'}")
    path = folder / "connector.yaml"
    path.write_text(text + ONE_WAY, encoding="utf-8")
    return path


def kill_after(config: Path, seconds: float) -> None:
    """Start a sync and kill it so long after its start, wherever it is then."""
    words = [*command("sync"), "--entity", "customer", "--config", str(config)]
    run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        run.wait(seconds)
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGKILL)
        run.wait(30)


def accounts(pair: Pair) -> list[str]:
    """The e-mail address of every account in the CRM."""
    headers = {"Authorization": "Bearer benchmark-token"}
    found: list[str] = []
    cursor: str | None = "0"
    while cursor is not None:
        page = read(f"{pair.crm.url}/api/v1/accounts", headers, limit="1000", cursor=cursor)
        found += [one["email"] for one in page["records"]]
        cursor = page["nextCursor"]
    return found


def partners(pair: Pair) -> list[str]:
    """The e-mail address of every partner in the ERP."""
    found: list[str] = []
    page, items = 0, [{}]
    while items:
        page += 1
        address = f"{pair.erp.url}/api/partners"
        items = read(address, {"X-API-Key": "demo-key"}, page=str(page), per_page="500")["items"]
        found += [one["email"] for one in items]
    return found


def read(address: str, headers: dict[str, str], **params: str) -> Any:
    answer = requests.get(address, headers=headers, params=params, timeout=30)
    answer.raise_for_status()
    return answer.json()
