"""Writes: batches sent in one transaction each, refusals told record by record, and what is stored read back.

What is read back after a write counts as stored only where nobody else has written since: somebody's edit in between
is an edit, and will be found as one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connector.adapters.tryton.collection import Change, Collection, Values
from connector.adapters.tryton.delivery import Delivery
from connector.adapters.tryton.refusals import Refused
from connector.adapters.tryton.rpc import NAME, Rpc
from connector.adapters.tryton.values import Row
from connector.errors import (
    Locked,
    NotFound,
    OutcomeUnknown,
    RecordError,
    RunError,
    Sent,
    TransportError,
    VersionConflict,
)
from connector.records import Body, Outcome, Patch, Removal, Transition

BY_ID = [["id", "ASC"]]


class Writer:
    """Writes the records of any resource."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def create(
        self, collection: Collection, bodies: Sequence[Body], values: Sequence[Values | RecordError]
    ) -> list[Outcome]:
        """New records; those that begin out of use are made first, as Tryton lets nobody fill in such a record."""
        ready = [(at, each) for at, each in enumerate(values) if isinstance(each, dict)]
        results: dict[int, Any] = {at: each for at, each in enumerate(values) if isinstance(each, RecordError)}

        def send(items: Sequence[tuple[int, Values]]) -> list[int]:
            made: list[int] = self._rpc.write(collection.written_model, "create", [_in_use(each) for _, each in items])
            return made

        told = Delivery(send).results(ready)
        results |= {at: result for (at, _), result in zip(ready, told, strict=True)}
        self._finish_new(collection, results)
        made = {at: each for at, each in results.items() if isinstance(each, int)}
        rows = self._after_create(collection, made, values)
        return [
            self._created(collection, rows.get(results[at], None), results[at], body) for at, body in enumerate(bodies)
        ]

    def update(
        self,
        collection: Collection,
        patches: Sequence[Patch],
        known: Sequence[Any],
        values: Sequence[Values | RecordError],
    ) -> list[Outcome]:
        """Changes of records as they were read; each is refused where the record has moved since."""
        results: dict[int, Any] = {}
        changes: list[tuple[int, Change]] = []
        for at, (row, made) in enumerate(zip(known, values, strict=True)):
            if isinstance(row, RecordError) or isinstance(made, RecordError):
                results[at] = row if isinstance(row, RecordError) else made
            else:
                changes.append((at, Change(collection.target(row), made, collection.stamps(row), row)))
        results |= self._changed(collection, changes)
        done = [int(patches[at].id) for at, each in results.items() if not isinstance(each, Exception)]
        rows = self._read_back(collection, done)
        return [self._updated(collection, patch, rows, results[at], known[at]) for at, patch in enumerate(patches)]

    def delete(self, collection: Collection, removals: Sequence[Removal], known: Sequence[Any]) -> list[Outcome]:
        """Deletes; a record that is gone already is done."""
        results: dict[int, Any] = {at: each for at, each in enumerate(known) if isinstance(each, RecordError)}
        ready = [(at, each) for at, each in enumerate(known) if isinstance(each, dict)]

        for model in sorted({collection.removed(row)[0] for _, row in ready}):
            items = [(at, row) for at, row in ready if collection.removed(row)[0] == model]
            told = Delivery(self._remover(collection, model)).results(items)
            results |= {at: result for (at, _), result in zip(items, told, strict=True)}
        return [_deleted(collection, removal, results[at], known[at]) for at, removal in enumerate(removals)]

    def perform(self, collection: Collection, transitions: Sequence[Transition], known: Sequence[Any]) -> list[Outcome]:
        """Named actions, each by the buttons that a person would press one after the other."""
        results: dict[int, Any] = {}
        left: list[tuple[int, Row, tuple[str, ...]]] = []
        for at, (step, row) in enumerate(zip(transitions, known, strict=True)):
            buttons = row if isinstance(row, RecordError) else _buttons(collection, step, row)
            results[at] = buttons
            left += [] if isinstance(buttons, RecordError) else [(at, row, buttons)]
        self._press(collection, left, results)
        done = [int(transitions[at].id) for at, each in results.items() if not isinstance(each, Exception)]
        rows = self._read_back(collection, done)
        return [self._updated(collection, each, rows, results[at], known[at]) for at, each in enumerate(transitions)]

    def _remover(self, collection: Collection, model: str) -> Callable[[Sequence[tuple[int, Row]]], list[bool]]:
        def send(items: Sequence[tuple[int, Row]]) -> list[bool]:
            stamps = _merged(collection.stamps(row) for _, row in items)
            self._rpc.write(model, "delete", [collection.removed(row)[1] for _, row in items], stamps=stamps)
            return [True] * len(items)

        return send

    def finish(self, collection: Collection, rows: Sequence[Row]) -> None:
        """Post documents that were made and whose posting was cut."""
        left = [(at, row, collection.unfinished.get(row.get("state", ""), ())) for at, row in enumerate(rows)]
        self._press(collection, left, {at: True for at, _, _ in left})

    def _finish_new(self, collection: Collection, results: dict[int, Any]) -> None:
        """Post new documents; one that cannot be posted is taken back, as nothing may be left of what was refused."""
        made = {at: each for at, each in results.items() if isinstance(each, int)}
        if not collection.finishing or not made:
            return
        told: dict[int, Any] = dict.fromkeys(made, True)
        try:
            self._press(collection, [(at, {"id": each}, collection.finishing) for at, each in made.items()], told)
        except RunError:
            # They are made, so nobody may say that nothing was sent; looking them up by their marker posts them.
            told = {at: OutcomeUnknown("tryton: made, and perhaps not posted; it is looked up") for at in made}
        refused = {at: result for at, result in told.items() if isinstance(result, Refused)}
        for at in refused:
            self._take_back(collection, made[at])
        results |= {at: result for at, result in told.items() if isinstance(result, Exception)}

    def _take_back(self, collection: Collection, record_id: int) -> None:
        try:
            self._rpc.write(collection.model, "cancel", [record_id])
            self._rpc.write(collection.model, "delete", [record_id])
        except (Refused, RunError):
            # It stays where a person finds it, cancelled or as it is; the refusal is told all the same.
            return

    def _press(
        self, collection: Collection, left: list[tuple[int, Row, tuple[str, ...]]], results: dict[int, Any]
    ) -> None:
        """Press each record's first button, then its second; only the first one is about the record as it was read."""
        is_first = not collection.finishing
        while left := [each for each in left if each[2]]:
            for button in sorted({buttons[0] for _, _, buttons in left}):
                items = [(at, row) for at, row, buttons in left if buttons[0] == button]
                told = Delivery(self._presser(collection, button, stamped=is_first)).results(items)
                results.update({at: result for (at, _), result in zip(items, told, strict=True)})
            is_first = False
            left = [(at, row, rest[1:]) for at, row, rest in left if not isinstance(results[at], Exception)]

    def _presser(
        self, collection: Collection, button: str, *, stamped: bool
    ) -> Callable[[Sequence[tuple[int, Row]]], list[bool]]:
        def press(items: Sequence[tuple[int, Row]]) -> list[bool]:
            stamps = _merged(collection.stamps(row) for _, row in items) if stamped else None
            self._rpc.write(collection.model, button, [row["id"] for _, row in items], stamps=stamps)
            return [True] * len(items)

        return press

    def stale(self, collection: Collection, item: Patch | Removal | Transition, row: Row) -> VersionConflict | None:
        """The refusal of an item whose record has moved since it was read, children included."""
        if item.version is None or item.version == collection.version(row):
            return None
        return VersionConflict(f"{place_of(collection, item.id)}: changed since it was read; it is read again")

    def _changed(self, collection: Collection, changes: Sequence[tuple[int, Change]]) -> dict[int, Any]:
        """Send changes; of two that write one record of another model, such as a template, the second goes later."""

        def send(items: Sequence[tuple[int, Change]]) -> list[bool]:
            return self._send_changes(collection, [change for _, change in items])

        results: dict[int, Any] = {}
        left = list(changes)
        while left:
            targets: dict[int, tuple[int, Change]] = {}
            for each in left:
                targets.setdefault(each[1].target, each)
            now = list(targets.values())
            told = Delivery(send).results(now)
            results |= {at: result for (at, _), result in zip(now, told, strict=True)}
            left = [each for each in left if each[0] not in results]
        return results

    def _send_changes(self, collection: Collection, changes: Sequence[Change]) -> list[bool]:
        stamps = _merged(each.stamps for each in changes)
        locked = [each for each in changes if collection.is_idle(each.row) and _is_more(collection, each)]
        if locked:
            self._unlock(collection, locked, stamps)
        arguments: list[Any] = []
        for each in changes:
            rest = collection.switch(each.row, active=False) if each in locked else {}
            arguments += [[each.target], {**rest, **each.values}]
        try:
            self._rpc.write(collection.written_model, "write", *arguments, stamps=stamps)
        except Refused:
            self._lock(collection, locked)
            raise
        except TransportError as error:
            error.sent = Sent.MAYBE if locked else error.sent
            raise
        return [True] * len(changes)

    def _lock(self, collection: Collection, unlocked: Sequence[Change]) -> None:
        """Put records back out of use whose change was refused."""
        for each in unlocked:
            self._rpc.write(collection.written_model, "write", [each.target], collection.switch(each.row, active=False))

    def _unlock(self, collection: Collection, locked: Sequence[Change], stamps: dict[str, str]) -> None:
        """Take records into use for a moment, as Tryton lets nobody change others; their stamps move with it."""
        arguments: list[Any] = []
        for each in locked:
            arguments += [[each.target], collection.switch(each.row, active=True)]
        own = _merged(each.stamps for each in locked)
        self._rpc.write(collection.written_model, "write", *arguments, stamps=own)
        for name in own:
            stamps.pop(name)

    def _after_create(
        self, collection: Collection, made: Mapping[int, int], values: Sequence[Values | RecordError]
    ) -> dict[int, Row]:
        """The new records by what the call answered, after those that begin out of use were taken out of it."""
        idle = [each for at, each in made.items() if _is_idle(values[at])]
        try:
            if idle:
                self._rpc.write(collection.written_model, "write", idle, {"active": False})
            ids = collection.created(list(made.values()))
        except (RunError, Refused):
            # They are made, whatever else failed: that is what has to be told.
            return {}
        rows = self._read_back(collection, list(ids.values()))
        return {each: rows[str(own)] for each, own in ids.items() if str(own) in rows}

    def _read_back(self, collection: Collection, ids: Sequence[int]) -> dict[str, Row]:
        """Records right after they were written; none where that cannot be had: the writes are done all the same."""
        if not ids:
            return {}
        try:
            asked = ([["id", "in", list(ids)]], 0, None, BY_ID, collection.paths())
            rows = self._rpc.ask(collection.model, "search_read", *asked, **collection.reading)
        except RunError:
            return {}
        return {str(row["id"]): row for row in rows}

    def _created(self, collection: Collection, row: Row | None, result: Any, body: Body) -> Outcome:
        error = _error(collection, None, result, body, None)
        if error is not None:
            return Outcome(None, error=error)
        if row is None:
            # Only where the new record's id is the one that was answered may it be told.
            return Outcome(str(result) if collection.written_model == collection.model else None)
        return self._stored(collection, str(row["id"]), row)

    def _updated(
        self, collection: Collection, item: Patch | Transition, rows: Mapping[str, Row], result: Any, before: Any
    ) -> Outcome:
        sent = item.body if isinstance(item, Patch) else {}
        error = _error(collection, item.id, result, sent, before)
        if error is not None:
            return Outcome(item.id, error=error)
        row = rows.get(item.id)
        return Outcome(item.id) if row is None else self._stored(collection, item.id, row)

    def _stored(self, collection: Collection, record_id: str, row: Row) -> Outcome:
        if not collection.is_last_written_by(self._rpc.user_id, row):
            return Outcome(record_id)
        return Outcome(record_id, collection.version(row), collection.body(row))


