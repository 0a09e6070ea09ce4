"""The CRM to measure against: the reference CRM's wire for the calls the connector makes, from memory."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple

from typing_extensions import override

from benchmarks.asgi import BAD_REQUEST, CREATED, NOT_FOUND, OK, UNAUTHORISED, Answer, Application, Asked, encoded, utc
from benchmarks.synthetic import FIRST, Body, crm_products, customers, orders
from benchmarks.tables import Row, Table, Test, equals, every, spread

TOKEN = "benchmark-token"  # noqa: S105 -- of a server that holds made-up records and listens on loopback only
USER = "connector"
REMOVED, CONFLICT, GONE, STALE = 204, 409, 410, 412
CODES = {NOT_FOUND: "NOT_FOUND", GONE: "GONE"}
LIST, KEYS = 1000, 5000
PAGING = frozenset(("limit", "cursor", "modifiedSince", "includeDeleted", "fields"))
KEY_FIELDS = frozenset(("id", "version", "modifiedAt"))
STAMPS = {
    "id": "string",
    "version": "integer",
    "createdAt": "datetime",
    "modifiedAt": "datetime",
    "modifiedBy": "string",
}
SHARED = {"externalId": "string", "customFields": "object"}
ACTIVE: Mapping[str, Any] = {"customFields": {}, "status": "ACTIVE"}
LINE = ("productId", "description", "quantity", "unitPrice", "discountPercent")
EMPTY_LINE = dict.fromkeys(LINE)
ADDRESS = ("street", "postalCode", "city", "country")


class Collection(NamedTuple):
    """One kind of record: the beginning of its ids, and the types of its writable fields."""

    prefix: str
    fields: Mapping[str, str]
    parts: tuple[str, ...] = ()
    filled: Mapping[str, Any] = {"customFields": {}}
    """What the server puts where nothing was sent."""


def _texts(names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), "string")


COLLECTIONS: Mapping[str, Collection] = {
    "accounts": Collection(
        "acc-",
        _texts(
            "name vatId email phone website currency paymentTerms status relationship notes erpNumber primaryContactId"
        )
        | {"creditLimit": "number", "creditHold": "boolean", "billingAddress": "object", "shippingAddress": "object"},
        tuple(f"{kind}Address.{part}" for kind in ("billing", "shipping") for part in ADDRESS),
        {"customFields": {}, "status": "ACTIVE", "creditHold": False, "relationship": "CUSTOMER"},
    ),
    "contacts": Collection("con-", _texts("accountId firstName lastName email phone jobTitle status"), filled=ACTIVE),
    "products": Collection(
        "prd-", _texts("productCode name description unit currency status") | {"price": "number"}, filled=ACTIVE
    ),
    "orders": Collection(
        "ord-",
        _texts("orderNumber erpOrderNumber accountId contactId orderDate currency stage statusReason notes")
        | _texts("requestedOn customerReference syncStatus syncReason")
        | dict.fromkeys(("subtotal", "taxTotal", "grandTotal", "linesTotal", "priceDifference"), "number")
        | {"lines": "array"},
        tuple(f"lines.{part}" for part in ["lineId", *LINE]),
        {"customFields": {}, "stage": "DRAFT", "lines": []},
    ),
    "stock-levels": Collection(
        "stk-",
        _texts("productId productCode warehouse expectedOn")
        | dict.fromkeys(("onHand", "reserved", "available", "incoming"), "number"),
    ),
    "stock-adjustments": Collection(
        "adj-", _texts("productId warehouse reason note adjustedOn erpDocument") | {"quantity": "number"}
    ),
    # What follows an order is never measured, but asked for in every run.
    "shipments": Collection("shp-", {"lines": "array"}),
    "returns": Collection("ret-", {"lines": "array"}),
    "invoices": Collection("inv-", {"lines": "array"}),
    "payments": Collection("pay-", {}),
    "account-balances": Collection("bal-", {}),
    "cases": Collection("cas-", {}),
    "projects": Collection("pro-", {}),
    "activities": Collection("act-", {}),
}


class Crm(Application):
    """Cursor paging, integer versions, external ids, batches with a result an item, tombstones."""

    def __init__(self, *, customer_count: int = 0, order_count: int = 0) -> None:
        super().__init__()
        self._tables = {
            name: Table((*each.fields, *SHARED), prefix=each.prefix, first=FIRST) for name, each in COLLECTIONS.items()
        }
        self._external: dict[tuple[str, str], str] = {}
        self._numbers = count(10001)
        self._lines = count(10001)
        self._fill("accounts", customers(customer_count))
        self._fill("products", crm_products())
        self._fill("orders", orders(order_count, customer_count))

    @override
    def answer(self, asked: Asked) -> Answer:
        if asked.path == ("oauth", "token"):
            return encoded(OK, {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})
        if asked.headers.get(b"authorization") != b"Bearer " + TOKEN.encode():
            return _failed(UNAUTHORISED, "INVALID_TOKEN")
        match (asked.method, *asked.path[2:]):
            case "GET", "organization":
                whom = {"id": "org-benchmark", "name": "Benchmark", "environment": "benchmark"}
                return encoded(OK, {**whom, "serverTime": _written(utc())})
            case "GET", "schema", name if name in COLLECTIONS:
                return encoded(OK, {"fields": list(_schema(COLLECTIONS[name]))})
            case method, name, *rest if name in COLLECTIONS:
                return self._collection(method, name, tuple(rest), asked)
        return _failed(NOT_FOUND, "NOT_FOUND")

    @override
    def touch(self, collection: str | None, count: int) -> int:
        table, now = self._tables[collection or "accounts"], _written(utc())
        rows = list(spread(table, count))
        for row in rows:
            notes = f"Called after version {row.version}"
            table.replace(row, now, row.body() | {"notes": notes, "version": row.version + 1, "modifiedAt": now})
        return len(rows)

    def _collection(self, method: str, name: str, rest: tuple[str, ...], asked: Asked) -> Answer:
        match (method, *rest):
            case ["GET", *ranges] if ranges in ([], ["ranges"]):
                return (self._ranges if ranges else self._list)(self._tables[name], asked.params)
            case ["GET", "count"]:
                return encoded(
                    OK, {"count": len(self._tables[name].select(asked.params, _test(self._tables[name], asked.params)))}
                )
            case ["GET", key]:
                found = self._read(self._tables[name], key)
                return (
                    encoded(OK, found["record"])
                    if "record" in found
                    else _failed(found["status"], CODES[found["status"]])
                )
            case ["POST", "batch", "read"]:
                return encoded(OK, {"results": [self._read(self._tables[name], key) for key in asked.json()["ids"]]})
            case ["POST", "batch"]:
                return self._batch(name, asked.json()["operations"], full=asked.params.get("return") != "minimal")
        return _failed(NOT_FOUND, "NOT_FOUND")

    def _list(self, table: Table, params: Mapping[str, str]) -> Answer:
        fields = frozenset(params["fields"].split(",")) if "fields" in params else None
        limit = int(params.get("limit", 100))
        if limit > (KEYS if fields is not None and fields <= KEY_FIELDS else LIST):
            return _failed(BAD_REQUEST, "MALFORMED", "limit")
        begin, _, end = params.get("cursor", "0").partition("-")
        last = int(end) if end else None
        rows, place = table.slice(int(begin), limit, _test(table, params), params.get("modifiedSince"), last)
        self.records["read"] += len(rows)
        body = b'{"records":[%b],"nextCursor":%b,"serverTime":"%b"}' % (
            b",".join([_shown(row, fields) for row in rows]),
            b"null" if place is None else f'"{place}-{end}"'.encode() if end else b'"%d"' % place,
            _written(utc()).encode(),
        )
        return Answer(OK, body)

    @staticmethod
    def _ranges(table: Table, params: Mapping[str, str]) -> Answer:
        """Cursors that each begin a range of so many places."""
        size, many = int(params["size"]), len(table.rows)
        cursors = [f"{start}-{min(start + size, many)}" for start in range(0, many, size)]
        return encoded(OK, {"cursors": cursors, "serverTime": _written(utc())})

    def _read(self, table: Table, key: str) -> Body:
        row = table.rows.get(key)
        if row is None or row.deleted:
            return {"id": key, "status": NOT_FOUND if row is None else GONE}
        self.records["read"] += 1
        return {"id": key, "status": OK, "record": row.body()}

    def _batch(self, name: str, operations: list[Body], *, full: bool) -> Answer:
        now = _written(utc())
        verbs = {"create": self._create, "update": self._update, "delete": self._delete}
        results = [verbs[each["op"]](name, each, now) for each in operations]
        self.records["written"] += len(results)
        if full:
            for result in (each for each in results if "changed" in each):
                del result["changed"]
                result["record"] = self._tables[name].rows[result["id"]].body()
        return encoded(OK, {"results": results})

    def _create(self, name: str, operation: Body, now: str) -> Body:
        table, external = self._tables[name], operation.get("externalId")
        if external is not None and (name, external) in self._external:
            told = {**_error("DUPLICATE_EXTERNAL_ID", "externalId"), "existingId": self._external[name, external]}
            return {"status": CONFLICT, "error": told}
        key = table.new_key()
        if external is not None:
            self._external[name, external] = key
        changed = self._store(name, key, {**operation["record"], "externalId": external}, now, USER)
        if external is not None:
            changed["externalId"] = external
        return {"status": CREATED, "id": key, "version": 1, "modifiedAt": now, "changed": changed}

    def _update(self, name: str, operation: Body, now: str) -> Body:
        table, sent = self._tables[name], operation["record"]
        row = table.rows.get(operation["id"])
        if row is None or row.deleted:
            return _absent(row)
        if operation["version"] != row.version:
            return {"status": STALE, "error": _error("VERSION_MISMATCH")}
        body = row.body()
        body |= {field: _merged(body.get(field), value) for field, value in sent.items()}
        changed = self._completed(name, body, sent)
        if body["modifiedBy"] != USER:
            changed["modifiedBy"] = body["modifiedBy"] = USER
        body["version"], body["modifiedAt"] = row.version + 1, now
        table.replace(row, now, body)
        return {"status": OK, "id": row.key, "version": row.version, "modifiedAt": now, "changed": changed}

    def _delete(self, name: str, operation: Body, now: str) -> Body:
        table = self._tables[name]
        row = table.rows.get(operation["id"])
        if row is None or row.deleted:
            return _absent(row)
        row.deleted = True
        stamps = {"id": row.key, "version": row.version + 1, "deleted": True}
        stamps |= {"deletedAt": now, "modifiedAt": now, "modifiedBy": USER}
        table.replace(row, now, stamps)
        return {"status": REMOVED, "id": row.key, "version": row.version}

    def _fill(self, name: str, bodies: Iterator[Body]) -> None:
        """Store records as people made them, before the connector came."""
        yesterday = _written(utc() - timedelta(days=1))
        for body in bodies:
            self._store(name, self._tables[name].new_key(), body, yesterday, "sales")

    def _store(self, name: str, key: str, sent: Body, now: str, user: str) -> Body:
        """Store a new record; answers what the server added to the values, which are completed in place."""
        changed = self._completed(name, sent, sent)
        stamps = f'"id":"{key}","version":1,"createdAt":"{now}","modifiedAt":"{now}","modifiedBy":"{user}"'
        self._tables[name].add(key, now, stamps.encode(), sent)
        return changed | {"createdAt": now, "modifiedBy": user}

    def _completed(self, name: str, body: Body, sent: Body) -> Body:
        """Fill in what the server itself adds, and answer it."""
        filled = {field: value for field, value in COLLECTIONS[name].filled.items() if body.get(field) is None}
        if name == "orders":
            filled |= self._order(body, sent)
        body |= filled
        return filled

    def _order(self, body: Body, sent: Body) -> Body:
        filled: Body = {}
        if not body.get("orderNumber"):
            filled["orderNumber"] = f"Q-{next(self._numbers)}"
        if "lines" in sent:
            lines = [self._line(line) for line in sent["lines"]]
            filled |= {"lines": lines, "linesTotal": float(sum(map(_subtotal, lines)))}
        return filled

    def _line(self, sent: Body) -> Body:
        return {**EMPTY_LINE, **sent, "lineId": sent.get("lineId") or f"ln-{next(self._lines)}"}


def _test(table: Table, params: Mapping[str, str]) -> Test:
    """Which rows a list shows."""
    tests: list[Test] = []
    if params.get("includeDeleted") != "true":
        tests.append(lambda row: not row.deleted)
    if since := params.get("modifiedSince"):
        tests.append(lambda row: row.modified >= since)
    wanted = [equals(table, name, value) for name, value in params.items() if name not in PAGING]
    if wanted:
        # A tombstone no longer says what it held, so it is shown to everybody who asks for tombstones.
        tests.append(lambda row: row.deleted or all(test(row) for test in wanted))
    return every(tests)


def _shown(row: Row, fields: frozenset[str] | None) -> bytes:
    if fields is None or row.deleted:
        return row.data
    if fields == KEY_FIELDS:
        return b'{"id":"%b","version":%d,"modifiedAt":"%b"}' % (row.key.encode(), row.version, row.modified.encode())
    return encoded(OK, {name: value for name, value in row.body().items() if name in fields}).body


def _schema(collection: Collection) -> Iterator[Body]:
    types = {**STAMPS, **SHARED, **collection.fields, **dict.fromkeys(collection.parts, "string")}
    for name, kind in types.items():
        yield {
            "name": name,
            "type": kind,
            "nullable": True,
            "readOnly": name in STAMPS or name in {"linesTotal", "priceDifference", "lines.lineId"},
            "maxLength": None,
            "choices": None,
        }


def _merged(old: Any, new: Any) -> Any:
    return {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new


def _subtotal(line: Body) -> Decimal:
    """A line's worth, to the cent."""
    rest = 1 - Decimal(str(line.get("discountPercent") or 0)) / 100
    return round(Decimal(str(line["quantity"])) * Decimal(str(line["unitPrice"])) * rest, 2)


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _absent(row: Row | None) -> Body:
    status = NOT_FOUND if row is None else GONE
    return {"status": status, "error": _error(CODES[status])}


def _error(code: str, field: str = "") -> Body:
    told = {"code": code, "message": code.lower().replace("_", " ")}
    return told | ({"field": field} if field else {})


def _failed(status: int, code: str, field: str = "") -> Answer:
    return encoded(status, {"error": _error(code, field)})
