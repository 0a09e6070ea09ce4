"""Two mappings side by side, in words."""

from connector.mappings.table import MappingLine, side_by_side
from connector.records import Side
from tests.mappings.tables import ENTITIES, bundled, changed


def lines(name: str) -> dict[str, MappingLine]:
    found = side_by_side(ENTITIES[name], bundled(Side.CRM, name), bundled(Side.ERP, name))
    return {line.field: line for line in found}


def test_every_field_stands_between_its_two_paths() -> None:
    assert [(line.crm, line.erp) for line in lines("customer").values()][:3] == [
        ("erpNumber", "code"),
        ("name", "name"),
        ("vatId", "vat"),
    ]


def test_owners_policies_and_first_contact_are_words() -> None:
    customer = lines("customer")

    assert customer["phone"][3:6] == ("both ways", "ask", "CRM wins")
    assert customer["credit_limit"][3:6] == ("ERP to CRM", "ERP wins", "ERP wins")
    assert lines("stock_adjustment")["note"][3:6] == ("CRM to ERP", "CRM wins", "CRM wins")
    assert lines("order")["status"][3:6] == ("both ways", "lifecycle", "ERP wins")


def test_notes_say_what_is_special() -> None:
    assert lines("customer")["phone"].notes == "personal; CRM: kept as fold; ERP: kept as e164"
    assert lines("customer")["primary_contact"].notes == "written once both records exist"
    assert lines("order")["status"].notes == "ERP: by reopen; ERP: by confirm; ERP: by request_cancel; ERP: by cancel"
    assert lines("order")["tax"].notes == "moves with totals; ERP: read-only"
    assert lines("stock_adjustment")["quantity"].notes == "required; CRM: only on create; ERP: only on create"


def test_parts_stand_below_their_list() -> None:
    order = lines("order")

    names = list(order)
    assert names[names.index("lines") + 1] == "lines.product"
    assert (order["lines.quantity"].crm, order["lines.quantity"].erp) == ("lines.quantity", "lines.qty")
    assert order["lines.quantity"].notes == "required"


def test_a_field_of_one_side_only_is_not_shared() -> None:
    erp = changed(Side.ERP, {"website": None})

    (website,) = [
        line for line in side_by_side(erp.entity, bundled(Side.CRM, "customer"), erp) if line.field == "website"
    ]

    assert website[:4] == ("website", "website", "", "not shared")
    assert website.policy == ""
