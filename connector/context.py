"""What a run works with: two systems, one store, and the clock, ids and limits it was given."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection

from connector.adapters.base import Adapter, Capabilities
from connector.entities import Entity
from connector.executor import beside
from connector.keeper import Keeper, Step
from connector.mappings.compile import Translator
from connector.reconcile.plan import Creator
from connector.records import Fingerprint, Operation, Resource, Side
from connector.report import Tally
from connector.store.database import Store
from connector.store.portions import Portion
from connector.tenure import Tenure

T = TypeVar("T")


class System(NamedTuple):
    """One side: its name, its adapter, and a translator for every entity it keeps."""

    name: str
    adapter: Adapter
    translators: Mapping[str, Translator]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is done at once, and how long things stay good."""

    chunk: int = 1000
    """Keys that are decided together: memory is bounded by this, not by the number of records."""
    write: int = 200
    """Most records in one write, where the system takes as many."""
    fresh: timedelta = timedelta(seconds=10)
    """How long a record that came with a scan stands for the current state."""
    news: timedelta = timedelta(minutes=5)
    """How long one does that is newer than all that is known, where its system refuses stale writes."""
    rounds: int = 8
    """How often one run looks again at what its own writes brought about."""
    retry_after: timedelta = timedelta(minutes=15)
    guard_window: timedelta = timedelta(hours=24)
    enumerate_every: timedelta = timedelta(hours=24)
    high_water: int = 100_000
    """Keys of an entity that may be ready in the inbox before reading pauses until they are decided."""
    lease: timedelta = timedelta(minutes=5)
    under_way: timedelta = timedelta(minutes=15)
    """How long after its lease a call may still reach its system: its waits, tries and time-outs together."""


class Progress(Protocol):
    """Told what a run does while it does it."""

    def step(self, entity: str, activity: str, done: int) -> None:
        """So many more records went through one activity."""


class Quiet:
    """Progress nobody looks at."""

    def step(self, entity: str, activity: str, done: int) -> None:
        """Keep silent."""


class Sharing(Protocol):
    """Does a run's larger steps with others, each of which takes portions of them; ends when all are done."""

    def read(self, work: "Work") -> None:
        """What of a first read can be read in ranges; a pull of what changed meanwhile ends it."""

    def compare(self, work: "Work", sides: Sequence[Side]) -> None:
        """What `stretches.finish_listing` does, for some sides."""

    def decide(self, work: "Work") -> None:
        """What `sync.decide_inbox` does."""

    def decide_linked(self, work: "Work", keys: Sequence[tuple[int, int]]) -> None:
        """What `sync.decide_keys` does for keys whose link is known, given with it."""

    def apply(self, work: "Work", operations: Sequence[Operation]) -> None:
        """What `apply.apply_planned` does."""

    def close(self) -> None:
        """Nothing more is to be shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything concrete, put together once in `bootstrap`; entities come parents first."""

    entities: Mapping[str, Entity]
    systems: Mapping[Side, System]
    store: Store
    keeper: Keeper
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    limits: Limits = Limits()
    progress: Progress = field(default_factory=Quiet)
    executor: Callable[[int], Executor] = beside
    """So many threads, on which reading ahead and sending behind are done."""
    sharing: Sharing | None = None
    """With whom runs are shared; a process alone does without."""
    identified: "dict[Side, Future[tuple[Fingerprint, datetime]]]" = field(default_factory=dict)
    """Who answers on each side, and when, where that was asked while the program was being loaded; good for one run."""
    settled_mappings: dict[int, dict[str, str]] = field(default_factory=dict)
    """Field -> row hash of every mapping that bases were read with; filled from the store when needed."""


_LASTING = 0.8
"""The share of a lease that must be left when a call begins: the call may wait for its turn and be tried again."""


@dataclass(slots=True)
class Hold:
    """Until when a run's lease lasts, as far as is known without asking the store."""

    until: datetime | None = None


