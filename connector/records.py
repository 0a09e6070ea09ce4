"""The values that several rooms speak in.

Values on the hot path are named tuples: immutable, and five times cheaper to make than frozen dataclasses.
A *record* is one canonical value: a plain dict from canonical field to a JSON value. Text is str; money and quantities
are decimals in plain notation as str ("12.5", never "12.50" or "1e3"); dates are "2026-11-23"; instants are
"2026-11-23T20:44:10.123Z"; references hold the id on the record's own side; parts (order lines) are lists of dicts,
each with its own side's "id". A field that is absent from the dict is missing (unknown), `None` is empty.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import EnumType, StrEnum
from typing import Any, NamedTuple, NewType, TypeAlias

import orjson
from typing_extensions import override

from connector.errors import RecordError

Version = NewType("Version", str)
"""A system's opaque revision token."""
Cursor = NewType("Cursor", str)
"""How far a side was read; opaque to everyone but the adapter that made it."""
Value: TypeAlias = str | int | bool | list[Any] | dict[str, Any] | None
Record: TypeAlias = dict[str, Value]
Body: TypeAlias = dict[str, Any]
"""A record in the system's own wire form."""
MARKER = "@"
"""Reserved key of a record: the other side's id, where the system keeps it in a marker field."""


class _Both(EnumType):
    """Both sides are gone over a dozen times a record, which the usual enumeration makes slow (2 us instead of 0.8)."""

    @override
    def __iter__(cls) -> Iterator[Any]:
        return iter(cls._member_map_.values())


class Side(StrEnum, metaclass=_Both):
    """One of the two systems that are kept consistent."""

    CRM = "crm"
    ERP = "erp"

    @property
    def other(self) -> "Side":
        """The side across."""
        return _ACROSS[self]


_ACROSS = {Side.CRM: Side.ERP, Side.ERP: Side.CRM}


class Ref(NamedTuple):
    """One record on one side."""

    entity: str
    side: Side
    id: str

    @override
    def __str__(self) -> str:
        return f"{self.entity} {self.side}:{self.id}"


class Resource(NamedTuple):
    """A collection, narrowed by constant wire values (`partners` where `is_company`); `paths`: what a mapping reads."""

    name: str
    where: tuple[tuple[str, Any], ...] = ()
    paths: tuple[str, ...] = ()


class Remote(NamedTuple):
    """One record as a system answered it; `body` is None where only the key was asked for or a tombstone came."""

    id: str
    version: Version | None
    modified: datetime | None
    body: Body | None
    deleted: bool = False


class Page(NamedTuple):
    """One page of a scan; `cursor` resumes right after it, also from another process."""

    remotes: list[Remote]
    cursor: Cursor
    more: bool


class Presence(StrEnum):
    """What a system said about one id."""

    PRESENT = "present"
    ABSENT = "absent"
    GONE = "gone"
    FORBIDDEN = "forbidden"


class Fetched(NamedTuple):
    """The answer for one id: `remote` when present; `moved_to` when the system says it was merged or renamed."""

    id: str
    presence: Presence
    remote: Remote | None = None
    moved_to: str | None = None


class Draft(NamedTuple):
    """A record to create: `key` makes the call idempotent, `marker` is our id in the system's marker field."""

    key: str
    body: Body
    marker: str | None = None


class Patch(NamedTuple):
    """Fields to change on one record, if it still has `version`."""

    key: str
    id: str
    version: Version | None
    body: Body


class Removal(NamedTuple):
    """One record to delete or archive, if it still has `version`."""

    key: str
    id: str
    version: Version | None


class Transition(NamedTuple):
    """A named action on one record (confirm, cancel, ship), if it still has `version`."""

    key: str
    id: str
    version: Version | None
    name: str


class Outcome(NamedTuple):
    """What became of one item of a write.

    Done when `error` is None: `id` and `version` as they are now, and `body` where the answer tells what is stored: at
    least everything that is stored otherwise than it was sent, or that a new record holds without having been sent.
    `OutcomeUnknown` as the error means the system may or may not have done it.
    """

    id: str | None
    version: Version | None = None
    body: Body | None = None
    error: RecordError | None = None


class Fingerprint(NamedTuple):
    """Who answers behind an address; `clock` is the system's own time."""

    system: str
    tenant: str
    environment: str
    clock: datetime


class LiveField(NamedTuple):
    """One field of a live system's schema, on the wire."""

    name: str
    type: str
    nullable: bool = True
    read_only: bool = False
    length: int | None = None
    choices: tuple[str, ...] = ()


Links: TypeAlias = Mapping[tuple[str, Side, str], str]
"""From (entity, side, id) to the id on the other side."""


def encode(record: Record) -> bytes:
    """The canonical bytes of a record: made once, they serve as base and as stored value.

    Fields keep the order of their mapping: sorting them would double the cost, and records are compared as values.
    """
    return orjson.dumps(record)


