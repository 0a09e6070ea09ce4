"""`connector check`: prove the configuration, the mappings and both live systems before anything is written."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.output import count, print_json, print_table, say
from connector.errors import ConnectorError, RecordError, RunError
from connector.records import Side
from connector.report import Exit

if TYPE_CHECKING:
    from connector.context import Context, System
    from connector.mappings.compile import Translator
    from connector.mappings.laws import Finding
    from connector.records import Fingerprint, LiveField

MOST_SKEW = timedelta(seconds=5)
"""A clock that is off by more makes `newest` and time windows doubtful."""


class Found(NamedTuple):
    """One thing that was looked at: `ok`, `warning` or `error`."""

    severity: str
    where: str
    message: str


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("check")(asked(check_everything))


def check_everything(
    call: Invocation,
    *,
    subscribe: Annotated[bool, typer.Option("--subscribe", help="Subscribe to webhooks that are configured.")] = False,
) -> int:
    """Prove the configuration, the mappings and both live systems; writes to neither, but keeps subscriptions going."""
    with call.context() as context:
        found = [
            Found("ok", "configuration", "can be used"),
            Found("ok", "store", f"{context.store.dialect}, its tables are as this version needs them"),
            *_mappings(context),
            *(finding for side in Side for finding in _live(context, side)),
            *_subscriptions(call, context, subscribe=subscribe),
        ]
    failed = sum(one.severity == "error" for one in found)
    code = Exit.USAGE if failed else Exit.CLEAN
    if call.as_json:
        print_json({"exit": int(code), "findings": [one._asdict() for one in found]})
        return int(code)
    print_table(("", "where", "what"), found)
    warned = sum(one.severity == "warning" for one in found)
    say("", f"{count(failed, 'error')}, {count(warned, 'warning')}.")
    say("Correct them, then check again." if failed else "See who would be linked: connector match")
    return int(code)


def _subscriptions(call: Invocation, context: "Context", *, subscribe: bool) -> Iterator[Found]:
    """Whether both sides tell us of changes, where that is configured."""
    from connector.subscriptions import keep

    for side in Side:
        found = keep(call.settings, context, side, subscribe=subscribe)
        yield Found(found.severity, f"{side}, webhooks", found.message)


def _mappings(context: "Context") -> Iterator[Found]:
    """What the laws say of every table, and of each pair of tables."""
    from connector.mappings import laws

    for name in context.entities:
        crm, erp = (context.systems[side].translators.get(name) for side in Side)
        findings = [finding for one in (crm, erp) if one is not None for finding in laws.check_mapping(one)]
        if crm is not None and erp is not None:
            findings += laws.check_pair(crm, erp)
        yield from told(f"mapping of {name}", findings, "keeps its laws")


def told(where: str, findings: "Iterable[Finding]", fine: str) -> Iterator[Found]:
    """Findings of the mappings room as rows; none at all is one good row."""
    rows = [
        Found(
            "error" if one.severity == "error" else "warning",
            f"{where}, {one.field}" if one.field else where,
            one.message,
        )
        for one in findings
    ]
    yield from rows or [Found("ok", where, fine)]


def _live(context: "Context", side: Side) -> Iterator[Found]:
    """One live system: who answers, whether its clock is right, and whether its fields are as the mapping says."""
    system = context.systems[side]
    try:
        before = context.clock()
        who = system.adapter.identify()
        after = context.clock()
    except ConnectorError as error:
        yield Found("error", str(side), str(error))
        return
    yield Found("ok", str(side), f"{who.system} {who.tenant} ({who.environment}) answers")
    yield from _tenant(context, side, who)
    skew = max(before - who.clock, who.clock - after, timedelta(0))
    if skew > MOST_SKEW:
        yield Found("warning", str(side), f"its clock is off by {skew.total_seconds():.0f} s; set it by a time server")
    yield from _fields(system, side)


def _tenant(context: "Context", side: Side, who: "Fingerprint") -> Iterator[Found]:
    from connector.store import endpoints

    with context.store.read() as connection:
        known = endpoints.get(connection, side)
    if known is not None and (known.system, known.tenant, known.environment) != who[:3]:
        message = (
            f"was {known.system} {known.tenant} ({known.environment}) before: correct the address, use a new store, or "
            f"accept it with: connector endpoints confirm {side}"
        )
        yield Found("error", str(side), message)


def _fields(system: "System", side: Side) -> Iterator[Found]:
    from connector.mappings import laws

    for name, translator in system.translators.items():
        where = f"{side}, {translator.resource.name} ({name})"
        try:
            live = system.adapter.describe(translator.resource.name)
        except (RunError, RecordError) as error:
            yield Found("error", where, str(error))
            continue
        yield from told(where, laws.check_schema(translator, live), "has every field that is mapped")
        yield from _marker(where, translator, live)
        yield from _conditions(where, translator, live)
        yield from _rights(where, system, translator, side)


def _marker(where: str, translator: "Translator", live: "list[LiveField]") -> Iterator[Found]:
    """Whether there is a field for the other side's id, by which a create whose answer was lost is found again."""
    path = translator.marker_path
    if path is not None and path not in {field.name for field in live}:
        message = f"the system has no field {path} for the other side's id; make it with: connector init --prepare"
        yield Found("error", where, message)


def _conditions(where: str, translator: "Translator", live: "list[LiveField]") -> Iterator[Found]:
    """Whether the system has the fields by which an entity's records are told from others in one collection."""
    for name, _ in translator.resource.where:
        if name not in {field.name for field in live}:
            message = f"the system has no {name}, which tells these records from others; see: connector init --prepare"
            yield Found("error", where, message)


def _rights(where: str, system: "System", translator: "Translator", side: Side) -> Iterator[Found]:
    """Whether the credentials may do what the mapping and the policies ask for."""
    rights = system.adapter.rights(translator.resource.name)
    if rights is None:
        return
    from connector.entities import Removal

    entity = translator.entity
    can = system.adapter.capabilities(translator.resource.name)
    needed = {
        "read": True,
        "create": side in entity.creates and can.can_create,
        "update": bool(translator.writable) and can.can_update,
        "delete": entity.deletes.get(side) is Removal.DELETE and can.can_delete,
    }
    lacking = [verb for verb, is_needed in needed.items() if is_needed and not getattr(rights, verb)]
    if lacking:
        message = f"these credentials may not {' or '.join(lacking)} here; give their user the rights"
        yield Found("error", where, message)
