"""Translation functions made once for a table: whatever can be decided before the first record is decided here.

Columns are put together by the object of the body that holds them, and texts that travel as they are apart from those
that go through a converter. A function generated as source for each table was measured 1.2 to 1.4 times as fast as
these, which did not pay for the reading of it; going through `slow` takes four times as long.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from connector.mappings.columns import PART_ID, Column
from connector.mappings.slow import nested, read_parts_list, read_present
from connector.mappings.unfit import Unfit
from connector.records import Body, Record

Path = tuple[str, ...]
Converted = tuple[str, str, Callable[[Any], Any]]


class Group(NamedTuple):
    """The columns that one object of a body holds, each as (canonical field, wire name)."""

    prefix: Path
    texts: list[tuple[str, str]]
    converted: list[Converted]
    """With the function to go through."""
    lists: list[Converted]
    """Parts, with the function for each part."""


def make_reader(columns: Sequence[Column]) -> Callable[[Body], Record]:
    """A function that reads every column of a complete body; what is absent reads as None, a list of parts as empty."""
    groups = grouped(columns)

    def read(body: Body) -> Record:
        record: Record = {}
        for prefix, texts, converted, lists in groups:
            node: Mapping[str, Any] = body
            for name in prefix:
                node = nested(node.get(name))
            get = node.get
            for field, name in texts:
                value = get(name)
                if value.__class__ is not str and value is not None:
                    raise Unfit("not a text")
                record[field] = value or None
            for field, name, convert in converted:
                value = get(name)
                record[field] = None if value is None else convert(value)
            for field, name, each in lists:
                record[field] = [each(part) for part in read_parts_list(get(name))]
        return record

    return read


def make_partial_reader(columns: Sequence[Column]) -> Callable[[Body], Record]:
    """A function that reads the columns which a body holds, and costs what the body holds, not what the table does."""
    flat: dict[str, list[tuple[str, Callable[[Any], Any]]]] = {}
    deep: dict[str, list[Column]] = {}
    for column in columns:
        if column.parts or len(column.path) > 1:
            deep.setdefault(column.path[0], []).append(column)
        else:
            flat.setdefault(column.path[0], []).append((column.field, column.converter.read))

    def read(body: Body) -> Record:
        record: Record = {}
        for name, value in body.items():
            for field, convert in flat.get(name, ()):
                record[field] = None if value is None else convert(value)
            if name in deep:
                record |= read_present(deep[name], body)
        return record

    return read


def make_writer(columns: Sequence[Column], skipped: Iterable[str] = ()) -> Callable[[Record], Body]:
    """A function that writes the fields which a record holds, but for skipped ones; KeyError for any other field."""
    prefixes = sorted({column.path[:-1] for column in columns} | {()}, key=lambda prefix: (len(prefix), prefix))
    count = len(prefixes)
    table: dict[str, tuple[int, str, Callable[[Any], Any] | None]] = {field: (count, field, None) for field in skipped}
    table |= {column.field: (prefixes.index(column.path[:-1]), column.path[-1], writing(column)) for column in columns}
    inner = list(enumerate(prefixes))[1:]

    def write(record: Record) -> Body:
        # One object for each prefix, and a last one for what is skipped.
        nodes: list[Body] = [{} for _ in range(count + 1)]
        for field, value in record.items():
            at, name, convert = table[field]
            nodes[at][name] = value if convert is None or value is None else convert(value)
        body = nodes[0]
        for at, prefix in inner:
            if nodes[at]:
                attach(body, prefix, nodes[at])
        return body

    return write


def make_creator(
    columns: Sequence[Column], constants: Mapping[Path, Any], skipped: Iterable[str] = ()
) -> Callable[[Record], Body]:
    """A writer for new records, which also get the table's constants and defaults."""
    write = make_writer(columns, skipped)
    defaults = _defaults(columns)
    fixed = [(path[:-1], {path[-1]: value}) for path, value in constants.items()]

    def create(record: Record) -> Body:
        body = write(_filled(record, defaults))
        for prefix, node in fixed:
            attach(body, prefix, node)
        return body

    return create


def _defaults(columns: Iterable[Column]) -> Record:
    return {column.field: column.default for column in columns if column.default is not None}


def _filled(record: Record, defaults: Record) -> Record:
    if not defaults:
        return record
    return {**record, **{field: value for field, value in defaults.items() if record.get(field) is None}}


def attach(body: Body, prefix: Path, node: Body) -> None:
    """Put values into an object within a body, which is made where it is missing."""
    for name in prefix:
        body = body.setdefault(name, {})
    body.update(node)


def writing(column: Column) -> Callable[[Any], Any] | None:
    """What a column's values go through on their way to the wire; None where they travel as they are."""
    if column.parts:
        return partial(_write_parts, _part_writer(column.parts))
    return None if column.converter.is_plain_text else column.converter.write


def _write_parts(write: Callable[[Record], Body], parts: Iterable[Record]) -> list[Body]:
    return [write(part) for part in parts]


def _part_writer(columns: Sequence[Column]) -> Callable[[Record], Body]:
    """A writer for one part, always whole: with its defaults, and without an id where it is new."""
    taken = [column for column in columns if column.row.creatable]
    write = make_writer(taken, {column.field for column in columns} - {column.field for column in taken})

    defaults = _defaults(columns)

    def write_part(part: Record) -> Body:
        part = _filled(part, defaults)
        return write(part if part.get(PART_ID) else {name: value for name, value in part.items() if name != PART_ID})

    return write_part


def grouped(columns: Sequence[Column]) -> list[Group]:
    """The columns by the object that holds them."""
    groups: dict[Path, Group] = {}
    for column in columns:
        group = groups.setdefault(column.path[:-1], Group(column.path[:-1], [], [], []))
        if column.parts:
            group.lists.append((column.field, column.path[-1], make_reader(column.parts)))
        elif column.converter.is_plain_text:
            group.texts.append((column.field, column.path[-1]))
        else:
            group.converted.append((column.field, column.path[-1], column.converter.read))
    return list(groups.values())
