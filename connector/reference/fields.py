"""The words in which both servers declare their collections: fields as data, from which all else is made."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

Normaliser = Callable[[str], str | None]
"""From what was sent to what is stored; raises `ValueError` for what cannot be."""


class Kind(StrEnum):
    """What a value is, in the words the servers' own schemas use."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "instant"
    CHOICE = "choice"
    REFERENCE = "reference"
    OBJECT = "object"
    LINES = "lines"
    SCALARS = "scalars"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: what it holds, who may write it, and what the server makes of what is sent."""

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    read_only: bool = False
    """The server's own."""
    fixed: bool = False
    """Given on create, never changed later."""
    longest: int | None = None
    cut: bool = False
    """Text that is too long is cut, not refused."""
    scale: int | None = None
    """Digits after the point of a decimal."""
    choices: tuple[str, ...] = ()
    target: str = ""
    """The collection a reference points into."""
    fields: tuple["Field", ...] = ()
    """The fields of an object, or of each line."""
    normal: Normaliser | None = None
    default: object = None
    indexed: bool = False
    unique: bool = False
    """Unique among records that are not deleted; implies an index."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """One collection of records: its fields, and which of the usual calls it has."""

    name: str
    about: str
    fields: tuple[Field, ...]
    prefix: str = ""
    """What stands before the number in an id."""
    first: int = 1
    can_write: bool = True
    can_change: bool = True
    can_delete: bool = True
    actions: tuple[str, ...] = field(default=())

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The fields by their names."""
        return {each.name: each for each in self.fields}

    @cached_property
    def indexed(self) -> tuple[str, ...]:
        """The fields that are stored a second time as columns, to be searched by."""
        return tuple(each.name for each in self.fields if each.indexed or each.unique)

    @cached_property
    def unique(self) -> tuple[str, ...]:
        """The fields no two records share."""
        return tuple(each.name for each in self.fields if each.unique)

    @cached_property
    def parts(self) -> tuple[Field, ...]:
        """The fields that are lists of lines."""
        return tuple(each for each in self.fields if each.kind is Kind.LINES)
