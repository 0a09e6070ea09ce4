"""Tell what happened: to one record, in the order in which it happened, or to all of them, the newest first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from connector.records import Event, Link, Operation, Record, Ref, Side, Waiting
from connector.store import aliases, conflicts, history, inbox, journal, links, problems, sightings
from connector.store.conflicts import OpenConflict
from connector.store.database import Store
from connector.store.problems import OpenProblem

NEWEST = 200
"""How many events and operations of a record are told; the newest."""
ERASED = "***"


class Moment(NamedTuple):
    """One thing that happened to a record; exactly one of `seen`, `event` and `operation` says what."""

    at: datetime
    run: str
    seen: Ref | None = None
    event: Event | None = None
    operation: Operation | None = None
    settled_at: datetime | None = None
    """When an operation last moved on."""


@dataclass(slots=True)
class Story:
    """What is known about one record and its counterpart."""

    entity: str
    ids: dict[Side, str]
    link: Link | None = None
    moments: list[Moment] = field(default_factory=list)
    conflicts: list[OpenConflict] = field(default_factory=list)
    problems: list[OpenProblem] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    now_called: dict[str, str] = field(default_factory=dict)
    """Where a system merged or renamed the record: its present id."""

    @property
    def is_known(self) -> bool:
        """Whether anything is known at all."""
        return bool(self.link or self.moments or self.problems or self.waiting)


class Ambiguous(Exception):
    """Both sides know a record by this id, and they are not each other's counterparts."""


def explain(store: Store, entity: str, record_id: str, side: Side | None = None) -> Story:
    """The story of a record by its id on either side, now or before it was merged or renamed.

    Raises `Ambiguous` where the side must be told.
    """
    with store.read() as connection:
        found = _find(connection, entity, record_id, [side] if side else list(Side))
        story = Story(entity, _ids(found, record_id, side), found)
        refs = [Ref(entity, one, known) for one, known in story.ids.items()]
        former = _former(connection, refs)
        story.moments = sorted(_moments(connection, [*refs, *former], found), key=_order)
        story.problems = problems.of(connection, refs)
        story.waiting = [row for ref in refs for row in inbox.rows(connection, entity, ref.side, [ref.id]).values()]
        story.now_called = {
            ref.id: new
            for ref in [*refs, *former]
            for new in aliases.resolve(connection, entity, ref.side, [ref.id]).values()
        }
        if found is not None:
            story.conflicts = conflicts.of_links(connection, [found.id]).get(found.id, [])
        elif side is None:
            story.ids = _told(story)
    return story


def decisions(
    store: Store, limit: int, *, entity: str | None = None, run: str | None = None, since: datetime | None = None
) -> list[Moment]:
    """The newest decisions and writes across all records, newest first."""
    with store.read() as connection:
        operations = journal.newest(connection, limit, entity, run, since)
        events = history.newest(connection, limit, entity, run, since)
    moments = [Moment(planned, one.run, operation=one, settled_at=moved) for one, planned, moved in operations]
    moments += [Moment(at, told_in, event=event) for at, told_in, event in events]
    return sorted(moments, key=_order, reverse=True)[:limit]


def _find(connection: Connection, entity: str, record_id: str, sides: Sequence[Side]) -> Link | None:
    """The link of an id, or of the one that it leads to."""
    found = {link.id: link for side in sides for link in links.find(connection, entity, side, [record_id]).values()}
    if not found:
        present = {side: aliases.resolve(connection, entity, side, [record_id]).values() for side in sides}
        found = {
            link.id: link for side in sides for link in links.find(connection, entity, side, present[side]).values()
        }
    if len(found) > 1:
        raise Ambiguous(f"both sides have a {entity} {record_id}")
    return next(iter(found.values()), None)


def _former(connection: Connection, refs: Sequence[Ref]) -> list[Ref]:
    """What records were called before; one that has a link of its own has a story of its own."""
    found = []
    for entity, side, record_id in refs:
        olds = aliases.former(connection, entity, side, [record_id]).get(record_id, [])
        own = links.find(connection, entity, side, olds)
        found += [Ref(entity, side, old) for old in olds if old not in own]
    return found


def _ids(link: Link | None, record_id: str, side: Side | None) -> dict[Side, str]:
    if link is not None:
        return {one: link.id_on(one) for one in Side}
    return dict.fromkeys([side] if side else Side, record_id)


