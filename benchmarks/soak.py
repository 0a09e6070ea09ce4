"""`make soak`: two daemons, a receiver and somebody who syncs by hand, on one PostgreSQL, while both systems misbehave.

In the end both systems must tell one story, every customer that somebody entered must be there once on each side, and
nothing may have been written twice: the systems' own records and logs are the witness, not the connector.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson
import requests

from benchmarks.office import Office, Side, going_on, office
from tests import witness
from tests.postgres import running_server
from tests.systems import System, Systems

FAULTS: list[dict[str, Any]] = [
    {"fault": "latency", "seconds": 0.01, "jitter": 0.2, "probability": 0.05},
    {"fault": "error", "status": 503, "retry_after": 1, "probability": 0.01},
    {"fault": "error", "status": 500, "probability": 0.01},
    {"fault": "reset", "when": "before", "probability": 0.005},
    {"fault": "reset", "when": "after", "probability": 0.005},
    {"fault": "lost_response", "probability": 0.005},
    {"fault": "truncated", "probability": 0.003},
    {"fault": "webhook_drop", "probability": 0.05},
    {"fault": "webhook_duplicate", "probability": 0.1},
    {"fault": "webhook_reorder", "seconds": 2, "probability": 0.2},
]
_NEW, _COUNTED = 0.2, 0.15
"""Shares of what people do: customers that are new, and stock that is counted."""
PATIENCE = 300
LOG = "{side}.writes"
DAEMON = "daemon: {every: 5s, stop_within: 20s}\nsync: {retry_after: 5s, enumerate_every: 60s}\n"
QUIET = (requests.RequestException, OSError)


class People:
    """Two who enter and edit customers, one on each side, and remember what they entered."""

    def __init__(self, room: Office, seed: int) -> None:
        self._room, self._seed = room, seed
        self.entered: list[str] = []
        self.edits = self.adjustments = 0

    def work(self, side: Side, ended: threading.Event) -> None:
        """Go on until the end; what the system refuses or loses is left at that, as a person would see it."""
        dice = random.Random(f"{self._seed}/{side.name}")  # noqa: S311 -- made-up work, repeatable
        known, products = sorted(side.customers()), sorted(self._products())
        number = 0
        while not ended.wait(dice.uniform(0.02, 0.2)):
            number += 1
            try:
                chance = dice.random()
                if chance < _NEW:
                    self._enter(side, f"{side.name}-{self._seed}-{number}")
                elif chance < _NEW + _COUNTED and side.name == "crm":
                    self._adjust(dice.choice(products), dice.randint(-3, 9) or 1)
                else:
                    side.edit(dice.choice(known), website=f"soak-{side.name}-{number}.example")
                    self.edits += 1
            except QUIET:
                continue

    def _products(self) -> set[str]:
        """The products of which the CRM knows a stock: only those can be counted."""
        return {
            one["productId"] for one in self._room.crm.call("GET", "stock-levels", params={"limit": 200})["records"]
        }

    def _adjust(self, product: str, quantity: int) -> None:
        """Somebody counted, and found more or less than was thought: to be posted in the ERP exactly once."""
        day = time.strftime("%Y-%m-%d", time.gmtime())
        what = {"productId": product, "warehouse": "MAIN", "quantity": quantity, "reason": "COUNT", "adjustedOn": day}
        self._room.crm.call("POST", "stock-adjustments", json=what)
        self.adjustments += 1

    def _enter(self, side: Side, name: str) -> None:
        email = f"{name}@soak.example"
        # Noted before: where the answer is lost, nobody knows, and the witness only asks for no more than one.
        self.entered.append(email)
        if side.name == "crm":
            side.call("POST", "accounts", json={"name": f"Soak {name}", "email": email})
        else:
            side.call("POST", "partners", json={"name": f"Soak {name}", "email": email, "is_company": True})


def main(arguments: Sequence[str]) -> int:
    """Live through it, let it calm down, and hold it to the promises."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Ten rough minutes.")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--customers", type=int, default=150)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    chosen = parser.parse_args(arguments)
    sys.stdout.write(f"seed {chosen.seed}\n")
    with tempfile.TemporaryDirectory(prefix="connector-soak-") as name, running_server() as server:
        store = server.create()
        try:
            log = f"--log-writes={Path(name) / LOG}"
            with office(Path(name), chosen.customers, store, "--faults", log) as room:
                return _soak(room, chosen.seconds, chosen.seed)
        finally:
            server.drop(store)


