"""The configuration: one YAML file, overridden by the environment, as one typed value.

Any string may hold `${env:NAME}` or `${file:PATH}`; `$${` stands for a plain `${`. A variable such as
`CONNECTOR_STORE__URL` overrides `store.url`; its value is taken as it is.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, model_validator

from connector.documents import Document, load_document
from connector.durations import Duration, lasting
from connector.entities import Guard, Strict
from connector.errors import ConfigError, ConfigIssue
from connector.records import Side
from connector.references import References
from connector.services import (
    AlertSettings,
    DaemonSettings,
    LogSettings,
    ServeSettings,
    WebhookSettings,
    WorkerSettings,
)

PREFIX = "CONNECTOR_"
SEARCHED = (Path("connector.yaml"), Path("config/connector.yaml"))
"""Where the configuration is looked for, after the argument and `$CONNECTOR_CONFIG`."""


def _show_flat(shown: dict[str, Any]) -> None:
    """In the file, a system's options stand beside its name."""
    shown["properties"].pop("options")
    shown["additionalProperties"] = True


class SystemSettings(Strict):
    """One side: which system it is, and that system's own options (address, credentials)."""

    model_config = Strict.model_config | {"json_schema_extra": _show_flat}

    system: str
    """A name that `connector systems` lists."""
    options: dict[str, Any] = Field(default_factory=dict, repr=False)
    """Everything else under the side; may hold secrets, so it is never shown."""

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "options" in given:
            return given
        return {
            **{key: value for key, value in given.items() if key == "system"},
            "options": {key: value for key, value in given.items() if key != "system"},
        }


class SystemsSettings(Strict):
    """The two systems that are kept consistent."""

    crm: SystemSettings
    erp: SystemSettings

    def on(self, side: Side) -> SystemSettings:
        """The system on one side."""
        return self.crm if side is Side.CRM else self.erp


class StoreSettings(Strict):
    """Where the connector remembers; an SQLAlchemy address, secret because it can hold a password."""

    url: SecretStr = SecretStr("sqlite:///connector.db")


class MappingSettings(Strict):
    """Changes to the bundled mapping tables, one a side; `connector.mappings` gives them their meaning."""

    crm: dict[str, Any] = Field(default_factory=dict)
    erp: dict[str, Any] = Field(default_factory=dict)

    def on(self, side: Side) -> dict[str, Any]:
        """The changes for one side."""
        return self.crm if side is Side.CRM else self.erp


class SyncSettings(Strict):
    """How a run goes about its work."""

    batch: int = Field(200, ge=1, le=10_000)
    """Most records in one write."""
    chunk: int = Field(1000, ge=1, le=100_000)
    """Keys taken from the inbox at a time."""
    fresh_seconds: float = Field(10, ge=0)
    """A scanned record older than this is read again before it is decided on."""
    enumerate_every: Duration = lasting("24h")
    """How often all ids and versions are listed, to catch what change feeds missed."""
    high_water: int = Field(100_000, ge=1)
    """Keys of an entity that may be ready to be decided before reading pauses for them."""
    retry_after: Duration = lasting("15m")
    """How long a record that failed rests before it is tried again."""
    lease_seconds: float = Field(300, gt=0)
    """How long another process holds back after this one was last heard of."""


class GuardSettings(Guard):
    """Stops for entities that declare none of their own; counted over a rolling window."""

    window: Duration = lasting("24h")


