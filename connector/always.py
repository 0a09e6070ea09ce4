"""Puts together what runs all the time without being asked: the daemon, and who is told of trouble."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from connector.alerts import Alerts, senders
from connector.context import Context
from connector.daemon import Daemon, Doors, Watcher
from connector.errors import ConfigError
from connector.logs import get_logger, hide
from connector.schedules import Schedule, trigger
from connector.services import DaemonSettings
from connector.settings import Settings
from connector.standing import reader
from connector.store import standings
from connector.subscriptions import renew_all

_LOOK_SECONDS = 5.0
_RENEW_SECONDS = 3600.0


def build_daemon(settings: Settings, context: Context, doors: Doors, watchers: Sequence[Watcher] = ()) -> Daemon:
    """The daemon of a configuration; raises `ConfigError` where a timing names an entity that there is not."""
    _refuse_unknown(settings, context)
    given = settings.daemon
    start = context.clock()
    schedules = _schedules(given, context, start)
    full = Schedule(trigger(given.full, start, given.timezone), start) if given.full else None
    if full is not None:
        full.begin(start)
    return Daemon(context, given, schedules, full, doors, watchers)


def _schedules(given: DaemonSettings, context: Context, start: datetime) -> Mapping[str, Schedule]:
    """One schedule an entity; what was never read is due at once, as nothing may be written before that."""
    with context.store.read() as connection:
        known = standings.listed(connection)
    found = {}
    seed = context.new_id()
    for name in context.entities:
        when = trigger(given.timing(name), start, given.timezone)
        found[name] = Schedule(when, start, jitter=given.jitter, seed=seed)
        if name not in known or known[name].good_at is None:
            found[name].hasten(start)
    return found


def _refuse_unknown(settings: Settings, context: Context) -> None:
    known = ", ".join(context.entities)
    issues = [
        settings.document.issue(("daemon", "entities", name), f"there is no entity {name!r} to sync; there are {known}")
        for name in settings.daemon.entities
        if name not in context.entities
    ]
    if issues:
        raise ConfigError(issues)


@contextmanager
def alerting(
    settings: Settings,
    context: Context,
    count: Callable[[str], None] = lambda outcome: None,  # noqa: ARG005 -- nobody counts
) -> Iterator[None]:
    """Tell of trouble as long as the block lasts, also while a run goes on or hangs."""
    told = senders(settings.alerts)
    read = reader(context.store, tuple(context.entities), settings.daemon.stale_after, context.clock)
    alerts = Alerts(settings.alerts, read, context.store, told, context.clock, count)
    ended = threading.Event()
    watch = threading.Thread(target=_look_until, args=(ended, alerts), name="alerts", daemon=True)
    if told:
        watch.start()
    try:
        yield
    finally:
        ended.set()
        if told:
            watch.join(_LOOK_SECONDS)


@contextmanager
def renewing(settings: Settings, context: Context) -> Iterator[None]:
    """Keep subscriptions to webhooks going as long as the block lasts."""
    ended = threading.Event()
    watch = threading.Thread(target=_renew_until, args=(ended, settings, context), name="subscriptions", daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()


def _renew_until(ended: threading.Event, settings: Settings, context: Context) -> None:
    while not ended.is_set():
        try:
            renew_all(settings, context)
        except Exception as error:  # noqa: BLE001 -- what keeps things going must not end itself
            get_logger().error("renewal_failed", error=type(error).__name__, reason=hide(str(error)))
        ended.wait(_RENEW_SECONDS)


def _look_until(ended: threading.Event, alerts: Alerts) -> None:
    while not ended.wait(_LOOK_SECONDS):
        try:
            alerts.look()
        except Exception as error:  # noqa: BLE001 -- what watches must outlive what it watches
            get_logger().error("alerts_failed", error=type(error).__name__, reason=hide(str(error)))
