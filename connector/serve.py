"""Puts together what runs all the time: the daemon, and what watches it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from connector.context import Context
from connector.daemon import Daemon, Doors, Watcher
from connector.errors import ConfigError
from connector.schedules import Schedule, trigger
from connector.services import DaemonSettings
from connector.settings import Settings
from connector.store import standings


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


def build_watchers(_settings: Settings, _context: Context) -> list[Watcher]:
    """What is told of every run."""
    return []
