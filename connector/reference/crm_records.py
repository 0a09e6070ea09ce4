"""What the CRM does with records: create, read, change and delete, each in the store's transaction."""

import re
from collections.abc import Collection as Names, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from connector.reference.amounts import digits, line_subtotal, read_decimal, total
from connector.reference.crm_front_rules import complete, refuse_locked
from connector.reference.crm_locks import refuse_people, refuse_removal
from connector.reference.crm_tables import CHANGEABLE_ADJUSTMENT
from connector.reference.fields import Collection, Field, Kind
from connector.reference.refusals import Reason, Refusal, invalid, malformed
from connector.reference.stamps import milliseconds_text
from connector.reference.storage import Row, Store
from connector.reference.validation import Form, Values

TICKS = 1000
"""Stamps are in milliseconds."""

PLAIN = re.compile(r"[1-9][0-9]{0,14}")
FIRST_NUMBER, FIRST_LINE = 10001, 10001


class Written(NamedTuple):
    """A record after a write, and what it was before."""

    row: Row
    values: Values
    before: Values

    def changed(self, sent: Mapping[str, Any]) -> Values:
        """The fields that are stored otherwise than they were sent, or that the server filled or moved."""
        return {
            name: value
            for name, value in self.values.items()
            if name not in ("id", "version", "modifiedAt")
            and (value != sent[name] if name in sent else value != self.before.get(name))
        }


class Records:
    """The CRM's records, by collection and id."""

    def __init__(self, store: Store, collections: Names[Collection], people: Names[str] = ()) -> None:
        """`people` are users who may not write what only the integration writes."""
        self.collections = collections
        self._store, self._people = store, people
        self._collections = {each.name: each for each in collections}
        self._forms = {each.name: Form(each) for each in collections}

    def read(self, collection: Collection, record_id: str) -> Row:
        """A record that is there; refuses what never was and what is gone."""
        row = self._store.get(collection.name, number(collection, record_id))
        if row is None:
            raise Refusal(Reason.ABSENT, f"there is no {record_id[:40]}")
        if row.deleted:
            merged = row.values.get("mergedInto")
            message = f"{record_id} was merged into {merged}" if merged else f"{record_id} was deleted"
            raise Refusal(Reason.GONE, message, moved=merged)
        return row

    def create(self, collection: Collection, sent: object, user: str, external_id: object = None) -> Written:
        """A new record; `external_id` may come beside the values or among them."""
        if external_id is not None and isinstance(sent, dict):
            sent = {**sent, "externalId": external_id}
        values = self._forms[collection.name].read_new(sent)
        refuse_locked(collection.name, {}, values)
        if user in self._people:
            refuse_people(collection.name, {}, values)
        self._complete(collection, values, {}, values)
        self._check(collection, values, None)
        num = self._store.next(collection.name, collection.first)
        now = self._store.now()
        text = milliseconds_text(now)
        values |= {"id": f"{collection.prefix}{num}", "version": 1, "createdAt": text, "modifiedAt": text}
        values["modifiedBy"] = user
        if collection.name == "stock-adjustments":
            # It can never be changed later, so it is complete from the first day on.
            values["adjustedOn"] = values["adjustedOn"] or text[:10]
        row = Row(num, 1, now, 0, orjson.dumps(values))
        self._store.insert(collection.name, row, values)
        return Written(row, values, {})

    def update(self, collection: Collection, record_id: str, sent: object, user: str, version: object) -> Written:
        """A record with some values changed; refused when it is no longer at `version`."""
        row = self.read(collection, record_id)
        if version is None:
            raise malformed("a change needs the version it was made from", "version")
        _expect(row, record_id, version)
        before = row.values
        changes = self._forms[collection.name].read_change(sent, before)
        _refuse_locked(collection, changes)
        refuse_locked(collection.name, before, changes)
        if user in self._people:
            refuse_people(collection.name, before, changes)
        values = {**before, **changes}
        self._complete(collection, values, before, changes)
        self._check(collection, changes, row.num)
        return self.keep(collection, row, values, before, user)

    def delete(
        self, collection: Collection, record_id: str, user: str, version: object, *, merged_into: str | None = None
    ) -> Row:
        """Leave a tombstone; refused when a `version` is given and the record is no longer at it."""
        row = self.read(collection, record_id)
        if version is not None:
            _expect(row, record_id, version)
        if user in self._people and merged_into is None:
            refuse_removal(collection.name, row.values)
        now = self._store.now()
        text = milliseconds_text(now)
        tombstone = {
            "id": record_id,
            "version": row.version + 1,
            "deleted": True,
            "deletedAt": text,
            "modifiedAt": text,
            "modifiedBy": user,
            **({"mergedInto": merged_into} if merged_into else {}),
        }
        gone = Row(row.num, row.version + 1, now, 1, orjson.dumps(tombstone))
        self._store.replace(collection.name, gone, row.values)
        return gone

    def keep(self, collection: Collection, row: Row, values: Values, before: Values, user: str) -> Written:
        """Store these values, which are checked, as the next version of a record."""
        now = self._store.now()
        values |= {"version": row.version + 1, "modifiedAt": milliseconds_text(now), "modifiedBy": user}
        after = Row(row.num, row.version + 1, now, 0, orjson.dumps(values))
        self._store.replace(collection.name, after, values)
        return Written(after, values, before)

    def _complete(self, collection: Collection, values: Values, before: Values, changes: Values) -> None:
        """Merge what is nested and fill what the server itself knows."""
        for field in collection.fields:
            if field.name in changes and field.kind is Kind.OBJECT:
                values[field.name] = _merged(field, before.get(field.name), changes[field.name])
            elif field.name in changes and field.kind is Kind.SCALARS:
                kept = before.get(field.name, {}) if changes[field.name] else {}
                values[field.name] = {**kept, **changes[field.name]}
        if "lines" in changes:
            known = [line["lineId"] for line in before.get("lines", ())]
            values["lines"] = [self._line(line, known) for line in changes["lines"]]
        if collection.name == "orders":
            self._complete_order(values, before, changes)
        elif collection.name == "opportunities":
            values["amount"] = _lines_total(values["lines"], values["currency"])
        elif collection.name == "cases" and not values["caseNumber"]:
            values["caseNumber"] = self._free_number("cases", "caseNumber", "CS")
        complete(collection.name, values)

    def _complete_order(self, values: Values, before: Values, changes: Values) -> None:
        if not before and not values["orderNumber"]:
            values["orderNumber"] = self._free_number("orders", "orderNumber", "Q")
        if "lines" in changes or "currency" in changes:
            values["linesTotal"] = _lines_total(values["lines"], values["currency"])
        values["priceDifference"] = _difference(values["subtotal"], values["linesTotal"])

    def _line(self, line: Values, known: list[str]) -> Values:
        if line["lineId"] is None:
            return {**line, "lineId": f"ln-{self._store.next('line', FIRST_LINE)}"}
        if line["lineId"] not in known:
            raise invalid("lines.lineId is no line of this record, or is named twice", "lines.lineId")
        known.remove(line["lineId"])
        return line

    def _free_number(self, collection: str, field: str, prefix: str) -> str:
        while True:
            name = f"{prefix}-{self._store.next(f'{collection[:-1]} number', FIRST_NUMBER)}"
            if self._store.holder(collection, field, name) is None:
                return name

    def _check(self, collection: Collection, changes: Values, num: int | None) -> None:
        """Refuse references to what is not there, and values that another record holds."""
        for field in collection.fields:
            value = changes.get(field.name)
            if value is None:
                continue
            if field.kind is Kind.REFERENCE:
                self._check_reference(field, value, field.name)
            elif field.kind is Kind.LINES:
                self._check_lines(field, value)
            elif field.unique:
                self._check_unique(collection, field, value, num)

    def _check_lines(self, field: Field, lines: list[Values]) -> None:
        for part in field.fields:
            if part.target:
                for value in {line[part.name] for line in lines}:
                    self._check_reference(part, value, f"{field.name}.{part.name}")

    def _check_reference(self, field: Field, value: object, path: str) -> None:
        target = self._collections[field.target]
        row = self._store.get(target.name, number(target, value))
        if row is None or row.deleted:
            raise invalid(f"{path} names no record of {target.name}", path)

    def _check_unique(self, collection: Collection, field: Field, value: object, num: int | None) -> None:
        holder = self._store.holder(collection.name, field.name, value)
        if holder is not None and holder != num:
            existing = f"{collection.prefix}{holder}"
            raise Refusal(Reason.DUPLICATE, f"{existing} holds this {field.name}", field.name, existing=existing)


