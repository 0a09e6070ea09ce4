"""`connector new-adapter`: the beginning of a package for a system of one's own, whose tests pass from the start."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.output import print_json, say
from connector.errors import ConfigError
from connector.report import Exit

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SUFFIX = ".txt"
"""Templates are no modules of ours."""


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("new-adapter")(asked(write_adapter))


def write_adapter(
    call: Invocation,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="How configuration will call the system, such as my-erp.")
    ],
    *,
    into: Annotated[Path | None, typer.Option(metavar="PATH", help="The new folder; left out, the name.")] = None,
) -> int:
    """Write a package with an adapter, its mapping and its contract test, which works against a sandbox of its own."""
    if not _NAME.fullmatch(name):
        raise typer.BadParameter(f"{name!r}: write small letters, digits and dashes, such as my-erp")
    folder = into or Path(name)
    if folder.exists():
        raise ConfigError.of("is there already; name another folder with --into", file=str(folder))
    written = [_write(source, folder / _own(path, name), name) for path, source in _templates()]
    if call.as_json:
        print_json({"files": [str(path) for path in written]})
    else:
        say(f"Wrote {folder}:", *(f"  {path.relative_to(folder)}" for path in written), "")
        say(f"See that it works: cd {folder} && python -m pip install -e '.[test]' && python -m pytest")
    return int(Exit.CLEAN)


def _templates() -> list[tuple[str, Traversable]]:
    """Every template, with its path."""

    def walk(place: Traversable, path: str) -> list[tuple[str, Traversable]]:
        found: list[tuple[str, Traversable]] = []
        for each in sorted(place.iterdir(), key=lambda entry: entry.name):
            if each.is_dir():
                found += walk(each, f"{path}{each.name}/")
            elif each.name.endswith(_SUFFIX):
                found.append((f"{path}{each.name.removesuffix(_SUFFIX)}", each))
        return found

    return walk(files("connector") / "skeleton", "")


def _write(source: Traversable, target: Path, name: str) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_own(source.read_text(encoding="utf-8"), name), encoding="utf-8")
    return target


def _own(text: str, name: str) -> str:
    """A template in the words of the new system."""
    words = name.split("-")
    spoken = " ".join(word.capitalize() for word in words)
    named = {"my-erp": name, "my_erp": name.replace("-", "_"), "MyErp": spoken.replace(" ", ""), "My ERP": spoken}
    return re.sub("|".join(named), lambda found: named[found[0]], text)
