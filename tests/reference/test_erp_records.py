"""What the ERP does with single records."""

from typing import Any

import pytest

from tests.reference.doors import ask, bulk, refusal
from tests.systems import System


def company(erp: System, **values: Any) -> dict[str, Any]:
    return erp.create("partners", **{"is_company": True, "name": "Company", **values})


def test_a_new_record_has_a_number_a_revision_and_stamps(erp: System) -> None:
    partner = company(erp)

    assert isinstance(partner["id"], int)
    assert partner["revision"] == 1
    assert partner["code"].startswith("C-")
    assert partner["create_date"] == partner["write_date"]
    assert len(partner["write_date"]) == len("2026-11-23 20:44:10")


def test_values_are_brought_into_the_servers_form(erp: System) -> None:
    partner = company(
        erp,
        name="x" * 81,
        vat="de 123-456.789",
        email="Info@Example.COM",
        phone="0361 / 123 45",
        country_code="DEU",
        credit_limit="10.005",
    )

    assert partner["name"] == "x" * 80
    assert partner["vat"] == "DE123456789"
    assert partner["email"] == "info@example.com"
    assert partner["phone"] == "+4936112345"
    assert partner["credit_limit"] == "10.01"


def test_a_phone_number_that_cannot_be_one_stays_as_it_was_sent(erp: System) -> None:
    assert company(erp, phone="ask Anna", country_code="DEU")["phone"] == "ask Anna"


def test_a_persons_phone_is_read_in_the_companys_country(erp: System) -> None:
    parent = company(erp, country_code="FRA")

    person = erp.create("partners", is_company=False, parent_id=parent["id"], lastname="B", phone="01 23 45 67 89")

    assert person["phone"] == "+33123456789"


def test_a_persons_name_is_made_of_its_parts(erp: System) -> None:
    person = erp.create("partners", is_company=False, firstname="Anna", lastname="O'Neill")

    assert person["name"] == "Anna O'Neill"
    assert person["code"] is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        pytest.param({"name": "A"}, "is_company", id="nobody says whether it is a company"),
        pytest.param({"is_company": True}, "name", id="a company without a name"),
        pytest.param({"is_company": False, "name": "A"}, "lastname", id="a person without a last name"),
        pytest.param({"is_company": True, "name": "A", "payment_term": "7D"}, "payment_term", id="an unknown choice"),
        pytest.param({"is_company": True, "name": "A", "credit_limit": "much"}, "credit_limit", id="no number"),
        pytest.param({"is_company": True, "name": "A", "country_code": "DE"}, "country_code", id="two letters"),
        pytest.param({"is_company": True, "name": "A", "contact_id": 10**9}, "contact_id", id="a reference to nothing"),
        pytest.param({"is_company": True, "name": "A", "code": "C-1"}, "code", id="a field is the server's own"),
        pytest.param({"is_company": True, "name": "A", "colour": "red"}, "colour", id="there is no such field"),
    ],
)
def test_a_value_that_is_not_taken_is_named(erp: System, values: dict[str, object], field: str) -> None:
    assert refusal(ask(erp, "POST", "partners", json=values)) == (422, "invalid", field)


def test_the_users_own_columns_are_kept_and_found(erp: System, unique: str) -> None:
    partner = company(erp, x_tier=unique, x_score=7)

    assert partner["x_tier"] == unique
    assert [found["id"] for found in erp.listed("partners", x_tier=unique, x_score="7")] == [partner["id"]]
    assert erp.change("partners", partner["id"], x_tier=None)["x_tier"] is None


def test_a_change_from_a_stale_revision_is_refused(erp: System) -> None:
    partner = company(erp)
    erp.change("partners", partner["id"], name="B")

    answer = ask(erp, "PATCH", f"partners/{partner['id']}", json={"name": "C", "revision": 1})

    assert refusal(answer)[:2] == (409, "stale_revision")
    assert erp.read("partners", partner["id"])["name"] == "B"


