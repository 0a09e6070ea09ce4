"""`make bench-webhooks`: the receiver under load, with repeated, forged and oversized deliveries, and a kill halfway.

Every delivery that was acknowledged must be in the store afterwards, and none that was forged may be.
"""

import argparse
import asyncio
import itertools
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import aiohttp
import orjson
from standardwebhooks.webhooks import Webhook

from benchmarks.office import Office, going_on, office
from benchmarks.processes import await_up
from connector.records import Side
from connector.store import inbox
from connector.store.database import open_store

FOREIGN = "whsec_Zm9yZWlnbmZvcmVpZ25mb3Jl"
LANES = 48
REPEATED, FORGED, OVERSIZED = 10, 20, 100
"""Every so many-th delivery is one of these."""
MOST_GROWTH = 30.0
"""MiB by which the receiver may grow once it is warm."""
PATIENCE = 120
ACCEPTED, REFUSED, TOO_LARGE = 202, 401, 413
KIB = 1024


class Delivery(NamedTuple):
    """What is sent, and the status that must be the answer."""

    kind: str
    id: str
    record: str
    body: bytes
    secret: str
    status: int


@dataclass
class Burst:
    """What became of some deliveries."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    forged: set[str] = field(default_factory=set)
    wrong: int = 0
    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    """Send, kill, start anew, send on, and hold the receiver to its promises."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deliveries", description="The receiver under load.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--store", help="the address of a PostgreSQL database, instead of SQLite")
    chosen = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="connector-deliveries-") as name,
        office(Path(name), chosen.customers, chosen.store) as room,
    ):
        config = room.configure("daemon: {every: 1h}\n")
        room.run(config, "sync")
        deliveries = list(_deliveries(room, chosen.rate * chosen.seconds))
        burst, half = Burst(), len(deliveries) // 2
        _send_all(room, config, burst, deliveries[:half], chosen.rate, kill=True)
        _send_all(room, config, burst, deliveries[half:], chosen.rate, kill=False)
        lost = burst.acknowledged - _noted(room)
        entered = burst.forged & _noted(room)
        drained = _drain(room, config)
        return _judge(burst, len(lost), len(entered), drained=drained)


def _deliveries(room: Office, number: int) -> Iterator[Delivery]:
    """Deliveries about records that there are not: each leaves a key of its own, which can be looked for."""
    tenant = room.crm.call("GET", "organization")["id"]
    for place in range(number):
        record = f"acc-load-{place}"
        content = {"type": "accounts.updated", "organizationId": tenant, "data": {"id": record, "version": 1}}
        body, delivery = orjson.dumps(content), f"msg_{place}"
        if place % OVERSIZED == OVERSIZED - 1:
            yield Delivery("oversized", delivery, record, body + b" " * (2 << 20), room.secret, TOO_LARGE)
        elif place % FORGED == FORGED - 1:
            yield Delivery("forged", delivery, record, body, FOREIGN, REFUSED)
        elif place % REPEATED == REPEATED - 1:
            # The one before, again.
            record = f"acc-load-{place - 1}"
            content["data"] = {"id": record, "version": 1}
            yield Delivery("repeated", f"msg_{place - 1}", record, orjson.dumps(content), room.secret, ACCEPTED)
        else:
            yield Delivery("plain", delivery, record, body, room.secret, ACCEPTED)


def _send_all(
    room: Office, config: Path, burst: Burst, deliveries: Sequence[Delivery], rate: int, *, kill: bool
) -> None:
    """Send at a rate; a kill comes when two thirds are sent, and what was not acknowledged is sent again later."""
    with going_on(config, "webhooks") as receiver:
        await_up(f"{room.url}/healthz", "the receiver did not come up")
        kill_at = len(deliveries) * 2 // 3 if kill else None
        asyncio.run(_send(room, burst, deliveries, rate, receiver, kill_at))
    if kill:
        rest = [one for one in deliveries if one.status == ACCEPTED and one.record not in burst.acknowledged]
        with going_on(config, "webhooks") as receiver:
            await_up(f"{room.url}/healthz", "the receiver did not come up")
            asyncio.run(_send(room, burst, rest, rate * 2, receiver, None))


