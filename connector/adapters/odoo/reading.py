"""Reading records of any model as wire bodies: only the fields that are asked for, lists and codes put in place.

Odoo says `false` for nothing; a body says None. What a record points to is its number, or an object of the fields that
were asked for (`country_id.code`); a list of lines holds one object a line, each with its own `id`. Lines that only
show a heading or a note are left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
import xxhash

from connector.adapters.odoo.calls import Calls
from connector.adapters.odoo.codes import CONTEXT, Codes
from connector.adapters.odoo.names import GIVEN, split
from connector.adapters.odoo.schema import LINKS, LiveColumn, Schema, Tree
from connector.adapters.odoo.shapes import shapes_of
from connector.adapters.odoo.texts import has_texts, told
from connector.errors import ConfigError
from connector.records import Body, Remote, Version

CHANGED, DISPLAY = "write_date", "display_type"
NUMBERS = frozenset(("integer", "float", "monetary", "boolean"))


class Rows(NamedTuple):
    """Records as they were read, and the server's time then."""

    remotes: list[Remote]
    at: datetime


class Reader:
    """Reads one Odoo."""

    def __init__(self, calls: Calls, schema: Schema) -> None:
        self._calls, self.schema, self.codes = calls, schema, Codes(calls)

    def search(self, model: str, domain: Sequence[Any], tree: Tree, limit: int | None = None) -> Rows:
        """The records that fit, in the order of their numbers, archived ones too."""
        asked = {"domain": domain, "fields": self._names(model, tree), "order": "id", "load": None, "context": CONTEXT}
        reply = self._calls.call(model, "search_read", asked | ({"limit": limit} if limit else {}), safe=True)
        return Rows(self._remotes(model, reply.value, tree), reply.at)

    def read(self, model: str, numbers: Sequence[int], tree: Tree) -> list[Remote]:
        """These records, but for those that are not there; raises `Fault` where one of them is not shown."""
        asked = {"ids": numbers, "fields": self._names(model, tree), "load": None, "context": CONTEXT}
        return self._remotes(model, self._calls.call(model, "read", asked, safe=True).value, tree)

    def _names(self, model: str, tree: Tree) -> list[str]:
        columns, shapes = self.schema.of(model), shapes_of(model)
        unknown = sorted(tree.keys() - columns.keys() - shapes.keys() - {"id"})
        if unknown:
            raise ConfigError.of(
                f"odoo: {model} has no field {', '.join(unknown)}; create it with: connector init --prepare"
            )
        extra = [CHANGED, *([GIVEN] if "first" in tree.get("name", {}) and GIVEN in columns else [])]
        extra += [need for name in tree if name in shapes for need in shapes[name].live(columns)]
        return sorted({*(tree.keys() - shapes.keys()), *(name for name in extra if name in columns)} - {"id"})

    def _remotes(self, model: str, rows: Sequence[Mapping[str, Any]], tree: Tree) -> list[Remote]:
        bodies = self._bodies(model, rows, tree)
        return [_remote(row, body) for row, body in zip(rows, bodies, strict=True)]

    def _bodies(self, model: str, rows: Sequence[Mapping[str, Any]], tree: Tree) -> list[Body]:
        columns = self.schema.of(model)
        bodies: list[Body] = [{"id": row["id"]} for row in rows]
        for name, inner in tree.items():
            if name != "id":
                shape = shapes_of(model).get(name)
                values = shape.make(self.codes, rows) if shape else self._values(columns[name], rows, inner)
                for body, value in zip(bodies, values, strict=True):
                    body[name] = value
        return bodies

    def _values(self, column: LiveColumn, rows: Sequence[Mapping[str, Any]], inner: Tree) -> list[Any]:
        held = [row[column.name] for row in rows]
        if not inner:
            return held if column.type in NUMBERS else [None if value is False else value for value in held]
        if column.type == "char":
            return [split(row[column.name] or "", row.get(GIVEN) or None) for row in rows]
        if column.type in LINKS:
            return self._lines(column, held, inner)
        return self._pointed(column, held, inner)

    def _pointed(self, column: LiveColumn, held: Sequence[Any], inner: Tree) -> list[Any]:
        """What a record points to, as an object of the fields that were asked for."""
        numbers = sorted({number for number in held if number})
        found: dict[str, dict[int, Any]] = {}
        for field, deeper in inner.items():
            codes = self.codes.of(str(column.relation), field, numbers)
            if deeper:
                further = self.schema.of(str(column.relation))[field]
                told = self._pointed(further, [codes.get(number) for number in numbers], deeper)
                codes = dict(zip(numbers, told, strict=True))
            found[field] = codes
        return [{field: codes.get(number) if number else None for field, codes in found.items()} for number in held]

    def _lines(self, column: LiveColumn, held: Sequence[Any], inner: Tree) -> list[Any]:
        """Lists of lines: all of them in one call, in the order in which people see them."""
        model = str(column.relation)
        numbers = [number for lines in held for number in lines]
        tree = {**inner, **({DISPLAY: {}} if DISPLAY in self.schema.of(model) else {})}
        asked = {"ids": numbers, "fields": self._names(model, tree), "load": None, "context": CONTEXT}
        rows = self._calls.call(model, "read", asked, safe=True).value if numbers else []
        shown = [row for row in rows if not row.get(DISPLAY)]
        made = self._bodies(model, shown, inner)
        if has_texts(inner):
            told(self.codes, made)
        bodies = {body["id"]: body for body in made}
        return [[bodies[number] for number in lines if number in bodies] for lines in held]


def version_of(body: Body) -> Version:
    """A token for what a body holds: Odoo keeps no revision, and its times are whole seconds."""
    return Version(xxhash.xxh3_64_hexdigest(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)))


def numbers_of(ids: Iterable[str]) -> list[int]:
    """The ids that can be one of Odoo's numbers."""
    return [int(each) for each in ids if each.isascii() and each.isdecimal() and len(each) <= len("2147483647")]


def _remote(row: Mapping[str, Any], body: Body) -> Remote:
    stamp = row.get(CHANGED)
    modified = datetime.fromisoformat(stamp).replace(tzinfo=UTC) if stamp else None
    return Remote(str(row["id"]), version_of(body), modified, body)
