"""Whole pages: what is translated at once is what is translated one by one."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from connector.mappings.pages import Columns, records_of, with_fields, without_fields
from connector.mappings.unfit import UNTRANSLATABLE
from connector.reconcile.match import match_key_columns, match_keys
from connector.records import Side, decode, encode
from tests.mappings.tables import ACCOUNT, IDS, TABLES, bundled
from tests.mappings.values import patient, records

CRM_CUSTOMER = bundled(Side.CRM, "customer")
NAMES = st.none() | st.text(max_size=12) | st.sampled_from(["Müller & Söhne", "a\x1eb", "ΑΣ", "e\u0301", "\u0301x"])


def columns_of(drawn: list[dict[str, Any]], fields: frozenset[str]) -> Columns:
    """Records as columns."""
    return {field: [record.get(field) for record in drawn] for field in sorted(fields)}


@pytest.mark.parametrize(("side", "name"), TABLES, ids=IDS)
@patient
@given(data=st.data())
def test_a_page_is_read_as_its_bodies_are(side: Side, name: str, data: st.DataObject) -> None:
    translator = bundled(side, name)
    drawn = data.draw(st.lists(records(translator), min_size=1, max_size=5))
    bodies = [translator.write(record, creating=True) for record in drawn]

    assert records_of(translator.read_page(bodies)) == [translator.read(body) for body in bodies]


@pytest.mark.parametrize(("side", "name"), TABLES, ids=IDS)
@patient
@given(data=st.data())
def test_new_records_are_written_at_once_as_they_are_one_by_one(side: Side, name: str, data: st.DataObject) -> None:
    translator = bundled(side, name)
    drawn = data.draw(st.lists(records(translator), min_size=1, max_size=5))
    filled = [{field: value for field, value in record.items() if value is not None} for record in drawn]

    at_once = translator.create_page(columns_of(filled, translator.creatable), len(filled))

    assert at_once == [translator.write(record, creating=True) for record in filled]


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"name": 7}, id="a number for a text"),
        pytest.param({"status": "GONE"}, id="a code that the table does not know"),
        pytest.param({"billingAddress": [1]}, id="a list for an object"),
    ],
)
def test_a_page_with_one_unreadable_body_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(UNTRANSLATABLE):
        CRM_CUSTOMER.read_page([ACCOUNT, {**ACCOUNT, **odd}])


def test_true_and_one_are_told_apart() -> None:
    with pytest.raises(UNTRANSLATABLE):
        CRM_CUSTOMER.read_page([{**ACCOUNT, "creditHold": held} for held in (True, 1, True, True, True)])


def test_answers_are_read_at_once_as_they_are_one_by_one() -> None:
    answers = [{"erpNumber": f"C-{number}", "phone": None, "version": number} for number in range(3)]

    told = CRM_CUSTOMER.read_answers(answers)

    assert records_of(told) == [CRM_CUSTOMER.read_partial(answer) for answer in answers]


@patient
@given(names=st.lists(NAMES, min_size=1, max_size=6))
def test_keys_of_many_records_are_those_of_each(names: list[str | None]) -> None:
    entity = CRM_CUSTOMER.entity
    drawn = [{"name": name, "tax_id": name, "billing_postal_code": "1"} for name in names]
    columns = {field: [record[field] for record in drawn] for field in drawn[0]}

    found = zip(*match_key_columns(entity, columns, len(drawn)), strict=True)

    assert [tuple(key for key in row if key is not None) for row in found] == [match_keys(entity, one) for one in drawn]


HELD = st.none() | st.booleans() | st.integers(0, 1) | st.sampled_from(['"apart":null,', '","', "", "Ä"])
FLAT = st.tuples(HELD, HELD, HELD).map(lambda held: dict(zip(("name", "apart", "city"), held, strict=True)))


@patient
@given(drawn=st.lists(FLAT, min_size=1, max_size=5), more=st.lists(HELD, min_size=5, max_size=5))
def test_canonical_bytes_lose_and_gain_fields_as_their_records_do(drawn: list[dict[str, Any]], more: list[Any]) -> None:
    number = more[: len(drawn)]

    left = without_fields(list(map(encode, drawn)), {"apart": [record["apart"] for record in drawn]})
    made = with_fields(left or [], {"number": number, "hold": [False]})

    kept = [{"name": record["name"], "city": record["city"]} for record in drawn]
    assert list(map(decode, made)) == [
        record | {"number": value, "hold": False} for record, value in zip(kept, number, strict=True)
    ]


def test_a_field_that_stands_elsewhere_is_not_taken_out() -> None:
    assert without_fields([encode({"name": "A", "apart": None})], {"apart": [None]}) is None
