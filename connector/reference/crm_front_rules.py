"""What the records of the CRM's front office must hold, and what can no longer be changed in them."""

from connector.reference.refusals import Reason, Refusal, invalid
from connector.reference.validation import Values

CONVERTED_FREE = frozenset(("notes", "externalId", "customFields"))
WON_FREE = frozenset(("name", "closesOn", "externalId", "customFields"))


def complete(collection: str, values: Values) -> None:
    """Fill what the CRM itself knows, and refuse what does not make sense."""
    if collection == "cases" and values["serviceKind"]:
        values["serviceStatus"] = values["serviceStatus"] or "REQUESTED"
        values["quantity"] = 1 if values["quantity"] is None else values["quantity"]
    elif collection == "activities" and values["kind"] == "BACK_OFFICE":
        # It was done when it was told.
        values["status"] = "DONE"
    elif collection == "campaign-members" and not (values["leadId"] or values["contactId"]):
        raise invalid("a member is a lead or a contact", "leadId")


def refuse_locked(collection: str, before: Values, changes: Values) -> None:
    """Refuse to change a lead that was converted and an opportunity that became an order, and to leap there."""
    for name, field, done, free in (
        ("leads", "status", "CONVERTED", CONVERTED_FREE),
        ("opportunities", "stage", "WON", WON_FREE),
    ):
        if collection != name:
            continue
        if before.get(field) != done and changes.get(field) == done:
            raise invalid(f"{done} is what an action leads to", field)
        locked = next((each for each in changes if each not in free and changes[each] != before.get(each)), None)
        if before.get(field) == done and locked:
            raise Refusal(Reason.LOCKED, f"{locked} cannot be changed: it is {done}", locked)
