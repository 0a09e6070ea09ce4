"""The desks beside trade: goods that customers send in, and the projects in which sold work is done."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from typing_extensions import override

from connector.reference.erp_desks import Desk, Transition, Written, next_state, number, refuse_but
from connector.reference.erp_fields import EXTRA
from connector.reference.erp_orders import USUAL_PLACE
from connector.reference.erp_sales import quantity
from connector.reference.refusals import invalid
from connector.reference.validation import Values

SERVICE_ACTIONS: Mapping[str, Transition] = {
    "receive": Transition(frozenset(("draft",)), "received"),
    "start": Transition(frozenset(("received",)), "in_work"),
    "finish": Transition(frozenset(("received", "in_work")), "done"),
    "refuse": Transition(frozenset(("draft", "received", "in_work")), "refused"),
    "cancel": Transition(frozenset(("draft",)), "cancelled"),
}
PROJECT_ACTIONS: Mapping[str, Transition] = {
    "start": Transition(frozenset(("planned",)), "running"),
    "complete": Transition(frozenset(("running",)), "completed"),
    "cancel": Transition(frozenset(("planned", "running")), "cancelled"),
}
SETTLED = frozenset(("done", "refused", "completed", "cancelled"))
FREE = frozenset(("origin", "external_ref"))
"""What may be changed of a settled document, besides the users' own columns."""

OUTCOMES = {"repair": ("repaired", "replaced", "scrapped"), "return": ("replaced", "restocked", "scrapped")}
MOVES = {"restocked": 1, "replaced": -1}
"""Whether an outcome brings goods into stock or takes them out."""

FINISHED = 100


class ServiceDesk(Desk):
    """Repairs and returns: goods move with what became of them."""

    @override
    def complete(self, values: Values, before: Values, changes: Values) -> None:
        if number(values, "quantity") <= 0:
            raise invalid("quantity must be above zero", "quantity")
        values["order_date"] = values["order_date"] or self.books.today
        values["warehouse_code"] = values["warehouse_code"] or USUAL_PLACE

    @override
    def refuse_settled(self, before: Values, changes: Values) -> None:
        if before["state"] in SETTLED:
            refuse_but(FREE, before, changes, EXTRA)

    @override
    def act(self, before: Values, action: str, given: Mapping[str, Any]) -> Values:
        state = next_state(SERVICE_ACTIONS[action], action, before)
        if state is None:
            return before
        known = OUTCOMES[before["kind"]]
        if state == "done" and before["outcome"] not in known:
            raise invalid(f"a {before['kind']} is finished with an outcome: {', '.join(known)}", "outcome")
        return {**before, "state": state}

    @override
    def follow(self, written: Written, user: str) -> None:
        values, before = written.values, written.before
        sign = MOVES.get(values["outcome"] or "")
        if sign and before and before["state"] != values["state"] == "done":
            moved = quantity(sign * number(values, "quantity"))
            place = {"item_id": values["item_id"], "warehouse_code": values["warehouse_code"], "quantity": moved}
            self.books.enter("stock_moves", {**place, "kind": "service", "note": values["number"]}, user)


class ProjectDesk(Desk):
    """Projects, from planned to complete."""

    @override
    def complete(self, values: Values, before: Values, changes: Values) -> None:
        if not 0 <= Decimal(values["progress"] or 0) <= FINISHED:
            raise invalid("progress is between 0 and 100", "progress")

    @override
    def refuse_settled(self, before: Values, changes: Values) -> None:
        if before["state"] in SETTLED:
            refuse_but(FREE, before, changes, EXTRA)

    @override
    def act(self, before: Values, action: str, given: Mapping[str, Any]) -> Values:
        state = next_state(PROJECT_ACTIONS[action], action, before)
        return before if state is None else {**before, "state": state}
