"""`connector endpoints`: who answers on each side now, who was confirmed, and accepting another one."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.conflicts import BY_HAND
from connector.cli.invocation import ConfigOption, DebugOption, Invocation, JsonOption, asked, who
from connector.cli.options import EntityArgument, checked
from connector.cli.output import print_json, print_table, say, when
from connector.clock import now
from connector.errors import RunError
from connector.records import Event, Fingerprint, Side
from connector.report import Exit

if TYPE_CHECKING:
    from connector.context import Context
    from connector.store.endpoints import Endpoint

group = typer.Typer(help="Who answers on each side.", invoke_without_command=True)

SideArgument = Annotated[Side, typer.Argument(metavar="SIDE", help="crm or erp.")]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    group.callback()(_default)
    group.command("list")(asked(list_endpoints))
    group.command("confirm")(asked(confirm_endpoint))
    group.command("allow-empty")(asked(allow_empty))
    app.add_typer(group, name="endpoints")


def _default(
    context: typer.Context, *, config: ConfigOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> None:
    """Who answers on each side."""
    if context.invoked_subcommand is None:
        raise typer.Exit(list_endpoints(Invocation(config, as_json, debug)))


def list_endpoints(call: Invocation) -> int:
    """Ask both systems who they are, and show who was confirmed, since when and by whom."""
    with call.context() as context:
        known = {side: _known(context, side) for side in Side}
        found = {side: _ask(context, side) for side in Side}
    states = {side: _state(known[side], found[side]) for side in Side}
    if call.as_json:
        print_json([_as_dict(side, known[side], found[side], states[side]) for side in Side])
    else:
        columns = ("side", "answers now", "was confirmed", "since", "by", "")
        print_table(columns, [_row(side, known[side], found[side], states[side]) for side in Side])
        for side in Side:
            if states[side] == "another":
                say("", f"If {side} is the same system under another name: connector endpoints confirm {side}")
    return int(Exit.CLEAN if set(states.values()) <= {"same", "new"} else Exit.HALTED)


def confirm_endpoint(
    call: Invocation,
    side: SideArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Accept who answers on a side now; links and bases stay, so it must hold the same records."""
    from connector.store import endpoints

    with call.context() as context:
        known, found = _known(context, side), context.systems[side].adapter.identify()
        if not call.as_json:
            say(f"Confirmed so far: {_name(known)}", f"Answers now:      {_name(found)}", "")
            say("All links stay, and mean the records of the one that answers now; for other records use a new store.")
        question = f"Is this the {side} that the links were made with?"
        if call.as_json and not yes:
            raise typer.BadParameter(f"{question} Say so with --yes")
        if not yes and not typer.confirm(question, default=False):
            say("Nothing was changed.")
            return int(Exit.HALTED)
        with context.store.write() as connection:
            endpoints.save(connection, side, found, who(), now())
            endpoints.note_clock(connection, side, found.clock, now())
    if call.as_json:
        print_json({"side": side, "confirmed": _name(found), "before": _name(known)})
    else:
        say("Confirmed. Go on with: connector plan, then connector sync --full")
    return int(Exit.CLEAN)


def allow_empty(
    call: Invocation,
    side: SideArgument,
    entity: EntityArgument,
    *,
    hours: Annotated[float, typer.Option("--hours", min=0.1, max=720, help="How long the word holds.")] = 24,
) -> int:
    """Let runs go on although a side shows no record of an entity; each is looked at before it counts as deleted."""
    from connector.reconcile.guards import EMPTY, digest_empty
    from connector.store import approvals, history

    checked(call.entities, entity)
    at, by = now(), who()
    expires, digest = at + timedelta(hours=hours), digest_empty(entity, side)
    with call.store() as store, store.write() as connection:
        approvals.approve(connection, entity, side, "*", EMPTY, digest, by, at, expires)
        history.append(connection, BY_HAND, [Event(entity, side, "*", "approved", {"kind": EMPTY, "by": by})], at)
    if call.as_json:
        print_json({"side": side, "entity": entity, "expires": expires})
    else:
        say(f"{side} may show no {entity} until {when(expires)}. Go on with: connector sync -e {entity}")
    return int(Exit.CLEAN)


def _known(context: "Context", side: Side) -> "Endpoint | None":
    from connector.store import endpoints

    with context.store.read() as connection:
        return endpoints.get(connection, side)


def _ask(context: "Context", side: Side) -> Fingerprint | str:
    """Who answers, or why nobody does."""
    try:
        return context.systems[side].adapter.identify()
    except RunError as error:
        return str(error)


def _state(known: "Endpoint | None", found: Fingerprint | str) -> str:
    from connector.endpoints import is_same

    if isinstance(found, str):
        return "silent"
    if known is None:
        return "new"
    return "same" if is_same(known, found) else "another"


def _name(one: "Endpoint | Fingerprint | None") -> str:
    return f"{one.system} {one.tenant} ({one.environment})" if one else "nobody yet"


def _row(side: Side, known: "Endpoint | None", found: Fingerprint | str, state: str) -> list[Any]:
    answers = found if isinstance(found, str) else _name(found)
    since, by = (when(known.first_seen), known.confirmed_by or "-") if known else ("-", "-")
    return [side, answers, _name(known), since, by, state]


def _as_dict(side: Side, known: "Endpoint | None", found: Fingerprint | str, state: str) -> dict[str, Any]:
    return {
        "side": side,
        "state": state,
        "answers": found._asdict() if isinstance(found, Fingerprint) else None,
        "silence": found if isinstance(found, str) else None,
        "confirmed": known._asdict() if known else None,
    }
