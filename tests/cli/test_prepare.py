"""What a live system lacks is named before the first write, and made after a yes."""

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from connector.cli import check, prepare
from connector.context import System
from connector.mappings.compile import compile_mapping
from connector.mappings.loader import load_entities, load_system
from connector.records import Side
from tests.adapters.odoo_wire import Wire, odoo
from tests.cli.conftest import Terminal

FIELDS = {
    "name": {"type": "char"},
    "parent_id": {"type": "many2one", "relation": "res.partner"},
    "email": {"type": "char"},
    "phone": {"type": "char"},
    "function": {"type": "char"},
    "active": {"type": "boolean"},
    "is_company": {"type": "boolean"},
    "type": {"type": "selection", "selection": [["contact", "Contact"]]},
}
OURS = {"x_connector_id": {"type": "char"}, "x_connector_given_name": {"type": "char"}}


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock() as mock:
        yield Wire(mock)


def contacts(wire: Wire, fields: dict[str, Any]) -> System:
    """An Odoo whose contacts have these fields."""
    wire.answers("res.partner", "fields_get", fields)
    wire.answers("res.partner", "default_get", {})
    table = load_system("odoo").entities["contact"]
    return System("odoo", odoo(), {"contact": compile_mapping(load_entities({})["contact"], table, Side.ERP)})


def told(system: System) -> list[str]:
    return [found.message for found in check._fields(system, Side.ERP) if found.severity == "error"]


def test_the_fields_that_are_missing_are_told_once_each(wire: Wire) -> None:
    (lacking,) = prepare._lacking(contacts(wire, FIELDS), Side.ERP)

    assert lacking.resource == "res.partner/contacts"
    assert [field.name for field in lacking.fields] == ["x_connector_id", "x_connector_given_name"]


def test_where_nothing_is_missing_nothing_is_made(wire: Wire) -> None:
    assert list(prepare._lacking(contacts(wire, FIELDS | OURS), Side.ERP)) == []


def test_check_names_a_missing_marker_and_how_to_make_it(wire: Wire) -> None:
    wire.answers("res.partner", "has_access", *[True])

    (message,) = told(contacts(wire, FIELDS))

    assert "x_connector_id" in message
    assert "init --prepare" in message


def test_check_names_the_rights_that_the_mapping_needs_and_the_user_has_not(wire: Wire) -> None:
    # Of read, create, write, unlink: a contact is archived, never deleted.
    wire.answers("res.partner", "has_access", *[True, False, False, False])

    (message,) = told(contacts(wire, FIELDS | OURS))

    assert message.startswith("these credentials may not create or update here")


def test_check_names_a_field_that_is_not_there(wire: Wire) -> None:
    wire.answers("res.partner", "has_access", *[True])
    without = {name: about for name, about in (FIELDS | OURS).items() if name != "function"}

    (message,) = told(contacts(wire, without))

    assert "no field function" in message


def test_a_system_that_brings_everything_needs_no_preparation(live: Terminal) -> None:
    assert "Nothing is missing." in live.ok("init", "--prepare").out