def test_a_change_without_a_revision_is_malformed(erp: System) -> None:
    assert refusal(ask(erp, "PATCH", f"partners/{company(erp)['id']}", json={"name": "C"}))[0] == 400


def test_what_was_deleted_leaves_no_trace(erp: System) -> None:
    partner = company(erp)
    erp.delete("partners", partner["id"])

    assert refusal(ask(erp, "GET", f"partners/{partner['id']}"))[:2] == (404, "not_found")
    assert erp.listed("partners", id=str(partner["id"])) == []


def test_an_id_is_never_given_twice(erp: System) -> None:
    partner = company(erp)
    erp.delete("partners", partner["id"])

    assert company(erp)["id"] > partner["id"]


def test_a_partner_that_others_name_is_not_deleted(erp: System) -> None:
    partner = company(erp)
    erp.create("partners", is_company=False, parent_id=partner["id"], lastname="B")

    assert refusal(ask(erp, "DELETE", f"partners/{partner['id']}"))[:2] == (423, "locked")


def test_archiving_takes_a_partner_out_of_use(erp: System) -> None:
    partner = company(erp)

    archived = erp.call("POST", f"partners/{partner['id']}/archive")

    assert archived["active"] is False
    assert archived["revision"] == 2


def test_an_items_code_is_unique(erp: System, unique: str) -> None:
    first = erp.create("items", code=unique, name="One")

    answer = ask(erp, "POST", "items", json={"code": unique, "name": "Two"})

    assert refusal(answer) == (409, "duplicate", "code")
    assert answer.json()["existing_id"] == first["id"]


def test_a_repeated_create_is_answered_with_the_first_result(erp: System, unique: str) -> None:
    values, headers = {"is_company": True, "name": unique}, {"Idempotency-Key": unique}
    first = ask(erp, "POST", "partners", json=values, headers=headers)

    again = ask(erp, "POST", "partners", json=values, headers=headers)

    assert (again.status_code, again.json()) == (201, first.json())
    assert len(erp.listed("partners", name=unique)) == 1


def test_a_key_that_was_used_for_other_values_is_refused(erp: System, unique: str) -> None:
    bulk(erp, "partners", create=[{"idempotency_key": unique, "values": {"is_company": True, "name": "A"}}])

    (result,) = bulk(erp, "partners", create=[{"idempotency_key": unique, "values": {"is_company": True, "name": "B"}}])

    assert (result["status"], result["error"], result["field"]) == (422, "invalid", "idempotency_key")


def test_a_repeat_is_no_second_write(erp: System, unique: str) -> None:
    item = {"idempotency_key": unique, "values": {"is_company": True, "name": "A"}}
    first = bulk(erp, "partners", create=[item])
    before = erp.stats()["total"]["writes"]

    assert bulk(erp, "partners", create=[item]) == first
    assert erp.stats()["total"]["writes"] == before


def test_each_item_of_a_bulk_stands_for_itself(erp: System) -> None:
    partner = company(erp)

    results = bulk(
        erp,
        "partners",
        update=[
            {"id": partner["id"], "revision": 5, "values": {"name": "B"}},
            {"id": partner["id"], "revision": 1, "values": {"name": "C", "on_hold": True}},
            {"id": 10**9, "revision": 1, "values": {}},
            {"id": partner["id"], "revision": 2, "values": {"email": "nobody"}},
        ],
    )

    assert [result["status"] for result in results] == [409, 200, 404, 422]
    assert results[1]["changed"] == {}
    assert results[1]["revision"] == 2


def test_changed_tells_what_is_otherwise_than_it_was_sent(erp: System) -> None:
    values = {"is_company": True, "name": "A", "credit_limit": "5", "phone": "+49 361 12345", "comment": "as sent"}

    (result,) = bulk(erp, "partners", create=[{"values": values}])

    assert result["changed"]["credit_limit"] == "5.00"
    assert result["changed"]["phone"] == "+4936112345"
    assert result["changed"]["active"] is True
    assert not {"name", "comment", "vat", "id", "revision", "write_date"} & set(result["changed"])


