"""The CRM's calls, described."""

from collections.abc import Iterable, Mapping

from connector.reference.crm_availability import NUMBERS
from connector.reference.crm_queries import LARGEST_RANGE, MOST, OWN_NAMES
from connector.reference.fields import Collection
from connector.reference.openapi import (
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
NUMBER: Schema = {"type": "number"}
PERHAPS: Schema = {"type": ["number", "null"]}
MAYBE: Schema = {"type": ["string", "null"]}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "string", "enum": ["true", "false"]}
ADDRESS: Schema = {"type": "string", "format": "uri"}
BATCH = 200
ERROR: Schema = members(
    error={
        "type": "object",
        "properties": {"code": TEXT, "message": TEXT, "field": TEXT, "existingId": TEXT, "mergedInto": TEXT},
        "required": ["code", "message"],
    }
)
ACCESS: Schema = {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {}}}}
LIST = (
    query(
        "limit", {"type": "integer", "minimum": 1, "maximum": 5000}, f"At most {MOST}; 5000 where only keys are asked"
    ),
    query("cursor", TEXT, "`nextCursor` of the page before"),
    query("modifiedSince", TEXT, "ISO time with milliseconds, inclusive"),
    query("includeDeleted", FLAG, "Also answer tombstones"),
    query("fields", TEXT, "Names, separated by commas"),
)
COUNT = LIST[2:4]
SIZE: Schema = {
    **query(
        "size", {"type": "integer", "minimum": 1, "maximum": LARGEST_RANGE}, "About how many records a range holds"
    ),
    "required": True,
}
ACTIONS: Mapping[str, tuple[str, Schema]] = {
    "convert": (
        "Make a lead a customer and a contact",
        {"type": "object", "properties": {"accountId": {"type": ["string", "null"]}}},
    ),
    "win": ("Make an opportunity an order", {"type": "object"}),
}


def describe(base: str, collections: Iterable[Collection]) -> Schema:
    """The OpenAPI document of the CRM."""
    schemas = Schemas("Reference CRM", "string", ACCESS, ERROR)
    token = members(access_token=TEXT, token_type=TEXT, expires_in=WHOLE)
    form = members(grant_type={"type": "string", "enum": ["client_credentials"]}, client_id=TEXT, client_secret=TEXT)
    call = with_body(operation("Get an access token", token), form, "application/x-www-form-urlencoded")
    schemas.add("post", "/oauth/token", {**call, "security": []})
    about = members(id=TEXT, name=TEXT, environment=TEXT, serverTime=TEXT)
    schemas.add("get", f"{base}/organization", operation("Who answers here", about))
    schemas.add("get", f"{base}/_stats", operation("Requests and writes since the start", {"type": "object"}))
    level = {"warehouse": TEXT, **dict.fromkeys(NUMBERS, PERHAPS), "expectedOn": MAYBE}
    told = {"productId": TEXT, "productCode": TEXT, **dict.fromkeys(NUMBERS, NUMBER), "expectedOn": MAYBE}
    promise = operation("What can be promised of it", members(**told, warehouses=list_of(members(**level))), "404 410")
    schemas.add("get", f"{base}/products/{{id}}/availability", promise)
    _describe_subscriptions(schemas, f"{base}/webhook-subscriptions")
    for collection in collections:
        _describe_reads(schemas, base, collection)
        _describe_writes(schemas, f"{base}/{collection.name}", collection)
    return schemas.document()


def _describe_subscriptions(schemas: Schemas, root: str) -> None:
    told = schemas.name(
        "webhook-subscription",
        members(id=TEXT, url=TEXT, events=list_of(TEXT), status=TEXT, createdAt=TEXT, expiresAt=TEXT),
    )
    new = members(url=ADDRESS, events={**list_of(TEXT), "minItems": 1})
    change: Schema = {
        "type": "object",
        "properties": {**new["properties"], "renew": {"const": True}, "status": {"enum": ["ACTIVE", "PAUSED"]}},
    }
    schemas.add("get", root, operation("Who hears of changes", members(subscriptions=list_of(told))))
    schemas.add("post", root, with_body(operation("Subscribe", told, "422", status=201), new))
    schemas.add("get", f"{root}/{{id}}", operation("One subscription", told, "404"))
    schemas.add("patch", f"{root}/{{id}}", with_body(operation("Renew or change one", told, "404 422"), change))
    schemas.add("delete", f"{root}/{{id}}", operation("End one", None, "404", status=204))


