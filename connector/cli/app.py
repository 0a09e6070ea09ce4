"""All commands in one place. The files named here import the engine only when their command runs."""

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

COMMANDS = {
    "demo": ("demo",),
    "configuration": ("init", "config"),
    "check": ("check",),
    "match": ("match",),
    "plans": ("plan", "apply"),
    "sync": ("sync",),
    "daemon": ("daemon", "serve", "webhooks", "pause", "resume"),
    "worker": ("worker",),
    "state": ("state",),
    "status": ("status",),
    "conflicts": ("conflicts",),
    "problems": ("problems",),
    "approve": ("approve",),
    "explain": ("explain",),
    "history": ("history", "runs"),
    "verify": ("verify",),
    "links": ("links",),
    "cursors": ("cursor",),
    "endpoints": ("endpoints",),
    "mappings": ("mappings",),
    "systems": ("systems",),
    "new_adapter": ("new-adapter",),
    "undo": ("undo",),
    "forget": ("forget",),
    "reference": ("reference",),
}
"""The files of this room, in the order of the help, and the commands that each of them registers."""


def command_line(given: Sequence[str] = ()) -> typer.Typer:
    """The commands: only the file of the one that is given first, or all of them, for help and for what is misspelt.

    To import them all and to read their options would be a twentieth of a quiet sync.
    """
    app = typer.Typer(
        name="connector",
        help="Keeps a CRM and an ERP telling one story, in both directions.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    named = [file for file, names in COMMANDS.items() if given and given[0] in names]
    for file in named or COMMANDS:
        import_module(f"connector.cli.{file}").register(app)
    return app


def _show_version(*, value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"connector {version('crm-erp-connector')}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Keeps a CRM and an ERP telling one story, in both directions."""
