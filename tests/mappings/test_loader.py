"""Loading tables: bundled ones, changes to them, files of one's own, and everything that can be wrong with them."""

from pathlib import Path

import pytest

from connector.documents import load_document
from connector.entities import Type
from connector.errors import ConfigError, ConfigIssue
from connector.mappings.compile import compile_mapping, compile_system
from connector.mappings.loader import load_entities, load_system
from connector.mappings.model import Origin
from connector.records import Side
from tests.mappings.tables import ENTITIES, changed


def issues(text: str, *, compiled: bool = True) -> list[str]:
    """What is wrong with changes to the CRM's table, as `line: path: message`."""
    document = load_document(text, "connector.yaml")
    origin = Origin(document, ("mappings", "crm"))
    try:
        system = load_system("reference_crm", document.data["mappings"]["crm"], origin=origin)
        for name, table in system.entities.items() if compiled else ():
            compile_mapping(ENTITIES[name], table, Side.CRM)
    except ConfigError as error:
        return [shown(issue) for issue in error.issues]
    return []


def shown(issue: ConfigIssue) -> str:
    return f"{issue.file}:{issue.line}: {issue.path.removeprefix('mappings.crm.')}: {issue.message}"


def customer(row: str) -> str:
    return f"mappings:\n  crm:\n    customer:\n      {row}\n"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param("nmae: x", 'nmae: customer has no field nmae; did you mean "name"?', id="an unknown field"),
        pytest.param(
            "zebra: x", "zebra: customer has no field zebra; declare it under `entities:`", id="nobody's field"
        ),
        pytest.param("phone: {pth: x}", 'phone.pth: unknown key; did you mean "path"?', id="an unknown key"),
        pytest.param("phone: 7", "phone: must be a table of keys and values", id="no row at all"),
        pytest.param(
            "phone: {path: a..b}",
            "phone.path: string should match pattern '^[^.\\s]+(\\.[^.\\s]+)*$'",
            id="a broken path",
        ),
        pytest.param(
            "phone: {converter: dat}",
            'phone.converter: there is no converter "dat"; did you mean "date"?',
            id="an unknown converter",
        ),
        pytest.param(
            "primary_contact: {converter: decimal_number}",
            "primary_contact.converter: decimal_number does not translate a ref",
            id="a converter of another type",
        ),
        pytest.param(
            "phone: {normal: [fold, cut(x)]}",
            'phone.normal.1: "cut(x)": write a whole number between the brackets',
            id="a broken normal form",
        ),
        pytest.param("phone: email", "phone.path: email is already the place of email", id="two fields at one path"),
        pytest.param(
            "phone: billingAddress",
            "billing_street.path: billingAddress.street lies within the place of phone",
            id="a field within another's place",
        ),
        pytest.param(
            "payment_terms: {values: {net14: NET_30}}",
            "payment_terms.values.net30: NET_30 already stands for net14; "
            "say under `reverse:` which of them it is read as",
            id="a code for two values",
        ),
        pytest.param(
            "status: {values: {activ: A}}",
            'status.values.activ: status has no choice activ; did you mean "active"?',
            id="a value that is no choice",
        ),
        pytest.param(
            "status: {values: {inactive: null}}",
            "status.values: there is no code for inactive",
            id="a choice without a code",
        ),
        pytest.param(
            "status: {transitions: {sleeping: doze}}",
            "status.transitions.sleeping: status has no choice sleeping",
            id="an action to an unknown state",
        ),
        pytest.param(
            "credit_limit: {default: much}",
            "credit_limit.default: the default is not a value of credit_limit",
            id="a default of another kind",
        ),
        pytest.param(
            "number: {read_only: true, on_create: true}",
            "number: a read_only field is never written: leave out on_create and default",
            id="read-only and written",
        ),
        pytest.param(
            "status: {on_create: true, transitions: {active: wake}}",
            "status: a field with transitions is not written: leave out on_create",
            id="by action and on create",
        ),
        pytest.param("name: null", "name: name is required, but has no row", id="a required field taken out"),
        pytest.param(
            "name: {read_only: true}",
            "name: name is required, but cannot be given when a record is created",
            id="a required field that cannot be written",
        ),
        pytest.param(
            "email: null",
            "email: records are matched by email, which has no row; map it, or change `match`",
            id="a match field taken out",
        ),
        pytest.param(
            "phone: {path: phones, parts: {id: n}}",
            "phone.parts: phone is no list of parts, it is a text",
            id="parts of a text",
        ),
        pytest.param(
            "resource: {where: {a.b: 1}}",
            "resource.where: only top-level fields can be asked for",
            id="a nested condition",
        ),
    ],
)
def test_a_mistake_is_told_with_file_line_and_path(row: str, message: str) -> None:
    found = issues(customer(row))

    assert any(issue.endswith(f"customer.{message}") for issue in found), found
    assert all(issue.startswith(("connector.yaml:4:", "reference_crm.yaml:")) for issue in found)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        pytest.param("id: null", "parts: say where a part keeps its own id: `id: <path>`", id="no id"),
        pytest.param("quantity: null", "parts: quantity is required in every part, but has no row", id="required"),
        pytest.param(
            "qantity: x", 'parts.qantity: a part has no field qantity; did you mean "quantity"?', id="unknown"
        ),
        pytest.param(
            "quantity: unitPrice", "parts.unit_price.path: unitPrice is already the place of quantity", id="one path"
        ),
        pytest.param(
            "quantity: {converter: date}", "parts.quantity.converter: date does not translate a decimal", id="converter"
        ),
    ],
)
def test_a_mistake_in_the_rows_of_parts_is_told_too(part: str, message: str) -> None:
    found = issues(f"mappings:\n  crm:\n    order:\n      lines:\n        parts:\n          {part}\n")

    assert [issue.partition("order.lines.")[2] for issue in found] == [message]


