"""Every action on a sales order in every state: what it leads to, or that it is refused."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from connector.entities import Entity
from connector.mappings.loader import load_entities, load_system
from connector.records import Side
from connector.reference.erp_cash_tables import INVOICES, ORDER_STATES, PAYMENTS, SALES_ORDERS, SHIPMENTS
from connector.reference.erp_records import TICKS, Records
from connector.reference.erp_tables import ITEMS, PARTNERS, RESOURCES, STOCK_MOVES, WAREHOUSES
from connector.reference.fields import Collection
from connector.reference.refusals import Reason, Refusal
from connector.reference.storage import Store
from tests.reference.order_states import DOCUMENTS, LEADS, SAME, WAYS

ORDER: Entity = load_entities()["order"]
WORDS = {code: word for word, code in load_system("reference_erp").entities["order"].rows["status"].values.items()}
"""The ERP's codes, each with the connector's word."""


class Sale:
    """One order over ten pieces of something that is there, and what people do with it."""

    def __init__(self, records: Records, partner: int, item: int) -> None:
        self.records = records
        lines = [{"item_id": item, "qty": "10", "price_unit": "7"}]
        self.id = self._enter(SALES_ORDERS, partner_id=partner, lines=lines)

    def do(self, action: str) -> str:
        """One thing; gives the state that the order is in then."""
        if action not in DOCUMENTS:
            self.records.act(SALES_ORDERS, self.id, action, "test", None, {"reason": "because"})
        elif action == "ship a part":
            line = self.order["lines"][0]["id"]
            self._enter(SHIPMENTS, order_id=self.id, lines=[{"order_line_id": line, "qty": "3"}])
        elif action == "ship":
            self._enter(SHIPMENTS, order_id=self.id)
        elif action == "bill":
            invoice = self._enter(INVOICES, order_id=self.id)
            self.records.act(INVOICES, invoice, "post", "test", None)
        else:
            self._pay()
        return str(self.order["state"])

    @property
    def order(self) -> dict[str, Any]:
        return self.records.read(SALES_ORDERS, self.id).values

    def _pay(self) -> None:
        bills = self.records.store.holding("invoices", {"order_id": self.id})
        if not bills:
            raise Refusal(Reason.INVALID, "nothing is billed")
        for bill in bills:
            self._enter(PAYMENTS, invoice_id=bill["id"], amount=bill["amount_open"])

    def _enter(self, resource: Collection, **values: Any) -> int:
        return int(self.records.create(resource, values, "test").values["id"])


@pytest.fixture(scope="module")
def shop() -> Iterator[tuple[Records, int, int]]:
    store = Store(Path(":memory:"), RESOURCES, lambda: 1_800_000_000.0, TICKS)
    records = Records(store)
    with store.transaction():
        records.create(WAREHOUSES, {"code": "MAIN", "name": "Main"}, "test")
        item = records.create(ITEMS, {"code": "A", "name": "A"}, "test").values["id"]
        place = {"item_id": item, "warehouse_code": "MAIN"}
        records.create(STOCK_MOVES, {**place, "quantity": "100000", "kind": "receipt"}, "test")
        partner = records.create(PARTNERS, {"is_company": True, "name": "Company"}, "test").values["id"]
        yield records, partner, item
    store.close()


@pytest.fixture
def sale(shop: tuple[Records, int, int]) -> Sale:
    return Sale(*shop)


def led(sale: Sale, state: str) -> Sale:
    for action in WAYS[state]:
        sale.do(action)
    assert sale.order["state"] == state
    return sale


ALL = list(product(ORDER_STATES, (*SALES_ORDERS.actions, *DOCUMENTS)))
LEGAL = [(state, action) for state, action in ALL if action in LEADS[state]]
REFUSED = [pair for pair in ALL if pair not in LEGAL and pair not in SAME]


@pytest.mark.parametrize(("state", "action"), LEGAL)
def test_a_legal_action_leads_on(sale: Sale, state: str, action: str) -> None:
    assert led(sale, state).do(action) == LEADS[state][action]


@pytest.mark.parametrize(("state", "action"), sorted(SAME))
def test_an_action_that_leads_nowhere_new_changes_nothing(sale: Sale, state: str, action: str) -> None:
    before = led(sale, state).order

    sale.do(action)

    assert sale.order == before


@pytest.mark.parametrize(("state", "action"), REFUSED)
def test_any_other_action_is_refused_and_changes_nothing(sale: Sale, state: str, action: str) -> None:
    before = led(sale, state).order

    with pytest.raises(Refusal) as refused, sale.records.store.step():
        sale.do(action)

    assert refused.value.reason is Reason.INVALID
    assert sale.order == before


@pytest.mark.parametrize(("state", "action"), [pair for pair in LEGAL if pair[1] != "split"])
def test_the_connector_knows_every_move_of_the_erp(state: str, action: str) -> None:
    followers = ORDER.lifecycle[WORDS[state]]
    goal = WORDS[LEADS[state][action]]
    asked = {"request_cancel": Side.CRM}.get(action, Side.ERP)

    assert goal == WORDS[state] or asked in followers[goal]


def test_the_erp_can_make_every_move_that_the_connector_expects_of_it() -> None:
    made = {(WORDS[state], WORDS[goal]) for state, leads in LEADS.items() for goal in leads.values()}
    # A customer over the limit is held where the order would have been confirmed; what was held can be held again.
    made |= {("submitted", "on_hold"), ("cancel_requested", "on_hold"), ("draft", "submitted")}
    expected = {
        (state, goal)
        for state, followers in ORDER.lifecycle.items()
        for goal, makers in followers.items()
        if Side.ERP in makers
    }

    assert expected <= made
