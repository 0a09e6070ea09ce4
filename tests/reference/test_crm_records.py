"""What the CRM does with single records."""

import pytest

from tests.reference.doors import ask, batch, refusal
from tests.systems import System


def test_a_new_record_has_an_id_a_version_and_stamps(crm: System) -> None:
    account = crm.create("accounts", name="Müller GmbH")

    assert account["id"].startswith("acc-")
    assert account["version"] == 1
    assert account["createdAt"] == account["modifiedAt"]
    assert account["modifiedBy"] == "demo-client"


def test_every_field_is_there_even_when_nothing_was_sent(crm: System) -> None:
    account = crm.create("accounts", name="Bare")

    assert account["status"] == "ACTIVE"
    assert account["creditHold"] is False
    assert account["customFields"] == {}
    assert account["billingAddress"] is None


def test_text_is_trimmed_addresses_lowered_and_phones_folded(crm: System) -> None:
    account = crm.create(
        "accounts", name="  A  B ", email="Info@Example.COM", website="HTTPS://X.Example", phone=" 030  12 \t 34 "
    )

    assert account["name"] == "A  B"
    assert account["email"] == "info@example.com"
    assert account["website"] == "https://x.example"
    assert account["phone"] == "030 12 34"


def test_the_etag_is_the_version(crm: System) -> None:
    account = crm.create("accounts", name="Tagged")

    assert ask(crm, "GET", f"accounts/{account['id']}").headers["ETag"] == '"1"'


def test_a_change_merges_nested_objects(crm: System) -> None:
    account = crm.create("accounts", name="A", billingAddress={"city": "Köln", "country": "DE"})

    changed = crm.change("accounts", account["id"], billingAddress={"city": "Bonn"}, customFields={"tier": "gold"})

    assert changed["billingAddress"] == {"street": None, "postalCode": None, "city": "Bonn", "country": "DE"}
    assert changed["customFields"] == {"tier": "gold"}
    assert changed["version"] == 2


def test_a_change_from_a_stale_version_is_refused(crm: System) -> None:
    account = crm.create("accounts", name="A")
    crm.change("accounts", account["id"], name="B")

    answer = ask(crm, "PATCH", f"accounts/{account['id']}", json={"name": "C"}, headers={"If-Match": '"1"'})

    assert refusal(answer)[:2] == (412, "VERSION_MISMATCH")
    assert crm.read("accounts", account["id"])["name"] == "B"


def test_a_change_without_a_version_is_refused(crm: System) -> None:
    account = crm.create("accounts", name="A")

    answer = ask(crm, "PATCH", f"accounts/{account['id']}", json={"name": "C"})

    assert refusal(answer)[:2] == (400, "MALFORMED")


def test_what_was_deleted_is_gone_and_what_never_was_is_absent(crm: System) -> None:
    account = crm.create("accounts", name="Short-lived")
    crm.delete("accounts", account["id"])

    assert refusal(ask(crm, "GET", f"accounts/{account['id']}"))[:2] == (410, "GONE")
    assert refusal(ask(crm, "GET", "accounts/acc-999999"))[:2] == (404, "NOT_FOUND")
    assert refusal(ask(crm, "DELETE", f"accounts/{account['id']}"))[:2] == (410, "GONE")


def test_a_delete_from_a_stale_version_is_refused(crm: System) -> None:
    account = crm.create("accounts", name="A")
    crm.change("accounts", account["id"], name="B")

    answer = ask(crm, "DELETE", f"accounts/{account['id']}", headers={"If-Match": '"1"'})

    assert refusal(answer)[0] == 412


def test_a_second_create_under_an_external_id_tells_who_holds_it(crm: System, unique: str) -> None:
    first = crm.create("accounts", name="A", externalId=unique)

    answer = ask(crm, "POST", "accounts", json={"name": "B", "externalId": unique})

    assert refusal(answer) == (409, "DUPLICATE_EXTERNAL_ID", "externalId")
    assert answer.json()["error"]["existingId"] == first["id"]


def test_an_external_id_is_free_again_when_its_holder_is_deleted(crm: System, unique: str) -> None:
    first = crm.create("accounts", name="A", externalId=unique)
    crm.delete("accounts", first["id"])

    assert crm.create("accounts", name="B", externalId=unique)["id"] != first["id"]


