"""The Tryton adapter is held to the contract, against a real server."""

import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from connector.adapters.testing import AdapterContract, Decimals, ResourceContract, SystemUnderTest
from connector.adapters.testing_proxy import Request
from connector.adapters.tryton.adapter import Tryton
from connector.adapters.tryton.connect import connect
from connector.records import Body, Draft, Resource, Transition
from tests.live.tryton_person import Person

WRITES = tuple(f'.{verb}"' for verb in ("create", "write", "delete", "quote", "cancel", "wait"))
SMALL = {"page_size": 7, "overlap": 1}


@pytest.fixture(scope="module")
def admin(tryton: dict[str, Any]) -> Iterator[Person]:
    person = Person.admin(tryton)
    yield person
    person.close()


@pytest.fixture(scope="module")
def connect_at(tryton: dict[str, Any]) -> Callable[..., Tryton]:
    """Makes adapters of the connector's own user, for the server or for what stands before it."""

    def make(url: str, **options: Any) -> Tryton:
        known = {"database": tryton["db"], "login": tryton["connector_user"], "customer_category": ""}
        given = {"password": tryton["connector_password"], "timeout": 4, "max_attempts": 2}
        return connect({"url": url, **known, **given, **SMALL, **options})

    return make


@pytest.fixture
def warehouse(admin: Person, tryton: dict[str, Any]) -> str:
    """The code of the company's warehouse: what ran before on the same database may have given it another one."""
    (held,) = admin.listed("stock.location", ["code"], ["id", "=", tryton["ids"]["warehouse"]])
    return str(held["code"])


def is_write(request: Request) -> bool:
    return any(each in request.text for each in WRITES)


class TrytonContract(ResourceContract):
    """What all resources of Tryton have in common in these tests."""

    @pytest.fixture
    def hands(self, tryton: dict[str, Any], connect_at: Callable[..., Tryton]) -> dict[str, Any]:
        return {
            "connect": lambda: connect_at(tryton["url"], timeout=60),
            "missing_id": "987654",
            "url": tryton["url"],
            "connect_at": connect_at,
            "renews": True,
            "is_write": is_write,
            "secrets": (tryton["connector_password"],),
        }


@pytest.fixture
def category(admin: Person) -> tuple[int, str]:
    """A party category for one test alone: small pages over all that other tests made would take minutes."""
    name = uuid.uuid4().hex
    return admin.create("party.category", {"name": name})[0], name


class TestParties(TrytonContract, AdapterContract):
    @pytest.fixture
    def system(self, hands: dict[str, Any], admin: Person, category: tuple[int, str]) -> SystemUnderTest:
        number, name = category
        own = {"categories": [["add", [number]]]}
        return SystemUnderTest(
            resource=Resource("party.party", (("is_customer", True),)),
            make_body=party,
            field="phone",
            values=("+33 1 11", "+33 2 22"),
            wrong={"name": "Wrong", "tax_id": "FR83404833048", "code": "1"},
            edit=lambda record_id, fields: edit_party(admin, record_id, fields),
            remove=lambda record_id: admin.delete("party.party", record_id),
            create_tied=lambda count: [
                str(each) for each in admin.create("party.party", *({"name": f"Tied {n}", **own} for n in range(count)))
            ],
            move=lambda record_id: merged(admin, record_id),
            **narrowed(hands, customer_category=name),
        )