def decode(data: bytes | memoryview | None) -> Record:
    """The record behind canonical bytes; none of them is an empty record."""
    return orjson.loads(data) if data else {}


UNDO = "undo of run "
"""How the reason of a write begins that restores what a run overwrote; the run's id follows."""
FOLLOW_UP = "follow-up"
"""Why a key needs another look after our own write: the answer left something to settle."""


class Arrival(NamedTuple):
    """A key that needs a look, on its way into the inbox; `record` carries the state just read, in canonical bytes."""

    entity: str
    side: Side
    id: str
    why: str
    version: Version | None = None
    record: bytes | None = None
    deleted: bool = False
    modified: datetime | None = None


class Waiting(NamedTuple):
    """A key taken from the inbox."""

    seq: int
    entity: str
    side: Side
    id: str
    why: str
    since: datetime
    seen_at: datetime
    attempts: int = 0
    version: Version | None = None
    record: bytes | None = None
    deleted: bool = False
    modified: datetime | None = None
    waits_for: Ref | None = None

    @property
    def carries(self) -> bool:
        """Whether the state of the record came along."""
        return self.record is not None and not self.deleted


class Sighting(NamedTuple):
    """One id seen on a side, its version, and the hashes of its match keys; None where only the id was asked for."""

    id: str
    version: Version | None
    keys: tuple[int, ...] | None = None


class LinkStatus(StrEnum):
    """What the engine may do with a link."""

    ACTIVE = "active"
    DORMANT = "dormant"
    TOMBSTONED = "tombstoned"


class Base(NamedTuple):
    """What one side held when the two last agreed, the version of that, and who read it; `whole` if it held no more."""

    record: bytes
    version: Version | None
    mapping: int
    whole: bool = False


class Link(NamedTuple):
    """The pair crm id - erp id, with both bases."""

    id: int
    entity: str
    crm_id: str
    erp_id: str
    status: LinkStatus
    crm_base: Base
    erp_base: Base

    def id_on(self, side: Side) -> str:
        """The record's id on one side."""
        return self.crm_id if side is Side.CRM else self.erp_id

    def base_on(self, side: Side) -> Base:
        """The base of one side."""
        return self.crm_base if side is Side.CRM else self.erp_base


class NewLink(NamedTuple):
    """A link about to be stored."""

    entity: str
    crm_id: str
    erp_id: str
    crm_base: Base
    erp_base: Base


class Rebase(NamedTuple):
    """One side's new base for a link."""

    link: int
    side: Side
    base: Base


class OperationKind(StrEnum):
    """What an operation does to its record."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ARCHIVE = "archive"
    PERFORM = "perform"


class OperationState(StrEnum):
    """Where an operation stands; planned, held, sending and unknown are live."""

    PLANNED = "planned"
    HELD = "held"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DONE = "done"
    REJECTED = "rejected"
    ABANDONED = "abandoned"


class Operation(NamedTuple):
    """One planned write, journalled.

    `values` are canonical. A create holds them in the ids of the *source* side, as its parents may come into being
    in the same run, and may hold more than is sent; any other kind holds them in the target's own ids. `settles`
    are the source's values that the decision read: its base once the write is done. `old` is what the target held
    in those fields: for display, guards, undo, and as its base where nothing had to be written.
    """

    id: str
    entity: str
    side: Side
    kind: OperationKind
    target: str | None
    source: str | None
    link: int | None
    version: Version | None
    values: Record
    old: Record
    settles: Record
    action: str | None = None
    source_version: Version | None = None
    reason: str = ""
    reserved: int | None = None
    """Hash of the match key this create reserves."""
    state: OperationState = OperationState.PLANNED
    attempts: int = 0
    run: str = ""
    error: str | None = None

    @property
    def key(self) -> str:
        """The record this operation is about, also before it exists on the target."""
        return self.target if self.target is not None else f"new:{self.source}"

    @property
    def undoes(self) -> str | None:
        """The run whose write this one takes back."""
        return self.reason.removeprefix(UNDO) if self.reason.startswith(UNDO) else None


class Conflict(NamedTuple):
    """Both sides moved one field (or group) apart, and policy is to ask."""

    entity: str
    link: int
    crm_id: str
    erp_id: str
    field: str
    crm_base: Record
    erp_base: Record
    crm_value: Record
    erp_value: Record
    reason: str


class Problem(NamedTuple):
    """One record is parked, with the reason and what to do; one open row a record and cause."""

    entity: str
    side: Side
    id: str
    cause: str
    message: str
    field: str | None = None
    waits_for: Ref | None = None


class Event(NamedTuple):
    """One entry of the history: a decision with its inputs, about one record."""

    entity: str
    side: Side
    id: str
    kind: str
    detail: Mapping[str, Any]
    link: int | None = None
    operation: str | None = None