def test_a_product_code_is_unique(crm: System, unique: str) -> None:
    first = crm.create("products", productCode=unique, name="One")

    answer = ask(crm, "POST", "products", json={"productCode": unique, "name": "Two"})

    assert refusal(answer) == (409, "DUPLICATE", "productCode")
    assert answer.json()["error"]["existingId"] == first["id"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        pytest.param({}, "name", id="a required field is missing"),
        pytest.param({"name": "  "}, "name", id="a required field is blank"),
        pytest.param({"name": "x" * 121}, "name", id="a name is too long"),
        pytest.param({"name": "A", "email": "nobody"}, "email", id="an e-mail address is none"),
        pytest.param({"name": "A", "paymentTerms": "NET_7"}, "paymentTerms", id="a choice is unknown"),
        pytest.param({"name": "A", "creditLimit": "12"}, "creditLimit", id="a number is text"),
        pytest.param({"name": "A", "currency": "XXY"}, "currency", id="a currency is unknown"),
        pytest.param({"name": "A", "billingAddress": {"country": "DEU"}}, "billingAddress.country", id="three letters"),
        pytest.param({"name": "A", "primaryContactId": "con-9"}, "primaryContactId", id="a reference leads nowhere"),
        pytest.param({"name": "A", "colour": "red"}, "colour", id="there is no such field"),
        pytest.param({"name": "A", "version": 7}, "version", id="a field is the server's own"),
        pytest.param({"name": "A", "customFields": {"x": [1]}}, "customFields.x", id="a custom field is no scalar"),
    ],
)
def test_a_value_that_is_not_taken_is_named(crm: System, values: dict[str, object], field: str) -> None:
    assert refusal(ask(crm, "POST", "accounts", json=values)) == (422, "VALIDATION_FAILED", field)


def test_what_is_no_json_is_malformed(crm: System) -> None:
    assert refusal(ask(crm, "POST", "accounts", data=b"{"))[:2] == (400, "MALFORMED")


def test_the_parent_must_be_there(crm: System) -> None:
    account = crm.create("accounts", name="A")
    crm.delete("accounts", account["id"])

    answer = ask(crm, "POST", "contacts", json={"accountId": account["id"], "lastName": "B"})

    assert refusal(answer) == (422, "VALIDATION_FAILED", "accountId")


def order(crm: System, unique: str, currency: str = "EUR") -> dict[str, object]:
    account = crm.create("accounts", name="A")
    product = crm.create("products", productCode=unique, name="P")
    lines = [
        {"productId": product["id"], "quantity": 3, "unitPrice": 33.33, "discountPercent": 7.5},
        {"productId": product["id"], "quantity": 0, "unitPrice": 19.99},
    ]
    return crm.create("orders", accountId=account["id"], currency=currency, lines=lines)


def test_an_order_gets_a_number_line_ids_and_a_total(crm: System, unique: str) -> None:
    made = order(crm, unique)

    assert made["orderNumber"].startswith("Q-")
    assert len({line["lineId"] for line in made["lines"]}) == 2
    assert made["linesTotal"] == 92.49


def test_a_yen_has_no_cents(crm: System, unique: str) -> None:
    assert order(crm, unique, "JPY")["linesTotal"] == 92


def test_lines_with_a_known_id_keep_it(crm: System, unique: str) -> None:
    made = order(crm, unique)
    kept = made["lines"][1]

    changed = crm.change("orders", made["id"], lines=[{**kept, "quantity": 2}, {**kept, "lineId": None}])

    assert changed["lines"][0]["lineId"] == kept["lineId"]
    assert changed["lines"][1]["lineId"] not in {line["lineId"] for line in made["lines"]}
    assert changed["linesTotal"] == 39.98


def test_a_line_of_another_order_is_refused(crm: System, unique: str) -> None:
    made, other = order(crm, unique), order(crm, f"{unique}b")

    answer = ask(crm, "PATCH", f"orders/{made['id']}", json={"lines": other["lines"]}, headers={"If-Match": '"1"'})

    assert refusal(answer) == (422, "VALIDATION_FAILED", "lines.lineId")