def _soak(room: Office, seconds: int, seed: int) -> int:
    config = room.configure(DAEMON)
    room.run(config, "sync")
    room.run(config, "check", "--subscribe")
    people, ended = People(room, seed), threading.Event()
    with _everybody(room, config):
        for side in (room.crm, room.erp):
            side.call("PUT", "_faults", params={"seed": seed}, json=FAULTS)
        threads = [threading.Thread(target=people.work, args=(side, ended)) for side in (room.crm, room.erp)]
        threads.append(threading.Thread(target=_by_hand, args=(room, config, ended)))
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        ended.set()
        for thread in threads:
            thread.join()
        for side in (room.crm, room.erp):
            side.call("DELETE", "_faults")
        calm = _calm(room, config)
    return _judge(room, config, people, calm)


@contextmanager
def _everybody(room: Office, config: Path) -> Iterator[None]:
    """Two daemons and a receiver, each in a folder of its own."""
    with ExitStack() as stack:
        for name in ("one", "two"):
            stack.enter_context(going_on(room.configure(DAEMON, room.folder / name), "daemon"))
        stack.enter_context(going_on(config, "webhooks"))
        yield


def _by_hand(room: Office, config: Path, ended: threading.Event) -> None:
    while not ended.wait(0.5):
        room.run(config, "sync", "--json")


def _calm(room: Office, config: Path) -> bool:
    """Whether a sync of everything finds nothing to write any more."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        room.run(config, "problems", "retry", "--all")
        ran = room.run(config, "sync", "--full", "--json")
        try:
            answer = orjson.loads(ran.stdout)
        except orjson.JSONDecodeError:
            time.sleep(1)  # not its turn
            continue
        if answer["writes"] == 0 and not answer["halted"]:
            return True
    return False


def _judge(room: Office, config: Path, people: People, calm: bool) -> int:  # noqa: FBT001 -- one more finding
    systems = Systems(*(System(side.name, side.url, None) for side in (room.crm, room.erp)))
    told = [
        witness.customers(systems, witness.shared_vat_ids(systems)),
        witness.adjustments(systems),
        witness.stock(systems),
    ]
    one_story = all(each.is_one_story for each in told)
    doubled = {side.name: _doubled(side, people.entered) for side in (room.crm, room.erp)}
    conflicts = orjson.loads(room.run(config, "conflicts", "list", "--json").stdout)
    verification = room.run(config, "verify", "--json")
    verified = verification.returncode
    done = f"{len(people.entered)} customers entered, {people.edits} edits, {people.adjustments} counts"
    twice = {side.name: written_twice(room.folder / LOG.format(side=side.name)) for side in (room.crm, room.erp)}
    found = f"calm: {calm}; doubled: {doubled}; written twice: {twice}; conflicts: {len(conflicts)}; verify: {verified}"
    sys.stdout.write(f"{done}; {found}; one story: {one_story}\n")
    fine = calm and not any(doubled.values()) and not any(twice.values()) and verified in {0, 3} and one_story
    if not fine:
        sys.stdout.write("".join(f"{each}\n" for each in (*told, verification.stdout)))
    sys.stdout.write(f"goal: {'reached' if fine else 'MISSED'}\n")
    return 0 if fine else 1


def written_twice(log: Path) -> list[str]:
    """What a server says was written a second time: a create with the same marker, or a change to what already was."""
    made: set[tuple[str, str]] = set()
    now: dict[tuple[str, str], str] = {}
    found = []
    for line in log.read_bytes().splitlines():
        write = orjson.loads(line)
        record, maker = (write["collection"], write["id"]), (write["collection"], write["marker"])
        again = write["kind"] == "created" and write["marker"] and maker in made
        if again or now.get(record) == write["digest"]:
            found.append(f"{write['kind']} {write['collection']} {write['id']}")
        if write["kind"] == "created" and write["marker"]:
            made.add(maker)
        now[record] = write["digest"]
    return found


def _doubled(side: Side, entered: Sequence[str]) -> dict[str, int]:
    """The customers that somebody entered once and that are there more than once."""
    there = Counter(one.get("email") for one in side.customers().values())
    return {email: there[email] for email in entered if there[email] > 1}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