def _describe_reads(schemas: Schemas, base: str, collection: Collection) -> None:
    name, root = collection.name, f"{base}/{collection.name}"
    record = schemas.name(name, schemas.record(collection))
    # With `fields`, and of what was deleted, only a part is answered.
    partial = {"type": "object"}
    page = members(
        records=list_of({"anyOf": [record, partial]}), nextCursor={"type": ["string", "null"]}, serverTime=TEXT
    )
    searches = filters(collection, OWN_NAMES)
    schemas.add("get", root, with_parameters(operation(f"A page of {name}", page), [*LIST, *searches]))
    count = operation(f"How many {name} there are", members(count=WHOLE))
    schemas.add("get", f"{root}/count", with_parameters(count, [*COUNT, *searches]))
    ranges = operation(f"Cursors that begin ranges of {name}", members(cursors=list_of(TEXT), serverTime=TEXT))
    schemas.add("get", f"{root}/ranges", with_parameters(ranges, [SIZE, *COUNT, *searches]))
    fields = members(fields=list_of(members(name=TEXT, type=TEXT, nullable={"type": "boolean"})))
    schemas.add("get", f"{base}/schema/{name}", operation(f"The fields of {name}", fields))
    schemas.add("get", f"{root}/{{id}}", operation("One record", record, "404 410"))
    result = {
        "type": "object",
        "properties": {"id": {}, "status": WHOLE, "record": record},
        "required": ["id", "status"],
    }
    many = operation("Many records by their ids", members(results=list_of(result)))
    schemas.add("post", f"{root}/batch/read", with_body(many, members(ids=list_of(TEXT, BATCH))))


def _describe_writes(schemas: Schemas, root: str, collection: Collection) -> None:
    name = collection.name
    record = {"$ref": f"#/components/schemas/{name}"}
    new = schemas.name(f"{name}-new", schemas.values(collection))
    change = schemas.name(f"{name}-change", schemas.values(collection, changing=True))
    schemas.add("post", root, with_body(operation("Create a record", record, "409 422", status=201), new))
    patch = with_body(operation("Change some fields", record, "404 409 410 412 422 423"), change)
    schemas.add("patch", f"{root}/{{id}}", with_parameters(patch, [header("If-Match", "The version", required=True)]))
    delete = operation("Delete a record", None, "404 410 412", status=204)
    schemas.add("delete", f"{root}/{{id}}", with_parameters(delete, [header("If-Match", "The version")]))
    if "merge" in collection.actions:
        merge = with_body(operation("Make a record part of another", record, "404 410 412 422"), members(into=TEXT))
        schemas.add("post", f"{root}/{{id}}/merge", with_parameters(merge, [header("If-Match", "The version")]))
    for action, (summary, sent) in ACTIONS.items():
        if action in collection.actions:
            act = with_body(operation(summary, record, "404 410 412 422"), sent, required=False)
            schemas.add("post", f"{root}/{{id}}/{action}", with_parameters(act, [header("If-Match", "The version")]))
    write = operation("Many operations, each done or refused by itself", members(results=list_of({"type": "object"})))
    minimal = query("return", {"type": "string", "enum": ["representation", "minimal"]})
    body = members(operations=list_of({"oneOf": [_creation(new), _update(change), _deletion()]}, BATCH))
    schemas.add("post", f"{root}/batch", with_body(with_parameters(write, [minimal]), body))


def _creation(new: Schema) -> Schema:
    schema = members(op={"const": "create"}, record=new)
    schema["properties"]["externalId"] = {"type": ["string", "null"]}
    return schema


def _update(change: Schema) -> Schema:
    return members(op={"const": "update"}, id=TEXT, version=WHOLE, record=change)


def _deletion() -> Schema:
    schema = members(op={"const": "delete"}, id=TEXT)
    schema["properties"]["version"] = {"type": ["integer", "null"]}
    return schema
