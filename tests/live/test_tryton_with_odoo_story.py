"""A real Odoo that sells and a real Tryton that runs the company tell one story.

Both may hold more than this story: what belongs to it is told from the rest by the mapping, as a deployment would.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.command import connector
from tests.live.odoo import Odoo
from tests.live.tryton_person import Person

CUSTOMERS, ORDERS = 20, 5
OURS = "Runs on Tryton"


class World(NamedTuple):
    """Both systems and a configuration."""

    odoo: Odoo
    erp: Person
    config: Path

    def sync(self) -> None:
        """Sync, which has to end well."""
        ran = connector(self.config, "sync", "--json", timeout=600)
        assert ran.code == 0, ran.out + ran.err

    def partner(self, number: int) -> dict[str, Any]:
        """One customer in Odoo."""
        fields = ["name", "email", "phone", "street", "city", "active"]
        (found,) = self.odoo.listed("res.partner", fields, ["email", "=", f"buyer-{number}@tryton.example"])
        return found

    def party(self, number: int) -> dict[str, Any]:
        """The same customer in Tryton."""
        way = ["contact_mechanisms.value", "=", f"buyer-{number}@tryton.example"]
        fields = ["name", "active", "phone", "addresses.street", "addresses.city", "contact_mechanisms.type"]
        (found,) = self.erp.listed("party.party", fields, way)
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, odoo: Odoo, tryton: dict[str, Any]) -> Iterator[World]:
    """Both after a sync of customers and products, and one of the orders that were sold then."""
    folder = tmp_path_factory.mktemp("odoo-tryton")
    erp = Person.admin(tryton)
    if not erp.listed("country.country", ["id"], ["code", "=", "AT"]):
        erp.create("country.country", {"name": "Austria", "code": "AT", "code3": "AUT"})
    world = World(odoo, erp, configured(folder, odoo, tryton))
    assert connector(world.config, "init", "--prepare", "--yes").code == 0
    partners = odoo.create("res.partner", *(buyer(odoo, number) for number in range(CUSTOMERS)))
    world.sync()
    goods = odoo.listed("product.product", ["id", "default_code"], ["default_code", "=", "W003"])
    for number in range(ORDERS):
        line = {"product_id": goods[0]["id"], "product_uom_qty": number + 1, "price_unit": 12.5}
        order = {"partner_id": partners[number], "origin": OURS, "order_line": [[0, 0, line]]}
        odoo.call("sale.order", "action_quotation_sent", ids=odoo.create("sale.order", order))
    world.sync()
    yield world
    erp.close()


def configured(folder: Path, odoo: Odoo, tryton: dict[str, Any]) -> Path:
    path = folder / "connector.yaml"
    path.write_text(
        f"""\
systems:
  crm: {{system: odoo-crm, url: "{odoo.url}", database: {odoo.database}, api_key: "{odoo.api_key}", overlap: 5}}
  erp:
    system: tryton
    url: {tryton["url"]}
    database: {tryton["db"]}
    login: {tryton["user"]}
    password: "{tryton["password"]}"
    customer_category: {OURS}
    overlap: 5
store: {{url: "sqlite:///{folder / "state.db"}"}}
guards: {{changes: 10000, change_share: 1.0}}
mappings:
  crm:
    contact: null
    customer: {{resource: {{where: {{function: {OURS}}}}}}}
    order: {{resource: {{where: {{origin: {OURS}}}}}}}
  erp:
    order:
      resource: {{where: {{description: {OURS}}}}}
      customer_reference: null
""",
        encoding="utf-8",
    )
    return path


def buyer(odoo: Odoo, number: int) -> dict[str, Any]:
    (country,) = odoo.listed("res.country", ["id"], ["code", "=", "AT"])
    place = {"street": f"{number} Ring", "zip": "4020", "city": "Linz", "country_id": country["id"]}
    known = {"is_company": True, "customer_rank": 1, "function": OURS, "phone": f"+43 732 {100 + number}"}
    return {**place, **known, "name": f"Buyer {number}", "email": f"buyer-{number}@tryton.example"}


def sales(world: World) -> list[dict[str, Any]]:
    fields = ["reference", "state", "untaxed_amount", "party.name", "lines.quantity", "lines.unit_price"]
    return world.erp.listed("sale.sale", fields, ["description", "=", OURS])


def orders(world: World) -> list[dict[str, Any]]:
    return world.odoo.listed("sale.order", ["name", "state", "amount_untaxed"], ["origin", "=", OURS])


def test_every_customer_of_odoo_is_in_tryton_once(world: World) -> None:
    for number in range(CUSTOMERS):
        here, there = world.partner(number), world.party(number)
        assert (there["name"], there["phone"]) == (here["name"], here["phone"])
        assert [(each["street"], each["city"]) for each in there["addresses."]] == [(here["street"], here["city"])]


def test_what_tryton_sells_can_be_sold_in_odoo(world: World) -> None:
    codes = {each["code"] for each in world.erp.listed("product.product", ["code"], ["template.salable", "=", True])}

    assert codes <= {each["default_code"] for each in world.odoo.listed("product.product", ["default_code"])}


def test_every_quotation_that_was_sent_is_a_sale_in_tryton_equal_to_the_cent(world: World) -> None:
    said = sorted((each["name"], float(each["amount_untaxed"])) for each in orders(world))

    assert len(said) == ORDERS
    assert said == sorted((each["reference"], float(each["untaxed_amount"]["decimal"])) for each in sales(world))


def test_edits_on_both_sides_meet(world: World) -> None:
    phone = world.erp.listed(
        "party.contact_mechanism", ["id"], ["party", "=", world.party(1)["id"]], ["type", "=", "phone"]
    )
    world.erp.write("party.contact_mechanism", phone[0]["id"], value="+43 1 4711")
    world.odoo.write("res.partner", [world.partner(2)["id"]], street="Moved 1")

    world.sync()

    assert world.partner(1)["phone"] == "+43 1 4711"
    assert world.party(2)["addresses."][0]["street"] == "Moved 1"


def test_a_sale_that_is_confirmed_in_tryton_is_confirmed_in_odoo(world: World) -> None:
    sale = sales(world)[0]
    (place,) = world.erp.listed("stock.location", ["id"], ["type", "=", "warehouse"], ["name", "=", "Warehouse"])
    world.erp.write("sale.sale", sale["id"], warehouse=place["id"])
    world.erp.do("sale.sale", "quote", [sale["id"]])
    world.erp.do("sale.sale", "confirm", [sale["id"]])

    world.sync()

    assert {each["name"]: each["state"] for each in orders(world)}[sale["reference"]] == "sale"


def test_nothing_is_left_to_do(world: World) -> None:
    ran = connector(world.config, "sync", "--json")

    assert (ran.code, ran.json["writes"]) == (0, 0)
