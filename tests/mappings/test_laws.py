"""The proofs: round trips, live schemas, and pairs of tables."""

from typing import Any

import pytest

from connector.entities import Type
from connector.errors import ConfigError
from connector.mappings import columns
from connector.mappings.compile import Translator, compile_mapping
from connector.mappings.converters import Converter
from connector.mappings.forms import find_form
from connector.mappings.laws import Finding, check_mapping, check_pair, check_schema
from connector.mappings.loader import load_entities
from connector.mappings.model import EntityMapping
from connector.records import LiveField, Side
from tests.mappings.tables import ENTITIES, IDS, TABLES, bundled, changed

CRM, ERP = bundled(Side.CRM, "customer"), bundled(Side.ERP, "customer")
SCHEMA = [
    LiveField("name", "text", nullable=False, length=80),
    LiveField("code", "text", read_only=True),
    LiveField("is_company", "boolean", nullable=False),
    *(LiveField(path, "text") for path in ERP.paths.values() if path not in {"name", "code", "is_company"}),
]


def told(findings: list[Finding], severity: str) -> set[tuple[str, str]]:
    return {(finding.field, finding.message) for finding in findings if finding.severity == severity}


def live(**changes: LiveField | None) -> list[LiveField]:
    """The ERP's schema with some fields different, or gone."""
    kept = {field.name: field for field in SCHEMA} | changes
    return [field for field in kept.values() if field is not None]


def thing(field: dict[str, Any], row: dict[str, Any], side: Side = Side.CRM) -> Translator:
    """A translator of an entity with one field beside its name."""
    entity = load_entities({"thing": {"fields": {"name": {}, "field": field}}})["thing"]
    table = EntityMapping.model_validate(
        {"resource": "things", "rows": {"name": "name", "field": {"path": "field", **row}}}
    )
    return compile_mapping(entity, table, side)


@pytest.mark.parametrize(("side", "name"), TABLES, ids=IDS)
def test_bundled_tables_keep_their_laws(side: Side, name: str) -> None:
    assert told(check_mapping(bundled(side, name)), "error") == set()


def test_what_gets_lost_is_named_before_the_first_write() -> None:
    assert told(check_mapping(ERP), "lossy") == {("name", "texts are cut after 80 characters")}
    assert told(check_mapping(bundled(Side.ERP, "order")), "lossy") == {("status", "has no counterpart for draft")}
    assert told(check_mapping(CRM), "lossy") == set()


@pytest.mark.parametrize(
    ("field", "row", "message"),
    [
        ({"type": "decimal"}, {"converter": "decimal_text(2)"}, "rounded to 2 digits after the point"),
        ({"type": "decimal", "scale": 3}, {"normal": ["round(2)"]}, "rounded to 2 digits after the point"),
        ({"type": "instant"}, {"converter": "instant_seconds"}, "parts of a second"),
        ({"type": "text"}, {"converter": "lowercase"}, "upper and lower case"),
        (
            {"type": "choice", "choices": ["a", "b"]},
            {"values": {"a": "X", "b": "X"}, "reverse": {"X": "a"}},
            "b read back as another value",
        ),
    ],
)
def test_a_loss_on_the_way_is_named(field: dict[str, Any], row: dict[str, Any], message: str) -> None:
    assert ("field", message) in told(check_mapping(thing(field, row)), "lossy")


def test_a_decimal_within_its_scale_is_not_lost() -> None:
    translator = thing({"type": "decimal", "scale": 2}, {"converter": "decimal_text(2)"})

    assert check_mapping(translator) == []


@pytest.mark.parametrize(
    ("converter", "message"),
    [
        (
            Converter(lambda wire: f"{wire}!", str, frozenset((Type.TEXT,))),
            "mine reads back another value than it wrote",
        ),
        (Converter(lambda wire: int(wire[:0]), str, frozenset((Type.TEXT,))), "what mine writes cannot be read back"),
        (
            Converter(str.lower, lambda value: f" {value}", frozenset((Type.TEXT,))),
            "mine writes another value than it read",
        ),
    ],
)
def test_a_converter_that_breaks_its_laws_is_found(
    monkeypatch: pytest.MonkeyPatch, converter: Converter, message: str
) -> None:
    monkeypatch.setattr(columns, "find_converter", lambda _: converter)
    translator = thing({}, {"converter": "mine"})

    assert ("field", message) in told(check_mapping(translator), "error")


def test_a_normal_form_that_never_settles_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "find_form", lambda name: str.swapcase if name == "lower" else find_form(name))

    found = check_mapping(thing({}, {"normal": ["lower"]}))

    message = "writing back what was stored would change it again; look at `normal:`"
    assert ("field", message) in told(found, "error")


def test_a_constant_in_a_fields_place_is_found() -> None:
    translator = changed(Side.CRM, {"resource": {"constants": {"billingAddress.city": "Bonn"}}})

    assert {field for field, _ in told(check_mapping(translator), "error")} == {"billing_city"}


def test_a_fitting_schema_has_nothing_to_tell() -> None:
    assert check_schema(ERP, SCHEMA) == []


