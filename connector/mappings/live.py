"""Hold a mapping against the live schema of its system."""

from collections.abc import Iterator, Mapping

from connector.documents import suggest
from connector.entities import Type
from connector.mappings.columns import PART_ID, Column
from connector.mappings.compile import Translator
from connector.mappings.finding import Finding, Severity
from connector.mappings.samples import samples, takes
from connector.mappings.spec import parse_spec
from connector.records import LiveField

ANY = "*"
"""The end of a live field's name that stands for every field which begins so."""


def check_schema(translator: Translator, live: list[LiveField]) -> list[Finding]:
    """What the live system would refuse or not know: fields, choices, lengths, rights, and what it asks for."""
    known = {field.name: field for field in live}
    found: list[Finding] = []
    for column in translator.columns.values():
        found += _Probe(translator.entity.name, column.field, column.row.path, column, known).findings()
        for part in column.parts:
            path = f"{column.row.path}.{part.row.path}"
            found += _Probe(translator.entity.name, f"{column.field}.{part.field}", path, part, known).findings()
    if translator.side in translator.entity.creates:
        found += _asked_for(translator, live)
    return found


class _Probe:
    """One column and what the system says of its field."""

    def __init__(self, entity: str, field: str, path: str, column: Column, known: Mapping[str, LiveField]) -> None:
        self.entity, self.field, self.path, self.column, self.known = entity, field, path, column, known

    def findings(self) -> list[Finding]:
        """Everything found."""
        live = self.known.get(self.path)
        if live is None:
            return [] if _is_free(self.path, self.known) else [self._unknown()]
        return [*self._rights(live), *self._length(live), *self._choices(live)]

    def _tell(self, law: str, severity: Severity, message: str) -> Finding:
        return Finding(self.entity, self.field, law, severity, message)

    def _unknown(self) -> Finding:
        return self._tell("known", "error", f"the system has no field {self.path}{suggest(self.path, self.known)}")

    def _rights(self, live: LiveField) -> Iterator[Finding]:
        if live.read_only and self.column.row.creatable and self.column.field != PART_ID:
            yield self._tell("writable", "error", f"{self.path} cannot be written there: say `read_only: true`")

    def _length(self, live: LiveField) -> Iterator[Finding]:
        """Codes must fit; of free texts only what the row itself says of their length can be held against it."""
        if live.length is None:
            return
        cuts = [spec.number(0) for spec in map(parse_spec, self.column.row.normal) if spec.name == "cut"]
        if cuts and min(cuts) > live.length:
            yield self._tell(
                "fits", "error", f"cut({min(cuts)}) is said, but {self.path} holds {live.length} characters"
            )
        if self.column.converter.is_plain_text or (self.column.rule.type is Type.TEXT and not self.column.row.values):
            return
        wires = [self.column.converter.write(value) for value in samples(self.column) if takes(self.column, value)]
        if any(isinstance(wire, str) and len(wire) > live.length for wire in wires):
            yield self._tell("fits", "error", f"{self.path} holds only {live.length} characters")

    def _choices(self, live: LiveField) -> Iterator[Finding]:
        row = self.column.row
        codes = [code for code in (*row.values.values(), *row.reverse) if isinstance(code, str)]
        if not live.choices or (row.values and not codes):
            return
        codes = codes or [str(value) for value in self.column.rule.choices]
        if not codes:
            return
        unknown = [code for code in codes if code not in live.choices]
        unread = [choice for choice in live.choices if choice not in codes]
        if unknown:
            yield self._tell("choices", "error", f"{self.path} does not know {', '.join(unknown)}")
        if unread:
            message = f"{', '.join(unread)} of {self.path} has no row: a record that holds it is parked"
            yield self._tell("choices", "lossy", message)


def _is_free(path: str, known: Mapping[str, LiveField]) -> bool:
    """Whether a field may be there though the schema does not name it."""
    outer = path.rpartition(".")[0]
    if outer in known and not any(name.startswith(f"{outer}.") for name in known):
        return True
    return any(name.endswith(ANY) and path.startswith(name.removesuffix(ANY)) for name in known)


def _asked_for(translator: Translator, live: list[LiveField]) -> Iterator[Finding]:
    """Fields that a create must give and that the table has nothing for."""
    given = {name for name, _ in translator.resource.where} | translator.constants
    for column in translator.columns.values():
        given.add(column.row.path)
        given |= {f"{column.row.path}.{part.row.path}" for part in column.parts}
    holders = {path.partition(".")[0] for path in given}
    for field in live:
        outer, _, inner = field.name.partition(".")
        if field.nullable or field.read_only or field.name in given or (inner and outer not in holders):
            continue
        if not inner or outer in translator.paths.values():
            message = f"the system asks for {field.name} on create, and no row or constant gives it"
            yield Finding(translator.entity.name, "", "required", "error", message)
