"""What people may not change in the CRM: the back office's documents and figures are only shown there.

The integration's own client writes them; salespeople work with a client of theirs.
"""

from collections.abc import Mapping

from connector.reference.refusals import Reason, Refusal
from connector.reference.validation import Values

MIRRORS = frozenset(
    ("stock-levels", "shipments", "returns", "invoices", "payments", "account-balances", "projects"),
)
"""Collections that show what the ERP keeps, and nothing else."""

TOLD: Mapping[str, tuple[str, ...]] = {
    "accounts": ("erpNumber", "creditLimit", "creditHold"),
    "orders": ("erpOrderNumber", "statusReason", "subtotal", "taxTotal", "grandTotal", "syncStatus", "syncReason"),
    "cases": ("serviceNumber", "outcome", "outcomeNote", "charge", "syncStatus", "syncReason"),
    "stock-adjustments": ("erpDocument",),
}
"""Fields of other collections that only the integration fills."""

DECIDED = frozenset(
    ("CONFIRMED", "CANCEL_REQUESTED", "PARTIALLY_SHIPPED", "SHIPPED", "INVOICED", "PAID", "CLOSED", "CANCELLED")
)
"""Stages in which an order is the back office's; asking for its cancellation is what is left to sales."""

AGREED = ("accountId", "contactId", "orderDate", "requestedOn", "currency", "lines")
"""What was promised to the customer when an order was confirmed."""

LOOSE = frozenset(("DRAFT", "CANCELLED"))
"""Stages in which an order may still be thrown away."""


def refuse_people(collection: str, before: Values, changes: Values) -> None:
    """Refuse what only the integration may write, of a new record (nothing before) or a change."""
    if collection in MIRRORS or "BACK_OFFICE" in (before.get("kind"), changes.get("kind")):
        raise Refusal(Reason.LOCKED, _mirrored(collection))
    _refuse(TOLD.get(collection, ()), before, changes, "it is the ERP's word, which the integration writes here")
    if collection == "orders" and before.get("stage") in DECIDED:
        why = f"the order is {before['stage']}; ask the back office, or set CANCEL_REQUESTED"
        _refuse(AGREED, before, changes, why)


def refuse_removal(collection: str, before: Values) -> None:
    """Refuse to delete what the back office counts on."""
    if collection in MIRRORS:
        raise Refusal(Reason.LOCKED, _mirrored(collection))
    if collection == "orders" and before["stage"] not in LOOSE:
        raise Refusal(Reason.LOCKED, f"the order is {before['stage']}: cancel it instead", "stage")


def _mirrored(collection: str) -> str:
    return f"{collection} only show what the ERP keeps: change it there, and it follows here"


def _refuse(names: tuple[str, ...], before: Values, changes: Values, why: str) -> None:
    changed = next((name for name in names if name in changes and _differs(changes[name], before.get(name))), None)
    if changed:
        raise Refusal(Reason.LOCKED, f"{changed} cannot be changed: {why}", changed)


def _differs(sent: object, held: object) -> bool:
    """Whether a value is another one; a default of a new record is none."""
    return sent != held and not (held is None and sent in (None, False))
