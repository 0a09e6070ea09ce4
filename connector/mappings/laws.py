"""The laws of a mapping, tried with sample values.

What is written is what is read back, and writing what was read changes nothing. `check_schema` holds a table against a
live system, `check_pair` the two sides against each other.
"""

from collections.abc import Iterable, Iterator

from connector.entities import Type
from connector.errors import MappingFailed
from connector.mappings.columns import PART_ID, Column
from connector.mappings.compile import Translator
from connector.mappings.finding import Finding, Severity
from connector.mappings.live import check_schema
from connector.mappings.pair import check_pair
from connector.mappings.samples import samples, takes
from connector.mappings.spec import parse_spec
from connector.mappings.unfit import UNTRANSLATABLE
from connector.records import Record, Value

__all__ = ["Finding", "check_mapping", "check_pair", "check_schema"]


def check_mapping(translator: Translator) -> list[Finding]:
    """Hold every row and the whole table to the laws; also names what gets lost on the way, before the first write."""
    found: list[Finding] = []
    for column in translator.columns.values():
        found += _Trial(translator.entity.name, column.field, column).findings()
        for part in column.parts:
            found += _Trial(translator.entity.name, f"{column.field}.{part.field}", part).findings()
    return found or list(_whole(translator))


class _Trial:
    """One column under trial."""

    def __init__(self, entity: str, field: str, column: Column) -> None:
        self.entity, self.field, self.column = entity, field, column

    def findings(self) -> list[Finding]:
        """Everything found."""
        values = [value for value in samples(self.column) if value is not None]
        taken = [value for value in values if self.column.parts or takes(self.column, value)]
        found = [*self._declared(), *self._lacking(values)]
        for value in taken if not self.column.parts else ():
            found += self._round_trip(value)
        for value in taken:
            found += self._settles(value)
        return list(dict.fromkeys(found))

    def _tell(self, law: str, severity: Severity, message: str) -> Finding:
        return Finding(self.entity, self.field, law, severity, message)

    def _declared(self) -> Iterator[Finding]:
        """Losses that the row's own words announce."""
        for name in self.column.row.normal:
            spec = parse_spec(name)
            if spec.name == "cut":
                yield self._tell("lossless", "lossy", f"texts are cut after {spec.arguments[0]} characters")
            if spec.name == "round" and _loses(self.column, spec.number(0)):
                yield self._tell("lossless", "lossy", f"rounded to {spec.arguments[0]} digits after the point")
        spec = parse_spec(self.column.spec)
        if spec.name == "decimal_text" and _loses(self.column, spec.number(0)):
            yield self._tell("lossless", "lossy", f"rounded to {spec.arguments[0]} digits after the point")

    def _lacking(self, values: Iterable[Value]) -> Iterator[Finding]:
        """Choices that this side has no word for."""
        if self.column.rule.type is Type.CHOICE and not self.column.row.read_only:
            without = [str(value) for value in values if not takes(self.column, value)]
            if without:
                yield self._tell("complete", "lossy", f"has no counterpart for {', '.join(without)}")

    def _round_trip(self, value: Value) -> Iterator[Finding]:
        """What is written is read back; and writing that again gives the same wire value."""
        converter = self.column.converter
        try:
            wire = converter.write(value)
            back = converter.read(wire)
            again = converter.write(back) if back is not None else None
        except UNTRANSLATABLE:
            yield self._tell("write, then read", "error", f"what {self.column.spec} writes cannot be read back")
            return
        if back != value:
            severity: Severity = "lossy" if converter.lossy else "error"
            reason = converter.lossy or f"{self.column.spec} reads back another value than it wrote"
            yield self._tell("write, then read", severity, reason)
        if again != wire:
            message = f"{self.column.spec} writes another value than it read"
            yield self._tell("read, then write", "error", message)

    def _settles(self, value: Value) -> Iterator[Finding]:
        """A stored value that is written again is stored as it is."""
        stored = self.column.normal(value)
        if self.column.normal(stored) != stored:
            yield self._tell(
                "settles", "error", "writing back what was stored would change it again; look at `normal:`"
            )


def _loses(column: Column, digits: int) -> bool:
    return column.rule.scale is None or column.rule.scale > digits


def _whole(translator: Translator) -> Iterator[Finding]:
    """A record of samples, written whole and read back; run only when every row keeps its laws alone."""
    columns = {name: translator.columns[name] for name in translator.creatable}
    for place in range(4):
        record = _sample(columns, place)
        try:
            back = translator.read(translator.write(record, creating=True))
        except MappingFailed as error:
            yield Finding(translator.entity.name, error.field or "", "whole record", "error", str(error))
            return
        for name, value in record.items():
            if columns[name].parts or back[name] == columns[name].converter.normal(value):
                continue
            message = "is not read back from a whole record; another row or constant writes to the same place"
            yield Finding(translator.entity.name, name, "whole record", "error", message)


def _sample(columns: dict[str, Column], place: int) -> Record:
    record: Record = {}
    for name, column in columns.items():
        fit = [value for value in samples(column) if column.parts or takes(column, value)]
        if fit and name != PART_ID:
            record[name] = fit[place % len(fit)]
    return record
