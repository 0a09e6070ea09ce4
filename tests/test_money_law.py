"""The law of money: both sides come to the same cent, which is what the lines come to, and no float is on the way."""

from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from hypothesis import given, settings, strategies as st

from connector.mappings.compile import Translator, compile_mapping
from connector.mappings.loader import load_entities, load_system
from connector.reconcile.carry import carry
from connector.records import Record, Side, encode
from connector.reference import crm_records, crm_tables, erp_records, erp_tables
from connector.reference.crm_cash_tables import INVOICES as CRM_INVOICES, ORDERS
from connector.reference.erp_cash_tables import INVOICES, SALES_ORDERS, SHIPMENTS
from connector.reference.storage import Store

CURRENCIES = {"EUR": 2, "USD": 2, "CHF": 2, "JPY": 0, "KRW": 0}
TAX = Decimal("0.19")
LINES = st.lists(
    st.fixed_dictionaries(
        {
            "qty": st.decimals("0.001", 5000, places=3).map(str),
            "price_unit": st.decimals(0, 90000, places=4).map(str),
            "discount": st.decimals(0, 100, places=2).map(str),
        }
    ),
    min_size=1,
    max_size=6,
)


class Ledgers:
    """A CRM and an ERP in memory, one customer and one product in both, and the bundled mappings between them."""

    def __init__(self) -> None:
        self._crm_store = Store(Path(":memory:"), crm_tables.COLLECTIONS, lambda: 1_800_000_000.0, 1000)
        self._erp_store = Store(Path(":memory:"), erp_tables.RESOURCES, lambda: 1_800_000_000.0, 1)
        self.crm = crm_records.Records(self._crm_store, crm_tables.COLLECTIONS)
        self.erp = erp_records.Records(self._erp_store)
        self.enter(erp_tables.WAREHOUSES, code="MAIN", name="Main")
        item = self.enter(erp_tables.ITEMS, code="A", name="A")["id"]
        stock = {"item_id": item, "warehouse_code": "MAIN", "quantity": "900000000", "kind": "receipt"}
        self.enter(erp_tables.STOCK_MOVES, **stock)
        partner = self.enter(erp_tables.PARTNERS, is_company=True, name="Company")["id"]
        account = self.crm.create(crm_tables.ACCOUNTS, {"name": "Company"}, "test").values["id"]
        product = self.crm.create(crm_tables.PRODUCTS, {"productCode": "A", "name": "A"}, "test").values["id"]
        self.links = {("customer", Side.ERP, str(partner)): account, ("product", Side.ERP, str(item)): product}

    def enter(self, resource: Any, **values: Any) -> dict[str, Any]:
        return self.erp.create(resource, values, "test").values

    @cached_property
    def forms(self) -> dict[tuple[str, Side], Translator]:
        entities = load_entities()
        tables = {side: load_system(f"reference_{side}").entities for side in Side}
        names = ("order", "invoice")
        return {
            (name, side): compile_mapping(entities[name], tables[side][name], side) for name in names for side in Side
        }

    def across(self, entity: str, body: dict[str, Any]) -> tuple[Record, dict[str, Any]]:
        """A record of the ERP, canonically, and what the CRM is sent of it."""
        record = self.forms[entity, Side.ERP].read(body)
        form = self.forms[entity, Side.CRM]
        fields = form.entity.fields
        held = {
            name: value for name, value in record.items() if name in form.creatable and name not in ("order", "credits")
        }
        carried = {name: carry(fields[name], value, Side.ERP, self.links) for name, value in held.items()}
        sent = form.write({name: value for name, value in carried.items() if value is not None}, creating=True)
        return record, sent


def expected(lines: list[dict[str, str]], digits: int) -> tuple[list[Decimal], Decimal, Decimal]:
    """Subtotals, their sum and the tax on it, by the documented rule."""
    step = Decimal(1).scaleb(-digits)
    worth = [
        (Decimal(line["qty"]) * Decimal(line["price_unit"]) * (100 - Decimal(line["discount"])) / 100).quantize(
            step, ROUND_HALF_UP
        )
        for line in lines
    ]
    untaxed = sum(worth, Decimal(0))
    return worth, untaxed, (untaxed * TAX).quantize(step, ROUND_HALF_UP)


def exact(value: Any) -> Decimal:
    return Decimal(str(value))


def has_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(has_float, value.values()))
    return any(map(has_float, value)) if isinstance(value, list) else isinstance(value, float)


LEDGERS = Ledgers()


@given(LINES, st.sampled_from(sorted(CURRENCIES)))
@settings(max_examples=40, deadline=None)
def test_an_order_comes_to_the_same_cent_on_both_sides(lines: list[dict[str, str]], currency: str) -> None:
    given_lines = [{**line, "item_id": 1} for line in lines]
    body = LEDGERS.enter(SALES_ORDERS, partner_id=1, currency_code=currency, lines=given_lines)
    record, sent = LEDGERS.across("order", body)
    shown = LEDGERS.crm.create(ORDERS, sent, "test").values

    _, untaxed, tax = expected(lines, CURRENCIES[currency])
    assert [Decimal(body[f"amount_{name}"]) for name in ("untaxed", "tax", "total")] == [untaxed, tax, untaxed + tax]
    assert [exact(shown[name]) for name in ("subtotal", "taxTotal", "grandTotal")] == [untaxed, tax, untaxed + tax]
    assert (exact(shown["linesTotal"]), shown["priceDifference"]) == (untaxed, 0)
    assert not has_float(record)


@given(LINES, st.sampled_from(sorted(CURRENCIES)))
@settings(max_examples=20, deadline=None)
def test_an_invoice_over_all_of_an_order_is_its_total_and_the_sum_of_its_lines(
    lines: list[dict[str, str]], currency: str
) -> None:
    order = LEDGERS.enter(
        SALES_ORDERS, partner_id=1, currency_code=currency, lines=[{**line, "item_id": 1} for line in lines]
    )
    LEDGERS.erp.act(SALES_ORDERS, order["id"], "confirm", "test", None)
    LEDGERS.enter(SHIPMENTS, order_id=order["id"])
    draft = LEDGERS.enter(INVOICES, order_id=order["id"])
    body = LEDGERS.erp.act(INVOICES, draft["id"], "post", "test", None).values
    record, sent = LEDGERS.across("invoice", body)
    shown = LEDGERS.crm.create(CRM_INVOICES, sent, "test").values

    worth, untaxed, _ = expected(lines, CURRENCIES[currency])
    assert (body["amount_total"], exact(shown["grandTotal"])) == (order["amount_total"], Decimal(order["amount_total"]))
    assert [exact(line["amount"]) for line in shown["lines"]] == worth
    assert exact(shown["subtotal"]) == untaxed == sum(worth)
    assert exact(shown["amountOpen"]) == Decimal(body["amount_open"])
    assert not has_float(record)
    assert encode(record)
