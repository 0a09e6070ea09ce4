"""What the Odoo adapter sends when it writes, and what it makes of the answers of a real Odoo."""

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from connector.errors import NotFound, OutcomeUnknown, Rejected, VersionConflict
from connector.records import Draft, Patch, Removal, Resource, Transition, Version
from tests.adapters.odoo_wire import STAMP, Wire, odoo, refusal

PEOPLE = Resource("res.partner", (), ("name", "email", "x_connector_id"))
ORDERS = Resource("sale.order", (), ("state", "order_line.product_uom_qty"))
YES = True
DONE = {"messages": [], "nextrow": 0}


def row(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": "A",
        "email": False,
        "x_connector_id": False,
        "active": True,
        "write_date": STAMP,
    } | values


def error(record: int, message: str) -> dict[str, Any]:
    return {"rows": {"from": record, "to": record}, "type": "error", "record": record, "message": message}


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock() as mock:
        yield Wire(mock)


def test_a_create_is_an_import_under_an_external_id_that_leaves_what_exists_alone(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.partner", "load", {"ids": [7], **DONE})
    wire.answers("res.partner", "read", [row(7, x_connector_id="acc-1")])

    (outcome,) = odoo().create(PEOPLE, [Draft("k.1", {"name": "A", "is_company": True, "email": None}, "acc-1")])

    (asked,) = wire.calls("load")
    assert asked["fields"] == ["id", "name", "is_company", "x_connector_id"]
    assert asked["data"] == [["crm_erp_connector.k_1", "A", "1", "acc-1"]]
    assert (asked["context"]["mode"], asked["context"]["noupdate"]) == ("update", True)
    assert (outcome.id, outcome.error, outcome.body and outcome.body["x_connector_id"]) == ("7", None, "acc-1")


def test_codes_become_the_numbers_of_what_is_in_use(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.country", "search", [57])
    wire.answers("res.partner", "load", {"ids": [7], **DONE})
    wire.answers("res.partner", "read", [row(7)])

    odoo().create(PEOPLE, [Draft("k", {"name": "A", "country_id": {"code": "DE"}})])

    (asked,) = wire.calls("load")
    assert dict(zip(asked["fields"], asked["data"][0], strict=True))["country_id/.id"] == "57"


def test_a_code_that_is_not_there_fails_its_record_alone(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.country", "search", [])
    wire.answers("res.partner", "load", {"ids": [8], **DONE})
    wire.answers("res.partner", "read", [row(8)])
    drafts = [Draft("a", {"name": "A", "country_id": {"code": "QQ"}}), Draft("b", {"name": "B"})]

    outcomes = odoo().create(PEOPLE, drafts)

    assert isinstance(outcomes[0].error, Rejected)
    assert "create it" not in str(outcomes[0].error)
    assert (outcomes[1].id, outcomes[1].error) == ("8", None)


def test_one_wrong_record_is_left_out_and_what_it_holds_is_not_shown(wire: Wire) -> None:
    wire.describes("res.partner")
    # Odoo blames the first record besides, though only the second is wrong.
    refused = {"ids": False, "messages": [error(0, "no"), error(1, "'secret@acme.test' is taken")], "nextrow": 0}
    alone = {"ids": False, "messages": [error(0, "'secret@acme.test' is taken")], "nextrow": 0}
    wire.answers("res.partner", "load", refused, {"ids": [7], **DONE}, alone)
    wire.answers("res.partner", "read", [row(7)])

    outcomes = odoo().create(PEOPLE, [Draft("a", {"name": "A"}), Draft("b", {"name": "secret@acme.test"})])

    assert (outcomes[0].id, outcomes[0].error) == ("7", None)
    assert isinstance(outcomes[1].error, Rejected)
    assert "secret@acme.test" not in str(outcomes[1].error)


def test_what_an_import_does_not_report_is_unknown(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.partner", "load", {"ids": [7], **DONE})
    wire.answers("res.partner", "read", [row(7)])

    outcomes = odoo().create(PEOPLE, [Draft("a", {"name": "A"}), Draft("b", {"name": "B"})])

    assert isinstance(outcomes[1].error, OutcomeUnknown)


def test_a_record_that_moved_since_it_was_read_is_not_written(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.partner", "read", [row(7, name="A person was faster")])

    (outcome,) = odoo().update(PEOPLE, [Patch("k", "7", Version("what was read"), {"name": "B"})])

    assert isinstance(outcome.error, VersionConflict)
    assert wire.calls("load") == []


def test_changes_of_many_records_are_one_import_and_are_read_again(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.partner", "read", [row(7), row(8)], [row(7, email="a@x.test"), row(8, email="b@x.test")])
    wire.answers("res.partner", "load", {"ids": [7, 8], **DONE})
    patches = [Patch("a", "7", None, {"email": "a@x.test"}), Patch("b", "8", None, {"email": "b@x.test"})]

    outcomes = odoo().update(PEOPLE, [*patches, Patch("c", "9", None, {"email": "c@x.test"})])

    assert wire.calls("load")[0]["data"] == [["7", "a@x.test"], ["8", "b@x.test"]]
    assert [each.body and each.body["email"] for each in outcomes[:2]] == ["a@x.test", "b@x.test"]
    assert isinstance(outcomes[2].error, NotFound)


def test_lines_are_changed_added_and_taken_away_one_by_one(wire: Wire) -> None:
    wire.describes("sale.order", "sale.order.line")
    lines = [{"id": number, "product_uom_qty": 2.0, "display_type": False, "write_date": STAMP} for number in (1, 2, 3)]
    wire.answers("sale.order.line", "read", lines)
    wire.answers("sale.order", "read", [{"id": 5, "state": "draft", "order_line": [1, 2, 3], "write_date": STAMP}])
    wire.answers("sale.order", "write", YES)
    wanted = [{"id": 1, "product_uom_qty": 2.0}, {"id": 2, "product_uom_qty": 7}, {"product_uom_qty": 1}]

    odoo().update(ORDERS, [Patch("k", "5", None, {"order_line": wanted})])

    (asked,) = wire.calls("write")
    assert asked["ids"] == [5]
    assert asked["vals"] == {
        "order_line": [[2, 3, 0], [1, 2, {"product_uom_qty": 7}], [0, 0, {"product_uom_qty": 1}]],
    }


def test_a_field_that_can_only_be_read_is_not_written(wire: Wire) -> None:
    wire.describes("sale.order", "sale.order.line")
    wire.answers("sale.order", "read", [{"id": 5, "state": "draft", "order_line": [], "write_date": STAMP}])

    (outcome,) = odoo().update(ORDERS, [Patch("k", "5", None, {"state": "sale"})])

    assert "`read_only: true`" in str(outcome.error)


@pytest.mark.parametrize(
    "answer", [True, False, None, {"type": "ir.actions.act_window", "res_model": "confirm.stock.sms"}]
)
def test_an_action_that_changed_nothing_is_not_done_whatever_odoo_says(wire: Wire, answer: Any) -> None:
    wire.describes("sale.order", "sale.order.line")
    wire.answers("sale.order", "read", [{"id": 5, "state": "draft", "order_line": [], "write_date": STAMP}])
    wire.answers("sale.order", "action_confirm", answer)

    (outcome,) = odoo().perform(ORDERS, [Transition("k", "5", None, "action_confirm")])

    assert isinstance(outcome.error, Rejected)
    assert "changed nothing" in str(outcome.error)


def test_an_action_is_done_when_the_record_shows_it(wire: Wire) -> None:
    wire.describes("sale.order", "sale.order.line")
    before = {"id": 5, "state": "draft", "order_line": [], "write_date": STAMP}
    wire.answers("sale.order", "read", [before], [{**before, "state": "sale"}])
    wire.answers("sale.order", "action_confirm", YES)

    (outcome,) = odoo().perform(ORDERS, [Transition("k", "5", None, "action_confirm")])

    assert (outcome.error, outcome.body and outcome.body["state"]) == (None, "sale")


WAYS = {
    "a draft is sent": ("draft", ["action_quotation_sent"]),
    "a sales order is taken back first": ("sale", ["action_cancel", "action_draft", "action_quotation_sent"]),
}


@pytest.mark.parametrize(("state", "methods"), WAYS.values(), ids=WAYS)
def test_a_quotation_is_made_of_an_order_as_a_person_would(wire: Wire, state: str, methods: list[str]) -> None:
    wire.describes("sale.order", "sale.order.line")
    before = {"id": 5, "state": state, "order_line": [], "write_date": STAMP}
    wire.answers("sale.order", "read", [before], [{**before, "state": "sent"}])
    for method in methods:
        wire.answers("sale.order", method, YES)

    (outcome,) = odoo().perform(ORDERS, [Transition("k", "5", None, "quote")])

    assert outcome.error is None
    assert [method for _, method, _ in wire.asked if method.startswith("action_")] == methods


def test_what_somebody_else_deleted_meanwhile_is_deleted(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.partner", "read", [row(7)])
    wire.answers("res.partner", "unlink", refusal("odoo.exceptions.MissingError", "Record does not exist"), status=404)

    assert odoo().delete(PEOPLE, [Removal("k", "7", None)])[0].error is None


def test_a_delete_that_the_database_forbids_is_refused(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.partner", "read", [row(7)])
    said = refusal("odoo.exceptions.ValidationError", "Another model is using the record")
    wire.answers("res.partner", "unlink", said, status=422)

    assert isinstance(odoo().delete(PEOPLE, [Removal("k", "7", None)])[0].error, Rejected)
