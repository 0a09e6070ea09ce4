"""All commands in one place. The files named here import the engine only when their command runs."""

from typing import Annotated

import typer

from connector.cli import (
    approve,
    check,
    configuration,
    conflicts,
    cursors,
    daemon,
    demo,
    endpoints,
    explain,
    forget,
    history,
    links,
    mappings,
    match,
    new_adapter,
    plans,
    problems,
    reference,
    state,
    status,
    sync,
    systems,
    undo,
    verify,
)

app = typer.Typer(
    name="connector",
    help="Keeps a CRM and an ERP telling one story, in both directions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(*, value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"connector {version('crm-erp-connector')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Keeps a CRM and an ERP telling one story, in both directions."""


for _commands in (
    demo,
    configuration,
    check,
    match,
    plans,
    sync,
    daemon,
    state,
    status,
    conflicts,
    problems,
    approve,
    explain,
    history,
    verify,
    links,
    cursors,
    endpoints,
    mappings,
    systems,
    new_adapter,
    undo,
    forget,
    reference,
):
    _commands.register(app)
