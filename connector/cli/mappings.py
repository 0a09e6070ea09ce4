"""`connector mappings`: which field is which on the other side, who owns it, and whether the tables keep their laws."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from connector.cli.check import Found, told
from connector.cli.invocation import Invocation, asked
from connector.cli.options import EntityArgument, MaybeEntityArgument, checked
from connector.cli.output import count, print_json, print_table, say
from connector.records import Side
from connector.report import Exit

if TYPE_CHECKING:
    from connector.mappings.compile import Translator

group = typer.Typer(help="Which field is which on the other side.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    group.command("show")(asked(show_mapping))
    group.command("check")(asked(check_mappings))
    group.command("lifecycle")(asked(show_lifecycle))
    app.add_typer(group, name="mappings")


def show_mapping(call: Invocation, entity: EntityArgument) -> int:
    """Show an entity's fields side by side: where each system keeps them, who owns them, what a conflict does."""
    from connector.mappings.table import side_by_side

    definition = call.entities[checked(call.entities, entity)]
    crm, erp = (_translators(call, side)[entity] for side in Side)
    lines = side_by_side(definition, crm, erp)
    if call.as_json:
        print_json([line._asdict() for line in lines])
        return int(Exit.CLEAN)
    print_table(
        (
            f"crm\n{crm.resource.name}",
            f"\n{entity}",
            f"erp\n{erp.resource.name}",
            "direction",
            "both\nchanged",
            "first\ncontact",
        ),
        [[line.crm, line.field, line.erp, line.owner, line.policy, line.first_contact] for line in lines],
    )
    say("", *(f"{line.field}: {line.notes}" for line in lines if line.notes))
    return int(Exit.CLEAN)


def show_lifecycle(call: Invocation, entity: EntityArgument) -> int:
    """Draw which side may lead an entity from which state to which, as a Mermaid state diagram."""
    from connector.reconcile.lifecycle import draw

    definition = call.entities[checked(call.entities, entity)]
    if call.as_json:
        graph = definition.lifecycle.items()
        print_json({state: {goal: sorted(makers) for goal, makers in after.items()} for state, after in graph})
    else:
        say(draw(definition.lifecycle).rstrip() if definition.lifecycle else f"{entity} has no lifecycle")
    return int(Exit.CLEAN)


def check_mappings(call: Invocation, entity: MaybeEntityArgument = None) -> int:
    """Hold the tables to the round-trip laws, without asking a system; `check` asks the live systems too."""
    from connector.mappings import laws

    names = [checked(call.entities, entity)] if entity else list(call.entities)
    tables = {side: _translators(call, side) for side in Side}
    found: list[Found] = []
    for name in names:
        mine = {side: tables[side][name] for side in Side if name in tables[side]}
        for side, translator in mine.items():
            found += told(f"{name} on {side}", laws.check_mapping(translator), "keeps its laws")
        if len(mine) == len(Side):
            found += told(name, laws.check_pair(mine[Side.CRM], mine[Side.ERP]), "fits on both sides")
    failed = sum(one.severity == "error" for one in found)
    code = Exit.USAGE if failed else Exit.CLEAN
    if call.as_json:
        print_json({"exit": int(code), "findings": [one._asdict() for one in found]})
    else:
        print_table(("", "where", "what"), found)
        say("", f"{count(failed, 'error')}, {count(sum(one.severity == 'warning' for one in found), 'warning')}.")
    return int(code)


def _translators(call: Invocation, side: Side) -> "Mapping[str, Translator]":
    from connector.bootstrap import read_translators

    return read_translators(call.settings, side, call.entities)
