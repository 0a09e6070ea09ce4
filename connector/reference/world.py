"""One fictional world, of which the CRM and the ERP each know a part: who is in it and where, before anyone spells it.

Everything is made from its own number alone, so the first hundred customers are the same in every world.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from random import Random

from connector.reference.names import (
    COUNTRIES,
    FIRST_NAMES,
    GOODS,
    JOBS,
    JOINTS,
    LAST_NAMES,
    MATERIALS,
    NOTES,
    TRADES,
    WEIGHTS,
    Country,
)
from connector.reference.spellings import slug
from connector.reference.tax_ids import make_vat

CRM, ERP = "crm", "erp"
BOTH = frozenset((CRM, ERP))
WHEREABOUTS = (BOTH, frozenset((CRM,)), BOTH, frozenset((ERP,)), BOTH)
"""Three in five are known to both, one to each alone."""
AMBIGUOUS = (10, 340, 670)
"""Of every thousand companies, those that somebody entered twice in the ERP."""
LONG_ORDER, LONG_ORDER_LINES, ENOUGH_ORDERS = 50, 1000, 100
PRODUCTS = 300
FIRST_NUMBER = 10001
SPREAD, SHIFT, MODULUS = 7_919_731, 1_234_567, 10_000_000
"""A step that visits every number below the modulus once, so that what is made from it is unique."""
PRICES = tuple(map(Decimal, ("19.9900", "0.3333", "33.33", "149", "7.25", "0.0750", "1299.95", "12.3456")))
QUANTITIES = tuple(map(Decimal, ("1", "2", "3", "5", "10", "0.5", "2.25", "24", "0", "12.125")))
DISCOUNTS = (None, None, None, Decimal("7.5"), Decimal(10), Decimal("33.33"))
EPOCH = date(2026, 1, 5)


@dataclass(frozen=True, slots=True)
class Company:
    """One customer."""

    index: int
    where: frozenset[str]
    country: Country
    family: tuple[str, str]
    form: tuple[str, str]
    pattern: str
    """The name, with `{family}` and `{form}` still to be spelled."""
    vat: str | None
    domain: str
    area: str
    rest: str
    street: tuple[str, str]
    postal: str
    city: str
    note: str | None

    @property
    def is_ambiguous(self) -> bool:
        """Whether the ERP has it twice."""
        return self.index % 1000 in AMBIGUOUS

    @property
    def name(self) -> str:
        """As the company itself writes it."""
        return self.pattern.format(family=self.family[0], form=self.form[0])


@dataclass(frozen=True, slots=True)
class Person:
    """One contact."""

    index: int
    where: frozenset[str]
    company: Company
    first: str
    last: str
    email: str
    job: str | None


@dataclass(frozen=True, slots=True)
class Product:
    """One thing that is sold; the ERP knows all."""

    index: int
    where: frozenset[str]
    code: str
    name: str
    unit: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order."""

    product: Product
    quantity: Decimal
    price: Decimal
    discount: Decimal | None


@dataclass(frozen=True, slots=True)
class Order:
    """One order; `state` counts in draft, submitted, confirmed, cancelled."""

    index: int
    where: frozenset[str]
    company: Company
    number: str
    ordered: date
    state: int
    lines: tuple[Line, ...]
    note: str | None


