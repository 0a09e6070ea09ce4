"""Stock in Odoo: levels that are worked out of several models, adjustments that are posted transfers."""

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from connector.errors import Rejected
from connector.records import Draft, Presence, Resource
from tests.adapters.odoo_wire import STAMP, Wire, odoo, refusal

LEVELS, ADJUSTMENTS = Resource("stock.level"), Resource("stock.adjustment")
SHELF, SECOND_SHELF, BIN = 5, 14, 6
PRODUCT = {"active": {"type": "boolean"}, "write_date": {"type": "datetime"}}
PICKING = {
    "name": {"type": "char"},
    "state": {"type": "selection", "selection": [["done", "Done"]]},
    "origin": {"type": "char"},
    "note": {"type": "html"},
    "picking_type_id": {"type": "many2one", "relation": "stock.picking.type"},
    "move_ids": {"type": "one2many", "relation": "stock.move"},
    "location_id": {"type": "many2one", "relation": "stock.location"},
    "location_dest_id": {"type": "many2one", "relation": "stock.location"},
    "x_connector_id": {"type": "char"},
    "write_date": {"type": "datetime"},
}
MOVE = {
    "product_id": {"type": "many2one", "relation": "product.product"},
    "quantity": {"type": "float"},
    "product_uom_qty": {"type": "float"},
    "location_id": {"type": "many2one", "relation": "stock.location"},
    "location_dest_id": {"type": "many2one", "relation": "stock.location"},
    "write_date": {"type": "datetime"},
}
TAKEN = {"product_id": 390, "warehouse": "WH", "quantity": -2.5, "origin": "Sample"}


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Wire(mock)


def quants(product: int, location: int, quantity: float, reserved: float) -> dict[str, Any]:
    place = {"product_id": [product, "[P] Product"], "location_id": [location, "WH/Stock"], "__count": 1}
    return {**place, "quantity": quantity, "reserved_quantity": reserved}


@pytest.fixture
def house(wire: Wire) -> Wire:
    """A warehouse with two places, and another one into which something is on its way."""
    places = [{"id": SHELF, "warehouse_id": 1}, {"id": BIN, "warehouse_id": 1}, {"id": SECOND_SHELF, "warehouse_id": 2}]
    wire.answers("stock.location", "search_read", [{**each, "usage": "internal"} for each in places])
    wire.answers("stock.quant", "read_group", [quants(390, SHELF, 0.1, 0.0), quants(390, BIN, 0.2, 0.05)])
    ever = {"product_id": [390, ""], "location_dest_id": [SHELF, ""], "__count": 3}
    coming = {"product_id": [390, ""], "location_dest_id": [SECOND_SHELF, ""], "__count": 1}
    wire.answers(
        "stock.move", "read_group", [ever, coming], [{**coming, "product_qty": 12.0, "date": "2026-12-01 08:00:00"}]
    )
    wire.answers("product.product", "search_read", [{"id": 390, "default_code": "P-390"}])
    wire.answers("stock.warehouse", "search_read", [{"id": 1, "code": "WH"}, {"id": 2, "code": "W2"}])
    wire.answers("product.product", "search", [390])
    wire.answers("product.product", "fields_get", PRODUCT)
    return wire


def test_a_level_is_the_sum_of_its_quants_rounded_to_what_people_measure(house: Wire) -> None:
    here, there = (each.body for each in odoo().scan(LEVELS, None).remotes)

    assert here == {
        "id": "390-1",
        "product_id": 390,
        "default_code": "P-390",
        "warehouse": "WH",
        "on_hand": 0.3,
        "reserved": 0.05,
        "available": 0.25,
        "incoming": 0.0,
        "expected_on": None,
    }
    assert there is not None
    assert (there["on_hand"], there["incoming"], there["expected_on"]) == (0.0, 12.0, "2026-12-01")


def test_a_level_whose_product_is_hidden_is_not_absent(house: Wire) -> None:
    house.answers("product.product", "read", refusal("odoo.exceptions.AccessError", "hidden"), status=403)

    assert odoo().fetch(LEVELS, ["391-1"])[0].presence is Presence.FORBIDDEN


