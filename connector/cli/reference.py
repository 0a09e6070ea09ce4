"""`connector reference`: run one of the two bundled reference systems."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.invocation import Invocation, asked
from connector.errors import ConfigError
from connector.records import Side
from connector.report import Exit

_PORTS = {Side.CRM: 8101, Side.ERP: 8102}


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("reference")(asked(run_reference))


def run_reference(  # noqa: PLR0913 -- a server's own options
    _call: Invocation,
    kind: Annotated[Side, typer.Argument(help="Which one.")],
    *,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="0 picks a free one.")] = None,
    database: Annotated[
        Path | None, typer.Option("--database", metavar="FILE", help="Where it keeps its data.")
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option("--seed", metavar="COUNTS", help="Fill an empty database, e.g. customers=200,orders=300."),
    ] = None,
    rate_limit: Annotated[int | None, typer.Option("--rate-limit", min=1, help="Requests a second it allows.")] = None,
    token_lifetime: Annotated[int, typer.Option("--token-lifetime", min=1, help="Seconds (CRM).")] = 3600,
    faults: Annotated[bool, typer.Option("--faults", help="Let faults be set by a call to _faults.")] = False,
) -> int:
    """Run the bundled reference CRM or reference ERP on 127.0.0.1 until it is stopped."""
    try:
        from connector.reference import serve
    except ModuleNotFoundError as error:
        message = f"the reference systems need {error.name}: pip install crm-erp-connector[demo]"
        raise ConfigError.of(message, file="installation") from error
    try:
        counts = serve.parse_seed(seed or "") or None
    except ValueError as error:
        raise typer.BadParameter(f"--seed: {error}") from error
    serve.run(
        kind.value,
        _PORTS[kind] if port is None else port,
        database or Path(f"{kind}.db"),
        counts,
        token_lifetime=token_lifetime,
        rate_limit=rate_limit,
        faults=faults,
    )
    return int(Exit.CLEAN)
