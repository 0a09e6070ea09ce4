"""The configuration of what runs all the time: daemon, receiver, health and metrics, alerts."""

from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator

from connector.durations import Duration, lasting
from connector.entities import Strict
from connector.records import Side


class Timing(Strict):
    """When something is due: `every` so often, or when a `cron` line of five fields says so."""

    every: Duration | None = None
    cron: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.every is None) == (self.cron is None):
            raise ValueError("say either `every: 5m` or `cron: '*/5 * * * *'`")
        if self.every is not None and not self.every:
            raise ValueError("`every` must be longer than nothing")
        return self

    @field_validator("cron")
    @classmethod
    def _legible(cls, value: str | None) -> str | None:
        if value is not None:
            from apscheduler.triggers.cron import CronTrigger

            CronTrigger.from_crontab(value, timezone="UTC")
        return value


class DaemonSettings(Strict):
    """When the daemon looks at what, and how it stops."""

    every: Duration = lasting("5m")
    """How often an entity is synced that has no timing of its own."""
    entities: dict[str, Timing] = Field(default_factory=dict)
    """Timings of single entities."""
    full: Timing | None = None
    """When all ids of both sides are listed; left out, that is due by `sync.enumerate_every`."""
    timezone: str = "UTC"
    """The time zone that cron lines mean, such as Europe/Berlin."""
    jitter: Duration = lasting("0s")
    """Begin up to so much later, at random: keeps many connectors from asking a system at the same second."""
    poll_seconds: float = Field(0.25, gt=0, le=60)
    """How often the inbox is looked at for what other processes have put there."""
    retry_most: Duration = lasting("24h")
    """A record that keeps failing rests ever longer before it is tried again, from `sync.retry_after` up to this."""
    stop_within: Duration = lasting("20s")
    """How long a stop may take: the batch in hand is ended; what cannot be ended by then is left to the next run."""
    stale_after: Duration = lasting("1h")
    """An entity that has not gone through for longer is stale."""
    keep: Duration = lasting("30d")
    """How long runs and receipts of webhooks are remembered."""

    def timing(self, entity: str) -> Timing:
        """When an entity is synced."""
        return self.entities.get(entity, Timing(every=self.every))

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("there is no such time zone; write one such as Europe/Berlin") from None
        return value


class SideWebhooks(Strict):
    """One side's webhooks: how they are signed, and with which secrets."""

    secrets: list[SecretStr] = Field(default_factory=list)
    """Every secret that is valid now: two while one is being replaced. None: this side's webhooks are refused."""
    scheme: str | None = None
    """How they are signed, where it is not the system's usual way."""
    url: str | None = None
    """Where this side reaches the receiver, as it was given to the system; some signatures cover it."""

    @field_validator("secrets", mode="before")
    @classmethod
    def _left_out(cls, value: Any) -> Any:
        """An empty one counts as none, so that a configuration may name a secret that is not given yet."""
        given = [value] if isinstance(value, str) else value
        return [one for one in given if one != ""] if isinstance(given, list) else given


class WebhookSettings(Strict):
    """The receiver of webhooks."""

    crm: SideWebhooks = SideWebhooks()
    erp: SideWebhooks = SideWebhooks()
    tolerance: Duration = lasting("5m")
    """How far a webhook's timestamp may be from now: an older one is a replay."""
    body_limit: int = Field(1_048_576, ge=1024, le=64 * 1024 * 1024)
    """Most bytes of one webhook."""
    high_water: int = Field(500_000, ge=1)
    """Keys of an entity that may be ready to be decided before senders are asked to come again later; to be kept
    higher than `sync.high_water`, so that reading alone puts nobody off."""
    public_url: str | None = None
    """Where the systems reach the receiver, such as https://connector.example.com; needed to subscribe."""

    def on(self, side: Side) -> SideWebhooks:
        """One side's webhooks."""
        return self.crm if side is Side.CRM else self.erp

    def address(self, side: Side) -> str | None:
        """Where one side reaches the receiver."""
        own = self.on(side).url
        return own or (f"{self.public_url.rstrip('/')}/webhooks/{side}" if self.public_url else None)


class ServeSettings(Strict):
    """Where the receiver, health and metrics listen."""

    host: str = "127.0.0.1"
    port: int = Field(8090, ge=0, le=65535)
    """0 takes a free one, which is printed."""
    token: SecretStr | None = None
    """What /metrics and /readyz ask for, as `Authorization: Bearer …`; left out, they answer everyone."""


class AlertSettings(Strict):
    """Who is told when something stops, and how often at most."""

    url: SecretStr | None = None
    """Where alerts are posted, as JSON with a `text`, which Slack and others understand; such addresses are secrets."""
    command: list[str] = Field(default_factory=list)
    """A command that is run with the alert's text as its last argument and the alert as JSON on its input."""
    repeat_after: Duration = lasting("4h")
    """An alert that goes on is told again after this long."""
    most_per_hour: int = Field(20, ge=1, le=1000)
    """More than that are held back within an hour."""
    problem_rate: float = Field(0.05, gt=0, le=1)
    """Alert when more than this share of an entity's records has an open problem."""
    problem_count: int = Field(10, ge=1)
    """And at least this many."""


class LogSettings(Strict):
    """What is logged, and how it looks; `auto` is console on a terminal and JSON elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class WorkerSettings(Strict):
    """Among how many a run is shared: slots of the process that conducts it, and `connector worker` processes."""

    queue: bool = False
    """Share runs with `connector worker` processes too; needs state in PostgreSQL and the extra `workers`."""
    slots: int = Field(1, ge=0, le=64)
    """Portions that the process which conducts a run works on at once; 0 leaves all to the workers."""
    portion: int = Field(1000, ge=1, le=100_000)
    """Most keys or operations in one portion."""
    waiting: int = Field(64, ge=1, le=10_000)
    """Most jobs in the queue; the rest of a run waits in the state until there is room."""
    poll_seconds: float = Field(0.5, gt=0, le=60)
    """How often a worker that heard of nothing looks into the queue."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not (self.slots or self.queue):
            raise ValueError("`slots: 0` leaves all work to workers, and without `queue: true` there are none")
        return self