def test_a_level_of_a_product_that_is_gone_is_absent(house: Wire) -> None:
    house.answers("product.product", "read", [])

    assert odoo().fetch(LEVELS, ["391-1"])[0].presence is Presence.ABSENT


@pytest.fixture
def transfers(wire: Wire) -> Wire:
    """What making one transfer asks for."""
    wire.answers("stock.picking", "fields_get", PICKING)
    wire.answers("stock.move", "fields_get", MOVE)
    wire.answers("stock.picking.type", "fields_get", {"warehouse_id": {"type": "many2one"}})
    wire.answers("stock.warehouse", "search", [1])
    wire.answers("stock.warehouse", "read", [{"id": 1, "lot_stock_id": SHELF, "int_type_id": 7}])
    wire.answers("product.product", "read", [{"id": 390, "property_stock_inventory": 11}])
    wire.answers("stock.picking", "load", {"ids": [4], "messages": [], "nextrow": 0})
    wire.answers("stock.picking.type", "search_read", [{"id": 7, "warehouse_id": 1}])
    wire.answers("stock.warehouse", "search_read", [{"id": 1, "code": "WH"}])
    wire.answers(
        "stock.location", "search_read", [{"id": SHELF, "usage": "internal"}, {"id": 11, "usage": "inventory"}]
    )
    line = {"id": 9, "product_id": 390, "quantity": 2.5, "location_dest_id": 11, "write_date": STAMP}
    wire.answers("stock.move", "read", [line])
    wire.answers("stock.picking", "write", {})
    wire.answers("stock.picking", "button_validate", {})
    return wire


def transfer(state: str) -> dict[str, Any]:
    said = {"name": "WH/INT/00001", "origin": "Sample", "note": False, "x_connector_id": "adj-1", "write_date": STAMP}
    return {"id": 4, "state": state, "picking_type_id": 7, "move_ids": [9], **said}


def test_what_is_taken_goes_from_the_shelf_to_the_losses_and_is_posted(transfers: Wire) -> None:
    transfers.answers("stock.picking", "read", [transfer("draft")], [transfer("done")])

    (outcome,) = odoo().create(ADJUSTMENTS, [Draft("key", TAKEN, "adj-1")])

    (sheet,) = transfers.calls("load")
    cells = dict(zip(sheet["fields"], sheet["data"][0], strict=True))
    assert (cells["id"], cells["location_id/.id"], cells["location_dest_id/.id"]) == (
        "crm_erp_connector.key",
        "5",
        "11",
    )
    assert cells["move_ids/product_uom_qty"] == "2.5"
    assert outcome.error is None
    assert outcome.body is not None
    assert (outcome.body["quantity"], outcome.body["warehouse"], outcome.body["name"]) == (-2.5, "WH", "WH/INT/00001")


def test_a_transfer_that_was_posted_before_is_left_alone(transfers: Wire) -> None:
    transfers.answers("stock.picking", "read", [transfer("done")])

    (outcome,) = odoo().create(ADJUSTMENTS, [Draft("key", TAKEN, "adj-1")])

    assert outcome.id == "4"
    assert transfers.calls("button_validate") == []


def test_a_transfer_that_odoo_does_not_post_is_taken_away_again(transfers: Wire) -> None:
    transfers.answers("stock.picking", "read", [transfer("draft")])
    transfers.answers("stock.picking", "unlink", {})

    (outcome,) = odoo().create(ADJUSTMENTS, [Draft("key", TAKEN, "adj-1")])

    assert isinstance(outcome.error, Rejected)
    assert transfers.calls("unlink")[0]["ids"] == [4]


def test_a_movement_of_nothing_is_refused_before_anything_is_made(transfers: Wire) -> None:
    (outcome,) = odoo().create(ADJUSTMENTS, [Draft("key", {**TAKEN, "quantity": 0}, "adj-1")])

    assert isinstance(outcome.error, Rejected)
    assert transfers.calls("load") == []