def number(collection: Collection, record_id: object) -> int:
    """The number in an id, or -1 where it is none of this collection's."""
    if not isinstance(record_id, str) or not record_id.startswith(collection.prefix):
        return -1
    found = PLAIN.fullmatch(record_id.removeprefix(collection.prefix))
    return int(found[0]) if found else -1


def _expect(row: Row, record_id: str, version: object) -> None:
    if row.version != version or isinstance(version, bool):
        raise Refusal(Reason.STALE, f"{record_id} is at version {row.version}")


def _refuse_locked(collection: Collection, changes: Values) -> None:
    if collection.name == "stock-adjustments":
        locked = next((name for name in changes if name not in CHANGEABLE_ADJUSTMENT), None)
        if locked:
            raise Refusal(Reason.LOCKED, f"{locked} of a stock adjustment cannot be changed", locked)


def _merged(field: Field, before: Values | None, sent: Values | None) -> Values | None:
    """A nested object with what was sent put over what is there; one without any value is none."""
    blank = dict.fromkeys(part.name for part in field.fields)
    merged = {**blank, **(before or {}), **sent} if sent is not None else blank
    return merged if any(value is not None for value in merged.values()) else None


def _difference(told: float | None, counted: float) -> float | None:
    """By how much the ERP's sum is above what the lines come to here; None while it has said nothing."""
    return None if told is None else float(read_decimal(told) - read_decimal(counted))


def _lines_total(lines: list[Values], currency: str | None) -> float:
    scale = digits(currency)
    subtotals = (
        line_subtotal(
            read_decimal(line["quantity"]),
            read_decimal(line["unitPrice"]),
            read_decimal(line["discountPercent"]) if line["discountPercent"] is not None else Decimal(0),
            scale,
        )
        for line in lines
    )
    return float(total(subtotals, scale).untaxed)
