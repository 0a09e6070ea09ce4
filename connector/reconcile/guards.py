"""Stops over a whole plan: how much one entity may change on one side before a person has looked."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import orjson
import xxhash

from connector.entities import Entity, Guard
from connector.records import Operation, OperationKind, Side

FIRST_CONTACT = "first contact"
"""The reason of operations that compare two records, or one field of them, for the first time."""

REMOVALS = frozenset({OperationKind.DELETE, OperationKind.ARCHIVE})


class Trip(NamedTuple):
    """A guard that stopped one kind of operation for one entity on one side."""

    entity: str
    side: Side
    kinds: frozenset[OperationKind]
    affected: int
    limit: int
    message: str
    fields: frozenset[str] = frozenset()


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


class Census(NamedTuple):
    """What a plan would do, counted page by page so that memory stays flat."""

    removals: Counter[Side]
    fields: Counter[tuple[Side, str]]

    def add(self, operations: Iterable[Operation]) -> None:
        """Count more operations; approved ones are not handed in."""
        for operation in operations:
            if operation.kind in REMOVALS:
                self.removals[operation.side] += 1
            elif operation.kind is OperationKind.UPDATE and operation.reason != FIRST_CONTACT:
                # First contact fills fields on every record, and is meant to.
                self.fields.update((operation.side, name) for name in operation.values)


def check(entity: Entity, side: Side, census: Census, removed: int, linked: int) -> list[Trip]:
    """The guards that trip for one entity on one side.

    `removed` were deleted or archived in the rolling window before, `linked` is how many links there are.
    """
    return _removals(entity, side, census.removals[side], removed, linked) + _same_field(entity, side, census, linked)


def _removals(entity: Entity, side: Side, now: int, before: int, linked: int) -> list[Trip]:
    limit = removal_limit(entity.guard, linked)
    if now == 0 or now + before <= limit:
        return []
    recently = f" (and {before} in the last 24 hours)" if before else ""
    message = (
        f"{now} {entity.name} records{recently} would be deleted or archived on {side}, the limit is {limit} of "
        f"{linked}; "
        f"nothing of that kind was written. If this is right, release them with: connector approve {entity.name}"
    )
    return [Trip(entity.name, side, REMOVALS, now, limit, message)]


def removal_limit(guard: Guard, linked: int) -> int:
    """The stricter of the number and the share, but never less than one record."""
    return max(1, min(guard.deletes, int(linked * guard.delete_share)))


def _same_field(entity: Entity, side: Side, census: Census, linked: int) -> list[Trip]:
    """The same field changed on most records: rarely people, usually a changed mapping or import."""
    limit = max(entity.guard.changes, int(linked * entity.guard.change_share))
    trips = []
    for (changed_side, name), count in census.fields.items():
        if changed_side is side and count > limit:
            message = (
                f"{name} would change on {count} of {linked} {entity.name} records on {side}, the limit is {limit}; "
                f"nothing of "
                f"that kind was written. If this is right, release them with: connector approve {entity.name}"
            )
            kinds = frozenset({OperationKind.UPDATE})
            trips.append(Trip(entity.name, side, kinds, count, limit, message, frozenset({name})))
    return trips


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
