"""Answers as a real Odoo 19 gives them, and an adapter that meets nothing else."""

from typing import Any

import orjson
import requests
import responses

from connector.adapters.odoo.system import Odoo, connect

URL = "https://odoo.test"
DATE = {"Date": "Thu, 26 Nov 2026 06:55:51 GMT"}
PARTNER = {
    "name": {"type": "char", "required": False},
    "active": {"type": "boolean"},
    "email": {"type": "char"},
    "vat": {"type": "char"},
    "write_date": {"type": "datetime", "readonly": True},
    "is_company": {"type": "boolean"},
    "country_id": {"type": "many2one", "relation": "res.country"},
    "parent_id": {"type": "many2one", "relation": "res.partner"},
    "credit_limit": {"type": "float"},
    "x_connector_id": {"type": "char"},
    "x_connector_given_name": {"type": "char"},
}
ORDER = {
    "name": {"type": "char", "required": True},
    "state": {"type": "selection", "readonly": True, "selection": [["draft", "Quotation"], ["sale", "Sales Order"]]},
    "partner_id": {"type": "many2one", "relation": "res.partner", "required": True},
    "client_order_ref": {"type": "char"},
    "order_line": {"type": "one2many", "relation": "sale.order.line", "relation_field": "order_id"},
    "write_date": {"type": "datetime", "readonly": True},
    "x_connector_id": {"type": "char"},
}
LINE = {
    "name": {"type": "text", "required": True},
    "product_id": {"type": "many2one", "relation": "product.product"},
    "product_uom_qty": {"type": "float", "required": True},
    "price_unit": {"type": "float"},
    "display_type": {"type": "selection", "selection": [["line_note", "Note"]]},
    "write_date": {"type": "datetime", "readonly": True},
}
MODELS = {"res.partner": PARTNER, "sale.order": ORDER, "sale.order.line": LINE}
STAMP = "2026-11-26 06:50:00"


def refusal(name: str, message: str) -> dict[str, Any]:
    """What Odoo says when it refuses; the traceback is nobody's business."""
    return {"name": name, "message": message, "arguments": [message], "context": {}, "debug": "Traceback ..."}


class Wire:
    """Answers one method after the other, and remembers what it was asked."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self._mock = mock
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def answers(self, model: str, method: str, *values: Any, status: int = 200) -> None:
        """What the next calls of a method return, in order; the last one also answers all further ones."""
        left = list(values)

        def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
            self.asked.append((model, method, orjson.loads(request.body or b"{}")))
            value = left.pop(0) if len(left) > 1 else left[0]
            told = status
            if isinstance(value, tuple):
                told, value = value
            return told, {**DATE, "Content-Type": "application/json"}, orjson.dumps(value)

        self._mock.add_callback("POST", f"{URL}/json/2/{model}/{method}", callback=answer)

    def describes(self, *models: str) -> None:
        """What the schema says of models."""
        for model in models:
            self.answers(model, "fields_get", MODELS[model])

    @property
    def requests(self) -> list[requests.PreparedRequest]:
        """What came over the wire."""
        return [call.request for call in self._mock.calls]

    def calls(self, method: str) -> list[dict[str, Any]]:
        """What a method was called with, each time."""
        return [arguments for _, name, arguments in self.asked if name == method]


def odoo(**options: Any) -> Odoo:
    """The adapter."""
    return connect({"url": URL, "database": "erp", "api_key": "secret-key", "max_attempts": 1, **options})
