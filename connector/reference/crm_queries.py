"""What a list call of the CRM asks for, read from its query parameters."""

from typing import NamedTuple

import orjson
from starlette.datastructures import QueryParams

from connector.reference.fields import Collection, Kind
from connector.reference.filters import scalar, short_number
from connector.reference.refusals import malformed
from connector.reference.stamps import milliseconds_text, read_milliseconds
from connector.reference.storage import Condition, Row, Selection, one_of

USUAL, MOST, MOST_KEYS = 100, 1000, 5000
KEY_NAMES = frozenset(("id", "version", "modifiedAt"))
OWN_NAMES = frozenset(("limit", "cursor", "modifiedSince", "includeDeleted", "fields"))
MARK = "c"
"""How a cursor begins, so that nobody takes it for an id."""
LARGEST_RANGE = 10**9


class Asked(NamedTuple):
    """One list call."""

    selection: Selection
    live: Selection
    """The same records without tombstones, from the beginning: what `count` counts."""
    limit: int
    fields: tuple[str, ...]
    last: int | None = None
    """The number with which the range ends that the cursor belongs to."""

    @property
    def is_keys(self) -> bool:
        """Whether ids, versions and times are all that is wanted."""
        return bool(self.fields) and KEY_NAMES.issuperset(self.fields)

    def next_cursor(self, num: int) -> str:
        """Where the page after the record with this number begins."""
        return f"{MARK}{num}" if self.last is None else f"{MARK}{num}-{self.last}"

    def body(self, collection: Collection, row: Row) -> bytes:
        """One record as it was asked for."""
        if self.is_keys:
            return self._key(collection, row)
        if row.deleted or not self.fields:
            return row.body
        values = row.values
        return orjson.dumps({name: values[name] for name in self.fields})

    def _key(self, collection: Collection, row: Row) -> bytes:
        known = {
            "id": f'"id":"{collection.prefix}{row.num}"',
            "version": f'"version":{row.version}',
            "modifiedAt": f'"modifiedAt":"{milliseconds_text(row.modified)}"',
        }
        told = [known[name] for name in self.fields]
        if row.deleted:
            told = [*known.values(), f'"deleted":true,"deletedAt":"{milliseconds_text(row.modified)}"']
        return f"{{{','.join(told)}}}".encode()


def read_query(collection: Collection, params: QueryParams) -> Asked:
    """The list call that these parameters ask for; refuses what it does not know."""
    fields = _fields(collection, params.get("fields", ""))
    strict, loose = _filters(collection, params)
    live = (Condition("deleted = 0"), *strict, *loose)
    selected = live
    if _flag(params, "includeDeleted"):
        # A tombstone has no fields to filter by, so it passes all filters but the one by external id.
        selected = (*strict, *(Condition(f"(deleted = 1 OR {each.sql})", each.arguments) for each in loose))
    begin, last = _cursor(params.get("cursor"))
    column = "+num" if "modifiedSince" in params else "num"
    selected = (*selected, Condition(f"{column} > ?", (begin,)))
    if last is not None:
        selected = (*selected, Condition(f"{column} <= ?", (last,)))
    since = _since(params.get("modifiedSince"))
    most = MOST_KEYS if fields and KEY_NAMES.issuperset(fields) else MOST
    return Asked(Selection(selected, since), Selection(live, since), _limit(params.get("limit"), most), fields, last)


def read_cut(collection: Collection, params: QueryParams) -> tuple[Selection, int]:
    """Which records are to be cut into ranges, and of about how many."""
    size = short_number(params.get("size", ""))
    if size is None or not 1 <= size <= LARGEST_RANGE:
        raise malformed(f"size must be between 1 and {LARGEST_RANGE}", "size")
    others = QueryParams([(name, value) for name, value in params.multi_items() if name != "size"])
    return read_query(collection, others).live, size


def cut(first: int, last: int, count: int, size: int) -> list[str]:
    """The cursors with which ranges of numbers begin that hold about so many records, if they lie evenly."""
    if not count:
        return []
    width = -(-(last - first + 1) // -(-count // size))
    return [f"{MARK}{start - 1}-{min(start + width - 1, last)}" for start in range(first, last + 1, width)]


def _filters(collection: Collection, params: QueryParams) -> tuple[list[Condition], list[Condition]]:
    strict: list[Condition] = []
    loose: list[Condition] = []
    for name in params:
        if name == "externalId":
            values = [each for each in params[name].split(",") if each]
            strict.append(one_of(collection, name, values))
        elif name not in OWN_NAMES:
            loose.append(one_of(collection, name, [_scalar(collection, name, params[name])]))
    return strict, loose


def _scalar(collection: Collection, name: str, text: str) -> object:
    field = collection.by_name.get(name)
    if field is None or field.kind in (Kind.OBJECT, Kind.LINES, Kind.SCALARS):
        raise malformed(f"there is no filter {name[:80]}", name[:80])
    return scalar(field, text)


def _fields(collection: Collection, text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name for name in text.split(",") if name))
    unknown = next((name for name in names if name not in collection.by_name), None)
    if unknown is not None:
        raise malformed(f"there is no field {unknown[:80]}", "fields")
    return names


def _flag(params: QueryParams, name: str) -> bool:
    given = params.get(name, "false")
    if given not in ("true", "false"):
        raise malformed(f"{name} must be true or false", name)
    return given == "true"


def _cursor(text: str | None) -> tuple[int, int | None]:
    """The number after which a page begins, and the one with which its range ends."""
    if text is None:
        return 0, None
    begin, ranged, end = text.removeprefix(MARK).partition("-")
    place, last = short_number(begin), short_number(end) if ranged else None
    if not text.startswith(MARK) or place is None or (ranged and last is None):
        raise malformed("cursor is none of this server's", "cursor")
    return place, last


def _since(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return read_milliseconds(text)
    except (ValueError, OverflowError) as error:
        raise malformed("modifiedSince must be a time like 2026-11-23T20:44:10.123Z", "modifiedSince") from error


def _limit(text: str | None, most: int) -> int:
    if text is None:
        return USUAL
    limit = short_number(text)
    if limit is None or not 1 <= limit <= most:
        raise malformed(f"limit must be between 1 and {most}", "limit")
    return limit
