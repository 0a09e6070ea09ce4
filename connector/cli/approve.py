"""`connector approve`: release, change by change, what a guard holds back."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.conflicts import BY_HAND
from connector.cli.invocation import Invocation, asked, who
from connector.cli.options import AllOption, EntityArgument, OnlySideOption, checked
from connector.cli.output import count, print_json, print_table, say, when
from connector.cli.plans import SHOWN, operation_rows
from connector.clock import now
from connector.records import Event, Operation, OperationState, Side
from connector.report import Exit

if TYPE_CHECKING:
    from sqlalchemy import Connection


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("approve")(asked(approve_changes))


def approve_changes(
    call: Invocation,
    entity: EntityArgument,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="Records to release changes of.")] = None,
    *,
    everything: AllOption = False,
    side: OnlySideOption = None,
    hours: Annotated[float, typer.Option("--hours", min=0.1, max=720, help="How long the word holds.")] = 24,
) -> int:
    """List what a guard holds back; with ids or --all, release exactly that and nothing that differs from it."""
    checked(call.entities, entity)
    with call.store() as store, store.write() as connection:
        held = _held(connection, entity, side)
        if not ids and not everything:
            return _list(call, entity, held)
        named = held if everything else _named(held, ids or [])
        expires = now() + timedelta(hours=hours)
        _approve(connection, named, expires)
    if call.as_json:
        print_json({"approved": [one.id for one in named], "expires": expires})
    else:
        write = " or ".join(sorted({_writing(one) for one in named})) or f"connector sync -e {entity}"
        say(f"{count(len(named), 'change')} released until {when(expires)}. Write with: {write}")
    return int(Exit.CLEAN)


def _writing(one: Operation) -> str:
    """The command that writes a change once it is released."""
    return f"connector undo {one.undoes}" if one.undoes else f"connector sync -e {one.entity}"


def _held(connection: "Connection", entity: str, side: Side | None) -> list[Operation]:
    from connector.store import journal

    found = journal.by_state(connection, [OperationState.HELD], entity)
    return [one for one in found if side is None or one.side is side]


def _list(call: Invocation, entity: str, held: list[Operation]) -> int:
    if call.as_json:
        print_json([_as_dict(one) for one in held])
    elif held:
        rows = [row for one in held[:SHOWN] for row in operation_rows(one)]
        print_table(("record", "field", "old", "new", "why"), rows)
        if len(held) > SHOWN:
            say("", f"{len(held) - SHOWN:,} more are held; all of them: connector approve {entity} --json")
        say("", f"Release some with: connector approve {entity} ID...    or all: connector approve {entity} --all")
    else:
        say(f"No guard holds anything of {entity} back.")
    return int(Exit.HALTED if held else Exit.CLEAN)


def _named(held: list[Operation], ids: list[str]) -> list[Operation]:
    """The held operations that write these records; an id that fits records on both sides needs `--side`."""
    named: list[Operation] = []
    for one in dict.fromkeys(ids):
        fits = [item for item in held if one in (item.target, item.id)]
        if not fits:
            raise typer.BadParameter(f"no change of {one} is held; list them by leaving the ids out")
        if len({item.side for item in fits}) > 1:
            raise typer.BadParameter(f"changes of {one} are held on both sides; say which with --side")
        named += fits
    return named


def _approve(connection: "Connection", named: list[Operation], expires: Any) -> None:
    from connector.reconcile.guards import digest
    from connector.store import approvals, history

    at, by = now(), who()
    for one in named:
        approvals.approve(connection, one.entity, one.side, one.key, one.kind, digest(one), by, at, expires)
    events = [
        Event(one.entity, one.side, one.key, "approved", {"kind": one.kind, "by": by}, one.link, one.id)
        for one in named
    ]
    history.append(connection, BY_HAND, events, at)


def _as_dict(one: Operation) -> dict[str, Any]:
    from connector.planfile import as_line

    return {"id": one.id, **as_line(one).model_dump(mode="json")}
