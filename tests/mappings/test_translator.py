"""Translators: reading, writing, normal forms, and what they say of their tables."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from connector.errors import MappingFailed
from connector.mappings.compile import Translator
from connector.records import MARKER, Side, encode
from tests.mappings import naive
from tests.mappings.tables import ACCOUNT, IDS, TABLES, bundled, changed
from tests.mappings.values import patient, records

CRM_CUSTOMER, ERP_CUSTOMER = bundled(Side.CRM, "customer"), bundled(Side.ERP, "customer")
CRM_ORDER, ERP_ORDER = bundled(Side.CRM, "order"), bundled(Side.ERP, "order")
LINES = [
    {"id": "l-1", "product": "5", "description": None, "quantity": "2", "unit_price": "9.99", "discount": None},
    {"id": None, "product": "6", "description": "B", "quantity": "1.5", "unit_price": "0.0001", "discount": "10"},
]


def test_a_complete_body_is_read_into_every_field() -> None:
    record = CRM_CUSTOMER.read(ACCOUNT)

    assert record.keys() == CRM_CUSTOMER.fields
    assert record | {"credit_limit": "19.99", "payment_terms": "net30", "notes": None} == record
    assert (record["billing_city"], record["shipping_city"]) == ("Dresden", None)


def test_what_a_complete_body_leaves_out_is_empty() -> None:
    assert CRM_CUSTOMER.read({}) == dict.fromkeys(CRM_CUSTOMER.fields)
    assert CRM_ORDER.read({})["lines"] == []


def test_a_partial_body_is_read_into_the_fields_that_it_holds() -> None:
    body = {"phone": None, "billingAddress": {"city": "Bonn"}, "shippingAddress": None, "version": 4}

    assert CRM_CUSTOMER.read_partial(body) == {
        "phone": None,
        "billing_city": "Bonn",
        "shipping_street": None,
        "shipping_postal_code": None,
        "shipping_city": None,
        "shipping_country": None,
    }


def test_a_new_record_gets_the_constants_of_its_table() -> None:
    assert ERP_CUSTOMER.write({"name": "A"}, creating=True) == {"name": "A", "is_company": True}
    assert ERP_CUSTOMER.write({"name": "A"}, creating=False) == {"name": "A"}


def test_values_are_written_in_the_systems_own_words() -> None:
    record = {"payment_terms": "net60", "credit_limit": "5", "status": "inactive", "billing_country": "CH"}

    assert ERP_CUSTOMER.write(record, creating=False) == {
        "payment_term": "60D",
        "credit_limit": "5.00",
        "active": False,
        "country_code": "CHE",
    }


def test_nested_objects_hold_only_what_is_written() -> None:
    assert CRM_CUSTOMER.write({"billing_city": None, "phone": "1"}, creating=False) == {
        "phone": "1",
        "billingAddress": {"city": None},
    }


def test_lines_keep_their_ids_and_new_ones_have_none() -> None:
    assert CRM_ORDER.write({"lines": LINES}, creating=False)["lines"] == [
        {
            "lineId": "l-1",
            "productId": "5",
            "description": None,
            "quantity": 2,
            "unitPrice": 9.99,
            "discountPercent": None,
        },
        {"productId": "6", "description": "B", "quantity": 1.5, "unitPrice": 0.0001, "discountPercent": 10},
    ]


def test_a_part_is_written_whole_with_its_defaults() -> None:
    (line,) = ERP_ORDER.write({"lines": [LINES[0] | {"id": "7"}]}, creating=False)["lines"]

    assert line == {
        "id": 7,
        "item_id": 5,
        "name": None,
        "qty": "2.000",
        "price_unit": "9.9900",
        "discount": "0.00",
    }


def test_a_default_fills_what_a_new_record_lacks_and_nothing_else() -> None:
    translator = changed(Side.ERP, {"credit_limit": {"default": 1000}, "payment_terms": {"default": "net14"}})

    assert translator.write({"payment_terms": None}, creating=True) == {
        "is_company": True,
        "credit_limit": "1000.00",
        "payment_term": "14D",
    }
    assert translator.write({"payment_terms": None}, creating=False) == {"payment_term": None}


def test_read_only_fields_and_the_marker_are_skipped() -> None:
    assert ERP_CUSTOMER.write({"number": "C-1", MARKER: "x", "phone": "1"}, creating=False) == {"phone": "1"}


@pytest.mark.parametrize(
    ("translator", "record", "creating", "reason"),
    [
        (CRM_ORDER, {"reference": "Q-1"}, False, "reference cannot be written: it can only be given when"),
        (ERP_ORDER, {"status": "confirmed"}, False, "status cannot be written: only a named action changes it"),
        (ERP_ORDER, {"fax": "1"}, True, "fax cannot be written: the mapping has no row for it"),
    ],
    ids=["given once", "by action", "unmapped"],
)
def test_a_field_that_a_side_cannot_take_is_refused(
    translator: Translator, record: dict[str, Any], reason: str, *, creating: bool
) -> None:
    with pytest.raises(MappingFailed, match=f"order on ...: {reason}"):
        translator.write(record, creating=creating)


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (
            {"paymentTerms": "NET_90"},
            "payment_terms",
            r"payment_terms \(paymentTerms\) cannot be read: the mapping has",
        ),
        (
            {"creditLimit": "much"},
            "credit_limit",
            r"credit_limit \(creditLimit\) cannot be read: not a number \('much'",
        ),
        ({"billingAddress": "Bonn"}, "billing_street", r"\(billingAddress.street\) cannot be read: not an object"),
        ({"creditHold": "no"}, "credit_hold", "neither true nor false"),
        ({"name": 7}, "name", "not a text"),
    ],
)
def test_an_unreadable_value_is_told_with_field_and_path(body: dict[str, Any], field: str, message: str) -> None:
    for read in (CRM_CUSTOMER.read, CRM_CUSTOMER.read_partial):
        with pytest.raises(MappingFailed, match=message) as caught:
            read({**ACCOUNT, **body})

        assert caught.value.field == field


def test_an_unreadable_part_is_told_with_its_own_field() -> None:
    with pytest.raises(
        MappingFailed, match=r"lines.quantity \(lines.quantity\) cannot be read: not a number"
    ) as caught:
        CRM_ORDER.read({"lines": [{"quantity": 1}, {"quantity": "x"}]})

    assert caught.value.field == "lines.quantity"


@pytest.mark.parametrize("lines", ["none", {"a": 1}, [7], [None]])
def test_lines_of_another_shape_are_told(lines: Any) -> None:
    with pytest.raises(MappingFailed, match="order on crm: lines"):
        CRM_ORDER.read({"lines": lines})


def test_a_value_that_cannot_be_written_is_told_with_its_field() -> None:
    with pytest.raises(MappingFailed, match=r"billing_country \(country_code\) cannot be written: not a known code"):
        ERP_CUSTOMER.write({"billing_country": "Germany"}, creating=False)
    with pytest.raises(MappingFailed, match=r"lines.product \(lines.item_id\) cannot be written: not the id"):
        ERP_ORDER.write({"lines": [LINES[0] | {"id": None, "product": "acc-1"}]}, creating=True)


@pytest.mark.parametrize("wire", [["anna@home.example"], {"a": "anna@home.example"}])
def test_personal_data_stays_out_of_messages_and_tracebacks(wire: Any) -> None:
    with pytest.raises(MappingFailed) as caught:
        CRM_CUSTOMER.read({"email": wire})

    assert "anna" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_number_too_long_for_json_is_refused_not_rounded() -> None:
    with pytest.raises(MappingFailed, match=r"credit_limit .* more digits than a JSON number holds"):
        CRM_CUSTOMER.write({"credit_limit": "12345678901234567.89"}, creating=False)


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("phone", "+49 (0)30 901820", "+4930901820"),
        ("tax_id", "de 123.456-789", "DE123456789"),
        ("email", " Info@A.Example", "info@a.example"),
        ("name", "x" * 79 + " y", "x" * 79 + " "),
        ("credit_limit", "1.005", "1.01"),
        ("status", "active", "active"),
        ("billing_country", "nowhere", "nowhere"),
        ("notes", "", None),
        ("notes", None, None),
        ("fax", "as it is", "as it is"),
    ],
)
def test_the_normal_form_is_what_the_erp_will_hold(field: str, value: str | None, stored: str | None) -> None:
    assert ERP_CUSTOMER.normal(field, value) == stored


@pytest.mark.parametrize(
    ("field", "value", "stored", "is_stored"),
    [
        pytest.param("phone", "030 901820", "+4930901820", True, id="a number read in its country's way"),
        pytest.param("phone", "030 901821", "+4930901820", False, id="another number"),
        pytest.param("phone", "+49 30 901820", "+4930901820", True, id="the declared form"),
        pytest.param("name", "A", "a", False, id="another spelling that nothing declares"),
    ],
)
def test_a_stored_value_is_known_again(field: str, value: str, stored: str, *, is_stored: bool) -> None:
    assert ERP_CUSTOMER.stores(field, value, stored) is is_stored


def test_the_normal_form_of_lines_is_that_of_each_part() -> None:
    stored = ERP_ORDER.normal("lines", [{"product": "5", "description": "a", "quantity": "1.0005", "discount": None}])

    assert stored == [{"product": "5", "description": "a", "quantity": "1.001", "discount": "0"}]


@pytest.mark.parametrize(("side", "name"), TABLES, ids=IDS)
def test_a_translator_says_what_its_side_takes(side: Side, name: str) -> None:
    translator = bundled(side, name)

    assert translator.writable <= translator.creatable <= translator.fields
    assert translator.rows.keys() == translator.paths.keys() == translator.fields
    assert translator.transitions.keys().isdisjoint(translator.creatable)
    assert 0 <= translator.id < 2**63


def test_an_order_moves_in_the_erp_by_actions() -> None:
    actions = {
        "submitted": "reopen",
        "confirmed": "confirm",
        "cancel_requested": "request_cancel",
        "cancelled": "cancel",
    }
    assert ERP_ORDER.transitions == {"status": actions}
    assert "reference" in CRM_ORDER.creatable - CRM_ORDER.writable
    assert ERP_ORDER.part_references == {"lines": {"product": "product"}}
    assert ERP_ORDER.references == {"customer": "customer", "contact": "contact"}
    assert (ERP_CUSTOMER.resource[:2], ERP_CUSTOMER.marker_path) == (
        ("partners", (("is_company", True),)),
        "external_ref",
    )


def test_a_collection_tells_which_paths_are_read_of_it() -> None:
    assert {"lines.id", "lines.qty", "origin", "external_ref"} <= set(ERP_ORDER.resource.paths)


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        pytest.param({"phone": {"path": "mobile"}}, False, id="another path"),
        pytest.param({"billing_country": {"converter": "text"}}, False, id="another converter"),
        pytest.param({"payment_terms": {"values": {"net14": "15D"}}}, False, id="another code"),
        pytest.param({"website": None}, False, id="a row less"),
        pytest.param({"phone": {"read_only": True}}, True, id="only what is written"),
        pytest.param({"phone": {"normal": ["trim"]}}, True, id="only what the system does"),
    ],
)
def test_the_identity_follows_what_values_are_read_as(change: dict[str, Any], *, is_same: bool) -> None:
    other = changed(Side.ERP, change)

    assert (other.id == ERP_CUSTOMER.id) is is_same
    assert {name for name in other.rows if other.rows[name] != ERP_CUSTOMER.rows[name]} <= change.keys()


def test_the_identity_is_stable_across_processes() -> None:
    assert bundled(Side.ERP, "contact").id == changed(Side.ERP, {}, "contact").id
    assert len({bundled(side, name).id for side, name in TABLES}) == len(TABLES)


@pytest.mark.parametrize(("side", "name"), TABLES, ids=IDS)
@patient
@given(data=st.data())
def test_translators_do_what_a_plain_interpreter_does(side: Side, name: str, data: st.DataObject) -> None:
    translator = bundled(side, name)
    record = data.draw(records(translator))

    created = translator.write(record, creating=True)

    assert created == naive.write(translator, record, creating=True)
    assert translator.read(created) == naive.read(translator, created)
    update = {field: value for field, value in record.items() if field in translator.writable}
    assert translator.write(update, creating=False) == naive.write(translator, update, creating=False)


@pytest.mark.parametrize(("side", "name"), TABLES, ids=IDS)
@patient
@given(data=st.data())
def test_what_is_written_is_what_is_read_back(side: Side, name: str, data: st.DataObject) -> None:
    translator = bundled(side, name)
    record = {field: value for field, value in data.draw(records(translator)).items() if field != "lines"}

    back = translator.read(translator.write(record, creating=True))

    assert {field: back[field] for field in record} == {
        field: translator.columns[field].converter.normal(value) for field, value in record.items()
    }
    assert back.keys() == translator.fields
    assert encode(back)


@pytest.mark.parametrize(("side", "name"), TABLES, ids=IDS)
@patient
@given(data=st.data())
def test_writing_what_was_read_changes_nothing(side: Side, name: str, data: st.DataObject) -> None:
    translator = bundled(side, name)
    body = translator.write(data.draw(records(translator)), creating=True)
    read = translator.read_partial(body)

    again = translator.write({field: read[field] for field in read if field in translator.creatable}, creating=True)

    assert again == body


@patient
@given(data=st.data())
def test_a_customer_survives_the_way_from_the_crm_to_the_erp(data: st.DataObject) -> None:
    drawn = data.draw(records(ERP_CUSTOMER))
    account = CRM_CUSTOMER.write({**drawn, "primary_contact": None}, creating=True)
    customer = {name: value for name, value in CRM_CUSTOMER.read(account).items() if name in ERP_CUSTOMER.fields}

    partner = ERP_CUSTOMER.read(ERP_CUSTOMER.write(customer, creating=True))

    for name, value in customer.items():
        if name != "number":
            assert ERP_CUSTOMER.normal(name, value) == ERP_CUSTOMER.normal(name, partner[name])
