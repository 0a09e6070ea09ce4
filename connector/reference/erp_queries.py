"""What a list call of the ERP asks for, read from its query parameters."""

from collections.abc import Callable
from typing import NamedTuple

import orjson
from starlette.datastructures import QueryParams

from connector.reference.erp_fields import EXTRA
from connector.reference.fields import Collection, Kind
from connector.reference.filters import scalar, short_number, whole
from connector.reference.refusals import malformed
from connector.reference.stamps import read_seconds, seconds_text
from connector.reference.storage import Condition, Row, Selection, one_of

USUAL, MOST, MOST_KEYS = 100, 500, 5000
MOST_VALUES = 1000
LARGEST_OFFSET = 10**12
KEY_NAMES = frozenset(("id", "revision", "write_date"))
OWN_NAMES = frozenset(("page", "per_page", "write_date_from", "write_date_to", "fields", "id"))

Number = Callable[[Collection, object], int]
"""From an id to the number a record is stored under."""


class Asked(NamedTuple):
    """One list call."""

    selection: Selection
    page: int
    per_page: int
    fields: tuple[str, ...]

    @property
    def is_keys(self) -> bool:
        """Whether ids, revisions and times are all that is wanted."""
        return bool(self.fields) and KEY_NAMES.issuperset(self.fields)

    @property
    def offset(self) -> int:
        """How many records are on the pages before."""
        return min((self.page - 1) * self.per_page, LARGEST_OFFSET)

    def body(self, row: Row) -> bytes:
        """One record as it was asked for."""
        if self.is_keys and not row.body:
            known = {"id": row.num, "revision": row.version, "write_date": seconds_text(row.modified)}
            return orjson.dumps({name: known[name] for name in self.fields})
        if not self.fields:
            return row.body
        values = row.values
        return orjson.dumps({name: values.get(name) for name in self.fields})


def read_query(resource: Collection, params: QueryParams, number: Number) -> Asked:
    """The list call that these parameters ask for; refuses what it does not know."""
    fields = _fields(resource, params.get("fields", ""))
    most = MOST_KEYS if fields and KEY_NAMES.issuperset(fields) else MOST
    conditions = [_filter(resource, name, params[name]) for name in params if name not in OWN_NAMES]
    if "id" in params:
        conditions.append(_ids(resource, params["id"], number))
    if "write_date_to" in params:
        conditions.append(Condition("modified <= ?", (_moment(params, "write_date_to"),)))
    since = _moment(params, "write_date_from") if "write_date_from" in params else None
    return Asked(
        Selection(tuple(conditions), since),
        _between(params, "page", 1, LARGEST_OFFSET, 1),
        _between(params, "per_page", 1, most, USUAL),
        fields,
    )


def _ids(resource: Collection, text: str, number: Number) -> Condition:
    numbers = [number(resource, each) for each in _several("id", text)]
    return Condition(f"num IN ({', '.join('?' * len(numbers))})", tuple(numbers))


def _filter(resource: Collection, name: str, text: str) -> Condition:
    field = resource.by_name.get(name)
    if field is None and name.startswith(EXTRA):
        return one_of(resource, name, [each for value in _several(name, text) for each in _readings(value)])
    if field is None or field.kind is Kind.LINES:
        raise malformed(f"there is no filter {name[:80]}", name[:80])
    values = [scalar(field, value) for value in _several(name, text)]
    if field.kind is Kind.REFERENCE:
        values = [number for number in map(_whole_or_none, values) if number is not None]
    return one_of(resource, name, values)


def _several(name: str, text: str) -> list[str]:
    values = [each for each in text.split(",") if each]
    if len(values) > MOST_VALUES:
        raise malformed(f"{name} holds more than {MOST_VALUES} values", name)
    return values


def _readings(text: str) -> list[object]:
    """Everything a scalar of no known kind may be when it is written so."""
    found: list[object] = [text]
    if text in ("true", "false"):
        found.append(int(text == "true"))
    number = _whole_or_none(text)
    return found if number is None else [*found, number]


def _whole_or_none(text: object) -> int | None:
    try:
        return whole(str(text))
    except ValueError:
        return None


def _fields(resource: Collection, text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name for name in text.split(",") if name))
    unknown = next((each for each in names if each not in resource.by_name and not each.startswith(EXTRA)), None)
    if unknown is not None:
        raise malformed(f"there is no field {unknown[:80]}", "fields")
    return names


def _moment(params: QueryParams, name: str) -> int:
    try:
        return read_seconds(params[name])
    except (ValueError, OverflowError) as error:
        raise malformed(f"{name} must be a time like 2026-11-23 20:44:10", name) from error


def _between(params: QueryParams, name: str, least: int, most: int, usual: int) -> int:
    text = params.get(name)
    if text is None:
        return usual
    number = short_number(text)
    if number is None or not least <= number <= most:
        raise malformed(f"{name} must be between {least} and {most}", name)
    return number