class World:
    """As many companies, people, products and orders as were asked for."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.customers = counts.get("customers", 0)
        self.contacts = counts.get("contacts", self.customers * 3 // 2) if self.customers else 0
        self.products = counts.get("products", PRODUCTS)
        self.orders = counts.get("orders", 0) if self.customers and self.products else 0

    def person(self, index: int) -> Person:
        """A contact; the first of every company come first, then the second ones."""
        return make_person(index, make_company(index % self.customers))

    def order(self, index: int) -> Order:
        """An order of a customer that everyone who holds the order also knows."""
        dice = Random(f"order {index}")
        where = WHEREABOUTS[index % 5]
        company = make_company(self._pick(dice, self.customers, where))
        many = self.orders >= ENOUGH_ORDERS and index == LONG_ORDER
        count = LONG_ORDER_LINES if many else dice.randint(1, 5)
        lines = tuple(self._line(dice, where, company) for _ in range(count))
        return Order(
            index,
            where,
            company,
            f"Q-{FIRST_NUMBER + index}",
            EPOCH + timedelta(days=dice.randint(0, 300)),
            _state(dice, where),
            (self._first_line(where), *lines) if index == 0 else lines,
            dice.choice((None, None, *NOTES)),
        )

    def _pick(self, dice: Random, count: int, where: frozenset[str]) -> int:
        """The number of something that is known in all these places."""
        known = [place for place in range(5) if where <= WHEREABOUTS[place] and place < count]
        place = dice.choice(known or [0])
        return place + 5 * dice.randrange((count - place + 4) // 5)

    def _line(self, dice: Random, where: frozenset[str], company: Company) -> Line:
        product = self._product(dice, where)
        price = dice.choice((product.price, *PRICES)) * (100 if company.country.currency == "JPY" else 1)
        return Line(product, dice.choice(QUANTITIES), price, dice.choice(DISCOUNTS))

    def _first_line(self, where: frozenset[str]) -> Line:
        return Line(self._product(Random(0), where), Decimal(3), Decimal("33.33"), Decimal("7.5"))

    def _product(self, dice: Random, where: frozenset[str]) -> Product:
        while True:
            product = make_product(dice.randrange(self.products))
            if where <= product.where:
                return product


@lru_cache(maxsize=4096)
def make_company(index: int) -> Company:
    """The company with this number."""
    dice = Random(f"company {index}")
    country = dice.choices(COUNTRIES, WEIGHTS)[0]
    family, form = dice.choice(country.families), dice.choice(country.forms)
    pattern = f"{{family}}{dice.choice(JOINTS)}{dice.choice(TRADES)} {{form}}"
    if dice.random() < 0.2:
        pattern = "{family} {form}"
    unique = (index * SPREAD + SHIFT) % MODULUS
    vat = make_vat(country.code, unique) if dice.random() > 0.03 or index % 1000 in AMBIGUOUS else None
    if index % 1000 in AMBIGUOUS and vat is None:
        vat = f"{unique:012d}"
    full, short = dice.choice(country.streets)
    house = dice.randint(1, 199)
    return Company(
        index,
        WHEREABOUTS[index % 5],
        country,
        family,
        form,
        pattern,
        vat,
        f"{slug(family[1])}-{index + 1}.example",
        dice.choice(country.areas),
        f"{dice.randrange(10 ** (country.rest - 1), 10**country.rest)}",
        (full.format(house), short.format(house)),
        _postal(country, unique),
        dice.choice(country.cities),
        dice.choice((None, None, None, *NOTES)),
    )


def make_person(index: int, company: Company) -> Person:
    """The contact with this number; known at most where its company is."""
    dice = Random(f"person {index}")
    first, last = dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)
    where = company.where
    if where == BOTH:
        where = dice.choice(WHEREABOUTS)
    email = f"{slug(first)}.{slug(last)}.{index + 1}@{company.domain}"
    return Person(index, where, company, first, last, email, dice.choice((None, *JOBS)))


@lru_cache(maxsize=4096)
def make_product(index: int) -> Product:
    """The product with this number."""
    dice = Random(f"product {index}")
    name = f"{dice.choice(MATERIALS)} {dice.choice(GOODS)}"
    where = BOTH if index % 10 < 7 else frozenset((ERP,))
    price = Decimal(dice.randrange(1000, 5_000_000)).scaleb(-4)
    return Product(
        index,
        where,
        f"{name[:2].upper()}-{index + 1:04d}",
        f"{name} {index + 1}",
        dice.choice((0, 0, 0, 1, 2, 3, 4)),
        price,
    )


def _postal(country: Country, unique: int) -> str:
    digits = iter(f"{unique:07d}"[::-1])
    return "".join(next(digits) if each == "#" else each for each in country.postal)


def _state(dice: Random, where: frozenset[str]) -> int:
    """0 draft, 1 submitted, 2 confirmed, 3 cancelled: what only the CRM has waits, what only the ERP has is sold."""
    if where == BOTH:
        return dice.choices((1, 2, 3), (30, 60, 10))[0]
    return dice.choices((0, 1), (25, 75))[0] if CRM in where else dice.choices((1, 2, 3), (10, 80, 10))[0]
