"""What the adapter needs to know of one resource: its model, what is read of it, and how bodies become values."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, TypeAlias

import xxhash

from connector.adapters.base import Capabilities
from connector.adapters.tryton.names import Names, Schema
from connector.adapters.tryton.rpc import NAME, Rpc
from connector.adapters.tryton.values import Row, inner, instant
from connector.errors import ConfigError, RecordError
from connector.records import Body, LiveField, Version

Domain: TypeAlias = list[Any]
Values: TypeAlias = dict[str, Any]
Where: TypeAlias = Iterable[tuple[str, Any]]

STAMP = "_timestamp"
STAMPS = ("id", STAMP)
AUTHORS = ("write_uid", "create_uid")
PREFIX = "connector:"
"""How the text begins that holds the other side's id, so that people and we can tell it from their own."""


class Change(NamedTuple):
    """What is written: to which record of the model that is written, and the record as it was read for it."""

    target: int
    values: Values
    stamps: Mapping[str, str]
    row: Row


class Collection(ABC):
    """One resource."""

    name: ClassVar[str]
    model: ClassVar[str]
    parts: ClassVar[Mapping[str, str]] = {}
    """Records that belong to this one, by field, and their models: their changes do not show on the record itself."""
    claims: ClassVar[Capabilities]
    presses: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = {}
    """The buttons that lead to a named action from each state that it can begin in."""
    has_logged_deletes: ClassVar[bool] = False
    """Whether Tryton's log tells each delete; not of what goes with something else."""
    finishing: ClassVar[tuple[str, ...]] = ()
    """The buttons that have to be pressed on a new record until it counts."""
    unfinished: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The buttons that are left to be pressed in each state in which a record does not count yet."""

    def __init__(self, rpc: Rpc, names: Names, schema: Schema) -> None:
        self.rpc, self.names, self.schema = rpc, names, schema

    @property
    def written_model(self) -> str:
        """The model that creates and changes are sent to."""
        return self.model

    @property
    def reading(self) -> Mapping[str, Any]:
        """What the context of a call that reads records says besides."""
        return {}

    @abstractmethod
    def paths(self) -> list[str]:
        """What is read of a record, for its body."""

    @abstractmethod
    def body(self, row: Row) -> Body:
        """The body of a record as it was read."""

    @abstractmethod
    def described(self) -> list[LiveField]:
        """The fields of a body, as the live system has them."""

    @abstractmethod
    def new(self, bodies: Sequence[Body]) -> list[Values | RecordError]:
        """What is sent to create records; an item that cannot be sent is its error."""

    @abstractmethod
    def changed(self, items: Sequence[tuple[Body, Row]]) -> list[Values | RecordError]:
        """What is sent to change records as they were read; an item that cannot be sent is its error."""

    def own_fields(self) -> list[LiveField]:
        """What has to be in Tryton for the adapter to work, besides what a mapping names."""
        return []

    def prepare(self, field: LiveField) -> None:
        """Make what is missing; a person has agreed."""
        raise ConfigError.of(f"{NAME}: {self.name} has no {field.name}; a module of Tryton has to bring it")

    def domain(self, where: Where) -> Domain:
        """The records that count, as a condition."""
        return [[name, "=", value] for name, value in where]

    def alive(self) -> Domain:
        """The condition that a record was not merged into another one."""
        return []

    def path(self, field: str) -> str:
        """Where a body's field is searched for."""
        return field

    def searched(self, field: str, value: str) -> str:  # noqa: ARG002 -- for those that need it
        """How a value is kept where it is searched for."""
        return value

    def target(self, row: Row) -> int:
        """The record of the written model that a change is sent to."""
        return int(row["id"])

    def removed(self, row: Row) -> tuple[str, int]:
        """Which record of which model goes when this one is deleted."""
        return self.written_model, self.target(row)

    def created(self, ids: Sequence[int]) -> dict[int, int]:
        """The ids of new records, by the ids that the call that made them answered."""
        return {each: each for each in ids}

    def moved_to(self, row: Row) -> str | None:  # noqa: ARG002
        """The record that goes on in this one's place."""
        return None

    def is_idle(self, row: Row) -> bool:  # noqa: ARG002
        """Whether the record is out of use, and refuses every other change until it is back in use."""
        return False

    def switch(self, row: Row, *, active: bool) -> Values:  # noqa: ARG002
        """What takes a record out of use, or back into it."""
        return {"active": active}

    def key_paths(self) -> list[str]:
        """What is read of a record to tell its version."""
        return [*STAMPS, *(f"{part}.{STAMP}" for part in self.parts)]

    def version(self, row: Row) -> Version:
        """A token that changes with the record and with everything that belongs to it."""
        own, rest = row[STAMP], [f"{part}{each['id']}={each[STAMP]}" for part, each in self._parts(row)]
        return Version(f"{own}+{xxhash.xxh3_64_hexdigest(' '.join(sorted(rest)).encode())}" if rest else own)

    def modified(self, row: Row) -> datetime:
        """When the record, or something that belongs to it, was changed last."""
        stamps = [float(row[STAMP]), *(float(each[STAMP]) for _, each in self._parts(row))]
        return datetime.fromtimestamp(max(stamps), UTC)

    def stamps(self, row: Row) -> dict[str, str]:
        """What the server has to find unchanged, by record."""
        found = {f"{self.parts[part]},{each['id']}": each[STAMP] for part, each in self._parts(row)}
        return {f"{self.model},{row['id']}": row[STAMP], **found}

    def is_last_written_by(self, user: int, row: Row) -> bool:
        """Whether a record that this user has just written was not changed by anybody since.

        One call gives everything it touches one stamp, and always touches the record itself.
        """
        author = row.get("write_uid") or row.get("create_uid")
        return author == user and all(float(each[STAMP]) <= float(row[STAMP]) for _, each in self._parts(row))

    def since(self, start: str) -> Domain:
        """The condition that the record, or something that belongs to it, was changed since a time."""
        fields = ["last_modified_at", *(f"{part}.last_modified_at" for part in self.parts)]
        return ["OR", *([[field, ">=", instant(start)]] for field in fields)]

    def _parts(self, row: Row) -> list[tuple[str, Row]]:
        found: list[tuple[str, Row]] = []
        for part in self.parts:
            held = inner(row, part)
            found += [(part, each) for each in ([held] if isinstance(held, dict) else held or ())]
        return found