@dataclass(slots=True)
class Work:
    """One entity within one run."""

    context: Context
    entity: Entity
    run: str
    tally: Tally
    epoch: int = 0
    """Of the lease this run holds; every transaction checks and renews it."""
    portion: Portion | None = None
    """What of a run this is, where others work on the rest: then every transaction checks and renews that."""
    hold: Hold = field(default_factory=Hold)
    dry: bool = False
    """Plan only: nothing is written to either system, and the inbox keeps its rows."""
    drains: bool = False
    """Settle what the inbox holds; ask the systems for changes only where a new record makes it necessary."""
    allowed: frozenset[str] | None = None
    """Apply only these operations, by digest; None allows everything."""
    executed: set[str] = field(default_factory=set)
    """Digests of the allowed operations that came out as planned."""
    alive: set[Side] = field(default_factory=set)
    """Sides that answered with at least one present record in this run: the canary without which nothing is absent."""
    counted: dict[Side, int | None] = field(default_factory=dict)
    """How many records each side held when it was last pulled, where that was asked."""
    known: dict[Side, Capabilities] = field(default_factory=dict)
    creators: dict[Side, Creator] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """The state, to read; writing goes through `write`."""
        return self.context.store

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Connection]:
        """One transaction that commits only while this run still holds its lease; raises `LeaseLost` otherwise.

        What says that a call is about to be made is `durable`: it must outlive a power failure, or the call may be made
        twice.
        """
        begun, tenure = self.now(), self.tenure
        with tenure.write(self.store, durable=durable) as connection:
            yield connection
        self.hold.until = begun + tenure.lease

    @property
    def tenure(self) -> Tenure:
        """What this run may store under."""
        context = self.context
        return Tenure(self.name, self.run, self.epoch, context.limits.lease, context.clock, self.portion)

    def keep(self, step: Step[T], *values: Any) -> "Future[T]":
        """Have a step done by the keeper, which stores beside this run and in its order."""
        return self.context.keeper.submit(step, self.tenure, *values)

    def hold_lease(self) -> None:
        """See that the lease outlasts the call about to be made; raises `LeaseLost` where another process took over.

        The store is asked only where nothing was stored lately. A process that sleeps just after this is fenced by what
        the system itself offers: keys, markers, versions.
        """
        until, lease = self.hold.until, self.context.limits.lease
        if until is None or until - self.now() < _LASTING * lease:
            with self.write():
                pass

    @property
    def name(self) -> str:
        """The entity's name."""
        return self.entity.name

    @property
    def sharing(self) -> Sharing | None:
        """With whom this is shared; what writes nothing, or only what a plan allows, is not."""
        return None if self.dry or self.allowed is not None else self.context.sharing

    @property
    def rereads(self) -> bool:
        """Whether records must be read now, however fresh the ones at hand: a plan is applied to what is there."""
        return self.allowed is not None

    def now(self) -> datetime:
        """The time by the injected clock."""
        return self.context.clock()

    def adapter(self, side: Side) -> Adapter:
        """The system on one side."""
        return self.context.systems[side].adapter

    def translator(self, side: Side) -> Translator:
        """This entity's mapping on one side."""
        return self.context.systems[side].translators[self.entity.name]

    def resource(self, side: Side) -> Resource:
        """Where one side keeps this entity."""
        return self.translator(side).resource

    def capabilities(self, side: Side) -> Capabilities:
        """What that resource can do."""
        if side not in self.known:
            self.known[side] = self.adapter(side).capabilities(self.resource(side).name)
        return self.known[side]

    @property
    def shared(self) -> frozenset[str]:
        """The fields both sides keep."""
        return self.translator(Side.CRM).fields & self.translator(Side.ERP).fields

    def write_size(self, side: Side) -> int:
        """How many records go into one write."""
        return min(self.context.limits.write, self.capabilities(side).write_size)

    def creator(self, side: Side) -> Creator:
        """Plans creates on one side."""
        if side not in self.creators:
            there, here = self.translator(side.other), self.translator(side)
            self.creators[side] = Creator.compile(self.entity, side, there.fields, here.creatable)
        return self.creators[side]

    def step(self, activity: str, done: int) -> None:
        """Tell progress."""
        self.context.progress.step(self.entity.name, activity, done)
