"""Forget a person: take their values out of everything the connector remembers about one record.

The ids stay, so that nothing is created twice. An erased field has no base: should the record change again, that field
is compared as on first contact, and never taken for an edit.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from connector.entities import Entity
from connector.errors import RunError
from connector.holder import alone
from connector.records import Arrival, Event, Operation, OperationState, Ref, Side
from connector.store import conflicts, erase, history, inbox, journal, sightings
from connector.store.database import Store
from connector.store.erase import Subject
from connector.tenure import LEASE

_IN_DOUBT = frozenset({OperationState.SENDING, OperationState.UNKNOWN})
FORGOTTEN = "forgotten"
BY_HAND = "by hand"
"""What the history names where it names a run."""


class Forgotten(NamedTuple):
    """What was erased; `scrubbed` says that nothing of it can be read from the database's file any more."""

    subject: Subject
    rows: dict[str, int]
    looked_at_again: bool
    """Whether something was open, so that the next sync reads the record once more."""
    scrubbed: bool


def personal_fields(entity: Entity) -> frozenset[str]:
    """The fields that hold a person's data, in themselves or in their parts."""
    return frozenset(
        name
        for name, rule in entity.fields.items()
        if rule.personal or any(part.personal for part in rule.fields.values())
    )


def forget(store: Store, entity: Entity, ref: Ref, by: str, at: datetime) -> Forgotten | None:
    """Erase one person's values; None where nothing is known about the record.

    Raises `LeaseHeld` while a run is at work, and `RunError` while the outcome of a write about the record is unknown.
    """
    with alone(store, LEASE, FORGOTTEN, at):
        with store.write(durable=True) as connection:
            subject = erase.find(connection, entity.name, ref.side, ref.id, personal_fields(entity))
            if not _is_known(connection, subject):
                return None
            again = _put_back(connection, subject, at)
            rows = erase.erase(connection, subject, at)
            detail = {"by": by, "fields": sorted(subject.fields), "rows": dict(rows)}
            event = Event(entity.name, ref.side, ref.id, FORGOTTEN, detail, subject.link)
            history.append(connection, BY_HAND, [event], at)
        return Forgotten(subject, dict(rows), again, store.scrub())


def _is_known(connection: Connection, subject: Subject) -> bool:
    if subject.link is not None:
        return True
    for side, ids in subject.ids.items():
        known = sightings.known(connection, subject.entity, side, ids) or inbox.rows(
            connection, subject.entity, side, ids
        )
        if known or any(journal.of_record(connection, subject.entity, side, one, 1) for one in ids):
            return True
    return False


def _put_back(connection: Connection, subject: Subject, at: datetime) -> bool:
    """Leave nothing open that needs an erased value: what was planned, held or contested is decided anew."""
    live = _live(connection, subject)
    if any(one.state in _IN_DOUBT for one in live):
        raise RunError(
            f"{subject.entity}: a write about this record has not come to its end, so nothing was erased; first run: "
            "connector sync"
        )
    journal.advance(
        connection, [one.id for one in live], OperationState.ABANDONED, at, error="planned anew: values were erased"
    )
    contested = conflicts.of_links(connection, [subject.link] if subject.link is not None else [])
    touched = any(
        subject.fields & record.keys()
        for items in contested.values()
        for item in items
        for record in (item.conflict.crm_value, item.conflict.erp_value)
    )
    if live or touched:
        arrivals = [Arrival(subject.entity, side, one, FORGOTTEN) for side, ids in subject.ids.items() for one in ids]
        inbox.put(connection, arrivals, at)
    return bool(live) or touched


def _live(connection: Connection, subject: Subject) -> Collection[Operation]:
    found: list[Operation] = []
    for side in Side:
        created = [f"new:{one}" for one in subject.ids[side.other]]
        keys = [*subject.ids[side], *created]
        found += journal.live_keys(connection, subject.entity, side, keys).values()
    return found
