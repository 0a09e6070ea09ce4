"""`connector state`: save what the connector remembers to one file, and go back to it."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.invocation import Invocation, asked, confirm
from connector.cli.options import YesOption
from connector.cli.output import count, print_json, say, when
from connector.clock import now
from connector.report import Exit

group = typer.Typer(help="Save the state to one file, and go back to it.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    group.command("backup")(asked(back_up))
    group.command("restore")(asked(restore_backup))
    app.add_typer(group, name="state")


def back_up(call: Invocation, file: FileArgument, *, yes: YesOption = False) -> int:
    """Save the whole state to one file, also while a daemon is at work; it holds records, so keep it safe."""
    from connector.backup import save

    if not file.parent.is_dir():
        raise typer.BadParameter(f"the folder {file.parent} does not exist")
    with call.store() as store:
        if file.exists() and store.file is not None and file.samefile(store.file):
            raise typer.BadParameter(f"{file} is the state itself; name another file")
        if file.exists():
            confirm(call, f"{file} exists. Overwrite it?", yes=yes)
        size = save(store, file)
    if call.as_json:
        print_json({"file": str(file), "bytes": size})
    else:
        say(
            f"The state is in {file} ({size:,} bytes), readable by its owner only: it holds copies of records.",
            f"Go back to it with: connector state restore {file}",
        )
    return int(Exit.CLEAN)


def restore_backup(call: Invocation, file: FileArgument, *, yes: YesOption = False) -> int:
    """Replace the state by a backup; the next sync reads both systems whole before it creates anything."""
    from connector.backup import is_empty, restore
    from connector.bootstrap import new_id

    if not file.is_file():
        raise typer.BadParameter(f"there is no backup {file}")
    with call.store() as store:
        if not is_empty(store):
            confirm(call, f"Replace the present state by {file}? What was decided since is forgotten.", yes=yes)
        restored = restore(store, file, new_id(), now())
    if call.as_json:
        print_json({"file": str(file), **restored._asdict()})
    else:
        say(
            f"Restored: {count(restored.links, 'link')}, as of {when(restored.saved_at)} (its last run).",
            "The next sync reads both systems whole, and links what was created since by marker or match key before it "
            "creates anything: connector sync",
        )
    return int(Exit.CLEAN)
