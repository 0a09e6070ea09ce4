"""The ERP's calls, described."""

from collections.abc import Iterable

from connector.reference.erp_fields import EXTRA
from connector.reference.erp_queries import MOST, OWN_NAMES
from connector.reference.fields import Collection
from connector.reference.openapi import (
    SCALAR,
    Schema,
    Schemas,
    filters,
    header,
    list_of,
    members,
    operation,
    query,
    with_body,
    with_parameters,
)

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
BATCH = 200
ERROR: Schema = {
    "type": "object",
    "properties": {"error": TEXT, "message": TEXT, "field": TEXT, "existing_id": WHOLE, "moved_to": {}},
    "required": ["error", "message"],
}
ACCESS: Schema = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
COLUMNS: Schema = {"patternProperties": {f"^{EXTRA}": SCALAR}, "additionalProperties": False}
"""The users' own columns beside the declared ones."""

REVISION: Schema = {"type": "integer"}
LIST = (
    query("page", {"type": "integer", "minimum": 1}, "From 1"),
    query(
        "per_page",
        {"type": "integer", "minimum": 1, "maximum": 5000},
        f"At most {MOST}; 5000 where only keys are asked",
    ),
    query("write_date_from", TEXT, "Like 2026-11-23 20:44:10, inclusive"),
    query("write_date_to", TEXT, "Inclusive"),
    query("fields", TEXT, "Names, separated by commas"),
    query("id", TEXT, "Ids, separated by commas"),
)


def describe(base: str, resources: Iterable[Collection]) -> Schema:
    """The OpenAPI document of the ERP."""
    schemas = Schemas("Reference ERP", "integer", ACCESS, ERROR)
    about = members(company_id=WHOLE, name=TEXT, database=TEXT, now=TEXT)
    schemas.add("get", f"{base}/company", operation("Who answers here", about))
    schemas.add("get", f"{base}/_stats", operation("Requests and writes since the start", {"type": "object"}))
    _describe_webhooks(schemas, f"{base}/webhooks")
    for resource in resources:
        _describe_reads(schemas, f"{base}/{resource.name}", resource)
        if resource.can_write:
            _describe_writes(schemas, f"{base}/{resource.name}", resource)
    return schemas.document()


def _describe_webhooks(schemas: Schemas, root: str) -> None:
    told = schemas.name(
        "webhook",
        members(id=WHOLE, target_url=TEXT, models=list_of(TEXT), active={"type": "boolean"}, create_date=TEXT),
    )
    address: Schema = {"type": "string", "format": "uri"}
    new = members(target_url=address, models={**list_of(TEXT), "minItems": 1}, secret=TEXT)
    schemas.add("get", root, operation("Who hears of changes", members(items=list_of(told))))
    schemas.add("post", root, with_body(operation("Subscribe", told, "422", status=201), new))
    schemas.add("get", f"{root}/{{id}}", operation("One of them", told, "404"))
    schemas.add("delete", f"{root}/{{id}}", operation("End one", None, "404", status=204))


def _describe_reads(schemas: Schemas, root: str, resource: Collection) -> None:
    record = schemas.name(resource.name, schemas.record(resource, COLUMNS))
    page = members(
        items=list_of({"anyOf": [record, {"type": "object"}]}), page=WHOLE, per_page=WHOLE, total=WHOLE, now=TEXT
    )
    parameters = [*LIST, *filters(resource, OWN_NAMES)]
    schemas.add("get", root, with_parameters(operation(f"A page of {resource.name}", page), parameters))
    schemas.add("get", f"{root}/fields", operation("The fields", members(fields={"type": "object"})))
    schemas.add("get", f"{root}/{{id}}", operation("One record", record, "404"))


def _describe_writes(schemas: Schemas, root: str, resource: Collection) -> None:
    name = resource.name
    record = {"$ref": f"#/components/schemas/{name}"}
    new = schemas.name(f"{name}_new", schemas.values(resource, COLUMNS))
    values = schemas.values(resource, COLUMNS, changing=True)
    change = schemas.name(f"{name}_change", values)
    create = with_body(operation("Create a record", record, "409 422", status=201), new)
    schemas.add("post", root, with_parameters(create, [header("Idempotency-Key", "Makes a repeat safe")]))
    if resource.can_change:
        sent = {**values, "properties": {**values["properties"], "revision": REVISION}, "required": ["revision"]}
        patch = operation("Change some fields", record, "404 409 422 423")
        schemas.add("patch", f"{root}/{{id}}", with_body(patch, sent))
    if resource.can_delete:
        schemas.add("delete", f"{root}/{{id}}", operation("Delete a record", None, "404 423", status=204))
    if resource.actions:
        act = operation(f"One of {', '.join(resource.actions)}", record, "404 409 422")
        told = {"reason": {"type": ["string", "null"]}, "qty": {"type": ["string", "number", "null"]}}
        body = {"type": "object", "properties": {"revision": {"type": ["integer", "null"]}, **told}}
        schemas.add("post", f"{root}/{{id}}/{{action}}", with_body(act, body, required=False))
    _describe_bulk(schemas, root, new, change)


def _describe_bulk(schemas: Schemas, root: str, new: Schema, change: Schema) -> None:
    address: Schema = {
        "type": "object",
        "properties": {"id": {"type": ["integer", "string"]}, "revision": {"type": ["integer", "null"]}},
        "required": ["id"],
    }
    creation = members(values=new)
    creation["properties"]["idempotency_key"] = {"type": ["string", "null"]}
    kinds = [
        members(create=list_of(creation, BATCH)),
        members(update=list_of(members(id=address["properties"]["id"], revision=REVISION, values=change), BATCH)),
        members(delete=list_of(address, BATCH)),
        members(perform=list_of(address, BATCH), action=TEXT),
    ]
    call = operation(
        "Many writes of one kind, each done or refused by itself", members(results=list_of({"type": "object"}))
    )
    full = query("full", {"type": "string", "enum": ["true", "false"]}, "Also answer the records")
    schemas.add("post", f"{root}/bulk", with_body(with_parameters(call, [full]), {"oneOf": kinds}))
