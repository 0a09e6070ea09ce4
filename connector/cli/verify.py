"""`connector verify`: read both live systems and compare them, whatever the state says."""

from typing import TYPE_CHECKING

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.options import EntitiesOption, chosen
from connector.cli.output import count, print_json, print_table, say
from connector.cli.progress import bars
from connector.report import Exit

if TYPE_CHECKING:
    from connector.comparison import Comparison, Difference

_COLUMNS = ("", "pairs", "equal", "equal in\nnormal form", "explained", "different", "unlinked,\nnot meant", "unlinked")
_SHOWN = 50


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("verify")(asked(verify_systems))


def verify_systems(call: Invocation, entity: EntitiesOption = None) -> int:
    """Compare both live systems field by field; what differs without an explanation is queued for the next sync."""
    from connector.verify import verify

    with bars(quiet=call.as_json) as progress, call.context(progress) as context:
        found, code = verify(context, entities=chosen(context.entities, entity))
    if call.as_json:
        print_json({"exit": int(code), "entities": [one.as_dict() for one in found]})
        return int(code)
    print_table(_COLUMNS, [_row(one) for one in found])
    differences = [difference for one in found for difference in one.differences]
    _show_differences(differences)
    say("", *_verdict(found, code))
    return int(code)


def _row(found: "Comparison") -> list[str | int]:
    not_meant = sum(number for (_, why), number in found.unlinked.items() if why != "unexplained")
    return [
        found.entity,
        found.pairs,
        found.fields["equal"],
        found.fields["equal after normal form"],
        found.fields["explained"],
        found.fields["different"],
        not_meant,
        sum(number for (_, why), number in found.unlinked.items() if why == "unexplained"),
    ]


def _show_differences(differences: "list[Difference]") -> None:
    if not differences:
        return
    say("")
    rows = [
        [f"{one.entity} crm:{one.crm_id} erp:{one.erp_id}", one.field, one.explained or "nothing explains it"]
        for one in differences[:_SHOWN]
    ]
    print_table(("record", "field", "explained by"), rows)
    if len(differences) > _SHOWN:
        say(f"… and {len(differences) - _SHOWN:,} more: connector verify --json")


def _verdict(found: "list[Comparison]", code: Exit) -> list[str]:
    pairs = count(sum(one.pairs for one in found), "pair")
    if code is Exit.FAILED:
        unexplained = sum(one.unexplained for one in found)
        return [f"{count(unexplained, 'difference')} that nothing explains; queued for the next: connector sync"]
    if code is Exit.DECISION:
        return [f"{pairs} compared; every difference is explained, as an open conflict or problem, or by an undo."]
    return [f"{pairs} compared; both sides tell one story."]