class Settings(Strict):
    """The whole configuration of one deployment."""

    systems: SystemsSettings
    store: StoreSettings = StoreSettings()
    entities: dict[str, Any] = Field(default_factory=dict)
    """Changes to the bundled entities; `connector.mappings` gives them their meaning."""
    mappings: MappingSettings = MappingSettings()
    sync: SyncSettings = SyncSettings()
    guards: GuardSettings = GuardSettings()
    daemon: DaemonSettings = DaemonSettings()
    workers: WorkerSettings = WorkerSettings()
    webhooks: WebhookSettings = WebhookSettings()
    serve: ServeSettings = ServeSettings()
    alerts: AlertSettings = AlertSettings()
    log: LogSettings = LogSettings()
    _document: Document = PrivateAttr(Document("configuration", {}, {}))
    _secrets: frozenset[str] = PrivateAttr(frozenset())

    @property
    def document(self) -> Document:
        """The file as it was written, references unresolved: gives errors found later their place."""
        return self._document

    @property
    def secrets(self) -> frozenset[str]:
        """Every value that must not be logged, as far as this room can tell; for `logs.redact_values`."""
        own = [*self.webhooks.crm.secrets, *self.webhooks.erp.secrets, self.serve.token, self.alerts.url]
        return self._secrets | {one.get_secret_value() for one in own if one is not None}

    def _remember(self, document: Document, secrets: frozenset[str]) -> "Settings":
        self._document = document
        self._secrets = secrets
        return self


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The configuration from `path`, `$CONNECTOR_CONFIG`, `connector.yaml` or `config/connector.yaml`.

    Everything that is wrong is told in one `ConfigError`.
    """
    variables = os.environ if environ is None else environ
    found = find_file(path, variables)
    return read_settings(load_document(found), variables, found.parent)


def find_file(path: Path | None, environ: Mapping[str, str]) -> Path:
    """The configuration file to use; one that was named is used even if it is not there, so that its error is told."""
    named = path or (Path(environ["CONNECTOR_CONFIG"]) if environ.get("CONNECTOR_CONFIG") else None)
    if named is not None:
        return named
    for candidate in SEARCHED:
        if candidate.is_file():
            return candidate
    raise ConfigError.of(
        f"no configuration found: neither $CONNECTOR_CONFIG nor {' nor '.join(map(str, SEARCHED))}; "
        "`connector init` writes one"
    )


def read_settings(document: Document, environ: Mapping[str, str], folder: Path) -> Settings:
    """The settings in a document, references resolved and overridden by the environment."""
    if not isinstance(document.data, dict | None):
        raise ConfigError(
            [document.issue((), "the configuration must be a table of sections (`systems:`, `store:`, …)")]
        )
    references = References(document, environ, folder, _is_filled_later)
    # A section whose rows are all commented out is an empty section.
    data = {key: value for key, value in references.resolve(document.data or {}).items() if value is not None}
    origins = _override(data, environ)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_issues(document, error, references, origins)) from error
    if unresolved := _unresolved(references, origins):
        raise ConfigError(unresolved)
    return settings._remember(document, _secret_values(data, references, origins))  # noqa: SLF001 -- same module


def _is_filled_later(path: tuple[str, ...]) -> bool:
    """The secrets that a system chooses are not known before something was subscribed to."""
    return path[0] == "webhooks" and "secrets" in path


def schema() -> dict[str, Any]:
    """The JSON Schema of the configuration file, for editors."""
    return Settings.model_json_schema() | {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def _override(data: dict[str, Any], environ: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Lay the environment over the data; answers which variable each overridden path came from."""
    origins = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or "__" not in name:
            continue
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        _place(data, path, environ[name])
        origins[path] = name
    return origins


def _place(data: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    for part in path[:-1]:
        if not isinstance(data.get(part), dict):
            data[part] = {}
        data = data[part]
    data[path[-1]] = value


def _issues(
    document: Document, error: ValidationError, references: References, origins: Mapping[tuple[str, ...], str]
) -> list[ConfigIssue]:
    """What the models refused, beside the references that could not be resolved, each thing once."""
    issues = _unresolved(references, origins)
    told = {issue.path for issue in issues}
    for issue in document.issues(error, model=Settings):
        variable = _origin(tuple(issue.path.split(".")), origins)
        if variable:
            issues.append(ConfigIssue("environment", None, variable, issue.message))
        elif issue.path not in told:
            issues.append(issue)
    return sorted(issues, key=lambda issue: (issue.file, issue.line or 0, issue.path))


def _origin(path: tuple[str, ...], origins: Mapping[tuple[str, ...], str]) -> str | None:
    """The variable that put a value at this path, or below it where nothing else did."""
    return next((name for place, name in origins.items() if place[: len(path)] == path), None)


def _unresolved(references: References, origins: Mapping[tuple[str, ...], str]) -> list[ConfigIssue]:
    """References that failed and that no variable has overridden."""
    return [issue for issue in references.issues if tuple(issue.path.split(".")) not in origins]


_SECRETIVE = {"webhooks", "serve", "alerts"}
"""Sections that hold secrets of their own."""
_OPEN = {"url", "system", "public_url", "host", "port", "scheme"}
"""Keys that hold names and addresses."""


def _secret_values(
    data: Mapping[str, Any], references: References, origins: Mapping[tuple[str, ...], str]
) -> frozenset[str]:
    """Values that came from outside the file and may be secret, so all of these sections but names and addresses."""
    outside = {path for path in (*references.read, *origins) if path[0] in {"systems", "store", *_SECRETIVE}}
    paths = {path for path in outside if path[0] in {"store", "alerts"} or path[-1] not in _OPEN}
    found = {value for path in paths for value in references.read.get(path, ())}
    for path in paths & origins.keys():
        value: Any = data
        for part in path:
            value = value[part]
        found.add(str(value))
    return frozenset(found - {""})
