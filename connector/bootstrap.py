"""The only place where concrete things meet: settings in, a context to run with out."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from uuid_utils import uuid7

from connector import systems
from connector.adapters.base import Adapter
from connector.clock import now
from connector.entities import Entity, Policy
from connector.errors import ConfigError, ConfigIssue
from connector.executor import Crew, begin
from connector.mappings.compile import Translator, compile_system
from connector.mappings.loader import load_entities, load_system
from connector.mappings.model import Origin
from connector.records import Fingerprint, Side
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.adapters.pacing import Pacing
    from connector.context import Context, Limits, Progress, Sharing
    from connector.paces import Paces


class _Connected(NamedTuple):
    """One side: what `connector.context.System` is made of."""

    name: str
    adapter: Adapter
    translators: Mapping[str, Translator]

    def identify(self) -> tuple[Fingerprint, datetime]:
        """Who answers, and when."""
        return self.adapter.identify(), now()


def build(
    settings: Settings,
    *,
    progress: "Progress | None" = None,
    on_request: systems.OnRequest | None = None,
    asks: bool = False,
) -> "Context":
    """Put together everything a run needs; raises `ConfigError` before the first request.

    `on_request` is told the system, method, status and seconds of everything that is sent. With `asks` both systems are
    asked who they are as soon as the configuration is known to be right: a run begins with that, and the store and the
    larger half of the program are loaded meanwhile.
    """
    entities = read_entities(settings)
    paces = _paces(settings)
    sides = {
        side: _connect(settings, side, entities, on_request, paces.of(str(side)) if paces else None) for side in Side
    }
    shared = {
        name: entity for name, entity in entities.items() if all(name in sides[side].translators for side in Side)
    }
    _refuse_unsafe_deltas(shared, sides)
    queue = _queue(settings) if settings.workers.queue else None
    # Requests that are paced in the store have to wait for it.
    identified = {side: begin(one.identify) for side, one in sides.items() if asks and paces is None}
    context = replace(_context(settings, shared, sides, progress), identified=identified)
    if paces is not None:
        paces.keep_in(context.store)
    return replace(context, sharing=_sharing(settings, context, queue))


def _paces(settings: Settings) -> "Paces | None":
    if not settings.workers.queue:
        return None
    from connector.paces import Paces

    return Paces()


def _context(
    settings: Settings, entities: Mapping[str, Entity], sides: Mapping[Side, _Connected], progress: "Progress | None"
) -> "Context":
    from connector.context import Context, Quiet, System
    from connector.keeper import KeeperBeside
    from connector.store.database import open_store

    store = open_store(settings.store.url.get_secret_value())
    return Context(
        entities=entities,
        systems={side: System(*one) for side, one in sides.items()},
        store=store,
        keeper=KeeperBeside(store),
        clock=now,
        new_id=new_id,
        limits=_limits(settings),
        progress=progress or Quiet(),
    )


def _sharing(settings: Settings, context: "Context", queue: Crew | None) -> "Sharing | None":
    """With whom a run is shared; the one who conducts it works too, in so many slots as are its own."""
    given = settings.workers
    if given.slots == 1 and queue is None:
        return None
    from connector.executor import Threads, Together
    from connector.sharing import Shared
    from connector.worker import Worker

    worker = Worker(context, conducts=True)
    crews: list[Crew] = [Threads(given.slots, worker.work_on)]
    if queue is not None:
        crews.append(queue)
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


def _connect(
    settings: Settings,
    side: Side,
    entities: Mapping[str, Entity],
    on_request: systems.OnRequest | None,
    pacing: "Pacing | None",
) -> _Connected:
    name, adapter = settings.systems.on(side).system, systems.connect(settings, side, on_request, pacing)
    return _Connected(name, adapter, read_translators(settings, side, entities))


def _refuse_unsafe_deltas(entities: Mapping[str, Entity], sides: Mapping[Side, _Connected]) -> None:
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


def _limits(settings: Settings) -> "Limits":
    from connector.context import Limits

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
