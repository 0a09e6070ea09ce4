"""`connector init` and `connector config`: the first configuration file, and its schema for editors."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.output import print_json, say
from connector.records import Side
from connector.report import Exit

if TYPE_CHECKING:
    from connector.starter import SystemChoice
    from connector.systems import SystemKind

_FILE = Path("connector.yaml")
_DEFAULTS = {Side.CRM: ("reference-crm", "http://127.0.0.1:8101"), Side.ERP: ("reference-erp", "http://127.0.0.1:8102")}

group = typer.Typer(help="The configuration file.", no_args_is_help=True)

SystemOption = Annotated[str | None, typer.Option(metavar="NAME", help="Which system it is; see: connector systems")]
UrlOption = Annotated[str | None, typer.Option(metavar="URL", help="Where it answers.")]
MoreOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SIDE.KEY=VALUE",
        help="Another option of a system, such as crm.client_id=demo or erp.api_key=${env:ERP_KEY}; may be repeated.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("init")(asked(write_first))
    group.command("schema")(asked(show_schema))
    app.add_typer(group, name="config")


def show_schema(_call: Invocation) -> int:
    """Print the JSON Schema of the configuration file, for editors."""
    from connector.settings import schema

    print_json(schema())
    return int(Exit.CLEAN)


def write_first(  # noqa: PLR0913 -- one question each
    call: Invocation,
    *,
    crm_system: SystemOption = None,
    crm_url: UrlOption = None,
    erp_system: SystemOption = None,
    erp_url: UrlOption = None,
    store_url: Annotated[
        str, typer.Option(metavar="URL", help="Where the connector remembers.")
    ] = "sqlite:///connector.db",
    public_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where both systems reach the receiver of webhooks, if they do.")
    ] = None,
    more: MoreOption = None,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Make the fields that a configured system lacks, after saying which.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; take the defaults.")] = False,
) -> int:
    """Write a working configuration; asks for what was not given. Secrets stay in the environment."""
    from connector.starter import render_config, write_config

    if prepare:
        from connector.cli.prepare import prepare_systems

        return prepare_systems(call, yes=yes)
    given = _options(more or [])
    crm = _choice(Side.CRM, crm_system, crm_url, given[Side.CRM], ask=not yes)
    erp = _choice(Side.ERP, erp_system, erp_url, given[Side.ERP], ask=not yes)
    path = call.config or _FILE
    write_config(path, render_config(crm, erp, store_url=store_url, public_url=public_url))
    if public_url:
        _write_secrets(path.parent, {Side.CRM: crm, Side.ERP: erp})
    variables = [name for choice in (crm, erp) for name in _variables(choice)]
    if call.as_json:
        print_json({"file": str(path), "variables": variables})
    else:
        say(f"Wrote {path}.", *(f"Set the variable {name}." for name in variables))
        say(f"Then prove it against both systems: connector check{' --subscribe' if public_url else ''}")
    return int(Exit.CLEAN)


def _write_secrets(folder: Path, choices: "dict[Side, SystemChoice]") -> None:
    """A file a side for the secret of its webhooks: a new one, or none yet where the system will choose it."""
    import secrets
    from base64 import b64encode

    from connector.starter import secret_file
    from connector.systems import find

    for side, choice in choices.items():
        hooks, path = find(choice.system).hooks, folder / secret_file(side)
        if hooks is None or path.exists():
            continue
        path.touch(mode=0o600)
        if not hooks.chooses_secret:
            path.write_text(f"whsec_{b64encode(secrets.token_bytes(32)).decode()}", encoding="utf-8")


def _options(given: Sequence[str]) -> dict[Side, dict[str, str]]:
    """`crm.client_id=demo` as options by side."""
    found: dict[Side, dict[str, str]] = {side: {} for side in Side}
    for one in given:
        place, equals, value = one.partition("=")
        side, dot, key = place.partition(".")
        if not (equals and dot and key and side in list(Side)):
            raise typer.BadParameter(f"{place!r}: write crm.KEY=VALUE or erp.KEY=VALUE")
        found[Side(side)][key] = value
    return found


def _choice(side: Side, system: str | None, url: str | None, given: dict[str, str], *, ask: bool) -> "SystemChoice":
    from connector.starter import SystemChoice
    from connector.systems import find

    default_system, default_url = _DEFAULTS[side]
    name = system or _asked(f"Which system is the {side}?", default_system, ask=ask)
    kind = find(name)
    options = {"url": url or _asked(f"Where does it answer ({side})?", default_url, ask=ask)}
    for key in _needed(kind):
        variable = "${env:" + f"{side}_{key}".upper() + "}"
        options[key] = given.get(key) or (
            variable if _is_secret(kind, key) else _asked(f"{key} ({side})?", variable, ask=ask)
        )
    _refuse(kind, options | given)
    return SystemChoice(kind.name, options | given)


def _refuse(kind: "SystemKind", options: dict[str, str]) -> None:
    """Tell at once what the system's own options would refuse later; references are filled in when the file is read."""
    from pydantic import ValidationError

    try:
        kind.options.model_validate({key: "unused" if "${" in value else value for key, value in options.items()})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise typer.BadParameter(f"{kind.name}, {place}: {first['msg'].removeprefix('Value error, ')}") from error


def _asked(question: str, default: str, *, ask: bool) -> str:
    return str(typer.prompt(question, default=default)) if ask else default


def _needed(kind: "SystemKind") -> Iterator[str]:
    """What a system needs besides its address."""
    return (name for name, field in kind.options.model_fields.items() if field.is_required() and name != "url")


def _is_secret(kind: "SystemKind", key: str) -> bool:
    from pydantic import SecretStr

    return kind.options.model_fields[key].annotation is SecretStr


def _variables(choice: "SystemChoice") -> list[Any]:
    """The environment variables that the file refers to."""
    import re

    return [name for value in choice.options.values() for name in re.findall(r"\$\{env:(\w+)\}", value)]
