"""Fills an empty server with its part of the fictional world, through the same rules as any write."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from connector.reference import crm_records, crm_tables, erp_records, erp_tables
from connector.reference.crm_cash_tables import ORDERS as CRM_ORDERS
from connector.reference.erp_cash_tables import PRODUCTION_ORDERS, PURCHASE_ORDERS, SALES_ORDERS
from connector.reference.fields import Collection
from connector.reference.names import Country
from connector.reference.spellings import phone, plain, respell, respell_vat
from connector.reference.storage import Store
from connector.reference.validation import Values
from connector.reference.world import CRM, ERP, Company, Order, Person, Product, World, make_company, make_product

USER = "seed"
UNITS = ("PIECE", "KILOGRAM", "METRE", "LITRE", "HOUR")
UNIT_CODES = ("PCE", "KGM", "MTR", "LTR", "HUR")
TERMS = ("IMMEDIATE", "NET_14", "NET_30", "NET_60")
TERM_CODES = ("0D", "14D", "30D", "60D")
STAGES = ("DRAFT", "SUBMITTED", "CONFIRMED", "CANCELLED")
WAREHOUSES = (("MAIN", "Main warehouse"), ("NORTH", "Nordlager"), ("SOUTH", "Südlager"))
SHARES = {"MAIN": 1, "NORTH": 3, "SOUTH": 5}
"""One item in so many lies in the warehouse."""

Ids = dict[int, Any]
"""From a number in the world to the id here."""


def seed_crm(store: Store, counts: Mapping[str, int]) -> None:
    """The CRM's part of the world, all of it or nothing."""
    with store.transaction():
        CrmSeed(store, World(counts)).run()


def seed_erp(store: Store, counts: Mapping[str, int]) -> None:
    """The ERP's part of the world, all of it or nothing."""
    with store.transaction():
        ErpSeed(store, World(counts)).run()


def _do(title: str, steps: Iterable[Callable[[], None]]) -> None:
    """Do all steps, and tell how many there were."""
    done = 0
    for done, step in enumerate(steps, 1):  # noqa: B007 -- the last one is how many
        step()
    sys.stderr.write(f"seeded {done} {title}\n")


class CrmSeed:
    """The world as salespeople wrote it down."""

    def __init__(self, store: Store, world: World) -> None:
        self._world = world
        self._records = crm_records.Records(store, crm_tables.COLLECTIONS)
        self._accounts: Ids = {}
        self._contacts: Ids = {}
        self._firsts: dict[int, str] = {}
        self._products: Ids = {}

    def run(self) -> None:
        """Everything, parents first."""
        world = self._world
        _do("accounts", (partial(self._account, each) for each in _companies(world, CRM)))
        _do("contacts", (partial(self._contact, each) for each in _people(world, CRM)))
        _do("primary contacts", (partial(self._primary, number) for number in self._firsts if number % 2 == 0))
        _do("products", (partial(self._product, each) for each in _products(world, CRM)))
        _do("orders", (partial(self._order, each) for each in _orders(world, CRM)))

    def _add(self, collection: Collection, values: Values) -> str:
        return str(self._records.create(collection, values, USER).values["id"])

    def _account(self, company: Company) -> None:
        dice = _dice(CRM, "account", company.index)
        self._accounts[company.index] = self._add(
            crm_tables.ACCOUNTS,
            {
                "name": respell(dice, company.name)[:120],
                "vatId": respell_vat(dice, company.vat) if company.vat else None,
                "email": company_email(dice, company, "sales"),
                "phone": phone(dice, company.country, company.area, company.rest),
                "website": f"https://www.{company.domain}" if dice.random() < 0.6 else None,
                "currency": company.country.currency,
                "paymentTerms": TERMS[company.index % 4],
                "creditLimit": None,
                "notes": company.note,
                "billingAddress": _address(dice, company.country, company),
                "shippingAddress": _address(dice, company.country, company) if company.index % 3 == 0 else None,
            },
        )

    def _contact(self, person: Person) -> None:
        dice = _dice(CRM, "contact", person.index)
        self._contacts[person.index] = self._add(
            crm_tables.CONTACTS,
            {
                "accountId": self._accounts[person.company.index],
                "firstName": person.first,
                "lastName": respell(dice, person.last),
                "email": dice.choice((person.email, person.email.title())),
                "phone": phone(dice, person.company.country, person.company.area, person.company.rest),
                "jobTitle": person.job,
            },
        )
        self._firsts.setdefault(person.company.index, self._contacts[person.index])

    def _primary(self, number: int) -> None:
        change = {"primaryContactId": self._firsts[number]}
        self._records.update(crm_tables.ACCOUNTS, self._accounts[number], change, USER, 1)

    def _product(self, product: Product) -> None:
        self._products[product.index] = self._add(
            crm_tables.PRODUCTS,
            {
                "productCode": product.code,
                "name": product.name,
                "description": f"{product.name}, sold by the {UNITS[product.unit].lower()}"
                if product.index % 2
                else None,
                "unit": UNITS[product.unit],
                "price": float(product.price),
                "currency": "EUR",
            },
        )

    def _order(self, order: Order) -> None:
        self._add(
            CRM_ORDERS,
            {
                "orderNumber": order.number,
                "accountId": self._accounts[order.company.index],
                "orderDate": order.ordered.isoformat(),
                "currency": order.company.country.currency,
                "stage": STAGES[order.state],
                "notes": order.note,
                "customerReference": f"PO {order.index * 37 % 9973}" if order.index % 4 else None,
                "lines": [
                    {
                        "productId": self._products[line.product.index],
                        "description": line.product.name if order.index % 3 else None,
                        "quantity": _plain_number(line.quantity),
                        "unitPrice": _plain_number(line.price),
                        "discountPercent": None if line.discount is None else _plain_number(line.discount),
                    }
                    for line in order.lines
                ],
            },
        )


class ErpSeed:
    """The world as the accounts department wrote it down."""

    def __init__(self, store: Store, world: World) -> None:
        self._world = world
        self._records = erp_records.Records(store)
        self._partners: Ids = {}
        self._firsts: Ids = {}
        self._items: Ids = {}

    def run(self) -> None:
        """Everything, parents first."""
        world = self._world
        _do("warehouses", (partial(self._warehouse, code, name) for code, name in WAREHOUSES))
        _do("items", (partial(self._item, each) for each in _products(world, ERP)))
        _do("items with stock", (partial(self._stock, each) for each in _products(world, ERP)))
        _do("partners", (partial(self._partner, each) for each in _companies(world, ERP)))
        _do("persons", (partial(self._person, each) for each in _people(world, ERP)))
        _do("primary contacts", (partial(self._primary, number) for number in self._firsts if number % 2 == 0))
        _do("orders", (partial(self._order, each) for each in _orders(world, ERP)))

    def _add(self, resource: Collection, values: Values) -> Any:
        return self._records.create(resource, values, USER).values["id"]

    def _warehouse(self, code: str, name: str) -> None:
        self._add(erp_tables.WAREHOUSES, {"code": code, "name": name})

    def _item(self, product: Product) -> None:
        self._items[product.index] = self._add(
            erp_tables.ITEMS,
            {
                "code": product.code,
                "name": product.name,
                "uom": UNIT_CODES[product.unit],
                "list_price": str(product.price),
                "currency_code": "EUR",
                "cost_price": str(product.price * Decimal("0.6")),
                "barcode": f"40{product.index:011d}",
            },
        )

    def _stock(self, product: Product) -> None:
        dice = _dice(ERP, "stock", product.index)
        item = self._items[product.index]
        for warehouse, share in SHARES.items():
            if product.index % share == 0:
                quantity = str(Decimal(dice.randrange(100, 900_000)).scaleb(-3 if product.unit else 0))
                move = {"item_id": item, "warehouse_code": warehouse, "quantity": quantity, "kind": "receipt"}
                self._add(erp_tables.STOCK_MOVES, {**move, "note": "opening stock"})
        if product.index % 7 == 0:
            self._supply(PURCHASE_ORDERS, "expected_date", dice, item, "receive")
        if product.index % 11 == 0:
            self._supply(PRODUCTION_ORDERS, "planned_date", dice, item, "finish")

    def _supply(self, resource: Collection, day: str, dice: Random, item: int, action: str) -> None:
        """An order that will bring goods, or in one case of four has brought them."""
        due = f"2026-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}"
        place = dice.choice(WAREHOUSES)[0]
        values = {"item_id": item, "warehouse_code": place, "qty": str(dice.randint(1, 500)), day: due}
        number = self._add(resource, values)
        if dice.random() < 0.25:
            self._records.act(resource, number, action, USER, None)

    def _partner(self, company: Company) -> None:
        dice = _dice(ERP, "partner", company.index)
        values = self._company_values(dice, company)
        self._partners[company.index] = self._add(erp_tables.PARTNERS, values)
        if company.is_ambiguous:
            again = {"name": f"{plain(company.name)[:70]} (2)", "email": f"office@{company.domain}", "zip": None}
            self._add(erp_tables.PARTNERS, {**values, **again})

    def _company_values(self, dice: Random, company: Company) -> Values:
        # The same vocabulary, another hand: full or plain legal forms, abbreviated streets, three-letter countries.
        name = company.pattern.format(
            family=dice.choice(company.family), form=dice.choice((*company.form, company.form[0].replace(".", "")))
        )
        ship = company.index % 3 == 0
        return {
            "is_company": True,
            "name": respell(dice, name),
            "vat": respell_vat(dice, company.vat) if company.vat else None,
            "email": company_email(dice, company, "accounts"),
            "phone": phone(dice, company.country, company.area, company.rest),
            "website": f"https://www.{company.domain}" if dice.random() < 0.6 else None,
            "currency_code": company.country.currency,
            "payment_term": TERM_CODES[company.index % 4],
            "credit_limit": str(dice.choice((500, 1000, 2500, 10_000, 50_000))),
            "on_hold": company.index % 50 == 3,
            "comment": company.note if dice.random() < 0.5 else None,
            **_columns("", dice, company),
            **(_columns("ship_", dice, company) if ship else {}),
        }

    def _person(self, person: Person) -> None:
        dice = _dice(ERP, "person", person.index)
        parent = self._partners[person.company.index]
        number = self._add(
            erp_tables.PARTNERS,
            {
                "is_company": False,
                "parent_id": parent,
                "firstname": respell(dice, person.first),
                "lastname": respell(dice, person.last),
                "email": dice.choice((person.email, person.email.upper())),
                "phone": phone(dice, person.company.country, person.company.area, person.company.rest),
                "function": person.job,
            },
        )
        self._firsts.setdefault(person.company.index, number)

    def _primary(self, number: int) -> None:
        change = {"contact_id": self._firsts[number]}
        self._records.update(erp_tables.PARTNERS, self._partners[number], change, USER, 1)

    def _order(self, order: Order) -> None:
        number = self._add(
            SALES_ORDERS,
            {
                "partner_id": self._partners[order.company.index],
                "date_order": order.ordered.isoformat(),
                "currency_code": order.company.country.currency,
                "note": order.note,
                "client_ref": f"PO {order.index * 37 % 9973}" if order.index % 4 else None,
                "origin": order.number if CRM in order.where else None,
                "lines": [
                    {
                        "item_id": self._items[line.product.index],
                        "name": line.product.name if order.index % 3 else None,
                        "qty": str(line.quantity),
                        "price_unit": str(line.price),
                        "discount": str(line.discount or 0),
                    }
                    for line in order.lines
                ],
            },
        )
        if order.state > 1:
            action = "confirm" if order.state == STAGES.index("CONFIRMED") else "cancel"
            written = self._records.act(SALES_ORDERS, number, action, USER, None)
            if written.values["state"] == "on_hold":
                self._records.act(SALES_ORDERS, number, "release", USER, None)


