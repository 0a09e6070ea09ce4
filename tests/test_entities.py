"""The canonical entities as the engine asks them."""

from connector.entities import Entity, read_catalogue

ORDER = Entity.model_validate({"name": "order", **read_catalogue()["order"]})
CUSTOMER = Entity.model_validate({"name": "customer", **read_catalogue()["customer"]})


def test_a_field_without_a_group_is_a_group_of_its_own() -> None:
    assert ORDER.groups["status"] == ("status",)
    assert ORDER.groups["totals"] == ("subtotal", "tax", "total")


def test_references_name_the_entity_they_point_to() -> None:
    assert ORDER.references == {"customer": "customer", "contact": "contact"}
    assert ORDER.part_references == {"lines": {"product": "product"}}


def test_parents_include_those_of_parts_but_not_deferred_ones() -> None:
    assert ORDER.parents == {"customer", "contact", "product"}
    assert CUSTOMER.parents == frozenset()


def test_personal_fields_are_marked() -> None:
    assert {name for name, rule in CUSTOMER.fields.items() if rule.personal} >= {"email", "phone", "notes"}


def test_every_bundled_entity_is_valid() -> None:
    for name, definition in read_catalogue().items():
        entity = Entity.model_validate({"name": name, **definition})
        assert all(field in entity.fields for key in entity.match for field in key.fields)
