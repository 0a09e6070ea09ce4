"""`connector conflicts`: both sides changed one field apart, and a person says whose value holds."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.invocation import Invocation, asked, who
from connector.cli.options import MaybeEntityArgument, checked
from connector.cli.output import MASKED, ago, count, print_json, print_table, say, shown, when
from connector.clock import now
from connector.records import Arrival, Event, Record, Side
from connector.report import Exit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from connector.store.conflicts import OpenConflict

BY_HAND = "by hand"
"""The run that the history names for what a person did at the command line."""

group = typer.Typer(help="Fields that both sides changed apart: a person decides.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    group.command("list")(asked(list_conflicts))
    group.command("show")(asked(show_conflict))
    group.command("resolve")(asked(resolve_conflicts))
    app.add_typer(group, name="conflicts")


def list_conflicts(call: Invocation, entity: MaybeEntityArgument = None) -> int:
    """List the conflicts that wait for a decision, and those decided but not written yet."""
    from connector.store import conflicts

    if entity is not None:
        checked(call.entities, entity)
    with call.store() as store, store.read() as connection:
        found = conflicts.listed(connection, entity)
    if call.as_json:
        print_json([_as_dict(item, values=False) for item in found])
    elif found:
        at = now()
        print_table(
            ("id", "record", "field", "crm says", "erp says", "since", "status"),
            [[*_summary(call, item), ago(item.opened_at, at), _status(item)] for item in found],
        )
        say("", "See both values and why: connector conflicts show ID")
    else:
        say("No conflicts.")
    return int(Exit.DECISION if any(item.status == "open" for item in found) else Exit.CLEAN)


def show_conflict(call: Invocation, number: Annotated[int, typer.Argument(metavar="ID", help="Its number.")]) -> int:
    """Show one conflict whole: what both sides held when they last agreed, and what they hold now."""
    with call.store() as store, store.read() as connection:
        item = _get(connection, number)
    if call.as_json:
        print_json(_as_dict(item, values=True))
        return int(Exit.CLEAN)
    conflict = item.conflict
    say(f"{conflict.entity} crm:{conflict.crm_id} and erp:{conflict.erp_id}, {conflict.field}: {conflict.reason}.")
    say(f"Open since {when(item.opened_at)}, {_status(item)}.", "")
    names = sorted(conflict.crm_value.keys() | conflict.erp_value.keys())
    records = (conflict.crm_base, conflict.crm_value, conflict.erp_base, conflict.erp_value)
    print_table(
        ("field", "crm was", "crm is", "erp was", "erp is"),
        [[name, *(_held(record, name) for record in records)] for name in names],
    )
    if item.status != "closed":
        say("", f"Decide with: connector conflicts resolve {number} --take crm|erp")
    return int(Exit.CLEAN)


def resolve_conflicts(
    call: Invocation,
    numbers: Annotated[list[int], typer.Argument(metavar="ID...", help="Their numbers.")],
    *,
    take: Annotated[Side, typer.Option("--take", help="The side whose value holds.")],
    at_once: Annotated[bool, typer.Option("--now", help="Write it at once: runs a sync of these entities.")] = False,
) -> int:
    """Decide conflicts: the value of one side holds, and is written to the other by the next sync."""
    from connector.store import conflicts

    at, by = now(), who()
    with call.store() as store, store.write() as connection:
        items = [_get(connection, number) for number in numbers]
        for item in items:
            conflicts.resolve(connection, item.id, take, None, by, at)
        _queue(connection, items, take, by)
    entities = sorted({item.conflict.entity for item in items})
    if at_once:
        return _sync(call, entities)
    if call.as_json:
        print_json({"resolved": [item.id for item in items], "take": take})
    else:
        say(f"{count(len(items), 'conflict')} decided: {take}'s value holds. Write it with: connector sync")
    return int(Exit.CLEAN)


def _sync(call: Invocation, entities: list[str]) -> int:
    from connector.cli.sync import run_sync

    return run_sync(call, entities)


def _get(connection: "Connection", number: int) -> "OpenConflict":
    from connector.store import conflicts

    item = conflicts.get(connection, number)
    if item is None:
        raise typer.BadParameter(f"there is no conflict {number}; see: connector conflicts list")
    return item


def _queue(connection: "Connection", items: "list[OpenConflict]", take: Side, by: str) -> None:
    """Let the next run look at both records again, and remember who said what."""
    from connector.store import history, inbox

    at = now()
    ids = [(item, side, getattr(item.conflict, f"{side}_id")) for item in items for side in Side]
    inbox.put(connection, [Arrival(item.conflict.entity, side, one, "resolved") for item, side, one in ids], at)
    events = [
        Event(
            item.conflict.entity,
            Side.CRM,
            item.conflict.crm_id,
            "resolved",
            {"field": item.conflict.field, "take": str(take), "by": by, "conflict": item.id},
            item.conflict.link,
        )
        for item in items
    ]
    history.append(connection, BY_HAND, events, at)


def _summary(call: Invocation, item: "OpenConflict") -> list[Any]:
    """The row of a list; a person's data is shown by `show` alone."""
    conflict = item.conflict
    names = sorted(conflict.crm_value.keys() | conflict.erp_value.keys())
    values = [_brief(call, conflict.entity, names, record) for record in (conflict.crm_value, conflict.erp_value)]
    return [item.id, f"{conflict.entity} crm:{conflict.crm_id} erp:{conflict.erp_id}", conflict.field, *values]


def _brief(call: Invocation, entity: str, names: list[str], record: Record) -> str:
    if len(names) != 1:
        return f"({len(names)} fields)"
    definition = call.entities.get(entity)
    rule = definition.fields.get(names[0]) if definition else None
    if rule is None or rule.personal:
        return MASKED
    return _held(record, names[0])


def _held(record: Record, name: str) -> str:
    return shown(record[name]) if name in record else "-"


def _status(item: "OpenConflict") -> str:
    if item.status == "resolved":
        return f"decided by {item.resolved_by} ({item.resolution}), not written yet"
    return f"closed ({item.how})" if item.status == "closed" else "open"


def _as_dict(item: "OpenConflict", *, values: bool) -> dict[str, Any]:
    conflict = item.conflict
    plain: dict[str, Any] = {
        "id": item.id,
        "entity": conflict.entity,
        "crm_id": conflict.crm_id,
        "erp_id": conflict.erp_id,
        "field": conflict.field,
        "reason": conflict.reason,
        "opened_at": item.opened_at,
        "status": item.status,
        "take": item.resolution,
        "resolved_by": item.resolved_by,
        "how": item.how,
    }
    if values:
        plain |= {name: getattr(conflict, name) for name in ("crm_base", "crm_value", "erp_base", "erp_value")}
    return plain
