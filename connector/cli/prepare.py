"""`connector init --prepare`: the fields of our own that a system must have, told first, made after a yes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from connector.cli.invocation import Invocation, confirm
from connector.cli.output import count, print_json, print_table, say
from connector.records import LiveField, Side
from connector.report import Exit

if TYPE_CHECKING:
    from connector.context import System
    from connector.mappings.compile import Translator

CUSTOM = "x_"
"""How the names of fields begin that nobody but us and the user's own configuration brings."""


class Lacking(NamedTuple):
    """What one collection of one system has not got."""

    side: Side
    resource: str
    fields: list[LiveField]


def prepare_systems(call: Invocation, *, yes: bool) -> int:
    """Say what both systems lack, and make it; a second time there is nothing left to do."""
    with call.context() as context:
        found = [lacking for side in Side for lacking in _lacking(context.systems[side], side)]
        rows = [(one.side, one.resource, _told(field)) for one in found for field in one.fields]
        if not call.as_json:
            print_table(("side", "where", "what will be made"), rows)
        if rows:
            confirm(call, f"Make {count(len(rows), 'field or choice', 'fields or choices')}?", yes=yes)
        for one in found:
            context.systems[one.side].adapter.prepare(one.resource, one.fields)
    if call.as_json:
        print_json([{"side": side, "resource": resource, "made": told} for side, resource, told in rows])
    else:
        say("" if rows else "Nothing is missing.", "Then prove it against both systems: connector check")
    return int(Exit.CLEAN)


def _told(field: LiveField) -> str:
    return f"{field.name}: {', '.join(field.choices)}" if field.choices else f"{field.name} ({field.type})"


def _lacking(system: "System", side: Side) -> Iterator[Lacking]:
    seen: set[tuple[str, str]] = set()
    for translator in system.translators.values():
        resource = translator.resource.name
        live = {field.name: field for field in system.adapter.describe(resource)}
        wanted = [*_fields(translator), *system.adapter.own_fields(resource)]
        # Two collections can be one and the same model of the system, whose fields are made once.
        place = system.adapter.home(resource)
        missing = [field for field in wanted if field.name not in live and (place, field.name) not in seen]
        seen |= {(place, field.name) for field in missing}
        missing += _choices(translator, live)
        if missing:
            yield Lacking(side, resource, missing)


def _fields(translator: "Translator") -> Iterator[LiveField]:
    """The marker, and what the mapping names beyond what the system brings along."""
    if translator.marker_path is not None:
        yield LiveField(translator.marker_path, "text")
    for column in translator.columns.values():
        if column.row.path.startswith(CUSTOM) and not column.parts:
            yield LiveField(column.row.path, str(column.rule.type))


def _choices(translator: "Translator", live: dict[str, LiveField]) -> Iterator[LiveField]:
    """Codes of the mapping that a short list of the system does not have."""
    for column in translator.columns.values():
        known = live.get(column.row.path)
        codes = [code for code in column.row.values.values() if isinstance(code, str)]
        missing = tuple(code for code in codes if known is not None and known.choices and code not in known.choices)
        if missing and "." in column.row.path and column.row.creatable:
            yield LiveField(column.row.path, "choice", choices=missing)
