"""Creates enter the journal many at a time, as columns, about to be sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from connector.records import OperationKind, OperationState, Side, encode
from connector.store import bulk
from connector.store.carrying import Carried, insert_carried
from connector.store.columns import to_micros
from connector.store.journal import OperationTaken
from connector.store.schema import LIVE, operation

_NOTHING = encode({})

Place: TypeAlias = tuple[str, Side, str]
"""Entity, side written to, and run."""


def send(conn: Connection, place: Place, creates: Mapping[str, Sequence[Any]], at: datetime) -> None:
    """Store the creates of one run that are about to be sent, as columns; raises `OperationTaken` as `add` does.

    `creates` holds `id`, `source`, `source_version`, `reserved` and `values` (canonical bytes), each with one entry a
    create.
    """
    columns = {**creates, "key": [f"new:{source}" for source in creates["source"]]}
    try:
        with conn.begin_nested():
            bulk.insert_columns(conn, operation, columns, _about_to_be_sent(place, at))
    except IntegrityError as error:
        raise OperationTaken(_taken_by(conn, *place[:2], columns)) from error


_TAKEN_OVER = Carried(
    kinds={"id": "text", "reserved": "bigint", "seq": "bigint"},
    told={
        "id": "fresh.id",
        "reserved": "fresh.reserved",
        "source": "i.id",
        "source_version": "i.version",
        "key": "'new:' || i.id",
        "values": "i.record",
    },
    # SQLite keeps the loop in this order with it, and PostgreSQL takes it for a join like any other.
    join="CROSS JOIN inbox i WHERE i.seq = fresh.seq",
)


def take_over(conn: Connection, place: Place, creates: Mapping[str, Sequence[Any]], at: datetime) -> None:
    """Like `send`, for what stands in the inbox: the record goes from there into the journal without coming by here.

    `creates` holds `id`, `reserved` and `seq`, the inbox's number; where one of those is gone, it raises as well.
    """
    try:
        with conn.begin_nested():
            stored = insert_carried(conn, operation, _TAKEN_OVER, creates, _about_to_be_sent(place, at))
            if stored < len(creates["id"]):
                raise OperationTaken(creates["id"])
    except IntegrityError as error:
        raise OperationTaken(creates["id"]) from error


def _about_to_be_sent(place: Place, at: datetime) -> dict[str, Any]:
    now, (entity, side, run_id) = to_micros(at), place
    return {
        "entity": entity,
        "side": str(side),
        "kind": str(OperationKind.CREATE),
        "reason": f"new on {side.other}",
        "state": str(OperationState.SENDING),
        "phase": "live",
        "attempts": 0,
        "run": run_id,
        "created_at": now,
        "changed_at": now,
        "old": _NOTHING,
        "settles": _NOTHING,
    }


def _taken_by(conn: Connection, entity: str, side: Side, columns: Mapping[str, Sequence[Any]]) -> list[str]:
    """Which of these creates have a live operation in their way."""
    where = {"entity": entity, "side": str(side)}
    busy = {row[0] for row in bulk.select_in(conn, operation, ("key",), ("key", columns["key"]), where, LIVE)}
    reserved = [one for one in columns["reserved"] if one is not None]
    held = {row[0] for row in bulk.select_in(conn, operation, ("reserved",), ("reserved", reserved), where, LIVE)}
    ways = zip(columns["id"], columns["key"], columns["reserved"], strict=True)
    return [one for one, key, hashed in ways if key in busy or hashed in held]
