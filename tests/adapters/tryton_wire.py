"""A Tryton made of recorded answers: what its JSON-RPC was seen to say, given back call by call."""

from collections.abc import Callable
from typing import Any

import orjson
import requests
import responses

from connector.adapters.tryton.adapter import Tryton
from connector.adapters.tryton.connect import connect

URL = "https://tryton.test"
RPC = f"{URL}/erp/rpc/"
DATE = "Thu, 26 Nov 2026 06:56:44 GMT"
PASSWORD = "s3cret-password"
STAMP = "1795675186.92316"
LATER = "1795675999.00001"
ME, SOMEBODY = 2, 1
Answer = tuple[int, dict[str, str], bytes]
EVERY_CALL = {
    "common.db.login": [ME, "3c1573a4", None],
    "model.res.user.get_preferences": {"company": 1, "companies": [1], "language": "en"},
    "model.ir.module.search_read": [
        {"id": n, "name": name} for n, name in enumerate(("party", "sale", "stock", "account_invoice"))
    ],
    "model.party.category.search": [1],
    "model.ir.lang.search_read": [{"id": 1, "code": "en"}],
}
"""What an adapter asks for besides what a test is about."""


class Wire:
    """Answers each method's calls in turn, the last answer again and again; remembers what was called."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.called: list[tuple[str, list[Any]]] = []
        self.headers: list[dict[str, str]] = []
        self._answers: dict[str, list[Any]] = {name: [answer] for name, answer in EVERY_CALL.items()}
        mock.add_callback(responses.POST, RPC, callback=self._answer, content_type="application/json")

    def says(self, method: str, *answers: Any) -> None:
        """What a method answers: results, errors made by `error`, whole answers, or functions of the parameters."""
        self._answers[method] = list(answers)

    def calls(self, method: str) -> list[list[Any]]:
        """The parameters of every call of a method."""
        return [params for name, params in self.called if name == method]

    def _answer(self, request: requests.PreparedRequest) -> Answer:
        content = orjson.loads(request.body or b"")
        assert content.keys() == {"id", "method", "params"}
        method, params = content["method"], content["params"]
        self.called.append((method, params))
        self.headers.append(dict(request.headers))
        waiting = self._answers[method]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Callable):
            answer = answer(params)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, tuple):
            return answer
        told = answer if isinstance(answer, dict) and "error" in answer else {"result": answer}
        return 200, {"Date": DATE}, orjson.dumps({"id": content["id"], **told})


def error(kind: str, *detail: Any) -> dict[str, Any]:
    """An error within a 200."""
    return {"error": [kind, *detail]}


def user_error(text: str) -> dict[str, Any]:
    """What a person is told."""
    return error("UserError", [text, "", None])


def unavailable(reason: str) -> Answer:
    """The page of a server that cannot go on."""
    page = f"<!doctype html>\n<html lang=en>\n<title>503 Service Unavailable</title>\n<p>{reason}</p>\n"
    return 503, {"Content-Type": "text/html; charset=utf-8"}, page.encode()


def adapter(**options: Any) -> Tryton:
    """The adapter of a user who may do everything."""
    known = {"url": URL, "database": "erp", "login": "connector", "password": PASSWORD, "max_attempts": 2}
    return connect({**known, **options})


def party(record_id: int, **changes: Any) -> dict[str, Any]:
    """A party as `search_read` answers it on SQLite, where booleans are numbers."""
    return {
        "id": record_id,
        "_timestamp": STAMP,
        "write_uid": ME,
        "create_uid": ME,
        "name": f"Customer {record_id}",
        "code": str(record_id),
        "active": 1,
        "replaced_by": None,
        "categories.": [{"id": 1, "name": "Customer"}],
        "customer_payment_term.": {"id": 4, "name": "Net 30 days"},
        "customer_currency.": None,
        "contact_mechanisms.": [
            {"id": 10 * record_id, "_timestamp": STAMP, "active": 1, "type": "email", "value": "first@one.example"},
            {
                "id": 10 * record_id + 1,
                "_timestamp": STAMP,
                "active": 1,
                "type": "email",
                "value": "second@one.example",
            },
        ],
        "identifiers.": [{"id": record_id, "_timestamp": STAMP, "active": 1, "type": None, "code": "connector:acc-1"}],
        "addresses.": [address(record_id)],
        **changes,
    }


def address(record_id: int, **changes: Any) -> dict[str, Any]:
    """An address as it is read with its party."""
    place = {"street": "1 Main Street", "postal_code": "75001", "city": "Paris"}
    told = {"id": record_id, "_timestamp": STAMP, "active": 1, "invoice": 0, "delivery": 0, **place}
    return {**told, "country.": {"id": 1, "code": "FR"}, **changes}


def decimal(text: str) -> dict[str, str]:
    """A decimal on the wire."""
    return {"__class__": "Decimal", "decimal": text}


def line(record_id: int, **changes: Any) -> dict[str, Any]:
    """A sale's line as it is read with its sale."""
    told = {"id": record_id, "_timestamp": STAMP, "type": "line", "sequence": record_id, "description": None}
    own = {"quantity": 2.0, "unit_price": decimal("12.3456"), "taxes": [1], "unit.": {"id": 1, "symbol": "u"}}
    return {**told, **own, "product.": {"id": 7, "default_uom": 1}, **changes}


def sale(record_id: int, **changes: Any) -> dict[str, Any]:
    """A sale as `search_read` answers it."""
    texts = {"reference": "SO-1", "description": "", "comment": None}
    amounts = {name: decimal("24.69") for name in ("untaxed_amount", "tax_amount", "total_amount")}
    states = {"state": "draft", "shipment_state": "none", "invoice_state": "none"}
    return {
        "id": record_id,
        "_timestamp": STAMP,
        "write_uid": ME,
        "create_uid": ME,
        "number": None,
        "party": 2,
        "sale_date": {"__class__": "date", "year": 2026, "month": 11, "day": 20},
        "currency.": {"id": 1, "code": "EUR"},
        "lines.": [line(1)],
        "notes.": [{"id": 1, "message": "Call before noon"}, {"id": 2, "message": "connector:ord-1"}],
        **texts,
        **amounts,
        **states,
        **changes,
    }


def product(record_id: int, **changes: Any) -> dict[str, Any]:
    """A variant as `search_read` answers it, the only one of its template."""
    template = {"id": 10 * record_id, "_timestamp": STAMP, "name": "Widget", "type": "goods", "salable": 1, "active": 1}
    shared = {"code": "W1", "list_price": decimal("10.0000"), "products": [record_id]}
    return {
        "id": record_id,
        "_timestamp": STAMP,
        "write_uid": ME,
        "create_uid": ME,
        "code": "W1",
        "suffix_code": None,
        "description": None,
        "active": 1,
        "list_price": None,
        "replaced_by": None,
        "template.": {**template, **shared, "default_uom.": {"id": 1, "symbol": "u"}},
        "identifiers.": [],
        **changes,
    }
