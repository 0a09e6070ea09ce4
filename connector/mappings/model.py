"""What a mapping table says, as typed values: one row a canonical field, one table an entity, one file a system."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import Field as Setting, PrivateAttr, field_validator, model_validator

from connector.documents import Document
from connector.entities import Strict, Type
from connector.errors import ConfigIssue

PATH = r"^[^.\s]+(\.[^.\s]+)*$"

Code = bool | int | float | str
"""A constant on the wire."""


class Row(Strict):
    """Joins one canonical field to the place where a system keeps it; a bare word in the file is the path."""

    path: str = Setting(pattern=PATH)
    converter: str | None = None
    """The pair that translates it, such as `decimal_text(2)`; left out, the default of the field's type."""
    read_only: bool = False
    """The system fills it; never written."""
    on_create: bool = False
    """Written when the record is created, never again."""
    default: Code | None = None
    """The canonical value written on create where the record holds none."""
    values: Mapping[bool | str, Code] = Setting(default_factory=dict)
    """Canonical value -> the system's code."""
    reverse: Mapping[Code, bool | str] = Setting(default_factory=dict)
    """Code -> canonical value, for codes that several canonical values share, or that are read but never written."""
    normal: tuple[str, ...] = ()
    """What the system does to a value before it stores it."""
    transitions: Mapping[str, str] = Setting(default_factory=dict)
    """Canonical value -> the named action that leads there; such a field is not written."""
    parts: Mapping[str, "Row"] = Setting(default_factory=dict)
    """For lists of parts: the rows of one part; `id` is the part's own id."""

    @model_validator(mode="before")
    @classmethod
    def _bare_path(cls, given: Any) -> Any:
        return {"path": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_way(self) -> "Row":
        if self.read_only and (self.on_create or self.default is not None):
            raise ValueError("a read_only field is never written: leave out on_create and default")
        if self.transitions and self.on_create:
            raise ValueError("a field with transitions is not written: leave out on_create")
        return self

    @property
    def writable(self) -> bool:
        """Whether an update may change it."""
        return self.creatable and not self.on_create

    @property
    def creatable(self) -> bool:
        """Whether a create may give it."""
        return not self.read_only and not self.transitions


class Place(Strict):
    """The system's collection that holds an entity; a bare word in the file is its name."""

    name: str
    where: Mapping[str, Code] = Setting(default_factory=dict)
    """Only records with these wire values are this entity; also written on create."""
    constants: Mapping[str, Code] = Setting(default_factory=dict)
    """Wire values written on create and never read."""
    marker: str | None = None
    """The wire field that holds the other side's id."""

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @field_validator("where")
    @classmethod
    def _flat(cls, where: Mapping[str, Code]) -> Mapping[str, Code]:
        if any("." in name for name in where):
            raise ValueError("only top-level fields can be asked for")
        return where


class Origin(NamedTuple):
    """Where something was written: a document, the path in it, and whether it is one of ours."""

    document: Document
    under: tuple[str, ...] = ()
    bundled: bool = False

    def issue(self, path: tuple[object, ...], message: str) -> ConfigIssue:
        """Something wrong at `path` below this place."""
        return self.document.issue((*self.under, *path), message)

    def at(self, *path: str) -> "Origin":
        """A place further down."""
        return self._replace(under=(*self.under, *path))


def in_order(issues: Iterable[ConfigIssue]) -> list[ConfigIssue]:
    """Issues as a reader of the files meets them."""
    return sorted(issues, key=lambda issue: (issue.file, issue.line or 0))


NOWHERE = Origin(Document("mapping", {}, {}))


class EntityMapping(Strict):
    """How one system keeps one entity."""

    resource: Place
    rows: Mapping[str, Row]
    defaults: Mapping[Type, str] = Setting(default_factory=dict)
    """The system's own default converter for a type of field."""
    _origins: Mapping[str, Origin] = PrivateAttr(default_factory=dict)

    def origin(self, field: str = "") -> Origin:
        """Where the row of a field was written; without a field, where the table was."""
        return self._origins.get(field) or self._origins.get("", NOWHERE)

    def written_at(self, origins: Mapping[str, Origin]) -> "EntityMapping":
        """The same table, remembering where its rows were written."""
        self._origins = origins
        return self


class SystemMapping(Strict):
    """One system's whole mapping."""

    name: str
    entities: Mapping[str, EntityMapping]
