"""The canonical entities: their fields, types and rules, as one compiled value the engine reads.

`Field` and `Entity` are pydantic models because they enter from YAML (`entities.yaml` and the user's overrides).
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field as Setting, field_validator

from connector.records import Side


class Type(StrEnum):
    """What a canonical value is."""

    TEXT = "text"
    DECIMAL = "decimal"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "instant"
    CHOICE = "choice"
    SET = "set"
    REF = "ref"
    PARTS = "parts"


class Policy(StrEnum):
    """Who wins when both sides moved one field apart."""

    CRM = "crm"
    ERP = "erp"
    NEWEST = "newest"
    DELTA = "delta"
    UNION = "union"
    LIFECYCLE = "lifecycle"
    ASK = "ask"


class FirstContact(StrEnum):
    """Who wins when two filled values differ and there is no base."""

    OWNER = "owner"
    CRM = "crm"
    ERP = "erp"
    ASK = "ask"


class Removal(StrEnum):
    """What a proved delete on one side does to the other."""

    IGNORE = "ignore"
    UNLINK = "unlink"
    RESTORE = "restore"
    ARCHIVE = "archive"
    DELETE = "delete"


class Told(StrEnum):
    """What the connector itself says of a record: what is open about it, and why."""

    STATUS = "status"
    REASON = "reason"


class Strict(BaseModel):
    """A frozen model that refuses unknown keys."""

    # Of a hundred models a command uses a few: each is built when it is needed first.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Lock(Strict):
    """From these states on, the fields that name this lock belong to `owner` alone."""

    field: str
    states: tuple[str, ...]
    owner: Side


class FieldRule(Strict):
    """One canonical field: its type, who owns it, and what happens when both sides move it."""

    type: Type = Type.TEXT
    scale: int | None = None
    """Most digits after the point, for decimals."""
    choices: tuple[str, ...] = ()
    entity: str | None = None
    """The entity a reference points to."""
    fields: Mapping[str, "FieldRule"] = Setting(default_factory=dict)
    """The fields of each part."""
    required: bool = False
    owner: Side | None = None
    """None means both ways; a side means its word counts and the other side's edits are written back."""
    policy: Policy = Policy.ASK
    first_contact: FirstContact = FirstContact.ASK
    group: str | None = None
    """Fields of one group move together."""
    deferred: bool = False
    """Written after both records exist, so that a cycle of references can close."""
    personal: bool = False
    """Holds a person's data: masked in logs and messages."""
    reserved: bool = False
    """Fetched and compared for information only: never written by the engine."""
    told: Told | None = None
    """The connector's own word, written where a side has a row for it, and never carried across."""


class MatchKey(Strict):
    """Fields whose normalised values together identify a record across systems."""

    fields: tuple[str, ...]


class Guard(Strict):
    """How much one entity may change in one direction before a person must look."""

    deletes: int = 20
    delete_share: float = 0.1
    changes: int = 200
    change_share: float = 0.5


class Entity(Strict):
    """One kind of thing both systems keep."""

    name: str
    fields: Mapping[str, FieldRule]
    match: tuple[MatchKey, ...] = ()
    creates: frozenset[Side] = frozenset(Side)
    """Sides the connector may create records on."""
    create_when: Mapping[str, tuple[str, ...]] = Setting(default_factory=dict)
    """Only a record whose fields hold one of these values is worth a counterpart."""
    create_unless: Mapping[str, tuple[str, ...]] = Setting(default_factory=dict)
    """A record whose fields hold one of these values gets no counterpart yet."""
    follows: str | None = None
    """The reference to what a record belongs to: it gets a counterpart when that does, and its waiting is no news."""
    deletes: Mapping[Side, Removal] = Setting(
        default_factory=lambda: {Side.CRM: Removal.ARCHIVE, Side.ERP: Removal.ARCHIVE}
    )
    """What a delete does to *this* side when the record is gone from the other."""
    lifecycle: Mapping[str, Mapping[str, frozenset[Side]]] = Setting(default_factory=dict)
    """From each state to the states that may follow it, each with the sides that may lead there."""
    lock: Lock | None = None
    locked_fields: frozenset[str] = frozenset()
    guard: Guard = Guard()

    @field_validator("lifecycle", mode="before")
    @classmethod
    def _spelled_out(cls, given: Any) -> Any:
        """A list of states is for both sides; a single side needs no list."""
        return {state: _followers(after) for state, after in given.items()} if isinstance(given, Mapping) else given

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The fields that move together, by group; a field without a group is a group of its own."""
        found: dict[str, list[str]] = {}
        for name, rule in self.fields.items():
            found.setdefault(rule.group or name, []).append(name)
        return {group: tuple(names) for group, names in found.items()}

    @cached_property
    def references(self) -> dict[str, str]:
        """Reference fields, and the entity each points to."""
        return {name: rule.entity for name, rule in self.fields.items() if rule.type is Type.REF and rule.entity}

    @cached_property
    def part_references(self) -> dict[str, dict[str, str]]:
        """For each parts field, the reference fields of a part and the entity each points to."""
        return {
            name: {key: part.entity for key, part in rule.fields.items() if part.type is Type.REF and part.entity}
            for name, rule in self.fields.items()
            if rule.fields
        }

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The fields that hold parts, which have ids of their own on each side."""
        return tuple(name for name, rule in self.fields.items() if rule.type is Type.PARTS)

    @cached_property
    def match_fields(self) -> tuple[tuple[str, ...], ...]:
        """The fields of each match key, strongest first."""
        return tuple(key.fields for key in self.match)

    @cached_property
    def match_plan(self) -> tuple[tuple[int, bytes, tuple[str, ...]], ...]:
        """Each match key's rank, what tells it from every other key of any entity, and its fields; strongest first."""
        return tuple((rank, f"{self.name}\x1f{rank}".encode(), key.fields) for rank, key in enumerate(self.match))

    @cached_property
    def parents(self) -> frozenset[str]:
        """The entities that must be linked before a record of this one can be created."""
        found = {rule.entity for rule in self.fields.values() if rule.type is Type.REF and not rule.deferred}
        for rule in self.fields.values():
            found |= {part.entity for part in rule.fields.values() if part.type is Type.REF}
        return frozenset(name for name in found if name)


def _followers(given: Any) -> Any:
    if isinstance(given, Mapping):
        return {state: (makers,) if isinstance(makers, str) else makers for state, makers in given.items()}
    return dict.fromkeys(given, tuple(Side)) if isinstance(given, list | tuple) else given


def read_catalogue() -> dict[str, Any]:
    """The bundled entity definitions, as plain data that configuration may override."""
    text = (files("connector") / "entities.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded
