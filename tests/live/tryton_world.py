"""A company in a live Tryton, a CRM beside it, and the same world in both: made by people, by the systems' own APIs."""

from pathlib import Path
from typing import Any, NamedTuple

from tests.command import Ran, connector
from tests.live.company import PERCENT
from tests.live.tryton_person import Person, decimal
from tests.systems import System

WAREHOUSES = ("MAIN", "NORTH", "SOUTH")
CUSTOMERS, BORN_IN_ERP, CONTACTS, PRODUCTS, ORDERS = (PERCENT * count // 100 for count in (960, 40, 60, 300, 500))
BATCH = 50
"""Parties or products in one call, of people and of the adapter alike."""
LATE = max(2 * BATCH, PERCENT * 3)
"""Customers that are entered in the CRM right before a sync is killed: more than one call's."""
OVERLAP = 5
"""Seconds that no request takes longer than."""


class World(NamedTuple):
    """Both systems, who works in Tryton, and a configuration of the connector."""

    crm: System
    erp: Person
    ids: dict[str, Any]
    config: Path

    def run(self, *words: str) -> Ran:
        """Run the connector to its end."""
        return connector(self.config, *words, timeout=600)

    def sync(self) -> Ran:
        """Run a sync that has to end well."""
        ran = self.run("sync", "--json")
        assert ran.code == 0, ran.out + ran.err
        return ran

    def party(self, account: dict[str, Any]) -> dict[str, Any]:
        """The one party that stands for an account."""
        fields = ["name", "active", "contact_mechanisms.type", "contact_mechanisms.value"]
        (found,) = self.erp.listed("party.party", fields, ["identifiers.code", "=", f"connector:{account['id']}"])
        return found

    def sale(self, order: dict[str, Any]) -> dict[str, Any]:
        """The one sale that stands for an order."""
        fields = ["number", "state", "shipments", "invoices"]
        (found,) = self.erp.listed("sale.sale", fields, ["reference", "=", order["orderNumber"]])
        return found


def write_config(folder: Path, crm: System, tryton: dict[str, Any], user: str = "connector_") -> Path:
    """A configuration that joins both, with its state beside it."""
    path = folder / "connector.yaml"
    path.write_text(
        f"""\
systems:
  crm: {{system: reference-crm, url: "{crm.url}", client_id: demo-client, client_secret: demo-secret}}
  erp:
    system: tryton
    url: {tryton["url"]}
    database: {tryton["db"]}
    login: {tryton[f"{user}user"]}
    password: "{tryton[f"{user}password"]}"
    warehouse: MAIN
    overlap: {OVERLAP}
store: {{url: "sqlite:///{folder / "state.db"}"}}
guards: {{changes: 10000, change_share: 1.0}}
""",
        encoding="utf-8",
    )
    return path


def furnish(erp: Person, ids: dict[str, Any]) -> None:
    """Three warehouses, the countries that people live in, products with stock, and some customers."""
    erp.write("stock.location", ids["warehouse"], code="MAIN")
    erp.write("stock.location", ids["warehouse2"], code="NORTH")
    third = _third_warehouse(erp, ids["warehouse"])
    erp.create("country.country", {"name": "Austria", "code": "AT", "code3": "AUT"})
    made = [
        each
        for start in range(0, PRODUCTS, BATCH)
        for each in _templates(erp, ids, range(start, min(start + BATCH, PRODUCTS)))
    ]
    variants = [each["id"] for each in erp.listed("product.product", ["id"], ["template", "in", made])]
    for location, quantity in ((ids["storage"], 100.0), (ids["storage2"], 20.0), (third, 7.0)):
        _count_in(erp, location, variants, quantity)
    category = erp.create("party.category", {"name": "Customer"})[0]
    erp.create(
        "party.party", *({"name": f"Walk-in {n}", "categories": [["add", [category]]]} for n in range(BORN_IN_ERP))
    )


def _third_warehouse(erp: Person, model: int) -> int:
    places = {}
    for part in ("input", "output", "storage"):
        places[f"{part}_location"] = erp.create("stock.location", {"name": f"South {part}", "type": "storage"})[0]
    lost = erp.listed("stock.location", ["lost_found_location"], ["id", "=", model])[0]["lost_found_location"]
    made = erp.create("stock.location", {"name": "South production", "type": "production"})[0]
    own = {"name": "South", "code": "SOUTH", "type": "warehouse", "production_location": made}
    erp.create("stock.location", {**own, **places, "lost_found_location": lost})
    return int(places["storage_location"])


def _templates(erp: Person, ids: dict[str, Any], numbers: range) -> list[int]:
    shared = {"type": "goods", "default_uom": ids["uom_unit"], "sale_uom": ids["uom_unit"], "salable": True}
    return erp.create(
        "product.template",
        *(
            {
                **shared,
                "name": f"Part {n}",
                "code": f"P{n:04}",
                "list_price": decimal(f"{n}.2500"),
                "account_category": ids["account_category"],
                "products": [["create", [{"description": f"Part number {n}"}]]],
            }
            for n in numbers
        ),
    )


def _count_in(erp: Person, location: int, variants: list[int], quantity: float) -> None:
    lines = [["create", [{"product": each, "quantity": quantity} for each in variants]]]
    inventory = erp.create("stock.inventory", {"location": location, "lines": lines})
    erp.do("stock.inventory", "confirm", inventory)


def fill(crm: System) -> None:
    """Customers, products and orders, as salespeople have entered them."""
    accounts = [_account(crm, n) for n in range(CUSTOMERS)]
    for n in range(CONTACTS):
        names = {"firstName": "Anna Maria", "lastName": f"van der Berg-{n}", "email": f"anna@company-{n}.example"}
        crm.create("contacts", accountId=accounts[n], **names)
    products = [_product(crm, n) for n in range(PRODUCTS)]
    for n in range(ORDERS):
        _order(crm, accounts[n % CUSTOMERS], [products[(7 * n + each) % PRODUCTS] for each in range(2)], n)


def _account(crm: System, n: int) -> str:
    address = {"street": f"{n} Ringstraße", "postalCode": f"{1010 + n}", "city": "Wien", "country": "AT"}
    shipping = {**address, "street": f"Dock {n}"} if n % 3 == 0 else None
    return crm.create(
        "accounts",
        name=f"Company {n} GmbH",
        email=f"office@company-{n}.example",
        phone=f"+43 1 {500000 + n}",
        website=f"https://company-{n}.example",
        currency="EUR",
        paymentTerms=("IMMEDIATE", "NET_14", "NET_30", "NET_60")[n % 4],
        status="ACTIVE",
        billingAddress=address,
        shippingAddress=shipping,
    )["id"]


def _product(crm: System, n: int) -> str:
    return crm.create("products", productCode=f"P{n:04}", name=f"Part {n}", unit="PIECE", price=n, currency="EUR")["id"]


def _order(crm: System, account: str, products: list[str], n: int) -> None:
    lines = [{"productId": each, "quantity": n % 4 + 1, "unitPrice": n % 90 + 0.99} for each in products]
    crm.create(
        "orders",
        accountId=account,
        orderDate="2026-11-20",
        currency="EUR",
        stage="SUBMITTED",
        notes=f"No {n}",
        lines=lines,
    )
