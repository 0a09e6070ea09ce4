"""`connector match`: what first contact would link, create and ask, before anything is written."""

from collections import Counter
from typing import TYPE_CHECKING

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.options import EntitiesOption, chosen
from connector.cli.output import print_json, print_table, say
from connector.cli.progress import bars
from connector.records import Side
from connector.report import Exit

if TYPE_CHECKING:
    from connector.matching import Contact, Example, Named

_COLUMNS = (
    "",
    "linked\nalready",
    "would\nlink",
    "would create\non crm/erp",
    "ambiguous\ncrm/erp",
    "incomplete\ncrm/erp",
    "left alone\ncrm/erp",
)
_TITLES = {
    "link": "Would be linked, for example:",
    "create": "Would be created on the other side, for example:",
    "ambiguous": "A person must say who is who, for example:",
    "incomplete": "Lack something the other side requires, for example:",
}


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("match")(asked(match_records))


def match_records(call: Invocation, entity: EntitiesOption = None) -> int:
    """Show what a first sync would link, create and leave to a person; writes to neither system."""
    from connector.matching import match

    with bars(quiet=call.as_json) as progress, call.context(progress) as context:
        found, code = match(context, entities=chosen(context.entities, entity))
    if call.as_json:
        print_json({"exit": int(code), "entities": [one.as_dict() for one in found]})
        return int(code)
    print_table(_COLUMNS, [_row(one) for one in found])
    for kind, title in _TITLES.items():
        _show_examples(
            title, [(one.entity, example) for one in found for example in one.examples if example.kind == kind]
        )
    say("", *_advice(code))
    return int(code)


def _row(found: "Contact") -> list[str | int]:
    pairs = (found.would_create, found.ambiguous, found.incomplete, found.left_alone)
    return [found.entity, found.linked, found.would_link, *(_pair(numbers) for numbers in pairs)]


def _pair(numbers: "Counter[Side]") -> str:
    return f"{numbers[Side.CRM]}/{numbers[Side.ERP]}"


def _show_examples(title: str, examples: "list[tuple[str, Example]]") -> None:
    if not examples:
        return
    say("", title)
    for entity, example in examples:
        others = " or ".join(_called(one) for one in example.others)
        joined = {"link": " is ", "ambiguous": ": "}.get(example.kind, "") if others else ""
        say(f"  {entity} {_called(example.record)}{joined}{others}")


def _called(one: "Named") -> str:
    return f"{one.side}:{one.id} {one.name}" if one.name else f"{one.side}:{one.id}"


def _advice(code: Exit) -> list[str]:
    lines = {
        Exit.CLEAN: ["Everything is linked."],
        Exit.PENDING: ["See every field that would be written: connector plan. Write it: connector sync"],
        Exit.DECISION: [
            "Merge or correct the ambiguous ones, or say who is who: connector links add ENTITY --crm ID --erp ID",
            "They stay as they are meanwhile; everything else goes on: connector plan, connector sync",
        ],
    }
    return lines[code]