def test_a_bulk_answers_whole_records_when_asked(erp: System) -> None:
    content = {"create": [{"values": {"is_company": True, "name": "A"}}]}

    (result,) = erp.call("POST", "partners/bulk", json=content, params={"full": "true"})["results"]

    assert result["record"] == erp.read("partners", result["id"])


def test_many_are_archived_and_deleted_at_once(erp: System) -> None:
    one, two = company(erp), company(erp)

    archived = bulk(erp, "partners", perform=[{"id": one["id"]}, {"id": two["id"], "revision": 9}], action="archive")
    deleted = bulk(erp, "partners", delete=[{"id": one["id"], "revision": 1}, {"id": two["id"]}])

    assert [result["status"] for result in archived] == [200, 409]
    assert [result["status"] for result in deleted] == [409, 204]


def test_the_ledger_is_never_changed_and_levels_are_the_servers_own(erp: System) -> None:
    assert ask(erp, "PATCH", "stock_moves/1", json={"note": "x", "revision": 1}).status_code == 405
    assert ask(erp, "POST", "stock_levels", json={}).status_code == 405


def test_the_field_table_tells_what_a_field_takes(erp: System) -> None:
    partners, orders = (erp.call("GET", f"{name}/fields")["fields"] for name in ("partners", "sales_orders"))

    assert partners["name"]["size"] == 80
    assert partners["code"]["readonly"] is True
    assert partners["is_company"]["required"] is True
    assert partners["payment_term"]["selection"] == ["0D", "14D", "30D", "60D"]
    assert orders["lines.qty"]["required"] is True


def test_pages_are_counted_and_in_the_order_of_ids(erp: System, unique: str) -> None:
    ids = [company(erp, name=unique)["id"] for _ in range(5)]

    found = [erp.call("GET", "partners", params={"name": unique, "per_page": 2, "page": page}) for page in (1, 2, 3, 4)]

    assert [[item["id"] for item in page["items"]] for page in found] == [ids[:2], ids[2:4], ids[4:], []]
    assert {page["total"] for page in found} == {5}


def test_the_window_of_times_is_inclusive_at_both_ends(erp: System, unique: str) -> None:
    partner = company(erp, name=unique)
    at = partner["write_date"]

    assert erp.listed("partners", name=unique, write_date_from=at, write_date_to=at) == [partner]
    assert erp.listed("partners", name=unique, write_date_to="2020-01-01 00:00:00") == []


def test_keys_alone_come_in_large_pages(erp: System, unique: str) -> None:
    partner = company(erp, name=unique)

    found = erp.listed("partners", name=unique, fields="id,revision,write_date", per_page=5000)

    assert found == [{"id": partner["id"], "revision": 1, "write_date": partner["write_date"]}]
    assert refusal(ask(erp, "GET", "partners", params={"per_page": 501}))[0] == 400


def test_several_values_of_a_field_are_found_at_once(erp: System, unique: str) -> None:
    one, two = company(erp, external_ref=f"{unique}a"), company(erp, external_ref=f"{unique}b")

    found = erp.listed("partners", external_ref=f"{unique}a,{unique}b,{unique}c", is_company="true")

    assert [item["id"] for item in found] == [one["id"], two["id"]]


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"colour": "red"}, id="no such field"),
        pytest.param({"is_company": "perhaps"}, id="a flag that is none"),
        pytest.param({"page": "0"}, id="a page before the first"),
        pytest.param({"write_date_from": "yesterday"}, id="a time that is none"),
    ],
)
def test_a_query_that_makes_no_sense_is_malformed(erp: System, params: dict[str, str]) -> None:
    assert refusal(ask(erp, "GET", "partners", params=params))[:2] == (400, "malformed")