def company_email(dice: Random, company: Company, desk: str) -> str:
    """A company's address; where a VAT id identifies it, some know another desk's."""
    knows_another = company.vat is not None and dice.random() < 0.1
    name = desk if knows_another or company.is_ambiguous else "info"
    return f"{name}@{company.domain}"


def _address(dice: Random, country: Country, company: Company) -> Values:
    return {
        "street": respell(dice, dice.choice(company.street)),
        "postalCode": company.postal,
        "city": respell(dice, company.city),
        "country": country.code,
    }


def _columns(prefix: str, dice: Random, company: Company) -> Values:
    return {
        f"{prefix}street": respell(dice, dice.choice(company.street)),
        f"{prefix}zip": company.postal,
        f"{prefix}city": respell(dice, company.city),
        f"{prefix}country_code": company.country.code3,
    }


def _plain_number(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


def _dice(side: str, what: str, index: int) -> Random:
    return Random(f"{side} {what} {index}")


def _companies(world: World, side: str) -> Iterator[Company]:
    return (each for each in map(make_company, range(world.customers)) if side in each.where)


def _people(world: World, side: str) -> Iterator[Person]:
    return (each for each in map(world.person, range(world.contacts)) if side in each.where)


def _products(world: World, side: str) -> Iterator[Product]:
    return (each for each in map(make_product, range(world.products)) if side in each.where)


def _orders(world: World, side: str) -> Iterator[Order]:
    return (each for each in map(world.order, range(world.orders)) if side in each.where)
