"""Which systems there are: the bundled ones, and those that installed packages bring.

A package brings a system by an entry point in the group `connector.systems` that names a `SystemKind`. Adapters are
imported when a system is connected, not when it is listed.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator

from connector import logs
from connector.adapters.base import Adapter
from connector.adapters.notices import ReadNotice, read_crm_notice, read_erp_notice
from connector.adapters.pacing import Pacing
from connector.adapters.subscriptions import Subscriber
from connector.documents import suggest
from connector.entities import Strict
from connector.errors import ConfigError
from connector.records import Side
from connector.settings import Settings

GROUP = "connector.systems"


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("write an address such as https://crm.example.com")
    if parts.username or parts.password:
        raise ValueError("put credentials into their own keys, not into the address")
    return value.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]
"""Where a system answers, over HTTP; holds no credentials."""


def _bundle(value: str) -> str:
    import ssl

    try:
        ssl.create_default_context(cafile=value)
    except OSError:
        # Also what OpenSSL makes of a file without certificates.
        raise ValueError("name a file that can be read and holds certificates (PEM)") from None
    return value


Bundle = Annotated[str, AfterValidator(_bundle)]
"""The path of a file with certificates."""


class Options(Strict):
    """What every system needs to be connected; each kind adds its credentials as `SecretStr`."""

    url: Address
    timeout: float = Field(60, gt=0, le=3600)
    """Seconds to wait for an answer."""
    requests_per_second: float | None = Field(None, gt=0)
    """Ask for no more than this; left out, as fast as the system answers."""
    ca_bundle: Bundle | None = None
    """The file with the authorities that vouch for the system's certificate, where those of the public web do not."""

    def plain(self) -> dict[str, Any]:
        """The options as an adapter takes them, secrets in the clear, what was left out left out."""
        shown = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: _revealed(value) for name, value in shown.items() if value is not None}

    def secrets(self) -> frozenset[str]:
        """The values that must not be logged."""
        held = (getattr(self, name) for name in type(self).model_fields)
        return frozenset(value.get_secret_value() for value in held if isinstance(value, SecretStr))


class Hooks(NamedTuple):
    """How a system's webhooks are signed (see `connector.signatures`), and what they say."""

    scheme: str
    read: ReadNotice
    subscriber: Callable[[Mapping[str, Any]], Subscriber] | None = None
    """Makes what subscribes to them, from plain options; None where a person does that in the system itself."""
    chooses_secret: bool = False
    """Whether the system makes up the secret when somebody subscribes; otherwise it is given one."""


class SystemKind(NamedTuple):
    """One system the connector can talk to."""

    name: str
    """How configuration calls it."""
    title: str
    side: Side
    """Where it usually stands."""
    connect: Callable[[Mapping[str, Any]], Adapter]
    """Makes the adapter from plain options; makes no request."""
    mapping: str
    """The name its mapping table is loaded by."""
    options: type[Options]
    hooks: Hooks | None = None
    """How its webhooks are read, where it sends any."""


class ReferenceCrmOptions(Options):
    """How to reach the bundled reference CRM."""

    client_id: str
    client_secret: SecretStr


class ReferenceErpOptions(Options):
    """How to reach the bundled reference ERP."""

    api_key: SecretStr


class TrytonOptions(Options):
    """How to reach a Tryton database, and who are customers there."""

    database: str
    login: str
    password: SecretStr
    company: int | None = None
    """The id of the company to work in; left out, the user's own."""
    customer_category: str = "Customer"
    """The category of parties that are customers; empty where every party is one."""
    contact_category: str = "Contact"
    """The category of parties that are a customer's people."""
    warehouse: str | None = None
    """The code of the warehouse that new sales are shipped from; left out, Tryton's own default."""
    acknowledge_warnings: bool = True
    """Whether what Tryton only warns of is done all the same."""
    overlap: float = Field(120, ge=0)
    """Seconds that the longest request may take: changes are looked for so much further back."""
    delete_log: bool = False
    """Whether deletes are read from Tryton's log, which only administrators may; else ids are listed."""


