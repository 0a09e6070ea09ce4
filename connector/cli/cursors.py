"""`connector cursor`: how far each side was read, and reading it again."""

from typing import Any

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.options import EntityArgument, MaybeEntityArgument, OnlySideOption, checked
from connector.cli.output import print_json, print_table, say, when
from connector.clock import now
from connector.errors import RunError
from connector.records import Side
from connector.report import Exit

group = typer.Typer(help="How far each side was read.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    group.command("show")(asked(show_cursors))
    group.command("rewind")(asked(rewind_cursor))
    app.add_typer(group, name="cursor")


def show_cursors(call: Invocation, entity: MaybeEntityArgument = None) -> int:
    """Show how far each side was read, for each entity."""
    from connector.store import cursors, stretches

    if entity is not None:
        checked(call.entities, entity)
    with call.store() as store, store.read() as connection:
        found = [one for one in cursors.all(connection) if entity in (None, one.entity)]
        ranges = stretches.left(connection)
    if call.as_json:
        print_json([one._asdict() | {"ranges_left": ranges.get((one.entity, one.side), 0)} for one in found])
    elif found:
        print_table(
            ("entity", "side", "known", "last read", "last listed whole", "from"),
            [
                [
                    *(one.entity, one.side, one.known, when(one.moved_at), when(one.enumerated_at)),
                    _start(one.cursor, ranges.get((one.entity, one.side), 0)),
                ]
                for one in found
            ],
        )
    else:
        say("Nothing was read yet: connector sync")
    return int(Exit.CLEAN)


def _start(cursor: str | None, ranges: int) -> str:
    """Where the next reading starts, in words; the cursor itself is the adapter's own and shown by `--json`."""
    if ranges:
        return f"where {ranges} of its ranges stopped"
    return "the beginning" if cursor is None else "where it stopped"


def rewind_cursor(call: Invocation, entity: EntityArgument, *, side: OnlySideOption = None) -> int:
    """Let the next sync read an entity from the beginning; what it knows already is not written again."""
    from connector.store import cursors, leases, stretches
    from connector.tenure import LEASE

    checked(call.entities, entity)
    sides: list[Any] = [side] if side else list(Side)
    at = now()
    with call.store() as store, store.write() as connection:
        held = leases.holder(connection, LEASE)
        if held is not None and held.until > at:
            raise RunError("a run is at work and would move the cursor on; try again when it has ended")
        for one in sides:
            position = cursors.get(connection, entity, one)
            cursors.save(connection, position._replace(cursor=None, echoes=0), at)
            stretches.clear(connection, entity, one)
    if call.as_json:
        print_json({"entity": entity, "rewound": sides})
    else:
        say(f"{entity} will be read from the beginning on {' and '.join(sides)} by the next: connector sync")
    return int(Exit.CLEAN)
