"""Arguments that several commands take, declared once, and the check that a name means something."""

from collections.abc import Collection, Sequence
from typing import Annotated

import typer

from connector.records import Side

EntitiesOption = Annotated[
    list[str] | None, typer.Option("--entity", "-e", metavar="ENTITY", help="Only this entity; may be repeated.")
]
EntityArgument = Annotated[str, typer.Argument(metavar="ENTITY", help="An entity, such as customer.")]
MaybeEntityArgument = Annotated[str | None, typer.Argument(metavar="[ENTITY]", help="Only this entity.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The record's id on either side.")]
SideOption = Annotated[Side | None, typer.Option("--side", help="Which side's id this is.")]
OnlySideOption = Annotated[Side | None, typer.Option("--side", help="Only this side; left out, both.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
AllOption = Annotated[bool, typer.Option("--all", help="All of them.")]


def chosen(known: Collection[str], names: Sequence[str] | None) -> tuple[str, ...]:
    """The entities asked for, each known; none means all."""
    return tuple(checked(known, name) for name in names or ())


def checked(known: Collection[str], name: str) -> str:
    """The name of an entity that exists; anything else is a mistake on the command line."""
    if name not in known:
        raise typer.BadParameter(f"there is no entity {name!r}; there are {', '.join(known)}")
    return name
