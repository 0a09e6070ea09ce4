"""Portions of a run: ranges of its keys or operations, each of which one process at a time works on.

A portion is a lease of its own, within the run's: who works on one commits only while both are held.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, text

from connector.store.columns import from_json, to_instant, to_json, to_micros
from connector.store.schema import UNDONE, portion

DONE, FAILED, OFF = "done", "failed", "off"

_FREE = (
    f"SELECT number FROM portion WHERE {UNDONE} AND run = :run AND until <= :now AND EXISTS"  # noqa: S608 -- our own words
    " (SELECT 1 FROM lease WHERE name = :name AND epoch = portion.run_epoch AND until > :now) ORDER BY number LIMIT 1"
)
_CLAIM = (
    "UPDATE portion SET owner = :owner, epoch = epoch + 1, until = :until WHERE number = ({free})"
    " RETURNING number, run, run_epoch, entity, task, payload, epoch, attempts"
)
_RENEW = text(
    f"UPDATE portion SET until = :until WHERE number = :number AND epoch = :epoch AND until > :now AND {UNDONE}"  # noqa: S608
)
_RUN = "SELECT 1 FROM lease WHERE name = :name AND epoch = :epoch AND until > :now"
_HOLDERS = select(portion.c.owner).where(portion.c.until > bindparam("now"), text(UNDONE))
_CLEAR = portion.delete()


class Portion(NamedTuple):
    """A portion somebody works on; `epoch` tells this holder from those before and after."""

    number: int
    run: str
    run_epoch: int
    entity: str
    task: str
    payload: Mapping[str, Any]
    epoch: int
    attempts: int


class Held(NamedTuple):
    """A portion somebody works on, or worked on until `until`."""

    number: int
    owner: str
    until: datetime


class Left(NamedTuple):
    """What is left of a run's portions: how many nobody works on, who works on others, whether one has failed."""

    free: int
    held: list[Held]
    failed: bool


class Ended(NamedTuple):
    """What became of a portion: nothing is counted where nobody began with it."""

    state: str
    tally: Mapping[str, Any] | None
    error: str | None


def add(conn: Connection, run: tuple[str, int], entity: str, task: str, payloads: Sequence[Any]) -> None:
    """Store portions of a run, given as its id and the epoch of its lease, for anybody to claim."""
    alike = {"run": run[0], "run_epoch": run[1], "entity": entity, "task": task, "state": "open", "owner": ""}
    alike |= {"epoch": 0, "until": 0, "attempts": 0}
    rows = [{**alike, "payload": to_json(payload)} for payload in payloads]
    if rows:
        conn.execute(portion.insert(), rows)


def claim(conn: Connection, run: str, lease: str, owner: str, ttl: timedelta, now: datetime) -> Portion | None:
    """Take the first portion that nobody works on, of a run that goes on under its lease; None where there is none."""
    # Several ask at once: each takes one that no other is about to take.
    skip = " FOR UPDATE SKIP LOCKED" if conn.dialect.name == "postgresql" else ""
    bound = {"run": run, "name": lease, "owner": owner, "until": to_micros(now + ttl), "now": to_micros(now)}
    row = conn.execute(text(_CLAIM.format(free=_FREE + skip)), bound).first()
    return None if row is None else Portion(*row)._replace(payload=from_json(row.payload))


def renew(conn: Connection, held: Portion, lease: str, ttl: timedelta, now: datetime) -> bool:
    """Extend a portion that is still ours, in a run that still goes on; False means that the work on it is lost.

    The run's lease is only looked at, which many may do at once; whoever takes it over waits for those that commit.
    """
    bound = {"number": held.number, "epoch": held.epoch, "until": to_micros(now + ttl), "now": to_micros(now)}
    if conn.execute(_RENEW, bound).rowcount != 1:
        return False
    share = " FOR SHARE" if conn.dialect.name == "postgresql" else ""
    asked = {"name": lease, "epoch": held.run_epoch, "now": to_micros(now)}
    return conn.execute(text(_RUN + share), asked).first() is not None


def finish(conn: Connection, held: Portion, state: str, tally: Mapping[str, Any], error: str | None = None) -> None:
    """Say what a portion came to, if it is still ours."""
    ended = {"state": state, "owner": "", "until": 0, "tally": to_json(tally), "error": error}
    conn.execute(portion.update().where(*_mine(held)).values(ended))


def give_back(conn: Connection, held: Portion, *, tried: bool, error: str | None = None) -> None:
    """Let somebody else go on with a portion, if it is still ours; `tried` counts an attempt."""
    left = {"owner": "", "until": 0, "attempts": held.attempts + tried, "error": error}
    conn.execute(portion.update().where(*_mine(held)).values(left))


def free(conn: Connection, numbers: Collection[int]) -> None:
    """Take portions from holders that are known to be gone."""
    if numbers:
        conn.execute(portion.update().where(portion.c.number.in_(numbers), text(UNDONE)).values(owner="", until=0))


def call_off(conn: Connection, run: str, now: datetime) -> None:
    """Let nobody begin with what is left of a run; who works on a portion may end it."""
    left = (portion.c.run == run, portion.c.until <= to_micros(now), text(UNDONE))
    conn.execute(portion.update().where(*left).values(state=OFF))


def left(conn: Connection, run: str) -> Left:
    """What is left of a run's portions; of those that are done nothing is read."""
    undone = (portion.c.run == run, text(UNDONE))
    free = conn.execute(select(func.count()).where(*undone, portion.c.owner == "")).scalar_one()
    held = conn.execute(
        select(portion.c.number, portion.c.owner, portion.c.until).where(*undone, portion.c.owner != "")
    )
    failed = conn.execute(select(portion.c.number).where(portion.c.run == run, portion.c.state == FAILED).limit(1))
    rows = [Held(row.number, row.owner, to_instant(row.until)) for row in held]
    return Left(free, rows, failed=failed.first() is not None)


def ended(conn: Connection, run: str) -> list[Ended]:
    """What became of a run's portions, in order."""
    rows = conn.execute(
        select(portion.c.state, portion.c.tally, portion.c.error).where(portion.c.run == run).order_by(portion.c.number)
    )
    return [Ended(row.state, from_json(row.tally), row.error) for row in rows]


def holders(conn: Connection, now: datetime) -> list[str]:
    """Who works on any run's portions."""
    return list(conn.execute(_HOLDERS, {"now": to_micros(now)}).scalars())


def clear(conn: Connection, run: str | None = None) -> None:
    """Forget the portions of a run, or of all."""
    conn.execute(_CLEAR if run is None else _CLEAR.where(portion.c.run == run))


def _mine(held: Portion) -> tuple[Any, ...]:
    return (portion.c.number == held.number, portion.c.epoch == held.epoch, text(UNDONE))
