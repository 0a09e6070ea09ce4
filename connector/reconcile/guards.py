"""Stops over a whole plan: how much one entity may change on one side before a person has looked."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import ceil
from typing import NamedTuple

import orjson
import xxhash

from connector.entities import Entity, Guard
from connector.records import Operation, OperationKind, Side

FIRST_CONTACT = "first contact"
"""The reason of operations that compare two records, or one field of them, for the first time."""

MAPPING_CHANGED = "its mapping changed"
"""How the reason of operations begins that compare fields anew because a row of a mapping is no longer what it was."""

REMOVALS = frozenset({OperationKind.DELETE, OperationKind.ARCHIVE})
EMPTY = "empty"
"""The kind of an approval that lets a side show none of its records."""


class Trip(NamedTuple):
    """A guard that stopped one kind of operation for one entity on one side."""

    entity: str
    side: Side
    kinds: frozenset[OperationKind]
    affected: int
    limit: int
    message: str
    fields: frozenset[str] = frozenset()


class Past(NamedTuple):
    """What was done on one side in the rolling window before a plan; what a person released is not in it.

    `fields` counts the records of which a field was changed, without those that the plan changes again; `window` is
    the window's length in words.
    """

    removals: int
    fields: Mapping[str, int]
    window: str


def digest(operation: Operation) -> str:
    """What an approval binds to: entity, side, record, kind, and old -> new."""
    content = [
        operation.entity,
        operation.side,
        operation.key,
        operation.kind,
        operation.action,
        operation.old,
        operation.values,
    ]
    return xxhash.xxh3_128_hexdigest(orjson.dumps(content, option=orjson.OPT_SORT_KEYS))


def digest_empty(entity: str, side: Side) -> str:
    """What the approval binds to that lets a side show none of its records."""
    return xxhash.xxh3_128_hexdigest(orjson.dumps([entity, side, EMPTY]))


def is_counted(operation: Operation) -> bool:
    """Whether an update counts as a change: first contact fills fields on every record, and is meant to."""
    return operation.kind is OperationKind.UPDATE and operation.reason != FIRST_CONTACT


class Census(NamedTuple):
    """What a plan would do, counted page by page so that memory stays flat."""

    removals: Counter[Side]
    fields: Counter[tuple[Side, str]]
    remapped: Counter[tuple[Side, str]]
    """The part of `fields` that a changed mapping brought about."""

    @classmethod
    def empty(cls) -> "Census":
        """Nothing counted yet."""
        return cls(Counter(), Counter(), Counter())

    def add(self, operations: Iterable[Operation]) -> None:
        """Count more operations; approved ones are not handed in."""
        for operation in operations:
            if operation.kind in REMOVALS:
                self.removals[operation.side] += 1
            elif is_counted(operation):
                changed = [(operation.side, name) for name in operation.values]
                self.fields.update(changed)
                if operation.reason.startswith(MAPPING_CHANGED):
                    self.remapped.update(changed)


def check(entity: Entity, side: Side, census: Census, past: Past, linked: int) -> list[Trip]:
    """The guards that trip for one entity on one side; `linked` is how many links there are."""
    return _removals(entity, side, census.removals[side], past, linked) + _same_field(
        entity, side, census, past, linked
    )


def _removals(entity: Entity, side: Side, now: int, past: Past, linked: int) -> list[Trip]:
    limit = removal_limit(entity.guard, linked)
    if now == 0 or now + past.removals <= limit:
        return []
    before = f" (and {past.removals} were in the last {past.window})" if past.removals else ""
    message = (
        f"{now} {entity.name} records would be deleted or archived on {side}{before}, the limit is {limit} of "
        f"{linked}; nothing of that kind was written. If this is right, release them with: "
        f"connector approve {entity.name}"
    )
    return [Trip(entity.name, side, REMOVALS, now, limit, message)]


def removal_limit(guard: Guard, linked: int) -> int:
    """The stricter of the number and the share, but never less than one record."""
    return max(1, min(guard.deletes, int(linked * guard.delete_share)))


def change_limit(guard: Guard, linked: int) -> int:
    """On how many records one field may change: the larger of the number and the share."""
    return max(guard.changes, int(linked * guard.change_share))


def enough_links(guard: Guard, changes: int) -> int | None:
    """How many links let one field change on so many records; 0 where any number does, None where none does."""
    if changes <= guard.changes:
        return 0
    # One more than it takes, as shares are not exact.
    return ceil(changes / guard.change_share) + 1 if guard.change_share else None


def _same_field(entity: Entity, side: Side, census: Census, past: Past, linked: int) -> list[Trip]:
    """The same field changed on most records: rarely people, usually a changed mapping or import."""
    limit, kinds = change_limit(entity.guard, linked), frozenset({OperationKind.UPDATE})
    trips = []
    for (changed_on, name), count in census.fields.items():
        before = past.fields.get(name, 0)
        if changed_on is not side or count + before <= limit:
            continue
        recently = f" (and was on {before} others in the last {past.window})" if before else ""
        what = f"{name} would change on {count} of {linked} {entity.name} records on {side}{recently}"
        remapped = census.remapped[side, name]
        message = f"{what}, the limit is {limit}; nothing of that kind was written. {_advice(entity, name, remapped)}"
        trips.append(Trip(entity.name, side, kinds, count, limit, message, frozenset({name})))
    return trips


def _advice(entity: Entity, name: str, remapped: int) -> str:
    release = f"release them with: connector approve {entity.name}"
    if not remapped:
        return f"If this is right, {release}"
    return (
        f"On {remapped} of them because the mapping of {name} changed: if that is not meant, put its row back; if it "
        f"is, {release}"
    )


def is_stopped(operation: Operation, trips: Iterable[Trip]) -> bool:
    """Whether a trip holds this operation back."""
    for trip in trips:
        if (
            operation.side is trip.side
            and operation.kind in trip.kinds
            and (not trip.fields or trip.fields & operation.values.keys())
        ):
            return True
    return False
