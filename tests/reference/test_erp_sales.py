"""Sales orders in the ERP: totals, states and locks."""

from pathlib import Path
from typing import Any

import pytest

from tests.reference.doors import ask, bulk, refusal
from tests.systems import System, start


@pytest.fixture
def item(erp: System, unique: str) -> int:
    return erp.create("items", code=unique, name="Thing")["id"]


@pytest.fixture
def partner(erp: System) -> int:
    return erp.create("partners", is_company=True, name="Company", currency_code="EUR")["id"]


def order(erp: System, partner: int, *lines: tuple[int, str, str, str], **values: Any) -> dict[str, Any]:
    named = [dict(zip(("item_id", "qty", "price_unit", "discount"), line, strict=True)) for line in lines]
    return erp.create("sales_orders", partner_id=partner, lines=named, **values)


@pytest.mark.parametrize(
    ("lines", "currency", "expected"),
    [
        pytest.param([("3", "33.33", "7.5")], "EUR", ("92.49", "17.57", "110.06"), id="a discount in per cent"),
        pytest.param([("3", "0.3333", "0")], "EUR", ("1.00", "0.19", "1.19"), id="a price with four digits"),
        pytest.param([("1", "19.99", "0"), ("0", "5", "0")], "EUR", ("19.99", "3.80", "23.79"), id="a line of nothing"),
        pytest.param([("1", "0.005", "0")] * 3, "EUR", ("0.03", "0.01", "0.04"), id="each line rounds half up"),
        pytest.param([("-1", "0.005", "0")], "EUR", ("-0.01", "0.00", "-0.01"), id="away from zero below it too"),
        pytest.param([("3", "33.33", "7.5")], "JPY", ("92.00", "17.00", "109.00"), id="a yen has no cents"),
        pytest.param([("1", "100.5", "0")], "JPY", ("101.00", "19.00", "120.00"), id="half a yen is a yen"),
        pytest.param([], "USD", ("0.00", "0.00", "0.00"), id="no lines"),
    ],
)
def test_totals(
    erp: System,
    item: int,
    partner: int,
    lines: list[tuple[str, str, str]],
    currency: str,
    expected: tuple[str, str, str],
) -> None:
    made = order(erp, partner, *((item, *line) for line in lines), currency_code=currency)

    assert (made["amount_untaxed"], made["amount_tax"], made["amount_total"]) == expected


def test_the_server_fills_what_an_order_leaves_out(erp: System, item: int, partner: int) -> None:
    made = order(erp, partner, (item, "1", "2", "0"))

    assert made["number"] == f"SO-{made['id']:05d}"
    assert (made["state"], made["currency_code"], made["warehouse_code"]) == ("draft", "EUR", "MAIN")
    assert made["lines"][0]["subtotal"] == "2.00"
    assert made["date_order"] is not None


def test_lines_with_a_known_id_keep_it(erp: System, item: int, partner: int) -> None:
    made = order(erp, partner, (item, "1", "2", "0"), (item, "3", "4", "0"))
    kept = made["lines"][1]

    changed = erp.change("sales_orders", made["id"], lines=[{**kept, "qty": "5"}])

    assert changed["lines"] == [{**kept, "qty": "5.000", "subtotal": "20.00"}]
    assert changed["amount_untaxed"] == "20.00"


def test_a_confirmed_order_is_locked_but_for_its_notes(erp: System, item: int, partner: int) -> None:
    made = order(erp, partner, (item, "1", "2", "0"))
    erp.call("POST", f"sales_orders/{made['id']}/confirm", json={"revision": 1})

    noted = erp.change("sales_orders", made["id"], note="call first", lines=made["lines"])
    answer = ask(erp, "PATCH", f"sales_orders/{made['id']}", json={"date_order": "2026-01-01", "revision": 3})

    assert noted["note"] == "call first"
    assert noted["lines"] == made["lines"]
    assert refusal(answer) == (423, "locked", "date_order")
    assert refusal(ask(erp, "DELETE", f"sales_orders/{made['id']}"))[:2] == (423, "locked")


def test_an_order_without_lines_is_not_confirmed(erp: System, partner: int) -> None:
    made = order(erp, partner)

    assert refusal(ask(erp, "POST", f"sales_orders/{made['id']}/confirm")) == (422, "invalid", "lines")


def test_a_cancelled_order_is_not_confirmed(erp: System, item: int, partner: int) -> None:
    made = order(erp, partner, (item, "1", "2", "0"))
    erp.call("POST", f"sales_orders/{made['id']}/cancel")

    assert refusal(ask(erp, "POST", f"sales_orders/{made['id']}/confirm")) == (422, "invalid", "state")


def test_an_action_that_was_done_already_changes_nothing(erp: System, item: int, partner: int) -> None:
    made = order(erp, partner, (item, "1", "2", "0"))

    results = [
        bulk(erp, "sales_orders", perform=[{"id": made["id"]}], action="confirm")[0],
        bulk(erp, "sales_orders", perform=[{"id": made["id"]}], action="confirm")[0],
    ]

    assert [result["revision"] for result in results] == [2, 2]
    assert results[0]["changed"]["state"] == "confirmed"


def test_an_unknown_action_is_refused(erp: System, item: int, partner: int) -> None:
    made = order(erp, partner, (item, "1", "2", "0"))

    assert refusal(ask(erp, "POST", f"sales_orders/{made['id']}/dance"))[:2] == (404, "not_found")
    assert refusal(ask(erp, "POST", f"sales_orders/{made['id']}/confirm", json={"revision": 9}))[0] == 409


def test_the_origin_finds_the_order(erp: System, item: int, partner: int, unique: str) -> None:
    made = order(erp, partner, (item, "1", "2", "0"), origin=unique)

    assert [found["id"] for found in erp.listed("sales_orders", origin=unique)] == [made["id"]]


def test_a_thousand_lines_are_one_order(erp: System, item: int, partner: int) -> None:
    made = order(erp, partner, *[(item, "1", "0.3333", "0")] * 1000)

    assert len(made["lines"]) == 1000
    assert made["amount_untaxed"] == "330.00"


def test_an_order_may_go_to_the_partner_that_has_the_orders_own_number(tmp_path: Path) -> None:
    server = start("erp", tmp_path, "")
    try:
        server.create("warehouses", code="MAIN", name="Main")
        first, second = (server.create("partners", is_company=True, name=name)["id"] for name in "ab")
        order = server.create("sales_orders", partner_id=second)

        assert order["id"] == first
        assert server.change("sales_orders", str(order["id"]), partner_id=first)["partner_id"] == first
    finally:
        server.stop()
