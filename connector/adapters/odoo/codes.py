"""Codes of what a record points to (the country's `code`, the unit's `name`), and back to the number Odoo wants."""

from collections.abc import Collection
from typing import Any

from connector.adapters.odoo.calls import Calls
from connector.errors import Rejected

SETTLED = frozenset(
    (
        "account.payment.term",
        "crm.stage",
        "product.category",
        "res.country",
        "res.country.state",
        "res.currency",
        "stock.warehouse",
        "uom.uom",
    )
)
"""Short lists that hardly change: what was read of them is remembered. Any other model is asked each time."""
CONTEXT = {"active_test": False, "lang": "en_US", "tz": "UTC"}
"""Archived records show, and names and times are the same whoever's key it is."""


class Codes:
    """Looks codes up in both directions, many at a time."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._codes: dict[tuple[str, str], dict[int, Any]] = {}

    def of(self, model: str, field: str, numbers: Collection[int]) -> dict[int, Any]:
        """The code of each record; one that is gone or hidden has none."""
        known = self._codes.setdefault((model, field), {}) if model in SETTLED else {}
        missing = sorted(set(numbers) - known.keys())
        if missing:
            asked = {"domain": [["id", "in", missing]], "fields": [field], "load": None, "context": CONTEXT}
            for row in self._calls.call(model, "search_read", asked, safe=True).value:
                known[row["id"]] = None if row[field] is False else row[field]
        return known

    def number(self, model: str, field: str, code: Any) -> int:
        """The record with that code; it must be the only one that is in use."""
        known = self._codes.setdefault((model, field), {}) if model in SETTLED else {}
        found = [number for number, held in known.items() if held == code]
        if not found:
            asked = {"domain": [[field, "=", code]], "fields": [field], "limit": 2, "load": None}
            context = {**CONTEXT, "active_test": True}
            rows = self._calls.call(model, "search_read", {**asked, "context": context}, safe=True).value
            found = [row["id"] for row in rows]
            known.update({row["id"]: row[field] for row in rows})
        if len(found) == 1:
            return found[0]
        reason = "no" if not found else "more than one"
        raise Rejected(f"odoo: there is {reason} {model} in use whose {field} is {code!r}; create it there, or map it")
