"""Codes of what a record points to (the country's `code`, the unit's `name`), and back to the number Odoo wants."""

from collections.abc import Collection
from typing import Any

from connector.adapters.odoo.calls import UNKNOWN, Calls, Fault
from connector.errors import Rejected

SETTLED = frozenset(
    (
        "account.payment.term",
        "crm.stage",
        "product.category",
        "res.country",
        "res.country.state",
        "res.currency",
        "stock.location",
        "stock.picking.type",
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
        self._numbers: dict[tuple[str, str, Any], int] = {}

    def of(self, model: str, field: str, numbers: Collection[int]) -> dict[int, Any]:
        """The code of each record; one that is gone or hidden has none."""
        known = self._codes.setdefault((model, field), {}) if model in SETTLED else {}
        missing = sorted(set(numbers) - known.keys())
        if missing:
            asked = {"domain": [["id", "in", missing]], "fields": [field], "load": None, "context": CONTEXT}
            for row in self._calls.call(model, "search_read", asked, safe=True).value:
                known[row["id"]] = None if row[field] is False else row[field]
        return known

    def numbers(self, model: str, field: str, codes: Collection[Any]) -> dict[Any, int]:
        """The record of each code, of those that have exactly one."""
        asked = {"domain": [[field, "in", sorted(codes)]], "fields": [field], "load": None, "context": CONTEXT}
        rows = self._calls.call(model, "search_read", asked, safe=True).value if codes else []
        found: dict[Any, list[int]] = {}
        for row in rows:
            found.setdefault(row[field], []).append(row["id"])
        return {code: numbers[0] for code, numbers in found.items() if len(numbers) == 1}

    def owners(self, model: str, companies: Collection[int], *conditions: Any) -> set[int]:
        """The companies, of these, that have such records, themselves or by their people; none without the model."""
        domain = [["partner_id.commercial_partner_id", "in", list(companies)], *conditions]
        asked = {"domain": domain, "fields": ["partner_id"], "load": None, "context": CONTEXT}
        try:
            rows = self._calls.call(model, "search_read", asked, safe=True).value
        except Fault as fault:
            if fault.kind in UNKNOWN:
                return set()
            raise
        people = {row["partner_id"] for row in rows}
        return {number for number in self.of("res.partner", "commercial_partner_id", people).values() if number}

    def number(self, model: str, field: str, code: Any) -> int:
        """The record with that code; it must be the only one that is in use."""
        place = (model, field, code)
        if place in self._numbers:
            return self._numbers[place]
        context = {**CONTEXT, "active_test": True}
        asked = {"domain": [[field, "=", code]], "limit": 2, "context": context}
        found = self._calls.call(model, "search", asked, safe=True).value
        if len(found) != 1:
            many = "more than one" if found else "no"
            raise Rejected(
                f"odoo: there is {many} {model} in use whose {field} is {code!r}; correct it there, or map it"
            )
        if model in SETTLED:
            self._numbers[place] = found[0]
        return int(found[0])