def test_all_mistakes_are_told_at_once() -> None:
    text = "mappings:\n  crm:\n    customer:\n      phone: 7\n      email: {a: b}\n    order: x\n    nothing: {a: b}\n"

    assert issues(text, compiled=False) == [
        "connector.yaml:4: customer.phone: must be a table of keys and values",
        "connector.yaml:5: customer.email.a: unknown key",
        "connector.yaml:6: order: must be a table of fields",
        "connector.yaml:7: nothing.resource: is missing: which of the system's collections holds this entity?",
    ]


@pytest.mark.parametrize(
    ("defaults", "message"),
    [
        ("{ref: intger_id}", 'there is no converter "intger_id"; did you mean "integer_id"?'),
        ("{ref: date}", "date does not translate a ref"),
    ],
)
def test_a_wrong_default_converter_is_told(defaults: str, message: str) -> None:
    assert issues(f"mappings:\n  crm:\n    defaults: {defaults}\n") == [f"connector.yaml:3: defaults.ref: {message}"]


def test_defaults_must_name_types() -> None:
    assert issues("mappings:\n  crm:\n    defaults: {reference: text_id}\n")


def test_a_change_keeps_the_rest_of_a_row() -> None:
    phone = changed(Side.CRM, {"phone": {"path": "mobile"}}).columns["phone"].row

    assert (phone.path, phone.normal) == ("mobile", ("fold",))


def test_a_bare_word_changes_the_path_and_null_takes_a_row_out() -> None:
    translator = changed(Side.CRM, {"phone": "mobile", "website": None})

    assert translator.paths["phone"] == "mobile"
    assert "website" not in translator.fields


def test_a_bundled_row_goes_with_the_field_that_configuration_removed() -> None:
    translator = changed(Side.ERP, {}, entities={"customer": {"fields": {"website": None}}})

    assert "website" not in translator.fields


def test_a_file_is_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("contact:\n  resource: people\n  last_name: b\n", encoding="utf-8")
    origin = Origin(load_document("mappings: {}", str(tmp_path / "connector.yaml")))

    assert load_system("reference_crm", {"file": "mine.yaml"}, origin=origin).entities.keys() == {"contact"}


