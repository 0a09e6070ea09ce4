"""Take a person's values out of everything that is remembered about one record; ids, times and decisions stay."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, and_, or_, select
from sqlalchemy.sql.elements import ColumnElement

from connector.records import OperationKind, Record, Side, decode, encode
from connector.store import aliases, links
from connector.store.columns import from_json, to_json, to_micros
from connector.store.schema import (
    approval,
    base,
    conflict,
    history,
    inbox,
    match_key,
    operation,
    problem,
    sighting,
)

ERASED = "(erased)"
"""What stands where a person's value was; empty values stay empty."""


class Subject(NamedTuple):
    """Whose values go: one record on both sides, under every id it had, and the fields that hold them."""

    entity: str
    ids: Mapping[Side, frozenset[str]]
    link: int | None
    fields: frozenset[str]


def find(conn: Connection, entity: str, side: Side, record_id: str, fields: frozenset[str]) -> Subject:
    """A record with its counterpart, and the ids that either had before it was merged or renamed."""
    found = links.find(conn, entity, side, [record_id]).get(record_id)
    ids = {one: {found.id_on(one)} if found else set() for one in Side}
    ids[side].add(record_id)
    for one, known in ids.items():
        known.update(*aliases.former(conn, entity, one, sorted(known)).values())
    return Subject(entity, {one: frozenset(known) for one, known in ids.items()}, found.id if found else None, fields)


def erase(conn: Connection, subject: Subject, at: datetime) -> Counter[str]:
    """Erase the values in every table; says how many rows of each were changed or dropped."""
    steps: Mapping[str, Callable[[Connection, Subject, datetime], int]] = {
        "bases": _bases,
        "operations": _operations,
        "conflicts": _conflicts,
        "history": _history,
        "problems": _problems,
        "inbox": _inbox,
        "sightings": _sightings,
        "approvals": _approvals,
    }
    return Counter({name: step(conn, subject, at) for name, step in steps.items()})


def blank(value: Any, fields: Collection[str]) -> Any:
    """A value with the marker in place of every filled field of these names, at any depth."""
    if isinstance(value, list):
        return [blank(item, fields) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: ERASED if name in fields and item not in (None, "", []) else blank(item, fields)
        for name, item in value.items()
    }


def _mine(subject: Subject, table: Table) -> ColumnElement[bool]:
    """The rows about the record itself, on either side."""
    sides = [and_(table.c.side == str(side), table.c.id.in_(ids)) for side, ids in subject.ids.items() if ids]
    return and_(table.c.entity == subject.entity, or_(*sides))


def _update(conn: Connection, table: Table, key: str, number: Any, changes: Mapping[str, Any]) -> None:
    conn.execute(table.update().where(table.c[key] == number).values(dict(changes)))


def _bases(conn: Connection, subject: Subject, _at: datetime) -> int:
    """An erased field has no base at all: the marker would look as if somebody had edited the field."""
    if subject.link is None:
        return 0
    known = links.get(conn, [subject.link])[subject.link]
    for side in Side:
        held = decode(known.base_on(side).record)
        _update(
            conn,
            base,
            "link",
            subject.link,
            {f"{side}_record": encode(_without(held, subject.fields)), f"{side}_whole": False},
        )
    return len(Side)


def _without(record: Record, fields: Collection[str]) -> Record:
    return {name: value for name, value in record.items() if name not in fields}


def _operations(conn: Connection, subject: Subject, _at: datetime) -> int:
    """An error keeps its code alone: a system may quote values. A create, which may become a base, gets no marker."""
    about = []
    for side, ids in subject.ids.items():
        about.append(and_(operation.c.side == str(side), operation.c.target.in_(ids)))
        about.append(and_(operation.c.side == str(side.other), operation.c.source.in_(ids)))
    records = ("values", "old", "settles")
    columns = [operation.c[name] for name in ("id", "kind", "error", *records)]
    rows = conn.execute(select(*columns).where(operation.c.entity == subject.entity, or_(*about))).fetchall()
    for number, kind, error, *stored in rows:
        erased = _without if kind == OperationKind.CREATE else blank
        before = zip(records, stored, strict=True)
        changes = {name: encode(erased(decode(data), subject.fields)) for name, data in before}
        told = None if error is None else error.partition(":")[0]
        _update(conn, operation, "id", number, {**changes, "error": told, "reserved": None})
    return len(rows)


def _conflicts(conn: Connection, subject: Subject, at: datetime) -> int:
    """A conflict over an erased value cannot be decided any more: it is closed, and the next look finds it anew."""
    records = ("crm_base", "erp_base", "crm_value", "erp_value", "chosen")
    ids = [conflict.c[f"{side}_id"].in_(known) for side, known in subject.ids.items()]
    columns = [conflict.c[name] for name in ("id", "status", *records)]
    rows = conn.execute(select(*columns).where(conflict.c.entity == subject.entity, or_(*ids))).fetchall()
    erased = 0
    for number, status, *stored in rows:
        before = {name: decode(data) for name, data in zip(records, stored, strict=True) if data is not None}
        if not any(subject.fields & record.keys() for record in before.values()):
            continue
        changes: dict[str, Any] = {name: encode(blank(record, subject.fields)) for name, record in before.items()}
        if status != "closed":
            changes |= {"status": "closed", "how": "forgotten", "changed_at": to_micros(at)}
        _update(conn, conflict, "id", number, changes)
        erased += 1
    return erased


def _history(conn: Connection, subject: Subject, _at: datetime) -> int:
    about = _mine(subject, history)
    if subject.link is not None:
        about = or_(about, history.c.link == subject.link)
    rows = conn.execute(select(history.c.seq, history.c.detail).where(about)).fetchall()
    changed = [(seq, to_json(blank(from_json(detail), subject.fields)), detail) for seq, detail in rows]
    changed = [(seq, new, old) for seq, new, old in changed if new != bytes(old)]
    for seq, new, _ in changed:
        _update(conn, history, "seq", seq, {"detail": new})
    return len(changed)


def _problems(conn: Connection, subject: Subject, _at: datetime) -> int:
    """Closed ones go; of an open one the cause stays, and what was said about it goes."""
    about = _mine(subject, problem)
    gone = conn.execute(problem.delete().where(about, problem.c.closed_at.is_not(None))).rowcount
    rows = conn.execute(select(problem.c.number, problem.c.side, problem.c.id, problem.c.cause).where(about)).fetchall()
    for number, side, record_id, cause in rows:
        message = (
            f"{subject.entity} {side}:{record_id}: {cause}; what was said about it is erased, the next look tells it"
        )
        _update(conn, problem, "number", number, {"message": message})
    return gone + len(rows)


def _inbox(conn: Connection, subject: Subject, _at: datetime) -> int:
    """The key stays, and its record is read again when its turn comes."""
    return conn.execute(inbox.update().where(_mine(subject, inbox)).values(record=None, version=None)).rowcount


def _sightings(conn: Connection, subject: Subject, _at: datetime) -> int:
    """The hash of an e-mail address tells whether somebody has that address."""
    conn.execute(match_key.delete().where(_mine(subject, match_key)))
    return conn.execute(sighting.update().where(_mine(subject, sighting)).values(keys=b"")).rowcount


def _approvals(conn: Connection, subject: Subject, _at: datetime) -> int:
    """An approval's digest is made of old and new values."""
    known = {one for ids in subject.ids.values() for one in ids}
    about = approval.c.record_id.in_(known | {f"new:{one}" for one in known})
    return conn.execute(approval.delete().where(approval.c.entity == subject.entity, about)).rowcount
