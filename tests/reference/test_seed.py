"""The fictional world: the same every time, and shared by both systems as it was promised."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from stdnum.eu import vat as eu_vat

from connector.reference.fields import Collection
from connector.reference.serve import SERVERS, parse_seed
from connector.reference.storage import Selection, Store

COUNTS = {"customers": 1000, "products": 100, "orders": 200}
STATES = {"SUBMITTED": "draft", "CONFIRMED": "confirmed", "CANCELLED": "cancelled"}
Records = list[dict[str, Any]]


class Part(NamedTuple):
    """What one system was given, by collection."""

    records: dict[str, Records]

    def __getitem__(self, name: Any) -> Any:
        return self.records[name]

    def of(self, *, company: bool) -> Records:
        return [record for record in self.records["partners"] if record["is_company"] is company]


def seeded(kind: str, counts: dict[str, int]) -> Part:
    server = SERVERS[kind]
    store = Store(Path(":memory:"), server.collections, lambda: 1_800_000_000.0, server.ticks)
    server.seed(store, counts)
    part = Part({each.name: _all(store, each) for each in server.collections})
    store.close()
    return part


def _all(store: Store, collection: Collection) -> Records:
    return [row.values for row in store.select(collection.name, Selection(), 100_000)]


@pytest.fixture(scope="module")
def crm_part() -> Part:
    return seeded("crm", COUNTS)


@pytest.fixture(scope="module")
def erp_part() -> Part:
    return seeded("erp", COUNTS)


def compact(text: str | None) -> str:
    return re.sub(r"[\s.-]", "", text or "").upper()


@pytest.mark.parametrize("kind", ["crm", "erp"])
def test_the_same_seed_makes_the_same_world(kind: str) -> None:
    assert seeded(kind, {"customers": 40, "orders": 20}) == seeded(kind, {"customers": 40, "orders": 20})


def test_four_in_five_customers_are_on_each_side(crm_part: Part, erp_part: Part) -> None:
    assert len(crm_part["accounts"]) == 800
    assert len(erp_part.of(company=True)) == 800 + 3


def test_three_in_five_customers_can_be_matched(crm_part: Part, erp_part: Part) -> None:
    taxes = {partner["vat"] for partner in erp_part.of(company=True) if partner["vat"]}
    emails = {partner["email"] for partner in erp_part.of(company=True)}

    matched = [each for each in crm_part["accounts"] if compact(each["vatId"]) in taxes or each["email"] in emails]

    assert len(matched) == 600


def test_three_customers_of_a_thousand_are_ambiguous(crm_part: Part, erp_part: Part) -> None:
    twice = Counter(partner["vat"] for partner in erp_part.of(company=True) if partner["vat"])
    doubled = {vat for vat, times in twice.items() if times == 2}

    found = [account for account in crm_part["accounts"] if compact(account["vatId"]) in doubled]

    assert (len(doubled), len(found)) == (3, 3)
    emails = [partner["email"] for partner in erp_part.of(company=True) if partner["vat"] in doubled]
    assert len(set(emails)) == 6


def test_tax_ids_hold_up_to_their_countries_rules(erp_part: Part) -> None:
    taxes = [partner["vat"] for partner in erp_part.of(company=True) if partner["vat"] and partner["vat"][0].isalpha()]
    without = [partner for partner in erp_part.of(company=True) if not partner["vat"]]

    assert [tax for tax in taxes if not eu_vat.is_valid(tax)] == []
    assert 0.05 < len(without) / len(erp_part.of(company=True)) < 0.15


def test_every_business_has_an_address_of_its_own(crm_part: Part, erp_part: Part) -> None:
    for records in (crm_part["accounts"], crm_part["contacts"], erp_part["partners"]):
        emails = [record["email"] for record in records]
        assert len(set(emails)) == len(emails)
        assert None not in emails


def test_the_two_sides_spell_names_differently(crm_part: Part, erp_part: Part) -> None:
    names = {partner["vat"]: partner["name"] for partner in erp_part.of(company=True)}

    pairs = [(each["name"], names.get(compact(each["vatId"]))) for each in crm_part["accounts"] if each["vatId"]]
    shared = [(crm, erp) for crm, erp in pairs if erp]

    assert sum(crm != erp for crm, erp in shared) / len(shared) > 0.3
    assert any(not crm.isascii() and erp.isascii() for crm, erp in shared)


def test_contacts_are_shared_like_their_companies(crm_part: Part, erp_part: Part) -> None:
    crm_emails = {contact["email"] for contact in crm_part["contacts"]}
    erp_emails = {person["email"] for person in erp_part.of(company=False)}

    assert len(crm_emails | erp_emails) == 1500
    assert 0.25 < len(crm_emails & erp_emails) / 1500 < 0.65


def test_products_share_their_codes(crm_part: Part, erp_part: Part) -> None:
    codes = {product["productCode"] for product in crm_part["products"]}

    assert len(erp_part["items"]) == 100
    assert len(codes) == 70
    assert codes < {item["code"] for item in erp_part["items"]}


def test_shared_orders_agree_line_by_line(crm_part: Part, erp_part: Part) -> None:
    codes = {item["id"]: item["code"] for item in erp_part["items"]}
    skus = {product["id"]: product["productCode"] for product in crm_part["products"]}
    by_origin = {order["origin"]: order for order in erp_part["sales_orders"] if order["origin"]}
    shared = [order for order in crm_part["orders"] if order["orderNumber"] in by_origin]

    assert len(shared) == 120
    for order in shared:
        other = by_origin[order["orderNumber"]]
        assert STATES[order["stage"]] == other["state"]
        assert [_sold(line, skus) for line in order["lines"]] == [_sold(line, codes) for line in other["lines"]]
        assert order["linesTotal"] == float(other["amount_untaxed"])


def _sold(line: dict[str, Any], codes: dict[Any, str]) -> tuple[str, float, float, float]:
    product = codes[line.get("productId", line.get("item_id"))]
    numbers = [line.get(crm, line.get(erp)) for crm, erp in NUMBERS]
    return (product, *(float(number or 0) for number in numbers))  # type: ignore[return-value]


NUMBERS = (("quantity", "qty"), ("unitPrice", "price_unit"), ("discountPercent", "discount"))


def test_orders_of_one_side_stay_there(crm_part: Part, erp_part: Part) -> None:
    origins = {order["origin"] for order in erp_part["sales_orders"]}
    only_crm = [order for order in crm_part["orders"] if order["orderNumber"] not in origins]
    counter_sales = [order for order in erp_part["sales_orders"] if order["origin"] is None]

    assert (len(only_crm), len(counter_sales)) == (40, 40)
    assert Counter(order["stage"] for order in only_crm).keys() == {"DRAFT", "SUBMITTED"}


def test_one_order_has_a_thousand_lines(crm_part: Part) -> None:
    assert max(len(order["lines"]) for order in crm_part["orders"]) == 1000


def test_there_is_stock_and_more_to_come(erp_part: Part) -> None:
    assert {level["warehouse_code"] for level in erp_part["stock_levels"]} == {"MAIN", "NORTH", "SOUTH"}
    assert any(float(level["incoming"]) > 0 and level["expected_date"] for level in erp_part["stock_levels"])
    assert any(float(level["reserved"]) > 0 for level in erp_part["stock_levels"])


def test_a_small_world_is_the_beginning_of_a_large_one(crm_part: Part) -> None:
    small = seeded("crm", {"customers": 10})

    names = [account["name"] for account in small["accounts"]]
    assert names == [account["name"] for account in crm_part["accounts"]][: len(names)]


def test_a_seed_is_read_from_text() -> None:
    assert parse_seed("customers=2000, orders=3000") == {"customers": 2000, "orders": 3000}
    assert parse_seed("") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("clients=5", "cannot seed 'clients'; there are customers, contacts, products, orders", id="name"),
        pytest.param("customers=many", "customers needs a whole number, like customers=200, not 'many'", id="count"),
        pytest.param("customers", "customers needs a whole number", id="nothing"),
    ],
)
def test_a_seed_that_makes_no_sense_is_explained(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_seed(text)


@pytest.fixture(autouse=True)
def quiet(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Progress is told on stderr; a test does not show it."""
    yield
    capsys.readouterr()