def _told(story: Story) -> dict[Side, str]:
    """Of an id that may be either side's, the sides that know it."""
    knowing = {moment.seen.side for moment in story.moments if moment.seen}
    knowing |= {moment.event.side for moment in story.moments if moment.event}
    knowing |= {item.problem.side for item in story.problems} | {row.side for row in story.waiting}
    return {side: record_id for side, record_id in story.ids.items() if side in knowing} or story.ids


def _moments(connection: Connection, refs: Sequence[Ref], link: Link | None) -> list[Moment]:
    moments = []
    operations: dict[str, Moment] = {}
    events: dict[tuple[datetime, str, str, str], Moment] = {}
    for ref in refs:
        first = sightings.first_seen(connection, ref.entity, ref.side, [ref.id])
        moments += [Moment(at, "", seen=ref) for at in first.values()]
        for operation, planned, moved in journal.of_record(connection, ref.entity, ref.side, ref.id, NEWEST):
            operations[operation.id] = Moment(planned, operation.run, operation=operation, settled_at=moved)
        for told in history.of(connection, ref.entity, ref.side, ref.id, NEWEST):
            events[_event_key(told)] = Moment(told[0], told[1], event=told[2])
    if link is not None:
        for told in history.of_link(connection, link.id, NEWEST):
            events[_event_key(told)] = Moment(told[0], told[1], event=told[2])
    return [*moments, *operations.values(), *events.values()]


def _order(moment: Moment) -> tuple[datetime, int, datetime]:
    """By time; within a second, what was found out comes before what was written because of it."""
    rank = 0 if moment.seen else 1 if moment.event else 2
    return moment.at.replace(microsecond=0), rank, moment.at


def _event_key(told: tuple[datetime, str, Event]) -> tuple[datetime, str, str, str]:
    """One event is found by its record and by its link; this tells that it is the same."""
    at, run, event = told
    return at, run, event.kind, f"{event.side}:{event.id}:{sorted(event.detail.items(), key=str)}"


def as_dict(story: Story, hidden: Collection[str]) -> dict[str, Any]:
    """The story as plain data, the values of `hidden` fields erased."""
    link = story.link
    return {
        "entity": story.entity,
        "ids": {str(side): record_id for side, record_id in story.ids.items()},
        "link": None if link is None else {"id": link.id, "status": str(link.status)},
        "known": story.is_known,
        "now_called": story.now_called,
        "moments": [_moment(moment, hidden) for moment in story.moments],
        "conflicts": [
            {"id": item.id, "field": item.conflict.field, "status": item.status, "reason": item.conflict.reason}
            for item in story.conflicts
        ],
        "problems": [
            {"id": item.id, "cause": item.problem.cause, "message": item.problem.message} for item in story.problems
        ],
        "inbox": [{"seq": row.seq, "side": str(row.side), "why": row.why, "since": row.since} for row in story.waiting],
    }


def entity_of(moment: Moment) -> str:
    """The entity of the record that a moment is about."""
    about = moment.operation or moment.event or moment.seen
    return "" if about is None else about.entity


def moment_as_dict(moment: Moment, hidden: Collection[str]) -> dict[str, Any]:
    """One moment as plain data, the values of `hidden` fields erased."""
    return {"entity": entity_of(moment), **_moment(moment, hidden)}


def _moment(moment: Moment, hidden: Collection[str]) -> dict[str, Any]:
    plain: dict[str, Any] = {"at": moment.at, "run": moment.run or None}
    if moment.seen:
        return {**plain, "kind": "first_seen", "side": str(moment.seen.side), "record": moment.seen.id}
    if moment.event:
        event = moment.event
        detail = erased_deeply(event.detail, hidden)
        return {**plain, "kind": event.kind, "side": str(event.side), "record": event.id, "detail": detail}
    operation = moment.operation
    if operation is None:
        return plain
    return {
        **plain,
        "kind": "operation",
        "operation": operation.id,
        "what": str(operation.kind),
        "action": operation.action,
        "side": str(operation.side),
        "record": operation.target,
        "source": operation.source,
        "old": erased(operation.old, hidden),
        "new": erased(operation.values, hidden),
        "why": operation.reason,
        "state": str(operation.state),
        "error": operation.error,
        "settled_at": moment.settled_at,
    }


def erased(record: Mapping[str, Any], hidden: Collection[str]) -> Record:
    """A record with the values of `hidden` fields erased; empty ones stay empty."""
    return {name: ERASED if name in hidden and value is not None else value for name, value in record.items()}


def erased_deeply(detail: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """An event's detail with the records it holds erased likewise."""
    return {name: erased(value, hidden) if isinstance(value, Mapping) else value for name, value in detail.items()}
