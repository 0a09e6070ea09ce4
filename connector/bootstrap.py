"""The only place where concrete things meet: settings in, a context to run with out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from uuid_utils import uuid7

from connector import systems
from connector.context import Context, Limits, Progress, Quiet, System
from connector.entities import Entity
from connector.mappings.compile import compile_mapping
from connector.mappings.loader import load_entities, load_system
from connector.records import Side
from connector.settings import Settings
from connector.store.database import open_store


def build(settings: Settings, *, progress: Progress | None = None) -> Context:
    """Put together everything a run needs; raises `ConfigError` before the first request."""
    entities = load_entities(settings.entities)
    sides = {side: _system(settings, side, entities) for side in Side}
    shared = {
        name: entity for name, entity in entities.items() if all(name in sides[side].translators for side in Side)
    }
    return Context(
        entities=shared,
        systems=sides,
        store=open_store(settings.store.url.get_secret_value()),
        clock=_now,
        new_id=_new_id,
        limits=_limits(settings),
        progress=progress or Quiet(),
    )


def _system(settings: Settings, side: Side, entities: Mapping[str, Entity]) -> System:
    kind, _ = systems.read_options(settings, side)
    mapping = load_system(kind.mapping, settings.mappings.on(side))
    translators = {
        name: compile_mapping(entities[name], table, side)
        for name, table in mapping.entities.items()
        if name in entities
    }
    return System(kind.name, systems.connect(settings, side), translators)


def _limits(settings: Settings) -> Limits:
    given = settings.sync
    return Limits(
        chunk=given.chunk,
        write=given.batch,
        fresh=timedelta(seconds=given.fresh_seconds),
        attempts=given.max_attempts,
        retry_after=given.retry_after,
        guard_window=settings.guards.window,
        enumerate_every=given.enumerate_every,
        lease=timedelta(seconds=given.lease_seconds),
    )


def _now() -> datetime:
    """The one clock of the product; everything else is given it."""
    return datetime.now(UTC)  # noqa: TID251


def _new_id() -> str:
    """A time-ordered id that is unique across processes, machines and restored backups."""
    return uuid7().hex