def test_mistakes_in_several_tables_are_told_together() -> None:
    changes = {"order": {"notes": {"converter": "x"}}, "product": {"sku": None}, "ticket": {"resource": "tickets"}}

    with pytest.raises(ConfigError) as caught:
        compile_system(ENTITIES, load_system("reference_crm", changes), Side.CRM)

    assert {issue.path for issue in caught.value.issues} == {"order.notes.converter", "product.sku", "ticket"}


def test_a_bundled_table_goes_with_the_entity_that_configuration_removed() -> None:
    entities = load_entities({"stock": None})

    assert compile_system(entities, load_system("reference_erp"), Side.ERP).keys() == entities.keys()


def test_an_entity_can_be_taken_out() -> None:
    assert "stock" not in load_system("reference_crm", {"stock": None}).entities


def test_the_collection_and_its_conditions_can_be_changed() -> None:
    translator = changed(Side.CRM, {"resource": {"where": {"type": "customer"}, "constants": {"source.name": "erp"}}})

    assert translator.resource[:2] == ("accounts", (("type", "customer"),))
    assert translator.write({"name": "A"}, creating=True) == {
        "name": "A",
        "type": "customer",
        "source": {"name": "erp"},
    }
    assert translator.write({"name": "A"}, creating=False) == {"name": "A"}


def test_a_file_of_ones_own_replaces_the_bundled_table(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "defaults: {ref: integer_id}\ncontact:\n  resource: people\n  last_name: surname\n", encoding="utf-8"
    )

    system = load_system("reference_crm", {"file": str(path), "contact": {"email": "mail"}})

    assert list(system.entities) == ["contact"]
    assert system.entities["contact"].defaults == {Type.REF: "integer_id"}
    assert {name: row.path for name, row in system.entities["contact"].rows.items()} == {
        "last_name": "surname",
        "email": "mail",
    }
    assert load_system(str(path)).entities.keys() == {"contact"}


@pytest.mark.parametrize("text", ["- a", "", "just text"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match="a mapping table is a table of entities"):
        load_system("reference_crm", {"file": str(path)})


def test_an_unknown_field_in_a_file_of_ones_own_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "contact:\n  resource: people\n  customer: a\n  last_name: b\n  email: c\n  fax: d\n", encoding="utf-8"
    )
    table = load_system("mine", {"file": str(path)}).entities["contact"]

    with pytest.raises(ConfigError, match=r"mine\.yaml:6: contact\.fax: contact has no field fax"):
        compile_mapping(ENTITIES["contact"], table, Side.CRM)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("nothing", {}, 'there is no mapping table "nothing"'),
        ("reference_crm", {"file": 7}, "write the path of a mapping table"),
        ("reference_crm", {"file": "/nowhere/at/all.yaml"}, "cannot be read"),
    ],
)
def test_a_table_that_is_not_there_is_told(name: str, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_system(name, changes)


def test_a_custom_field_goes_all_the_way() -> None:
    entities = {"customer": {"fields": {"loyalty_tier": {"type": "choice", "choices": ["bronze", "gold"]}}}}
    crm = changed(Side.CRM, {"loyalty_tier": {"path": "customFields.loyaltyTier"}}, entities=entities)
    erp = changed(Side.ERP, {"loyalty_tier": {"path": "x_tier", "values": {"bronze": 1, "gold": 3}}}, entities=entities)

    record = crm.read({"name": "A", "customFields": {"loyaltyTier": "gold", "other": 1}})
    body = erp.write({"loyalty_tier": record["loyalty_tier"]}, creating=False)

    assert body == {"x_tier": 3}
    assert erp.read_partial(body) == {"loyalty_tier": "gold"}
    assert crm.write({"loyalty_tier": "bronze"}, creating=False) == {"customFields": {"loyaltyTier": "bronze"}}


def test_every_entity_has_a_table_on_both_sides() -> None:
    for name in ("reference_crm", "reference_erp"):
        assert load_system(name).entities.keys() == load_entities().keys()
