"""What both servers need to describe their calls in OpenAPI: schemas made from the field tables."""

from collections.abc import Iterable, Mapping
from typing import Any

from connector.reference.fields import Collection, Field, Kind

Schema = dict[str, Any]

SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
ERRORS = {
    "400": "The request cannot be read.",
    "401": "The credentials are missing or wrong.",
    "403": "Not allowed.",
    "404": "There is no such record.",
    "405": "There is no such call.",
    "409": "A value that must be unique is taken, or the revision is stale.",
    "410": "The record was deleted.",
    "412": "The version is stale.",
    "422": "A value is not taken.",
    "423": "The record is settled.",
    "429": "Too many requests; `Retry-After` says when to come again.",
}
PLAIN: Mapping[Kind, Schema] = {
    Kind.TEXT: {"type": "string"},
    Kind.INTEGER: {"type": "integer"},
    Kind.NUMBER: {"type": "number"},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.INSTANT: {"type": "string"},
    Kind.SCALARS: {"type": "object", "additionalProperties": SCALAR},
}


class Schemas:
    """The schemas of one server's records, and the parts that its calls are described with."""

    def __init__(self, title: str, reference: str, security: Schema, error: Schema) -> None:
        """`reference` is the JSON type of an id."""
        self._reference = reference
        self._paths: dict[str, dict[str, Schema]] = {}
        self._document: Schema = {
            "openapi": "3.1.0",
            "info": {"title": title, "version": "1"},
            "security": [{"access": []}],
            "paths": self._paths,
            "components": {"securitySchemes": {"access": security}, "schemas": {"Error": error}},
        }

    def document(self) -> Schema:
        """All of it."""
        return self._document

    def name(self, name: str, schema: Schema) -> Schema:
        """Keep a schema under a name, and refer to it."""
        self._document["components"]["schemas"][name] = schema
        return {"$ref": f"#/components/schemas/{name}"}

    def add(self, method: str, path: str, operation: Schema) -> None:
        """Add a call; the ids in its path are its parameters."""
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        operation["parameters"] = [
            *({"name": each, "in": "path", "required": True, "schema": {"type": "string"}} for each in names),
            *operation.get("parameters", ()),
        ]
        self._paths.setdefault(path, {})[method] = operation

    def record(self, collection: Collection, extra: Schema | None = None) -> Schema:
        """A record as it is answered; all fields are always there."""
        return {
            "type": "object",
            "description": collection.about,
            "properties": {each.name: self._read(each) for each in collection.fields},
            "required": [each.name for each in collection.fields],
            **(extra or {"additionalProperties": False}),
        }

    def values(self, collection: Collection, extra: Schema | None = None, *, changing: bool = False) -> Schema:
        """What a create or a change takes."""
        writable = [each for each in collection.fields if not each.read_only]
        schema: Schema = {
            "type": "object",
            "properties": {each.name: self._write(each) for each in writable},
            **(extra or {"additionalProperties": False}),
        }
        if not changing:
            schema["required"] = [each.name for each in writable if each.required]
        return schema

    def _read(self, field: Field) -> Schema:
        schema = self._kind(field, self._read, {"type": "string", "pattern": rf"^-?\d+\.\d{{{field.scale or 0}}}$"})
        return schema if field.required or field.kind in (Kind.LINES, Kind.SCALARS) else _or_null(schema)

    def _write(self, field: Field) -> Schema:
        schema = self._kind(field, self._write, {"type": ["string", "number"]})
        if field.longest and not field.cut and not field.normal:
            schema["maxLength"] = field.longest
        return schema if field.required else _or_null(schema)

    def _kind(self, field: Field, nested: Any, decimal: Schema) -> Schema:
        if field.kind is Kind.DECIMAL:
            return decimal
        if field.kind is Kind.CHOICE:
            return {"type": "string", "enum": list(field.choices)}
        if field.kind is Kind.REFERENCE:
            return {"type": self._reference}
        if field.kind in (Kind.OBJECT, Kind.LINES):
            inner = {"type": "object", "properties": {part.name: nested(part) for part in field.fields}}
            if field.kind is Kind.OBJECT:
                return inner
            required = [part.name for part in field.fields if part.required]
            return {"type": "array", "items": {**inner, "required": required}}
        return dict(PLAIN[field.kind])


def _or_null(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def operation(summary: str, answer: Schema | None, errors: str = "", *, status: int = 200) -> Schema:
    """A call without a body; `errors` are the statuses it may answer besides the usual ones."""
    told: Schema = {"description": "Done."}
    if answer is not None:
        told["content"] = {"application/json": {"schema": answer}}
    codes = sorted({"400", "401", "429", *errors.split()})
    refusals = {code: _refusal(code) for code in codes}
    return {"summary": summary, "responses": {str(status): told, **refusals}}


def with_body(call: Schema, schema: Schema, media: str = "application/json", *, required: bool = True) -> Schema:
    """The same call with a body."""
    return {**call, "requestBody": {"required": required, "content": {media: {"schema": schema}}}}


def with_parameters(call: Schema, parameters: Iterable[Schema]) -> Schema:
    """The same call with parameters."""
    return {**call, "parameters": [*call.get("parameters", ()), *parameters]}


def query(name: str, schema: Schema, about: str = "") -> Schema:
    """A parameter in the query."""
    return {"name": name, "in": "query", "schema": schema, **({"description": about} if about else {})}


def header(name: str, about: str, *, required: bool = False) -> Schema:
    """A parameter in the header."""
    return {"name": name, "in": "header", "required": required, "schema": {"type": "string"}, "description": about}


def members(**properties: Schema) -> Schema:
    """An object that has all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def list_of(schema: Schema, most: int | None = None) -> Schema:
    """A list."""
    return {"type": "array", "items": schema, **({"maxItems": most} if most else {})}


def filters(collection: Collection, known: frozenset[str]) -> list[Schema]:
    """A parameter for each field that can be searched by being equal."""
    scalars = [each for each in collection.fields if each.kind not in (Kind.OBJECT, Kind.LINES, Kind.SCALARS)]
    return [query(each.name, _searched(each)) for each in scalars if each.name not in known]


def _searched(field: Field) -> Schema:
    return {"type": "string", "enum": ["true", "false"]} if field.kind is Kind.BOOLEAN else {"type": "string"}


def _refusal(code: str) -> Schema:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": ERRORS[code], "content": content}
