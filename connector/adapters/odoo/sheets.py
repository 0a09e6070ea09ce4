"""Records as the rows that Odoo's import takes: cells of text, one row a record and one more a further line.

The import (`load`) is Odoo's only write that names the record which was wrong, and with an external id its only create
that may be repeated: a second one with the same id finds what the first one made, and leaves it as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from connector.adapters.odoo.calls import Calls, Fault
from connector.adapters.odoo.codes import CONTEXT
from connector.adapters.odoo.schema import LINKS, LiveColumn, Schema

NAMESPACE = "crm_erp_connector"
"""The first half of our external ids."""
ONCE = {**CONTEXT, "mode": "update", "noupdate": True}
"""What exists under its external id is left as it is."""


class Sheet(NamedTuple):
    """One record: its cells by column heading, and those of each of its lines."""

    cells: Mapping[str, str]
    lines: Sequence[Mapping[str, str]] = ()

    @property
    def headings(self) -> tuple[str, ...]:
        """All columns that it needs."""
        return (*self.cells, *dict.fromkeys(name for line in self.lines for name in line))

    def rows(self, headings: Sequence[str]) -> list[list[str]]:
        """Its rows: the first line stands beside the record itself."""
        lines = self.lines or ({},)
        first = [{**self.cells, **lines[0]}, *lines[1:]]
        return [[row.get(name, "") for name in headings] for row in first]


def external_id(key: str) -> str:
    """The external id of a create by its idempotency key."""
    return f"{NAMESPACE}.{key.replace('.', '_')}"


def sheet_of(schema: Schema, model: str, values: Mapping[str, Any], known: Mapping[str, str]) -> Sheet:
    """The sheet of values as `Writer` makes them; `known` are cells that say which record it is."""
    columns = schema.of(model)
    cells, lines = dict(known), []
    for name, value in values.items():
        column = columns[name]
        if column.type in LINKS:
            inner = schema.of(str(column.relation))
            lines += [{f"{name}/{heading}": cell for heading, cell in _cells(inner, line)} for line in value or ()]
        else:
            cells.update(_cells(columns, {name: value}))
    return Sheet(cells, lines)


def load(calls: Calls, model: str, sheets: Sequence[Sheet], *, once: bool) -> list[int | Fault]:
    """Create or change records in one transaction; without those that are wrong, each of which is tried alone."""
    results: dict[int, int | Fault] = {}
    for headings in dict.fromkeys(sheet.headings for sheet in sheets):
        places = [place for place, sheet in enumerate(sheets) if sheet.headings == headings]
        results |= zip(
            places, _load(calls, model, headings, [sheets[place] for place in places], once=once), strict=True
        )
    return [results[place] for place in range(len(sheets))]


def _load(calls: Calls, model: str, headings: Sequence[str], sheets: Sequence[Sheet], *, once: bool) -> list[Any]:
    told = _attempt(calls, model, headings, sheets, once=once)
    if not isinstance(told, _Blame):
        # What is not reported is unknown.
        return [*told, *[Fault("", "")] * (len(sheets) - len(told))][: len(sheets)]
    if len(sheets) == 1:
        return [told.fault]
    results: list[Any] = [None] * len(sheets)
    blamed = told.places or range(len(sheets))
    # Odoo blames the first record besides for what any of them did wrong, so each says for itself.
    groups = [[place] for place in blamed] + [[place for place in range(len(sheets)) if place not in blamed]]
    for group in filter(None, groups):
        for place, result in zip(
            group, _load(calls, model, headings, [sheets[each] for each in group], once=once), strict=True
        ):
            results[place] = result
    return results


class _Blame(NamedTuple):
    """Which records Odoo found fault with, and the first thing that it said."""

    places: list[int]
    fault: Fault


def _attempt(
    calls: Calls, model: str, headings: Sequence[str], sheets: Sequence[Sheet], *, once: bool
) -> "list[int] | _Blame":
    data = [row for sheet in sheets for row in sheet.rows(headings)]
    asked = {"fields": headings, "data": data, "context": ONCE if once else CONTEXT}
    try:
        told = calls.call(model, "load", asked, safe=once).value
    except Fault as fault:
        return _Blame([], fault)
    if told["ids"]:
        return list(told["ids"])
    errors = [message for message in told["messages"] if message.get("type") == "error"]
    places = sorted({each["record"] for each in errors if each.get("record", -1) in range(len(sheets))})
    said = errors[0] if errors else {}
    return _Blame(places, Fault("odoo.exceptions.ValidationError", str(said.get("message", "refused"))))


def _cells(columns: Mapping[str, LiveColumn], values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in values.items():
        column = columns[name]
        heading = f"{name}/.id" if column.type == "many2one" else name
        yield heading, _cell(column, value)


def _cell(column: LiveColumn, value: Any) -> str:
    if column.type == "boolean":
        return "1" if value else "0"
    if value is None or value is False:
        return ""
    if isinstance(value, float | Decimal):
        return f"{Decimal(str(value)):f}"
    return str(value)