@pytest.mark.parametrize(
    ("changes", "severity", "field", "message"),
    [
        pytest.param(
            {"phone": None, "phones": LiveField("phones", "text")},
            "error",
            "phone",
            'the system has no field phone; did you mean "phones"?',
            id="an unknown field",
        ),
        pytest.param(
            {"vat": LiveField("vat", "text", read_only=True)},
            "error",
            "tax_id",
            "vat cannot be written there: say `read_only: true`",
            id="a read-only field",
        ),
        pytest.param(
            {"name": LiveField("name", "text", nullable=False, length=40)},
            "error",
            "name",
            "cut(80) is said, but name holds 40 characters",
            id="a shorter text than declared",
        ),
        pytest.param(
            {"payment_term": LiveField("payment_term", "text", length=2)},
            "error",
            "payment_terms",
            "payment_term holds only 2 characters",
            id="codes that do not fit",
        ),
        pytest.param(
            {"payment_term": LiveField("payment_term", "choice", choices=("0D", "14D", "30D"))},
            "error",
            "payment_terms",
            "payment_term does not know 60D",
            id="a code the system does not know",
        ),
        pytest.param(
            {"payment_term": LiveField("payment_term", "choice", choices=("0D", "14D", "30D", "60D", "90D"))},
            "lossy",
            "payment_terms",
            "90D of payment_term has no row: a record that holds it is parked",
            id="a code without a row",
        ),
        pytest.param(
            {"segment": LiveField("segment", "text", nullable=False)},
            "error",
            "",
            "the system asks for segment on create, and no row or constant gives it",
            id="a required field without a row",
        ),
    ],
)
def test_what_does_not_fit_the_live_schema_is_told(
    changes: dict[str, LiveField | None], severity: str, field: str, message: str
) -> None:
    assert told(check_schema(ERP, live(**changes)), severity) == {(field, message)}


@pytest.mark.parametrize("name", ["x_tier", "x_*"])
def test_a_free_field_may_be_listed_or_stood_for(name: str) -> None:
    entities = {"customer": {"fields": {"tier": {}}}}
    translator = changed(Side.ERP, {"tier": {"path": "x_tier"}}, entities=entities)

    assert check_schema(translator, live(extra=LiveField(name, "text"))) == []
    assert told(check_schema(translator, SCHEMA), "error") == {("tier", "the system has no field x_tier")}


def test_a_field_within_a_free_object_need_not_be_listed() -> None:
    translator = thing({}, {"path": "custom.tier"})

    assert check_schema(translator, [LiveField("name", "text"), LiveField("custom", "scalars")]) == []


def test_choices_without_codes_are_their_own_codes() -> None:
    translator = thing({"type": "choice", "choices": ["a", "b"]}, {})

    found = check_schema(translator, [LiveField("name", "text"), LiveField("field", "choice", choices=("a", "c"))])

    assert told(found, "error") == {("field", "field does not know b")}
    assert told(found, "lossy") == {("field", "c of field has no row: a record that holds it is parked")}


def test_parts_are_held_against_the_schema_too() -> None:
    order = bundled(Side.CRM, "order")
    paths = [*order.paths.values(), "lines.lineId", "lines.productId", "lines.quantity", "lines.unitPrice"]
    schema = [LiveField(path, "any") for path in paths]

    assert {field for field, _ in told(check_schema(order, schema), "error")} == {"lines.description", "lines.discount"}


@pytest.mark.parametrize("name", list(ENTITIES))
def test_the_bundled_tables_fit_each_other(name: str) -> None:
    assert check_pair(bundled(Side.CRM, name), bundled(Side.ERP, name)) == []


def test_a_field_that_only_one_side_has_is_told() -> None:
    erp = changed(Side.ERP, {"website": None, "billing_city": None})

    assert told(check_pair(CRM, erp), "lossy") == {
        ("website", "is not shared: only crm has a row for it"),
        ("billing_city", "is not shared: only crm has a row for it"),
        ("billing_address", "the group moves without billing_city, which not both sides have a row for"),
    }


def test_an_edit_that_can_never_arrive_is_told() -> None:
    erp = changed(Side.ERP, {"phone": {"read_only": True}})

    assert told(check_pair(CRM, erp), "lossy") == {
        ("phone", "edits on crm cannot reach erp, where it is read-only; give it `owner: erp`")
    }


def test_normal_forms_that_keep_two_sides_apart_are_told() -> None:
    crm, erp = thing({}, {"normal": ["lower"]}), thing({}, {"normal": ["upper"]}, Side.ERP)

    message = "the two sides never hold the same text: each keeps its own spelling"
    assert told(check_pair(crm, erp), "lossy") == {("field", message)}


def test_parts_must_have_the_same_fields_on_both_sides() -> None:
    erp = changed(Side.ERP, {"lines": {"parts": {"description": None}}}, "order")

    (field, _), *more = told(check_pair(bundled(Side.CRM, "order"), erp), "error")
    assert (field, more) == ("lines.description", [])


def test_a_required_field_without_a_row_stops_before_any_law() -> None:
    with pytest.raises(ConfigError, match="name is required, but has no row"):
        changed(Side.ERP, {"name": None})
