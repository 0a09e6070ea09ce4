"""Products, sales, adjustments and stock levels of Tryton: what bodies say, and what is sent."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses

from connector.errors import Locked, OutcomeUnknown, Rejected
from connector.records import Draft, Patch, Removal, Resource, Transition
from tests.adapters.tryton_wire import ME, STAMP, Wire, adapter, decimal, line, party, product, sale, user_error

PRODUCTS, SALES = Resource("product.product"), Resource("sale.sale")
MOVES, LEVELS = Resource("stock.shipment.internal"), Resource("stock.products_by_locations")
TEMPLATE = {"id": 70, "default_uom": 1, "account_category.": {"id": 1, "customer_taxes_used": [1]}}
PLACES = [
    {"id": 5, "type": "warehouse", "code": "MAIN", "parent": None, "storage_location": 3, "lost_found_location": 4},
    {"id": 3, "type": "storage", "code": "STO", "parent": 5, "storage_location": None, "lost_found_location": None},
    {"id": 2, "type": "storage", "code": "OUT", "parent": 5, "storage_location": None, "lost_found_location": None},
    {
        "id": 4,
        "type": "lost_found",
        "code": None,
        "parent": None,
        "storage_location": None,
        "lost_found_location": None,
    },
]


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock() as mock:
        wire = Wire(mock)
        wire.says("model.product.product.search_read", [{"id": 7, "template.": TEMPLATE}])
        wire.says(
            "model.party.party.search_read", [{**party(2), "customer_payment_term": 4, "customer_tax_rule": None}]
        )
        wire.says("model.stock.location.search_read", PLACES)
        wire.says("model.ir.date.today", {"__class__": "date", "year": 2026, "month": 11, "day": 26})
        wire.says("model.company.company.read", [{"id": 1, "currency.": {"id": 1, "code": "EUR"}}])
        yield wire


STATES = {
    "a draft": ({"state": "draft"}, "draft"),
    "being processed": ({"state": "processing", "shipment_state": "waiting", "invoice_state": "pending"}, "confirmed"),
    "half of it left": ({"state": "processing", "shipment_state": "partially shipped"}, "partially shipped"),
    "all of it left": ({"state": "processing", "shipment_state": "sent", "invoice_state": "pending"}, "shipped"),
    "billed before it left": (
        {"state": "processing", "shipment_state": "waiting", "invoice_state": "paid"},
        "confirmed",
    ),
    "billed": ({"state": "processing", "shipment_state": "sent", "invoice_state": "awaiting payment"}, "invoiced"),
    "services that are paid": ({"state": "done", "shipment_state": "none", "invoice_state": "paid"}, "paid"),
    "cancelled": ({"state": "cancelled"}, "cancelled"),
}


@pytest.mark.parametrize(("held", "status"), STATES.values(), ids=STATES)
def test_three_states_tell_how_far_a_sale_is(wire: Wire, held: dict[str, str], status: str) -> None:
    wire.says("model.sale.sale.search_read", [sale(1, **held)])

    body = adapter().scan(SALES, None).remotes[0].body or {}

    assert body["status"] == status


def test_a_sale_is_read_with_what_it_sells_and_whose_it_is(wire: Wire) -> None:
    rows = [line(2, type="comment"), line(3, **{"unit.": {"id": 9, "symbol": "dozen"}}), line(1)]
    wire.says("model.sale.sale.search_read", [sale(1, **{"lines.": rows})])

    body = adapter().scan(SALES, None).remotes[0].body or {}

    # What is counted in another unit than the product is no number that the other side could understand.
    assert [(each["id"], each["quantity"]) for each in body["lines"]] == [(1, 2.0), (3, "2.0 dozen")]
    assert (body["external_id"], body["sale_date"], body["total_amount"]) == ("ord-1", "2026-11-20", "24.69")


def test_a_new_sale_gets_what_tryton_fills_in_for_people_only(wire: Wire) -> None:
    wire.says("model.sale.sale.create", [1])
    wire.says("model.sale.sale.search_read", [sale(1)])
    given = {"product": 7, "quantity": "2", "unit_price": "12.3456"}

    outcome = adapter().create(SALES, [Draft("key", {"party": 2, "lines": [given]}, "ord-1")])[0]

    sent = wire.calls("model.sale.sale.create")[0][0][0]
    assert outcome.error is None
    assert (sent["invoice_address"], sent["shipment_address"], sent["payment_term"]) == (2, 2, 4)
    assert sent["notes"] == [["create", [{"message": "connector:ord-1"}]]]
    told = sent["lines"][0][1][0]
    assert (told["unit"], told["taxes"], told["unit_price"]) == (1, [["add", [1]]], decimal("12.3456"))


def test_a_discount_that_tryton_would_not_keep_is_refused(wire: Wire) -> None:
    given = {"product": 7, "quantity": 1, "unit_price": "100", "discount": "10"}

    outcome = adapter().create(SALES, [Draft("key", {"party": 2, "lines": [given]})])[0]

    assert isinstance(outcome.error, Rejected)
    assert "sale_discount is not active" in str(outcome.error)


def test_a_discount_is_kept_where_the_module_is_active(wire: Wire) -> None:
    wire.says("model.ir.module.search_read", [{"id": 1, "name": "sale_discount"}])
    wire.says("model.sale.sale.create", [1])
    wire.says("model.sale.sale.search_read", [sale(1)])
    given = {"product": 7, "quantity": 1, "unit_price": "100", "discount": "10"}

    adapter().create(SALES, [Draft("key", {"party": 2, "lines": [given]})])

    told = wire.calls("model.sale.sale.create")[0][0][0]["lines"][0][1][0]
    prices = [told[name]["decimal"] for name in ("base_price", "discount_rate", "unit_price")]
    assert prices == ["100", "0.1", "90.0000"]


def test_lines_are_changed_added_and_removed_while_comments_stay(wire: Wire) -> None:
    wire.says("model.sale.sale.search_read", [sale(1, **{"lines.": [line(1), line(2, type="comment"), line(3)]})])
    wire.says("model.sale.sale.write", None)
    kept, new = {"id": 1, "product": 7, "quantity": 5}, {"product": 7, "quantity": 1}

    adapter().update(SALES, [Patch("key", "1", None, {"lines": [kept, new]})])

    verbs = wire.calls("model.sale.sale.write")[0][1]["lines"]
    assert [(verb[0], verb[1]) for verb in verbs if verb[0] != "create"] == [("write", [1]), ("delete", [3])]
    assert verbs[0][2]["quantity"] == 5.0
    assert "taxes" not in verbs[0][2]
    assert [verb[0] for verb in verbs] == ["write", "create", "delete"]


def test_confirming_presses_the_buttons_that_lead_there(wire: Wire) -> None:
    wire.says("model.sale.sale.search_read", [sale(1), sale(2, state="quotation"), sale(3, state="cancelled")])
    wire.says("model.sale.sale.quote", None)
    wire.says("model.sale.sale.confirm", None)

    outcomes = adapter().perform(SALES, [Transition(f"k{n}", str(n), None, "confirm") for n in (1, 2, 3)])

    assert wire.calls("model.sale.sale.quote")[0][0] == [1]
    assert sorted(each for params in wire.calls("model.sale.sale.confirm") for each in params[0]) == [1, 2]
    assert [type(each.error) for each in outcomes] == [type(None), type(None), Locked]


VARIANTS = {
    "the only variant's code is its template's": ({}, {"code": "W2"}, {}),
    "a variant's code is the template's with a suffix": ({"suffix_code": "1"}, {}, {"suffix_code": "2"}),
}


@pytest.mark.parametrize(("held", "template", "variant"), VARIANTS.values(), ids=VARIANTS)
def test_a_code_is_written_where_it_is_kept(
    wire: Wire, held: dict[str, Any], template: dict[str, Any], variant: dict[str, Any]
) -> None:
    row = product(1, **held)
    row["template."]["code"] = "W"
    wire.says("model.product.product.search_read", [row])
    wire.says("model.product.template.write", None)

    adapter().update(PRODUCTS, [Patch("key", "1", None, {"code": "W2"})])

    target, values, context = wire.calls("model.product.template.write")[0]
    assert target == [10]
    assert {name: value for name, value in values.items() if name != "products"} == template
    assert values["products"] == [["write", [1], variant]]
    assert context["_timestamp"] == {"product.product,1": STAMP, "product.template,10": STAMP}


def test_a_name_that_a_process_of_the_server_shows_late_is_another_version(wire: Wire) -> None:
    renamed = product(1)
    renamed["template."]["name"] = "Gadget"
    wire.says("model.product.product.search_read", [product(1)], [renamed])
    erp = adapter()

    stale, fresh = (erp.scan(PRODUCTS, None).remotes[0] for _ in range(2))

    assert stale.version != fresh.version


@pytest.mark.parametrize(
    ("languages", "more"),
    [
        pytest.param(["en"], {"fuzzy_translation"}, id="English is the only language"),
        pytest.param(["en", "fr"], set(), id="English may be a translation"),
    ],
)
def test_a_name_is_read_past_what_a_process_of_the_server_remembers(
    wire: Wire, languages: list[str], more: set[str]
) -> None:
    wire.says("model.ir.lang.search_read", [{"id": number, "code": code} for number, code in enumerate(languages)])
    wire.says("model.product.product.search_read", [product(1)])

    adapter().scan(PRODUCTS, None)

    context = wire.calls("model.product.product.search_read")[0][-1]
    assert context.keys() - {"company", "language", "active_test"} == more


GOES = {
    "a template goes with its only variant": ([1], "model.product.template.delete", [10]),
    "one variant of several goes alone": ([1, 2], "model.product.product.delete", [1]),
}


@pytest.mark.parametrize(("variants", "method", "ids"), GOES.values(), ids=GOES)
def test_no_more_is_deleted_than_was_asked_for(wire: Wire, variants: list[int], method: str, ids: list[int]) -> None:
    row = product(1)
    row["template."]["products"] = variants
    wire.says("model.product.product.search_read", [row])
    wire.says(method, None)

    adapter().delete(PRODUCTS, [Removal("key", "1", None)])

    assert [params[0] for params in wire.calls(method)] == [ids]


def adjustment(**changes: Any) -> dict[str, Any]:
    move = {"id": 9, "_timestamp": STAMP, "product": 7, "quantity": 3.0, "from_location": 3, "to_location": 4}
    own = {"number": "12", "reference": "connector:adj-1", "state": "done", "effective_date": None}
    return {"id": 8, "_timestamp": STAMP, "write_uid": ME, "create_uid": ME, **own, "moves.": [move], **changes}


def test_an_adjustment_is_a_movement_that_is_posted_at_once(wire: Wire) -> None:
    model = "model.stock.shipment.internal"
    wire.says(f"{model}.create", [8])
    wire.says(f"{model}.search_read", [adjustment()])
    for button in ("wait", "assign_force", "do"):
        wire.says(f"{model}.{button}", None)
    lost = {"product": 7, "warehouse": "MAIN", "quantity": -3, "effective_date": "2026-11-20"}

    outcome = adapter().create(MOVES, [Draft("key", lost, "adj-1")])[0]

    sent = wire.calls(f"{model}.create")[0][0][0]
    assert (sent["reference"], sent["from_location"], sent["to_location"]) == ("connector:adj-1", 3, 4)
    assert [name for name, _ in wire.called if name.endswith((".wait", ".assign_force", ".do"))][-1] == f"{model}.do"
    assert (outcome.body or {})["quantity"] == -3.0


def test_an_adjustment_that_cannot_be_posted_is_taken_back(wire: Wire) -> None:
    model = "model.stock.shipment.internal"
    wire.says(f"{model}.create", [8])
    wire.says(f"{model}.wait", None)
    wire.says(f"{model}.assign_force", user_error("The period is closed."))
    wire.says(f"{model}.cancel", None)
    wire.says(f"{model}.delete", None)

    outcome = adapter().create(MOVES, [Draft("key", {"product": 7, "warehouse": "MAIN", "quantity": 1}, "adj-1")])[0]

    assert isinstance(outcome.error, Rejected)
    assert wire.calls(f"{model}.delete")[0][0] == [8]


def test_an_adjustment_that_was_made_before_the_server_went_away_is_not_told_as_not_sent(wire: Wire) -> None:
    model = "model.stock.shipment.internal"
    wire.says(f"{model}.create", [8])
    wire.says(f"{model}.wait", requests.ConnectTimeout("gone"))

    outcome = adapter().create(MOVES, [Draft("key", {"product": 7, "warehouse": "MAIN", "quantity": 1}, "adj-1")])[0]

    assert isinstance(outcome.error, OutcomeUnknown)


def test_an_adjustment_whose_posting_was_cut_is_posted_when_it_is_looked_up(wire: Wire) -> None:
    model = "model.stock.shipment.internal"
    wire.says(f"{model}.search_read", [adjustment(state="waiting")], [adjustment()])
    wire.says(f"{model}.assign_force", None)
    wire.says(f"{model}.do", None)

    found = adapter().find(MOVES, "external_id", ["adj-1"])

    assert [(each.body or {})["state"] for each in found] == ["done"]
    assert [params[0] for params in wire.calls(f"{model}.do")] == [[8]]


def test_a_level_is_what_lies_there_and_what_waits_to_leave_or_come(wire: Wire) -> None:
    day = {"__class__": "date", "year": 2026, "month": 12, "day": 1}
    wire.says("model.product.product.search_read", [{"id": 7, "code": "W1"}])
    wire.says("model.product.product.read", [{"id": 7, "quantity": 0.1 + 0.2}])
    moved = {"product": 7, "planned_date": day}
    rows = [
        {**moved, "internal_quantity": 2.0, "from_location": 3, "to_location": 2},
        {**moved, "internal_quantity": 0.2, "from_location": 2, "to_location": 99},
        {**moved, "internal_quantity": 5.0, "from_location": 98, "to_location": 3},
    ]
    wire.says("model.stock.move.search_read", rows)

    remote = adapter().scan(LEVELS, None).remotes[0]

    body = remote.body or {}
    assert (remote.id, body["warehouse"], body["sku"]) == ("7-5", "MAIN", "W1")
    told = [body[name] for name in ("on_hand", "reserved", "available", "incoming", "expected_on")]
    assert told == ["0.3", "0.2", "0.1", "5", "2026-12-01"]