async def _send(
    room: Office,
    burst: Burst,
    deliveries: Sequence[Delivery],
    rate: int,
    receiver: "subprocess.Popen[bytes]",
    kill_at: int | None,
) -> None:
    start, numbers = time.monotonic(), itertools.count()
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=LANES)) as session:

        async def lane() -> None:
            for place in numbers:
                if place >= len(deliveries):
                    return
                await asyncio.sleep(max(0.0, start + place / rate - time.monotonic()))
                if place == kill_at:
                    receiver.kill()
                if place % rate == 0 and receiver.poll() is None:
                    burst.memory += _memory(receiver.pid)
                await _deliver(session, room, burst, deliveries[place])

        await asyncio.gather(*(lane() for _ in range(LANES)))


async def _deliver(session: aiohttp.ClientSession, room: Office, burst: Burst, one: Delivery) -> None:
    at = datetime.fromtimestamp(int(time.time()), UTC)
    headers = {
        "webhook-id": one.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(one.secret).sign(one.id, at, one.body.decode()),
    }
    begun = time.monotonic()
    try:
        async with session.post(f"{room.url}/webhooks/crm", data=one.body, headers=headers) as answer:
            status = answer.status
    except (aiohttp.ClientError, OSError, TimeoutError):
        # Refused while it is sent, an oversized body may end in a broken pipe, as anything does after the kill.
        burst.answers[one.kind, 0] += 1
        return
    burst.seconds.append(time.monotonic() - begun)
    burst.answers[one.kind, status] += 1
    burst.wrong += status != one.status
    if status == ACCEPTED:
        burst.acknowledged.add(one.record)
    if one.kind == "forged":
        burst.forged.add(one.record)


def _memory(pid: int) -> list[float]:
    """MiB that a process holds; nothing where the system does not tell, or the process was just killed."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return [int(line.split()[1]) / KIB]
    return []


def _noted(room: Office) -> set[str]:
    """The records that wait to be looked at."""
    store = open_store(room.store)
    try:
        with store.read() as connection:
            waiting = inbox.take(connection, "customer", 0, 1_000_000, datetime.fromtimestamp(time.time(), UTC))
    finally:
        store.close()
    return {row.id for row in waiting if row.side is Side.CRM}


def _drain(room: Office, config: Path) -> bool:
    """Whether the inbox is empty of all this, and both sides are at peace, after a sync or two."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = orjson.loads(room.run(config, "sync", "--json").stdout)
        if answer["writes"] == 0 and not any(one.startswith("acc-load") for one in _noted(room)):
            return True
    return False


def _judge(burst: Burst, lost: int, entered: int, *, drained: bool) -> int:
    took = sorted(burst.seconds)
    warm = burst.memory[len(burst.memory) // 4 :]
    growth = max(warm) - min(warm) if warm else 0.0
    for (kind, status), number in sorted(burst.answers.items()):
        sys.stdout.write(f"  {kind:10} {status or 'no answer':>9}  {number}\n")
    sys.stdout.write(
        f"median {took[len(took) // 2] * 1000:.0f} ms, 99 % {took[len(took) * 99 // 100] * 1000:.0f} ms; memory"
        f" {min(burst.memory):.0f} to {max(burst.memory):.0f} MiB\n"
        f"acknowledged {len(burst.acknowledged)}, of these lost {lost}; forged and taken {entered}; answered otherwise"
        f" than due {burst.wrong}; drained: {'yes' if drained else 'no'}\n"
    )
    fine = drained and not (lost or entered or burst.wrong) and growth <= MOST_GROWTH
    sys.stdout.write(f"goal: {'reached' if fine else 'MISSED'}\n")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
