"""What the Odoo adapter makes of what a real Odoo answers to reads."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import responses

from connector.errors import AuthenticationFailed, ConfigError, ProtocolError, SystemDown
from connector.records import Presence, Resource
from tests.adapters.odoo_wire import STAMP, URL, Wire, odoo, refusal

PEOPLE = Resource("res.partner", (), ("name", "email", "country_id.code", "credit_limit", "parent_id"))
ORDERS = Resource("sale.order", (), ("partner_id", "order_line.product_id", "order_line.name"))
ROW = {
    "id": 7,
    "name": "ACME",
    "email": False,
    "country_id": 57,
    "credit_limit": 0.0,
    "parent_id": False,
    "active": True,
    "write_date": STAMP,
}


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock() as mock:
        yield Wire(mock)


def test_false_is_nothing_but_for_numbers_and_truths(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.partner", "search_read", [ROW])
    wire.answers("res.country", "search_read", [{"id": 57, "code": "DE"}])

    (remote,) = odoo().scan(PEOPLE, None).remotes

    assert remote.body == {
        "id": 7,
        "name": "ACME",
        "email": None,
        "country_id": {"code": "DE"},
        "credit_limit": 0.0,
        "parent_id": None,
        "active": True,
    }
    assert (remote.id, remote.modified) == ("7", datetime(2026, 11, 26, 6, 50, tzinfo=UTC))


def test_only_what_the_mapping_reads_is_asked_for_archived_records_too(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.partner", "search_read", [])

    odoo().scan(PEOPLE, None)

    (asked,) = wire.calls("search_read")
    assert asked["fields"] == ["active", "country_id", "credit_limit", "email", "name", "parent_id", "write_date"]
    assert asked["context"]["active_test"] is False
    assert asked["load"] is None


def test_the_next_window_begins_before_this_one_by_the_longest_transaction(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.partner", "search_read", [])
    adapter = odoo(overlap=60)

    adapter.scan(PEOPLE, adapter.scan(PEOPLE, None).cursor)

    # The server's clock said 06:55:51 at the end of the first answer.
    window = wire.calls("search_read")[1]["domain"][0]
    assert window[:2] == ["write_date", ">="]
    assert "2026-11-26 06:54:45" <= window[2] <= "2026-11-26 06:54:50"


def test_a_change_of_a_line_is_a_change_of_its_order(wire: Wire) -> None:
    wire.describes("sale.order", "sale.order.line")
    wire.answers("sale.order", "search_read", [])
    adapter = odoo()

    adapter.scan(ORDERS, adapter.scan(ORDERS, None).cursor)

    domain = wire.calls("search_read")[1]["domain"]
    assert domain[0] == "|"
    assert [each[0] for each in domain[1:]] == ["write_date", "order_line.write_date", "id"]


def test_pages_go_on_behind_the_last_number(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.country", "search_read", [{"id": 57, "code": "DE"}])
    wire.answers("res.partner", "search_read", [ROW, {**ROW, "id": 9}], [])
    adapter = odoo(page_size=2)

    first = adapter.scan(PEOPLE, None)
    second = adapter.scan(PEOPLE, first.cursor)

    assert (first.more, second.more) == (True, False)
    assert [each["domain"][-1] for each in wire.calls("search_read") if each.get("order")] == [
        ["id", ">", 0],
        ["id", ">", 9],
    ]


def test_a_line_shows_only_what_people_wrote_and_notes_are_no_lines(wire: Wire) -> None:
    wire.describes("sale.order", "sale.order.line")
    wire.answers(
        "sale.order", "search_read", [{"id": 3, "partner_id": 7, "order_line": [1, 2, 4], "write_date": STAMP}]
    )
    lines: list[dict[str, Any]] = [
        {"id": 1, "product_id": 5, "name": "[W-1] Widget\nin blue", "display_type": False, "write_date": STAMP},
        {"id": 2, "product_id": False, "name": "Call before", "display_type": "line_note", "write_date": STAMP},
        {"id": 4, "product_id": 5, "name": "[W-1] An older name", "display_type": False, "write_date": STAMP},
    ]
    wire.answers("sale.order.line", "read", lines)
    product = {"id": 5, "display_name": "[W-1] Widget", "default_code": "W-1", "description_sale": False}
    wire.answers("product.product", "search_read", [product])

    (order,) = odoo().scan(ORDERS, None).remotes

    assert order.body is not None
    assert [(line["id"], line["name"]) for line in order.body["order_line"]] == [(1, "in blue"), (4, None)]


def test_hidden_and_missing_are_told_apart(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.country", "search_read", [{"id": 57, "code": "DE"}])
    hidden = (403, refusal("odoo.exceptions.AccessError", "You are not allowed to access 'Contact' records"))
    # All three, the first alone, the two others, and each of those.
    wire.answers("res.partner", "read", hidden, [ROW], hidden, hidden, [])

    fetched = odoo().fetch(PEOPLE, ["7", "8", "9", "not a number"])

    told = [each.presence for each in fetched]
    assert told == [Presence.PRESENT, Presence.FORBIDDEN, Presence.ABSENT, Presence.ABSENT]


def test_a_list_that_may_not_be_read_ends_the_run(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.partner", "search_read", refusal("odoo.exceptions.AccessError", "no"), status=403)

    with pytest.raises(AuthenticationFailed, match="give their user the rights"):
        odoo().scan(PEOPLE, None)


def test_a_field_that_is_not_there_is_a_fault_of_the_configuration(wire: Wire) -> None:
    wire.describes("res.partner")

    with pytest.raises(ConfigError, match="no field x_tier; create it with: connector init --prepare"):
        odoo().scan(Resource("res.partner", (), ("x_tier",)), None)


def test_a_model_that_is_not_there_names_the_missing_module(wire: Wire) -> None:
    said = refusal("werkzeug.exceptions.NotFound", "the model 'crm.lead' does not exist")
    wire.answers("crm.lead", "fields_get", said, status=404)

    with pytest.raises(ConfigError, match=r"no model crm\.lead; install the module"):
        odoo().describe("crm.lead")


def test_a_500_that_names_a_wrong_request_is_no_outage(wire: Wire) -> None:
    wire.describes("res.partner")
    wire.answers("res.partner", "search_read", refusal("builtins.ValueError", "Invalid field 'zzz'"), status=500)

    with pytest.raises(ProtocolError, match="ValueError"):
        odoo().scan(PEOPLE, None)


def test_a_500_of_a_busy_database_is_an_outage(wire: Wire) -> None:
    wire.describes("res.partner")
    said = refusal("psycopg2.errors.SerializationFailure", "could not serialize access")
    wire.answers("res.partner", "search_read", said, status=500)

    with pytest.raises(SystemDown):
        odoo().scan(PEOPLE, None)


def test_the_key_and_the_database_travel_in_the_head(wire: Wire) -> None:
    wire.answers("res.company", "search_read", [{"id": 1, "create_date": "2026-11-26 06:38:47"}])

    who = odoo().identify()

    request = wire.requests[0]
    assert request.headers["Authorization"] == "bearer secret-key"
    assert request.headers["X-Odoo-Database"] == "erp"
    assert who.clock == datetime(2026, 11, 26, 6, 55, 51, tzinfo=UTC)
    assert who.tenant == "company 1 of 2026-11-26 06:38:47"
    assert request.url == f"{URL}/json/2/res.company/search_read"
