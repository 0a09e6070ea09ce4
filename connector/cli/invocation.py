"""What every command is given: where the configuration is, how to answer, and the doors to everything behind them.

`asked` puts the options that all commands share into a command's signature, so that each is declared once. The engine
is imported when a command opens it: `connector --help` needs none of it.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from connector.context import Context, Progress
    from connector.entities import Entity
    from connector.settings import Settings
    from connector.store.database import Store
    from connector.systems import OnRequest

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="CONNECTOR_CONFIG", metavar="PATH", help="The configuration file."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Log everything; show where an error happened.")]

_SHARED = {"config": (ConfigOption, None), "as_json": (JsonOption, False), "debug": (DebugOption, False)}


@dataclass(frozen=True)
class Invocation:
    """One call of one command."""

    config: Path | None
    as_json: bool
    debug: bool

    @cached_property
    def settings(self) -> "Settings":
        """The configuration, read and checked as far as that goes without a request; logging is set up by it."""
        from connector import logs, systems
        from connector.settings import load_settings

        settings = load_settings(self.config)
        logs.redact_values(settings.secrets)
        self.configure_logs(settings)
        systems.check(settings)
        return settings

    @cached_property
    def entities(self) -> "Mapping[str, Entity]":
        """The configured entities, parents first."""
        from connector.bootstrap import read_entities

        return read_entities(self.settings)

    def configure_logs(self, settings: "Settings") -> None:
        """Structured lines for machines; a person at a terminal is told of warnings only."""
        import sys

        from connector import logs

        level = "warning" if sys.stderr.isatty() else settings.log.level
        logs.configure("debug" if self.debug else level, settings.log.format)

    @contextmanager
    def context(
        self, progress: "Progress | None" = None, on_request: "OnRequest | None" = None, *, asks: bool = False
    ) -> "Iterator[Context]":
        """Everything a run needs, put together; closed at the end. `asks` as in `connector.bootstrap`."""
        from connector.bootstrap import build

        with _closing(build(self.settings, progress=progress, on_request=on_request, asks=asks)) as context:
            yield context

    @contextmanager
    def store(self) -> "Iterator[Store]":
        """The state alone, for commands that ask neither system."""
        from connector.store.database import open_store

        store = open_store(self.settings.store.url.get_secret_value())
        try:
            yield store
        finally:
            store.close()


@contextmanager
def _closing(context: "Context") -> "Iterator[Context]":
    try:
        yield context
    except Exception as error:
        # Noted before the store closes, so that what is told names the run.
        error.add_note(f"in {_last_run(context)}")
        raise
    finally:
        if context.sharing is not None:
            context.sharing.close()
        for system in context.systems.values():
            system.adapter.close()
        context.store.close()


def _last_run(context: "Context") -> str:
    from connector.store import journal

    with context.store.read() as connection:
        runs = journal.last_runs(connection, 1)
    return f"run {runs[0].id}" if runs else "no run"


def asked(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the shared options; it takes an `Invocation` as its first argument instead."""

    def call(**given: Any) -> int:
        shared = {name: given.pop(name) for name in _SHARED}
        return int(command(Invocation(**shared), **given))

    signature = inspect.signature(command)
    own = list(signature.parameters.values())[1:]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _SHARED.items()
    ]
    own = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    call.__name__, call.__doc__ = command.__name__, command.__doc__
    call.__annotations__ = {one.name: one.annotation for one in (*own, *added)}
    call.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    return call


def confirm(call: Invocation, question: str, *, yes: bool) -> None:
    """Ask before something is lost; whoever asked for JSON has to say so beforehand."""
    if yes:
        return
    if call.as_json:
        raise typer.BadParameter(f"{question} Say so with --yes")
    typer.confirm(question, abort=True, err=True)


@contextmanager
def needing(extra: str) -> "Iterator[None]":
    """Import what comes with an extra; where that was not installed, say how it is."""
    try:
        yield
    except ModuleNotFoundError as error:
        from connector.errors import ConfigError

        message = f"{error.name} is not installed; it comes with: pip install 'crm-erp-connector[{extra}]'"
        raise ConfigError.of(message) from error


def who() -> str:
    """Who gives the word: the name the machine knows the user by."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