def narrowed(hands: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The same hands, with adapters that have these options."""
    connect_at = partial(hands["connect_at"], **options)
    return {**hands, "connect_at": connect_at, "connect": lambda: connect_at(hands["url"], timeout=60)}


def party(number: int) -> Body:
    return {
        "name": f"Contract {number}",
        "is_customer": True,
        "email": f"contract-{number}@example.org",
        "customer_payment_term": {"name": "Net 30 days"},
        "invoice_address": {"street": "1 Rue X", "postal_code": "75001", "city": "Paris", "country": "FR"},
    }


def edit_party(admin: Person, record_id: str, fields: Body) -> None:
    """What a person changes in a contact mechanism does not show on the party itself."""
    names = {name: value for name, value in fields.items() if name != "phone"}
    if names:
        admin.write("party.party", record_id, **names)
    if "phone" not in fields:
        return
    held = admin.listed("party.contact_mechanism", ["id"], ["party", "=", int(record_id)], ["type", "=", "phone"])
    if held:
        admin.write("party.contact_mechanism", held[0]["id"], value=fields["phone"])
    else:
        admin.create("party.contact_mechanism", {"party": int(record_id), "type": "phone", "value": fields["phone"]})


def merged(admin: Person, record_id: str) -> str:
    """A person finds that two parties are one, and has Tryton replace one by the other."""
    new = admin.create(
        "party.party", {"name": admin.listed("party.party", ["name"], ["id", "=", int(record_id)])[0]["name"]}
    )[0]
    context = {"active_model": "party.party", "active_id": int(record_id), "active_ids": [int(record_id)], "company": 1}
    session, start, _ = admin.call("wizard.party.replace.create", context)
    form = {"source": int(record_id), "destination": new}
    admin.call("wizard.party.replace.execute", session, {start: form}, "replace", context)
    admin.call("wizard.party.replace.delete", session, context)
    return str(new)


class TestContacts(TrytonContract):
    @pytest.fixture
    def system(
        self, hands: dict[str, Any], admin: Person, tryton: dict[str, Any], category: tuple[int, str]
    ) -> SystemUnderTest:
        return SystemUnderTest(
            resource=Resource("party.party/contacts", (("is_contact", True),)),
            make_body=lambda n: {
                "last_name": f"van der Berg-{n}",
                "first_name": "Anna Maria",
                "email": f"anna-{n}@example.org",
                "company": tryton["ids"]["customers"][0],
                "is_contact": True,
            },
            field="first_name",
            values=("Eva", "Mia"),
            edit=lambda record_id, fields: admin.write(
                "party.party",
                record_id,
                name=f"{_last_name(admin, record_id)}, {fields['first_name']}",
            ),
            remove=lambda record_id: admin.delete("party.party", record_id),
            **narrowed(hands, contact_category=category[1]),
        )


def _last_name(admin: Person, record_id: str) -> str:
    (row,) = admin.listed("party.party", ["name"], ["id", "=", int(record_id)])
    return str(row["name"]).partition(", ")[0]


class TestProducts(TrytonContract):
    @pytest.fixture
    def system(self, hands: dict[str, Any], admin: Person) -> SystemUnderTest:
        return SystemUnderTest(
            resource=Resource("product.product", (("salable", True),)),
            make_body=lambda n: {
                "code": f"C{n}",
                "name": f"Contract {n}",
                "default_uom": "u",
                "list_price": "12.5000",
                "salable": True,
            },
            field="name",
            values=("First", "Second"),
            wrong={"name": "Wrong", "default_uom": "u", "salable": True, "code": "W001"},
            text="description",
            decimals=Decimals("list_price", ("0.1000", "1234567.8900", "99.0001")),
            edit=lambda record_id, fields: admin.write(
                "product.template",
                admin.listed("product.product", ["template"], ["id", "=", int(record_id)])[0]["template"],
                **fields,
            ),
            **hands,
        )


class TestSales(TrytonContract):
    @pytest.fixture
    def system(self, hands: dict[str, Any], admin: Person, tryton: dict[str, Any], warehouse: str) -> SystemUnderTest:
        known, mark = tryton["ids"], uuid.uuid4().hex
        line = {"product": known["products"][0], "description": None, "unit_price": "12.5000", "discount": None}
        return SystemUnderTest(
            resource=Resource("sale.sale", (("description", mark),)),
            make_body=lambda n: {
                "reference": f"C-{n}",
                "description": mark,
                "party": known["customers"][0],
                "sale_date": "2026-11-20",
                "currency": "EUR",
                "lines": [{**line, "quantity": 2.0}, {**line, "quantity": 1.0}],
            },
            field="reference",
            values=("First", "Second"),
            wrong={"party": None},
            text="comment",
            transition="confirm",
            edit=lambda record_id, fields: admin.write("sale.sale", record_id, **fields),
            remove=lambda record_id: admin.delete("sale.sale", record_id),
            **narrowed(hands, warehouse=warehouse),
        )


class TestAdjustments(TrytonContract):
    @pytest.fixture
    def system(self, hands: dict[str, Any], tryton: dict[str, Any], warehouse: str) -> SystemUnderTest:
        known = tryton["ids"]
        return SystemUnderTest(
            resource=Resource("stock.shipment.internal"),
            make_body=lambda n: {
                "product": known["products"][1],
                "warehouse": warehouse,
                "quantity": float(n % 5 - 2 or 3),
                "effective_date": "2026-11-20",
            },
            field="number",
            values=("", ""),
            wrong={"product": known["products"][1], "warehouse": warehouse, "quantity": 0.333},
            **hands,
        )


class TestLevels(TrytonContract):
    @pytest.fixture
    def system(self, hands: dict[str, Any]) -> SystemUnderTest:
        return SystemUnderTest(
            resource=Resource("stock.products_by_locations"),
            make_body=lambda _: {},
            field="on_hand",
            values=("1", "2"),
            **narrowed(hands, page_size=100),
        )

    def test_a_level_tells_what_lies_there_what_leaves_and_what_comes(
        self, system: SystemUnderTest, connect_at: Callable[..., Tryton], tryton: dict[str, Any], warehouse: str
    ) -> None:
        product = tryton["ids"]["products"][2]
        place = f"{product}-{tryton['ids']['warehouse']}"
        shown, cursor = system.scan()
        before = amounts({each.id: each.body for each in shown}[place])
        sold = {"product": product, "quantity": 4.0, "unit_price": "1.0000"}
        erp = connect_at(tryton["url"], timeout=60, warehouse=warehouse)
        sales, moves = Resource("sale.sale"), Resource("stock.shipment.internal")
        sale = erp.create(sales, [Draft("a", {"party": tryton["ids"]["customers"][0], "lines": [sold]})])[0]
        erp.perform(sales, [Transition("b", str(sale.id), sale.version, "confirm")])
        lost = {"product": product, "warehouse": warehouse, "quantity": -3.0, "effective_date": None}
        erp.create(moves, [Draft("c", lost, "level-test")])

        changed = {each.id: each.body for each in system.scan(cursor)[0]}

        moved = [after - then for after, then in zip(amounts(changed[place]), before, strict=True)]
        assert moved == [-3, 4, -7, 0]


def amounts(level: dict[str, Any] | None) -> list[Decimal]:
    """What lies there, what of it is reserved and available, and what comes."""
    return [Decimal((level or {})[name]) for name in ("on_hand", "reserved", "available", "incoming")]


def test_deletes_are_read_from_the_log_by_an_administrator(
    tryton: dict[str, Any], connect_at: Callable[..., Tryton], admin: Person
) -> None:
    rights = {"login": tryton["user"], "password": tryton["password"], "timeout": 60, "delete_log": True}
    erp, parties = connect_at(tryton["url"], **rights, page_size=5000), Resource("party.party")
    gone = [str(each) for each in admin.create("party.party", {"name": "Gone"}, {"name": "Gone, too"})]
    cursor = erp.scan(parties, None).cursor

    admin.delete("party.party", *gone)

    page = erp.scan(parties, cursor)
    assert sorted(each.id for each in page.remotes if each.deleted) == sorted(gone)
    erp.close()