class OdooOptions(Options):
    """How to reach an Odoo: with an API key, which expires for all but administrators."""

    api_key: SecretStr
    database: str
    protocol: Literal["json2", "jsonrpc"] = "json2"
    """JSON-2 came with Odoo 19; older ones speak JSON-RPC, which asks for a login besides."""
    login: str | None = None
    overlap: float = Field(180, gt=0, le=3600)
    """Seconds that the longest transaction may take: changes are stamped when it begins, and show when it ends."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.protocol == "jsonrpc" and not self.login:
            raise ValueError("protocol jsonrpc asks for the user's `login` besides the key")
        return self


def listed() -> list[SystemKind]:
    """Every system that can be configured, by name."""
    brought = [_load(point) for point in _points().values()]
    return sorted((*_BUNDLED.values(), *brought), key=lambda kind: kind.name)


def find(name: str) -> SystemKind:
    """The system of that name; `ConfigError` where there is none."""
    if name in _BUNDLED:
        return _BUNDLED[name]
    points = _points()
    if name in points:
        return _load(points[name])
    names = sorted({*_BUNDLED, *points})
    raise ConfigError.of(f'there is no system "{name}"{suggest(name, names) or "; there are " + ", ".join(names)}')


def read_options(settings: Settings, side: Side) -> tuple[SystemKind, Options]:
    """The configured system of one side and its validated options; everything wrong with them is one `ConfigError`."""
    given = settings.systems.on(side)
    under = ("systems", str(side))
    try:
        kind = find(given.system)
    except ConfigError as error:
        raise ConfigError(
            [settings.document.issue((*under, "system"), issue.message) for issue in error.issues]
        ) from error
    try:
        options = kind.options.model_validate(given.options)
    except ValidationError as error:
        raise ConfigError(settings.document.issues(error, model=kind.options, known=["system"], under=under)) from error
    logs.redact_values(options.secrets())
    return kind, options


def check(settings: Settings) -> None:
    """Refuse systems that are unknown or whose options are wrong, both sides in one `ConfigError`."""
    issues = []
    for side in Side:
        try:
            read_options(settings, side)
        except ConfigError as error:
            issues.extend(error.issues)
    if issues:
        raise ConfigError(issues)


OnRequest: TypeAlias = Callable[[str, str, int, float], None]
"""Told the system, method, status (0 without an answer) and seconds of one attempt."""


def connect(
    settings: Settings, side: Side, on_request: OnRequest | None = None, pacing: Pacing | None = None
) -> Adapter:
    """The adapter of one side; makes no request. A `pacing` spaces its requests among several processes."""
    kind, options = read_options(settings, side)
    told: dict[str, Any] = {} if on_request is None else {"on_request": partial(on_request, kind.name)}
    told |= {} if pacing is None else {"pacing": pacing}
    return kind.connect({**options.plain(), **told})


def _revealed(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _points() -> dict[str, EntryPoint]:
    """What installed packages bring; a bundled system cannot be replaced by accident."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in _BUNDLED}


def _load(point: EntryPoint) -> SystemKind:
    package = point.dist.name if point.dist else point.value
    try:
        kind = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError.of(f'the system "{point.name}" of {package} cannot be imported: {error}') from error
    if not isinstance(kind, SystemKind):
        raise ConfigError.of(f'the system "{point.name}" of {package} is not a SystemKind')
    return kind


def _reference_crm(options: Mapping[str, Any]) -> Adapter:
    from connector.adapters.reference_crm import connect

    return connect(options)


def _reference_erp(options: Mapping[str, Any]) -> Adapter:
    from connector.adapters.reference_erp import connect

    return connect(options)


def _tryton(options: Mapping[str, Any]) -> Adapter:
    from connector.adapters.tryton.connect import connect

    return connect(options)


def _odoo(options: Mapping[str, Any]) -> Adapter:
    from connector.adapters.odoo.system import connect

    return connect(options)


def _crm_subscriber(options: Mapping[str, Any]) -> Subscriber:
    from connector.adapters.reference_subscriptions import connect_crm

    return connect_crm(options)


def _erp_subscriber(options: Mapping[str, Any]) -> Subscriber:
    from connector.adapters.reference_subscriptions import connect_erp

    return connect_erp(options)


_BUNDLED = {
    kind.name: kind
    for kind in (
        SystemKind(
            "reference-crm",
            "Reference CRM",
            Side.CRM,
            _reference_crm,
            "reference_crm",
            ReferenceCrmOptions,
            Hooks("standard", read_crm_notice, _crm_subscriber, chooses_secret=True),
        ),
        SystemKind(
            "reference-erp",
            "Reference ERP",
            Side.ERP,
            _reference_erp,
            "reference_erp",
            ReferenceErpOptions,
            Hooks("standard", read_erp_notice, _erp_subscriber),
        ),
        SystemKind("tryton", "Tryton", Side.ERP, _tryton, "tryton", TrytonOptions),
        SystemKind("odoo", "Odoo", Side.ERP, _odoo, "odoo", OdooOptions),
        SystemKind("odoo-crm", "Odoo as the CRM", Side.CRM, _odoo, "odoo_crm", OdooOptions),
    )
}
