"""The ERP to measure against: the reference ERP's wire for the calls the connector makes, from memory."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import count
from typing import NamedTuple

from typing_extensions import override

from benchmarks.asgi import BAD_REQUEST, CREATED, NOT_FOUND, OK, UNAUTHORISED, Answer, Application, Asked, encoded, utc
from benchmarks.synthetic import Body, erp_items
from benchmarks.tables import Row, Table, Test, equals, every, spread

KEY = b"demo-key"
USER = "connector"
REMOVED, STALE = 204, 409
LIST, KEYS = 500, 5000
PAGING = frozenset(("page", "per_page", "write_date_from", "write_date_to", "fields", "id"))
KEY_FIELDS = frozenset(("id", "revision", "write_date"))
STAMPS = ("id", "revision", "create_date", "write_date", "write_user")
CENT, TAX = Decimal("0.01"), Decimal("0.19")


class Kind(NamedTuple):
    """One resource: its fields, those the server fills, and what it fills them with."""

    fields: tuple[str, ...]
    filled: Mapping[str, object]
    number: tuple[str, str] = ("", "")
    """The field that the server numbers, and the beginning of its numbers."""
    flag: str = ""


def _fields(names: str) -> tuple[str, ...]:
    return tuple(names.split())


RESOURCES: Mapping[str, Kind] = {
    "partners": Kind(
        _fields(
            "code is_company parent_id name firstname lastname function vat email phone website "
            "currency_code payment_term credit_limit on_hold active comment street zip city country_code "
            "ship_street ship_zip ship_city ship_country_code contact_id"
        ),
        {"on_hold": False, "active": True},
        ("code", "C-"),
        flag="is_company",
    ),
    "items": Kind(
        _fields("code name description uom list_price currency_code cost_price barcode is_service backorder active"),
        {"is_service": False, "backorder": True, "active": True},
    ),
    "warehouses": Kind(("code", "name"), {}),
    "stock_moves": Kind(
        _fields("number item_id warehouse_code quantity kind reason note move_date"),
        {},
        ("number", "SM-"),
    ),
    "stock_levels": Kind(
        _fields("item_id item_code warehouse_code on_hand reserved available incoming expected_date"),
        {},
    ),
    "sales_orders": Kind(
        _fields(
            "number partner_id contact_id date_order date_requested currency_code state state_reason state_before note "
            "client_ref origin warehouse_code lines amount_untaxed amount_tax amount_total"
        ),
        {"state": "draft", "warehouse_code": "MAIN"},
        ("number", "SO-"),
    ),
    "purchase_orders": Kind(
        _fields("number item_id warehouse_code qty qty_received expected_date state"),
        {"state": "open", "qty_received": "0.000"},
        ("number", "PO-"),
    ),
    "production_orders": Kind(
        _fields("number item_id warehouse_code qty planned_date state"),
        {"state": "planned"},
        ("number", "MO-"),
    ),
    # What follows an order is never measured, but asked for in every run.
    "shipments": Kind(("number", "lines"), {}),
    "returns": Kind(("number", "lines"), {}),
    "invoices": Kind(("number", "lines"), {}),
    "payments": Kind(("number",), {}),
    "customer_balances": Kind((), {}),
    "service_orders": Kind((), {}),
    "projects": Kind((), {}),
    "events": Kind((), {}),
}
TOTALS = ("amount_untaxed", "amount_tax", "amount_total")
READ_ONLY = frozenset((*STAMPS, "number", "state", "state_reason", "state_before", *TOTALS))
DONE = ("qty_shipped", "qty_invoiced")
LINE = ("id", "item_id", "name", "qty", "price_unit", "discount", "subtotal", *DONE)
EMPTY_LINE = {"name": None, "discount": "0.00", **dict.fromkeys(DONE, "0.000")}
STATES: Mapping[str, Body] = {
    "confirm": {"state": "confirmed"},
    "cancel": {"state": "cancelled"},
    "archive": {"active": False},
    "receive": {"state": "received"},
    "finish": {"state": "done"},
}


class Erp(Application):
    """Page numbers, whole seconds, revisions in the body, idempotency keys, hard deletes."""

    def __init__(self) -> None:
        super().__init__()
        self._tables = {name: Table(("external_ref", *kind.fields), flag=kind.flag) for name, kind in RESOURCES.items()}
        self._done: dict[tuple[str, str], Body] = {}
        self._lines = count(1)
        for body in erp_items():
            self._store("items", self._tables["items"].new_key(), body, _written(utc() - timedelta(days=1)))

    @override
    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get(b"x-api-key") != KEY:
            return _failed(UNAUTHORISED, "bad_key")
        match (asked.method, *asked.path[1:]):
            case "GET", "company":
                whom = {"company_id": 1, "name": "Benchmark", "database": "benchmark"}
                return encoded(OK, {**whom, "now": _written(utc())})
            case "GET", name, "fields" if name in RESOURCES:
                return encoded(OK, {"fields": dict(_schema(name, RESOURCES[name]))})
            case method, name, *rest if name in RESOURCES:
                return self._resource(method, name, tuple(rest), asked)
        return _failed(NOT_FOUND, "not_found")

    @override
    def touch(self, collection: str | None, count: int) -> int:
        table, now = self._tables[collection or "partners"], _written(utc())
        rows = list(spread(table, count))
        for row in rows:
            comment = f"Called after revision {row.version}"
            table.replace(row, now, row.body() | {"comment": comment, "revision": row.version + 1, "write_date": now})
        return len(rows)

    def _resource(self, method: str, name: str, rest: tuple[str, ...], asked: Asked) -> Answer:
        table = self._tables[name]
        match (method, *rest):
            case ["GET"]:
                return self._list(table, asked.params)
            case ["GET", key]:
                found = table.rows.get(key)
                return Answer(OK, found.data) if found else _failed(NOT_FOUND, "not_found")
            case ["POST", "bulk"]:
                return self._bulk(name, asked.json())
        return _failed(NOT_FOUND, "not_found")

    def _list(self, table: Table, params: Mapping[str, str]) -> Answer:
        fields = frozenset(params["fields"].split(",")) if "fields" in params else None
        page, size = int(params.get("page", 1)), int(params.get("per_page", 100))
        if size > (KEYS if fields is not None and fields <= KEY_FIELDS else LIST):
            return _failed(BAD_REQUEST, "malformed", "per_page")
        rows = self._matching(table, params)
        shown = rows[(page - 1) * size : page * size]
        self.records["read"] += len(shown)
        body = b'{"items":[%b],"page":%d,"per_page":%d,"total":%d,"now":"%b"}' % (
            b",".join([_shown(row, fields) for row in shown]),
            page,
            size,
            len(rows),
            _written(utc()).encode(),
        )
        return Answer(OK, body)

    def _matching(self, table: Table, params: Mapping[str, str]) -> list[Row]:
        conditions = {name: value for name, value in params.items() if name not in ("page", "per_page", "fields")}
        test = _test(table, conditions)
        if "id" not in conditions:
            return table.select(conditions, test, conditions.get("write_date_from"))
        wanted = sorted({int(key) for key in conditions["id"].split(",") if key.isdecimal()})
        found = [table.rows.get(str(key)) for key in wanted]
        return [row for row in found if row is not None and test(row)]

    def _bulk(self, name: str, content: Body) -> Answer:
        now = _written(utc())
        verbs = {"create": self._create, "update": self._update, "delete": self._delete, "perform": self._perform}
        verb = next(each for each in verbs if each in content)
        action = content.get("action", "")
        results = [verbs[verb](name, {**item, "action": action} if action else item, now) for item in content[verb]]
        self.records["written"] += len(results)
        return encoded(OK, {"results": results})

    def _create(self, name: str, item: Body, now: str) -> Body:
        key, before = item.get("idempotency_key"), None
        if key is not None and (before := self._done.get((name, key))):
            return before
        record_id = self._tables[name].new_key()
        changed = self._store(name, record_id, item["values"], now)
        result = {"status": CREATED, "id": int(record_id), "revision": 1, "write_date": now, "changed": changed}
        if key is not None:
            self._done[name, key] = result
        return result

    def _update(self, name: str, item: Body, now: str) -> Body:
        row = self._tables[name].rows.get(str(item["id"]))
        if row is None:
            return {"status": NOT_FOUND, **_error("not_found")}
        if item["revision"] != row.version:
            return {"status": STALE, **_error("stale_revision", "revision")}
        return self._change(name, row, item["values"], now)

    def _delete(self, name: str, item: Body, _: str) -> Body:
        row = self._tables[name].rows.get(str(item["id"]))
        if row is None:
            return {"status": NOT_FOUND, **_error("not_found")}
        self._tables[name].remove(row)
        return {"status": REMOVED, "id": item["id"]}

    def _perform(self, name: str, item: Body, now: str) -> Body:
        row = self._tables[name].rows.get(str(item["id"]))
        if row is None:
            return {"status": NOT_FOUND, **_error("not_found")}
        if item.get("revision", row.version) != row.version:
            return {"status": STALE, **_error("stale_revision", "revision")}
        result = self._change(name, row, STATES[item["action"]], now)
        return {**result, "changed": STATES[item["action"]]}

    def _change(self, name: str, row: Row, values: Body, now: str) -> Body:
        body = row.body()
        body.update(values)
        changed = self._order(body) if name == "sales_orders" and "lines" in values else {}
        body |= changed
        body["revision"], body["write_date"] = row.version + 1, now
        self._tables[name].replace(row, now, body)
        return {"status": OK, "id": body["id"], "revision": row.version, "write_date": now, "changed": changed}

    def _store(self, name: str, key: str, values: Body, now: str) -> Body:
        """Store a new record; answers what the server added to the values, which are completed in place."""
        kind = RESOURCES[name]
        changed = {field: value for field, value in kind.filled.items() if values.get(field) is None}
        field, beginning = kind.number
        if field:
            changed[field] = f"{beginning}{key:0>5}"
        if name == "sales_orders":
            changed |= self._order(values)
        values |= changed
        stamps = f'"id":{key},"revision":1,"create_date":"{now}","write_date":"{now}","write_user":"{USER}"'
        self._tables[name].add(key, now, stamps.encode(), values)
        return changed | {"create_date": now, "write_user": USER}

    def _order(self, values: Body) -> Body:
        """A sales order's lines with their ids and subtotals, and its totals."""
        lines, untaxed = [], Decimal(0)
        for line in values.get("lines") or []:
            subtotal = _subtotal(line)
            untaxed += subtotal
            filled = {"id": line.get("id") or next(self._lines), "subtotal": str(subtotal)}
            lines.append({**EMPTY_LINE, **line, **filled})
        tax = (untaxed * TAX).quantize(CENT, ROUND_HALF_UP)
        totals = {"amount_untaxed": untaxed, "amount_tax": tax, "amount_total": untaxed + tax}
        return {"lines": lines, **{name: f"{value:.2f}" for name, value in totals.items()}}


