"""`connector forget`: a person's data leaves everything the connector remembers."""

from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.invocation import Invocation, asked, confirm, who
from connector.cli.options import EntityArgument, YesOption, checked
from connector.cli.output import count, print_json, say
from connector.clock import now
from connector.records import Ref, Side
from connector.report import Exit

if TYPE_CHECKING:
    from connector.forget import Forgotten

_OUT_OF_REACH = (
    "the two systems themselves: erase or delete the person there first, or the next change brings the data back",
    "backups of the state and of its database, plan files, and logs written so far",
    "other records about the same person, such as contacts or orders: forget each by its own id",
)
_NOT_SCRUBBED = (
    "old rows within the database: on PostgreSQL until VACUUM FULL; on SQLite another process is reading the file, so "
    "run this once more when it has ended"
)


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("forget")(asked(forget_person))


def forget_person(
    call: Invocation,
    entity: EntityArgument,
    record_id: Annotated[str, typer.Argument(metavar="ID", help="The record's id.")],
    *,
    side: Annotated[Side, typer.Option("--side", help="Which side's id this is.")],
    yes: YesOption = False,
) -> int:
    """Erase a person's values from bases, writes, conflicts, history and problems; the ids stay."""
    from connector.forget import forget, personal_fields

    definition = call.entities[checked(call.entities, entity)]
    if not personal_fields(definition):
        raise typer.BadParameter(f"no field of {entity} is marked as personal, see: connector mappings show {entity}")
    confirm(call, f"Erase the personal data of {entity} {side}:{record_id}? It cannot be brought back.", yes=yes)
    with call.store() as store:
        forgotten = forget(store, definition, Ref(entity, side, record_id), who(), now())
    if forgotten is None:
        raise typer.BadParameter(f"nothing is known about {entity} {side}:{record_id}")
    _tell(call, forgotten)
    return int(Exit.CLEAN)


def _tell(call: Invocation, forgotten: "Forgotten") -> None:
    subject = forgotten.subject
    beyond = [*_OUT_OF_REACH, *(() if forgotten.scrubbed else (_NOT_SCRUBBED,))]
    if call.as_json:
        print_json(
            {
                "entity": subject.entity,
                "ids": {str(side): sorted(ids) for side, ids in subject.ids.items()},
                "fields": sorted(subject.fields),
                "rows": forgotten.rows,
                "looked_at_again": forgotten.looked_at_again,
                "scrubbed": forgotten.scrubbed,
                "out_of_reach": beyond,
            }
        )
        return
    names = " and ".join(f"{side}:{one}" for side, ids in subject.ids.items() for one in sorted(ids))
    erased = ", ".join(f"{number} {table}" for table, number in forgotten.rows.items() if number)
    say(f"{count(len(subject.fields), 'field')} of {subject.entity} {names} erased in {erased or 'nothing'}.")
    if forgotten.looked_at_again:
        say("Something about the record was open: the next sync reads it once more.")
    say("", "Out of reach are:", *(f"  {one}" for one in beyond))
