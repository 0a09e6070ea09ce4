"""Structured logs on stderr: JSON for machines, coloured lines on a terminal, secrets in neither.

An event is a fact in the past (`record_updated`), everything else are keys. structlog is imported through
`connector.logs` only, when a command is about to log: `connector --help` needs none of it.
"""

import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Literal, TextIO, cast

if TYPE_CHECKING:
    from types import ModuleType

    from structlog.typing import FilteringBoundLogger, Processor

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "console"]

HIDDEN = "[hidden]"
SHORTEST_SECRET = 4
"""Shorter values would be found in every other word."""

_SECRET_KEY = re.compile(
    r"(pass(word|wd|phrase)?|secret|token|authorization|api[_-]?key|credentials?|cookie|signature|private[_-]?key)$",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+(?=@)")
_known: set[str] = set()
_known_pattern: re.Pattern[str] | None = None


def configure(level: Level = "info", format: Format = "auto") -> None:  # noqa: A002 -- the configuration's own word
    """Send what the connector and its libraries log to stderr; may be called again."""
    with _without("rich"):
        import structlog

    number = logging.getLevelNamesMapping()[level.upper()]
    shared = _shared_processors()
    # Foreign libraries are only heard when something is wrong, and pass the same redaction.
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, _renderer(format)],
    )
    output = logging.StreamHandler(_Stderr())
    output.setFormatter(formatter)
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[output], force=True)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*shared, redact, _renderer(format)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Stderr())),
        cache_logger_on_first_use=False,
    )


def get_logger() -> "FilteringBoundLogger":
    """A logger; at import only in modules that a command imports when it runs."""
    with _without("rich"):
        import structlog

    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Let an optional package look as if it were not installed, unless it is in use already.

    structlog would import rich, for tracebacks that are never shown in that form: a seventh of a quiet sync.
    """
    if package in sys.modules:
        yield
        return
    # The import system's own sign for a module that cannot be imported.
    sys.modules[package] = cast("ModuleType", None)
    try:
        yield
    finally:
        del sys.modules[package]


def bound(**keys: object) -> AbstractContextManager[object]:
    """Put `run_id`, `entity`, `system` on every line that is logged inside the `with` block."""
    import structlog

    return structlog.contextvars.bound_contextvars(**keys)


def redact_values(values: Iterable[str]) -> None:
    """Never log these values again, wherever they turn up."""
    global _known_pattern  # noqa: PLW0603 -- secrets are known to the whole process or to nobody
    _known.update(value for value in values if len(value) >= SHORTEST_SECRET)
    longest_first = sorted(_known, key=len, reverse=True)
    _known_pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def hide(text: str) -> str:
    """The text without known secrets and without passwords in addresses."""
    shown = _URL_PASSWORD.sub(rf"\1:{HIDDEN}", text)
    return _known_pattern.sub(HIDDEN, shown) if _known_pattern else shown


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor that keeps secrets out of every line."""
    return {key: _redacted(key, value) for key, value in event.items()}


def _redacted(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return HIDDEN if value and _SECRET_KEY.search(key) else value
    if _SECRET_KEY.search(key):
        return HIDDEN
    if isinstance(value, Mapping):
        return {hide(str(inner)): _redacted(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", held) for held in value]
    # A SecretStr shows itself as stars; anything else is searched in the form it would be printed in.
    return hide(value if isinstance(value, str) else str(value))


def _shared_processors() -> "list[Processor]":
    import structlog

    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


def _renderer(form: Format) -> "Processor":
    import structlog

    if form == "json" or (form == "auto" and not sys.stderr.isatty()):
        return structlog.processors.JSONRenderer(serializer=_json)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _json(event: Any, **_options: object) -> str:
    import orjson

    return orjson.dumps(event, default=str).decode()


class _Stderr:
    """Whatever stderr is at the moment of writing, so that a redirection is followed."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()
