"""The only place where concrete things meet: settings in, a context to run with out."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from uuid_utils import uuid7

from connector import systems
from connector.adapters.pacing import Pacing
from connector.clock import now
from connector.context import Context, Limits, Progress, Quiet, Sharing, System
from connector.entities import Entity, Policy
from connector.errors import ConfigError, ConfigIssue
from connector.executor import Crew
from connector.keeper import KeeperBeside
from connector.mappings.compile import Translator, compile_system
from connector.mappings.loader import load_entities, load_system
from connector.mappings.model import Origin
from connector.paces import Paces
from connector.records import Side
from connector.settings import Settings
from connector.store.database import open_store


def build(
    settings: Settings, *, progress: Progress | None = None, on_request: systems.OnRequest | None = None
) -> Context:
    """Put together everything a run needs; raises `ConfigError` before the first request.

    `on_request` is told the system, method, status and seconds of everything that is sent.
    """
    entities = read_entities(settings)
    paces = Paces() if settings.workers.queue else None
    sides = {
        side: _system(settings, side, entities, on_request, paces.of(str(side)) if paces else None) for side in Side
    }
    shared = {
        name: entity for name, entity in entities.items() if all(name in sides[side].translators for side in Side)
    }
    _refuse_unsafe_deltas(shared, sides)
    store = open_store(settings.store.url.get_secret_value())
    context = Context(
        entities=shared,
        systems=sides,
        store=store,
        keeper=KeeperBeside(store),
        clock=now,
        new_id=new_id,
        limits=_limits(settings),
        progress=progress or Quiet(),
    )
    if paces is not None:
        paces.keep_in(context.store)
    return replace(context, sharing=_sharing(settings, context))


def _sharing(settings: Settings, context: Context) -> Sharing | None:
    """With whom a run is shared; the one who conducts it works too, in so many slots as are its own."""
    given = settings.workers
    if given.slots == 1 and not given.queue:
        return None
    from connector.executor import Threads, Together
    from connector.sharing import Shared
    from connector.worker import Worker

    worker = Worker(context, conducts=True)
    crews: list[Crew] = [Threads(given.slots, worker.work_on)]
    if given.queue:
        crews.append(_queue(settings))
    return Shared(Together(crews), given.portion)


def read_entities(settings: Settings) -> dict[str, Entity]:
    """The configured entities, parents first; what is wrong with them is told with file and line."""
    return load_entities(settings.entities, origin=Origin(settings.document, ("entities",)), guard=settings.guards)


def read_translators(settings: Settings, side: Side, entities: Mapping[str, Entity]) -> dict[str, Translator]:
    """One side's mappings, compiled, by entity; makes no request, and tells all that is wrong with them at once."""
    kind, _ = systems.read_options(settings, side)
    origin = Origin(settings.document, ("mappings", str(side)))
    return compile_system(entities, load_system(kind.mapping, settings.mappings.on(side), origin=origin), side)


def _queue(settings: Settings) -> Crew:
    if not settings.store.url.get_secret_value().startswith("postgres"):
        raise ConfigError([settings.document.issue(("workers", "queue"), "a queue needs state in PostgreSQL")])
    try:
        from connector.jobs import Queue
    except ModuleNotFoundError as error:
        reason = f"{error.name} is not installed; it comes with: pip install 'crm-erp-connector[workers]'"
        raise ConfigError([settings.document.issue(("workers", "queue"), reason)]) from error
    return Queue(settings.store.url.get_secret_value(), settings.workers.waiting)


def _system(
    settings: Settings,
    side: Side,
    entities: Mapping[str, Entity],
    on_request: systems.OnRequest | None,
    pacing: Pacing | None,
) -> System:
    name = settings.systems.on(side).system
    return System(name, systems.connect(settings, side, on_request, pacing), read_translators(settings, side, entities))


def _refuse_unsafe_deltas(entities: Mapping[str, Entity], sides: Mapping[Side, System]) -> None:
    """A number that both sides move may only be written where the server refuses a stale write, or it counts twice."""
    issues = []
    for name, entity in entities.items():
        fields = [field for field, rule in entity.fields.items() if rule.policy is Policy.DELTA]
        for system in sides.values() if fields else ():
            resource = system.translators[name].resource.name
            can = system.adapter.capabilities(resource)
            if not (can.can_update and can.conditional_write):
                reason = f"policy delta needs conditional writes, which {system.name} does not have for {resource}"
                issues += [
                    ConfigIssue("configuration", None, f"entities.{name}.fields.{one}", reason) for one in fields
                ]
    if issues:
        raise ConfigError(issues)


def _limits(settings: Settings) -> Limits:
    given = settings.sync
    return Limits(
        chunk=given.chunk,
        write=given.batch,
        fresh=timedelta(seconds=given.fresh_seconds),
        high_water=given.high_water,
        retry_after=given.retry_after,
        guard_window=settings.guards.window,
        enumerate_every=given.enumerate_every,
        lease=timedelta(seconds=given.lease_seconds),
    )


def new_id() -> str:
    """A time-ordered id that is unique across processes, machines and restored backups."""
    return uuid7().hex