def test_an_order_number_may_be_given_once(crm: System, unique: str) -> None:
    account = crm.create("accounts", name="A")
    made = crm.create("orders", accountId=account["id"], orderNumber=unique)

    again = ask(crm, "POST", "orders", json={"accountId": account["id"], "orderNumber": unique})
    changed = ask(crm, "PATCH", f"orders/{made['id']}", json={"orderNumber": "other"}, headers={"If-Match": '"1"'})

    assert made["orderNumber"] == unique
    assert refusal(again) == (409, "DUPLICATE", "orderNumber")
    assert refusal(changed) == (422, "VALIDATION_FAILED", "orderNumber")


def test_only_the_erp_document_of_an_adjustment_changes(crm: System, unique: str) -> None:
    product = crm.create("products", productCode=unique, name="P")
    made = crm.create("stock-adjustments", productId=product["id"], warehouse="MAIN", quantity=-2, reason="SAMPLE")

    assert made["adjustedOn"] == made["createdAt"][:10]
    changed = crm.change("stock-adjustments", made["id"], erpDocument="SM-00001")
    answer = ask(crm, "PATCH", f"stock-adjustments/{made['id']}", json={"quantity": 5}, headers={"If-Match": '"2"'})

    assert changed["erpDocument"] == "SM-00001"
    assert refusal(answer) == (423, "LOCKED", "quantity")


def test_each_operation_of_a_batch_stands_for_itself(crm: System, unique: str) -> None:
    account = crm.create("accounts", name="A")

    results = batch(
        crm,
        "accounts",
        {"op": "create", "externalId": unique, "record": {"name": "New"}},
        {"op": "create", "record": {}},
        {"op": "update", "id": account["id"], "version": 9, "record": {"name": "B"}},
        {"op": "update", "id": account["id"], "version": 1, "record": {"name": "C"}},
        {"op": "delete", "id": account["id"]},
        {"op": "delete", "id": account["id"]},
        {"op": "dance"},
    )

    assert [result["status"] for result in results] == [201, 422, 412, 200, 204, 410, 400]
    assert results[0]["record"]["externalId"] == unique
    assert results[1]["error"] == {"code": "VALIDATION_FAILED", "message": "name is required", "field": "name"}
    assert results[3]["version"] == 2


def test_a_minimal_answer_tells_only_what_is_otherwise_than_it_was_sent(crm: System) -> None:
    account = crm.create("accounts", name="A", email="a@b.example")

    (result,) = batch(
        crm,
        "accounts",
        {"op": "update", "id": account["id"], "version": 1, "record": {"name": " B ", "notes": "as sent"}},
        minimal=True,
    )

    assert result["changed"] == {"name": "B"}
    assert set(result) == {"status", "id", "version", "modifiedAt", "changed"}


def test_a_batch_is_read_item_by_item(crm: System) -> None:
    kept, gone = crm.create("accounts", name="Kept"), crm.create("accounts", name="Gone")
    crm.delete("accounts", gone["id"])

    results = crm.call("POST", "accounts/batch/read", json={"ids": [kept["id"], gone["id"], "acc-999999"]})["results"]

    assert [result["status"] for result in results] == [200, 410, 404]
    assert results[0]["record"] == kept


def test_a_batch_of_more_than_200_is_refused(crm: System) -> None:
    answer = ask(crm, "POST", "accounts/batch/read", json={"ids": ["acc-1"] * 201})

    assert refusal(answer)[:2] == (400, "MALFORMED")


def test_the_schema_tells_what_a_field_takes(crm: System) -> None:
    fields = {field["name"]: field for field in crm.call("GET", "schema/accounts")["fields"]}
    lines = {field["name"] for field in crm.call("GET", "schema/orders")["fields"]}

    assert fields["name"]["nullable"] is False
    assert fields["name"]["maxLength"] == 120
    assert fields["version"]["readOnly"] is True
    assert fields["paymentTerms"]["choices"] == ["IMMEDIATE", "NET_14", "NET_30", "NET_60"]
    assert {"billingAddress.city", "lines.quantity"} <= set(fields) | lines