def place_of(collection: Collection, record_id: str | None) -> str:
    """The record, as errors name it."""
    return f"{NAME}: {collection.name} {record_id}" if record_id else f"{NAME}: {collection.name}"


def _error(collection: Collection, record_id: str | None, result: Any, sent: Body, before: Any) -> RecordError | None:
    if isinstance(result, Refused):
        held = collection.body(before) if isinstance(before, dict) else {}
        return result.as_error(place_of(collection, record_id), sent, held)
    return result if isinstance(result, RecordError) else None


def _buttons(collection: Collection, step: Transition, row: Row) -> tuple[str, ...] | Locked:
    """What is to be pressed to get there from the record's state."""
    ways = collection.presses[step.name]
    if row["state"] in ways:
        return ways[row["state"]]
    return Locked(f"{place_of(collection, step.id)}: cannot {step.name} what is {row['state']}; do it in Tryton itself")


def _deleted(collection: Collection, removal: Removal, result: Any, before: Any) -> Outcome:
    if isinstance(result, NotFound):
        return Outcome(removal.id)
    return Outcome(removal.id, error=_error(collection, removal.id, result, {}, before))


def _merged(stamps: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in stamps:
        found |= each
    return found


def _in_use(values: Values) -> Values:
    return {name: value for name, value in values.items() if name != "active"}


def _is_idle(values: Any) -> bool:
    return isinstance(values, dict) and values.get("active") is False


def _is_more(collection: Collection, change: Change) -> bool:
    """Whether more is changed than whether the record is in use."""
    return change.values.keys() != collection.switch(change.row, active=True).keys()
