"""How each simulated system keeps a value, and how it shows it on the wire; nothing here comes from the connector."""

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connector.records import Side

Fields = dict[str, Any]
Form = Callable[[Any], Any]


def _trim(text: str) -> str:
    return text.strip()


def _fold(text: str) -> str:
    return " ".join(text.split())


def _compact(text: str) -> str:
    return re.sub(r"[\s.\-/]", "", text)


def _upper(text: str) -> str:
    return text.upper()


def _short(text: str) -> str:
    return _fold(text)[:12].strip()


def _whole(number: str) -> str:
    return str(Decimal(number).quantize(Decimal(1), ROUND_HALF_UP))


def _number(number: str) -> str:
    text = format(Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _mail(text: str) -> str:
    return text.strip().lower()


def _loud(text: str) -> str:
    return _fold(text).upper()


KEEPS: Mapping[Side, Mapping[str, Mapping[str, Form]]] = {
    Side.CRM: {
        "customer": {"name": _trim, "phone": _fold, "credit": _whole, "city": _trim, "zip": _trim, "points": _number},
        "contact": {"name": _fold, "email": _mail},
        "adjustment": {"quantity": _number},
        "sale": {"note": _trim},
    },
    Side.ERP: {
        "customer": {
            "name": _short,
            "phone": _compact,
            "credit": _number,
            "city": _upper,
            "zip": _compact,
            "points": _number,
        },
        "contact": {"name": _loud, "email": _trim},
        "adjustment": {"quantity": _number},
        "sale": {"note": _fold},
    },
}
"""What a system does to a value before it keeps it."""


def keep(side: Side, entity: str, name: str, value: Any) -> Any:
    """The value as the system keeps it."""
    if name == "tags":
        return sorted(set(value or ()))
    if name == "lines":
        form = _trim if side is Side.CRM else _fold
        return [{**line, "what": form(line["what"])} for line in value or ()]
    form = KEEPS[side][entity].get(name)
    return value if value in (None, "") or form is None else form(value)


def _as_number(value: str) -> int | float:
    return int(value) if "." not in value else float(value)


def _as_money(value: str) -> str:
    return f"{Decimal(value):.2f}"


def _from_number(value: Any) -> str:
    return _number(str(value))


Column = tuple[str, str, Form, Form]
"""A field, its place on the wire, and the way there and back."""


def _plain(value: Any) -> Any:
    return value


def _text(name: str, path: str) -> Column:
    return name, path, _plain, _plain


def _crm_lines(lines: Any) -> Any:
    return [{"lineId": one["id"], "text": one["what"], "quantity": _as_number(one["quantity"])} for one in lines]


def _from_crm_lines(lines: Any) -> Any:
    return [{"id": one.get("lineId"), "what": one["text"], "quantity": _from_number(one["quantity"])} for one in lines]


def _erp_lines(lines: Any) -> Any:
    return [{"id": int(one["id"]), "name": one["what"], "qty": one["quantity"]} for one in lines]


def _known_id(number: int | None) -> str | None:
    return None if number is None else str(number)


def _from_erp_lines(lines: Any) -> Any:
    return [
        {"id": _known_id(one.get("id")), "what": one["name"], "quantity": _from_number(one["qty"])} for one in lines
    ]


COLUMNS: Mapping[Side, Mapping[str, list[Column]]] = {
    Side.CRM: {
        "customer": [
            _text("serial", "serialNo"),
            _text("name", "name"),
            _text("phone", "phone"),
            ("credit", "finance.credit", _as_number, _from_number),
            _text("city", "address.city"),
            _text("zip", "address.zip"),
            ("points", "points", _as_number, _from_number),
            _text("tags", "tags"),
            ("status", "state", str.upper, str.lower),
        ],
        "contact": [
            _text("serial", "serialNo"),
            _text("customer", "accountId"),
            _text("name", "fullName"),
            _text("email", "email"),
            ("status", "state", str.upper, str.lower),
        ],
        "adjustment": [
            _text("serial", "serialNo"),
            _text("customer", "accountId"),
            ("quantity", "quantity", _as_number, _from_number),
        ],
        "sale": [
            _text("serial", "serialNo"),
            _text("customer", "accountId"),
            _text("note", "note"),
            ("status", "state", str.upper, str.lower),
            ("lines", "lines", _crm_lines, _from_crm_lines),
        ],
    },
    Side.ERP: {
        "customer": [
            _text("serial", "serial"),
            _text("name", "name"),
            _text("phone", "phone"),
            ("credit", "credit_limit", _as_money, _from_number),
            _text("city", "city"),
            _text("zip", "zip"),
            ("points", "points", str, _from_number),
            ("tags", "labels", ";".join, lambda text: sorted(text.split(";"))),
            ("status", "active", lambda word: word == "active", lambda flag: "active" if flag else "inactive"),
        ],
        "contact": [
            _text("serial", "serial"),
            ("customer", "partner_id", int, str),
            _text("name", "display_name"),
            _text("email", "email"),
            ("status", "active", lambda word: word == "active", lambda flag: "active" if flag else "inactive"),
        ],
        "adjustment": [
            _text("serial", "serial"),
            ("customer", "partner_id", int, str),
            ("quantity", "qty", str, _from_number),
        ],
        "sale": [
            _text("serial", "serial"),
            ("customer", "partner_id", int, str),
            _text("note", "remark"),
            _text("status", "stage"),
            ("lines", "rows", _erp_lines, _from_erp_lines),
        ],
    },
}
RESOURCES: Mapping[Side, Mapping[str, str]] = {
    Side.CRM: {"accounts": "customer", "people": "contact", "adjustments": "adjustment", "orders": "sale"},
    Side.ERP: {"partners": "customer", "persons": "contact", "moves": "adjustment", "sales": "sale"},
}


def show(side: Side, entity: str, fields: Fields) -> dict[str, Any]:
    """A record's fields on the wire."""
    body: dict[str, Any] = {}
    for name, path, there, _ in COLUMNS[side][entity]:
        value = fields.get(name)
        spot, *rest = path.split(".")
        shown = None if value in (None, []) else there(value)
        if rest:
            body.setdefault(spot, {})[rest[0]] = shown
        else:
            body[spot] = shown
    return body


def understand(side: Side, entity: str, body: Mapping[str, Any]) -> Fields:
    """The fields that a wire body gives."""
    fields: Fields = {}
    for name, path, _, back in COLUMNS[side][entity]:
        spot, *rest = path.split(".")
        place = body.get(spot, {}) if rest else body
        key = rest[0] if rest else spot
        if key in place:
            value = place[key]
            fields[name] = None if value in (None, "") else back(value)
    return fields