def _test(table: Table, conditions: Mapping[str, str]) -> Test:
    """Which rows a list shows."""
    tests: list[Test] = []
    if start := conditions.get("write_date_from"):
        tests.append(lambda row: row.modified >= start)
    if end := conditions.get("write_date_to"):
        tests.append(lambda row: row.modified <= end)
    tests += [equals(table, name, value) for name, value in conditions.items() if name not in PAGING]
    return every(tests)


def _shown(row: Row, fields: frozenset[str] | None) -> bytes:
    if fields is None:
        return row.data
    if fields == KEY_FIELDS:
        return b'{"id":%b,"revision":%d,"write_date":"%b"}' % (row.key.encode(), row.version, row.modified.encode())
    return encoded(OK, {name: value for name, value in row.body().items() if name in fields}).body


def _schema(name: str, kind: Kind) -> Iterator[tuple[str, Body]]:
    lines = [f"lines.{part}" for part in LINE] if "lines" in kind.fields else []
    numbered = {kind.number[0]} | ({f"lines.{part}" for part in ("id", "subtotal", *DONE)} if lines else set())
    for field in (*STAMPS, "external_ref", *kind.fields, *lines):
        locked = field in READ_ONLY or field in numbered or name == "stock_levels"
        yield field, {"type": "char", "required": False, "readonly": locked, "size": None, "selection": None}


def _subtotal(line: Body) -> Decimal:
    """A line's worth, to the cent."""
    rest = 1 - Decimal(line.get("discount") or 0) / 100
    return (Decimal(line["qty"]) * Decimal(line["price_unit"]) * rest).quantize(CENT, ROUND_HALF_UP)


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _error(code: str, field: str = "") -> Body:
    told = {"error": code, "message": code.replace("_", " ")}
    return told | ({"field": field} if field else {})


def _failed(status: int, code: str, field: str = "") -> Answer:
    return encoded(status, _error(code, field))
