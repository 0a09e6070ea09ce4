"""What an Odoo must have before the first write: rights of the user behind the key, and fields of our own."""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.adapters.odoo.calls import Calls, Fault
from connector.adapters.odoo.codes import CONTEXT
from connector.adapters.odoo.schema import LiveColumn
from connector.errors import ConfigError
from connector.records import LiveField

VERBS = ("read", "create", "write", "unlink")
TYPES: Mapping[str, str] = {"text": "char", "decimal": "float", "choice": "char", "instant": "datetime"}
"""Odoo's word for a type of ours, where it has another one."""
LABELS = {
    "x_connector_id": "Connector: id on the other side",
    "x_connector_given_name": "Connector: given name",
    "x_connector_number": "Connector: number on the other side",
    "x_connector_reason": "Connector: why it is held or refused",
}
TERMS = "account.payment.term"
ADMINISTRATOR = "; ask with the key of an administrator, or create them in Odoo (Settings, Technical, Fields)"


def allowed(calls: Calls, model: str, verb: str) -> bool:
    """Whether the user may do it at all; which records he may do it to, Odoo does not tell."""
    try:
        return bool(calls.call(model, "has_access", {"operation": verb, "ids": []}, safe=True).value)
    except Fault as fault:
        if fault.kind in {"AttributeError", "NotFound", "TypeError"}:
            return _allowed_before_18(calls, model, verb)
        return False


def _allowed_before_18(calls: Calls, model: str, verb: str) -> bool:
    asked = {"operation": verb, "raise_exception": False}
    return bool(calls.call(model, "check_access_rights", asked, safe=True).value)


def make_fields(calls: Calls, model: str, fields: Sequence[LiveField]) -> None:
    """Make custom fields; a copied record does not take their values along, as it is another one."""
    try:
        numbers = calls.call("ir.model", "search", {"domain": [["model", "=", model]], "context": CONTEXT}).value
        rows = [_field(numbers[0], field) for field in fields]
        calls.call("ir.model.fields", "create", {"vals_list": rows, "context": CONTEXT})
    except Fault as fault:
        names = ", ".join(field.name for field in fields)
        raise ConfigError.of(f"odoo: {model}: {names} cannot be created ({fault.kind}){ADMINISTRATOR}") from None


def make_choices(calls: Calls, column: LiveColumn, field: LiveField) -> None:
    """Make entries of a short list; only of those whose names say all there is to them."""
    if column.relation != TERMS:
        names = ", ".join(field.choices)
        raise ConfigError.of(f"odoo: create {names} as {column.relation} in Odoo, or map what is there ({field.name})")
    rows = [{"name": name, "line_ids": [[5], [0, 0, _due(name)]]} for name in field.choices]
    try:
        calls.call(TERMS, "create", {"vals_list": rows, "context": CONTEXT})
    except Fault as fault:
        names = ", ".join(field.choices)
        raise ConfigError.of(f"odoo: {TERMS}: {names} cannot be created ({fault.kind})") from None


def _due(name: str) -> dict[str, Any]:
    """All of it, so many days after the invoice as the term's name begins with."""
    days = name.partition(" ")[0]
    if not days.isdecimal():
        raise ConfigError.of(f"odoo: {TERMS}: what {name} means is for a person to say; create it in Odoo")
    return {"value": "percent", "value_amount": 100, "nb_days": int(days)}


def _field(model: int, field: LiveField) -> dict[str, Any]:
    label = LABELS.get(field.name) or field.name.removeprefix("x_").replace("_", " ").capitalize()
    kind = TYPES.get(field.type, field.type)
    return {
        "model_id": model,
        "name": field.name,
        "field_description": label,
        "ttype": kind,
        "copied": False,
        "index": field.name == "x_connector_id",
    }
