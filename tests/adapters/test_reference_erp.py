"""The reference ERP's adapter is held to the contract, against a real server."""

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import requests

from connector.adapters.authentication import ApiKey
from connector.adapters.http import HttpClient
from connector.adapters.reference_erp import ReferenceErp, connect
from connector.adapters.testing import AdapterContract, Decimals, ResourceContract, SystemUnderTest
from connector.errors import AlreadyExists, AuthenticationFailed, ConfigError, Locked, NotFound, RecordError
from connector.records import Body, Draft, Patch, Resource, Transition
from tests.adapters.servers import Faults

KEY = "demo-key"
STAMPS = frozenset({"id", "revision", "create_date", "write_date", "write_user"})
COMPANY = {"is_company": True, "currency_code": "EUR", "country_code": "DEU"}


@pytest.fixture(scope="module")
def small(erp_url: str) -> Callable[[], ReferenceErp]:
    """Makes adapters with small pages."""

    def make() -> ReferenceErp:
        client = HttpClient(erp_url, name="erp", auth=ApiKey("X-API-Key", lambda: KEY))
        return ReferenceErp(client, page_size=7, keys_page_size=11)

    return make


def hasty(url: str) -> ReferenceErp:
    """An adapter that does not wait long, for a network that fails."""
    auth = ApiKey("X-API-Key", lambda: KEY)
    return ReferenceErp(HttpClient(url, name="erp", auth=auth, timeout=(1, 1), max_attempts=2))


@pytest.fixture(scope="module")
def person(erp_url: str) -> requests.Session:
    """Somebody who works in the ERP itself."""
    session = requests.Session()
    session.headers["X-API-Key"] = KEY
    return session


@pytest.fixture(scope="module")
def partner_id(small: Callable[[], ReferenceErp]) -> int:
    return made(small(), "partners", {**COMPANY, "name": "Parent"})


@pytest.fixture(scope="module")
def item_id(small: Callable[[], ReferenceErp]) -> int:
    return made(small(), "items", {"code": "PARENT", "name": "Parent", "uom": "PCE"})


@pytest.fixture(scope="module")
def warehouse(small: Callable[[], ReferenceErp]) -> str:
    """The main warehouse, whether the server came with it or not."""
    erp = small()
    if not erp.find(Resource("warehouses"), "code", ["MAIN"]):
        made(erp, "warehouses", {"code": "MAIN", "name": "Main"})
    return "MAIN"


@pytest.fixture
def faults(erp_url: str, person: requests.Session) -> Iterator[Faults]:
    faults = Faults(person, f"{erp_url}/api")
    yield faults
    faults.end()


def made(adapter: ReferenceErp, resource: str, body: Body) -> int:
    outcome = adapter.create(Resource(resource), [Draft(str(uuid.uuid4()), body)])[0]
    return int(str(outcome.id))


class ErpContract(ResourceContract):
    """The contract, with a person's hands in the ERP."""

    name: str

    @pytest.fixture
    def hands(self, erp_url: str, person: requests.Session, faults: Faults) -> dict[str, Any]:
        url = f"{erp_url}/api/{self.name}"
        return {
            "resource": Resource(self.name),
            "missing_id": "987654321",
            "name": "erp",
            "url": erp_url,
            "edit": partial(edit, person, url),
            "forbid": faults.forbid,
            "remove": lambda each: person.delete(f"{url}/{each}", timeout=10).raise_for_status(),
            "secrets": (KEY,),
        }


def renumber(person: requests.Session, url: str, record_id: str) -> str:
    answer = person.post(f"{url}/{record_id}/renumber", timeout=10)
    answer.raise_for_status()
    return str(answer.json()["id"])


def edit(person: requests.Session, url: str, record_id: str, fields: Body) -> None:
    revision = person.get(f"{url}/{record_id}", timeout=10).json()["revision"]
    person.patch(f"{url}/{record_id}", json={**fields, "revision": revision}, timeout=10).raise_for_status()


class TestPartners(ErpContract):
    name = "partners"

    @pytest.fixture
    def system(
        self, small: Callable[[], ReferenceErp], hands: dict[str, Any], faults: Faults, person: requests.Session
    ) -> SystemUnderTest:
        system = SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {
                **COMPANY,
                "name": f"Contract {n}",
                "email": f"contract-{n}@example.org",
                "payment_term": "30D",
                "credit_limit": "1500.50",
                "city": "Ulm",
            },
            field="city",
            values=("Bonn", "Kiel"),
            wrong={**COMPANY, "name": None},
            text="comment",
            decimals=Decimals("credit_limit", ("0.10", "1234567.89", "100000000.05", "0.00")),
            move=partial(renumber, person, f"{hands['url']}/api/partners"),
            **hands,
        )
        system.create_tied = partial(faults.tied, system.create)
        return system


class TestItems(ErpContract):
    name = "items"

    @pytest.fixture
    def system(
        self, small: Callable[[], ReferenceErp], hands: dict[str, Any], person: requests.Session
    ) -> SystemUnderTest:
        return SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {"code": f"C-{n}", "name": f"Contract {n}", "uom": "PCE", "list_price": "1.2500"},
            field="barcode",
            values=("4006381333931", "4006381333932"),
            wrong={"code": None, "name": "No code"},
            text="description",
            decimals=Decimals("list_price", ("0.0001", "12.3456", "123456789.9999")),
            move=partial(renumber, person, f"{hands['url']}/api/items"),
            **hands,
        )


class TestSalesOrders(ErpContract, AdapterContract):
    name = "sales_orders"

    @pytest.fixture
    def system(
        self, small: Callable[[], ReferenceErp], hands: dict[str, Any], partner_id: int, item_id: int, warehouse: str
    ) -> SystemUnderTest:
        return SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {
                "partner_id": partner_id,
                "date_order": "2026-11-23",
                "origin": f"Contract {n}",
                "warehouse_code": warehouse,
                "lines": [{"item_id": item_id, "qty": "2.000", "price_unit": "9.9900"}],
            },
            field="client_ref",
            values=("First", "Second"),
            wrong={"partner_id": 987654321, "lines": []},
            text="note",
            transition="confirm",
            connect_at=hasty,
            **hands,
        )


class TestServiceOrders(ErpContract):
    name = "service_orders"

    @pytest.fixture
    def system(
        self, small: Callable[[], ReferenceErp], hands: dict[str, Any], partner_id: int, item_id: int, warehouse: str
    ) -> SystemUnderTest:
        return SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {
                "partner_id": partner_id,
                "item_id": item_id,
                "kind": "repair",
                "subject": f"Contract {n}",
                "warehouse_code": warehouse,
            },
            field="serial",
            values=("First", "Second"),
            wrong={"partner_id": partner_id, "item_id": item_id, "kind": "repair", "subject": None},
            text="description",
            decimals=Decimals("charge", ("0.10", "1234567.89")),
            transition="receive",
            **hands,
        )


class TestProjects(ErpContract):
    name = "projects"

    @pytest.fixture
    def system(self, small: Callable[[], ReferenceErp], hands: dict[str, Any], partner_id: int) -> SystemUnderTest:
        return SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {"partner_id": partner_id, "name": f"Contract {n}"},
            field="date_end",
            values=("2027-01-31", "2027-02-28"),
            wrong={"partner_id": partner_id, "name": None},
            decimals=Decimals("progress", ("0.10", "99.95")),
            transition="start",
            **hands,
        )


class TestStockMoves(ErpContract):
    name = "stock_moves"

    @pytest.fixture
    def system(
        self, small: Callable[[], ReferenceErp], hands: dict[str, Any], item_id: int, warehouse: str
    ) -> SystemUnderTest:
        return SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {
                "item_id": item_id,
                "warehouse_code": warehouse,
                "quantity": "10.000",
                "kind": "receipt",
                "note": f"Contract {n}",
            },
            field="note",
            values=("First", "Second"),
            wrong={"item_id": item_id, "warehouse_code": warehouse, "quantity": None, "kind": "receipt"},
            **hands,
        )


def test_a_wrong_key_ends_the_run_and_stays_secret(erp_url: str) -> None:
    adapter = connect({"url": erp_url, "api_key": "not-the-key"})

    with pytest.raises(AuthenticationFailed) as caught:
        adapter.identify()

    assert "not-the-key" not in str(caught.value) + repr(adapter)


def test_an_unknown_resource_is_a_fault_of_the_configuration(small: Callable[[], ReferenceErp]) -> None:
    with pytest.raises(ConfigError, match="'partner'"):
        small().capabilities("partner")


def test_constant_conditions_narrow_every_reading(small: Callable[[], ReferenceErp], partner_id: int) -> None:
    erp = small()
    someone = made(erp, "partners", {"is_company": False, "parent_id": partner_id, "lastname": "Someone"})
    people = Resource("partners", (("is_company", False),))

    assert [each.id for each in erp.scan(people, None).remotes] == [str(someone)]
    assert erp.count(people) == 1
    assert [each.id for each in erp.find(people, "lastname", ["Someone"])] == [str(someone)]
    assert erp.find(people, "name", ["Parent"]) == []


def test_a_repeated_key_with_another_body_is_refused(small: Callable[[], ReferenceErp]) -> None:
    erp, resource = small(), Resource("partners")
    erp.create(resource, [Draft("one-key", {**COMPANY, "name": "One"})])

    outcome = erp.create(resource, [Draft("one-key", {**COMPANY, "name": "Two"})])[0]

    assert isinstance(outcome.error, RecordError)


def test_stock_levels_are_read_and_follow_the_moves(
    small: Callable[[], ReferenceErp], item_id: int, warehouse: str
) -> None:
    erp = small()
    move = {"item_id": item_id, "warehouse_code": warehouse, "quantity": "5.000", "kind": "receipt"}
    cursor = erp.scan(Resource("stock_levels"), None).cursor

    erp.create(Resource("stock_moves"), [Draft("receive", move)])

    changed = erp.scan(Resource("stock_levels"), cursor).remotes
    assert f"{item_id}-{warehouse}" in {each.id for each in changed}
    assert erp.capabilities("stock_levels").can_update is False


def test_a_change_without_a_version_takes_the_one_that_is_there(small: Callable[[], ReferenceErp]) -> None:
    erp, partners = small(), Resource("partners")
    present = str(made(erp, "partners", {**COMPANY, "name": "Before"}))

    outcomes = erp.update(partners, [Patch("k", each, None, {"name": "After"}) for each in (present, "987654321")])

    assert [outcomes[0].error, type(outcomes[1].error)] == [None, NotFound]


def test_a_taken_code_is_refused_with_the_id_that_holds_it(small: Callable[[], ReferenceErp]) -> None:
    erp = small()
    holder = made(erp, "items", {"code": "TAKEN", "name": "First"})

    outcome = erp.create(Resource("items"), [Draft(str(uuid.uuid4()), {"code": "TAKEN", "name": "Second"})])[0]

    assert isinstance(outcome.error, AlreadyExists)
    assert outcome.error.existing_id == str(holder)


def test_a_confirmed_order_is_locked(small: Callable[[], ReferenceErp], partner_id: int, item_id: int) -> None:
    erp, orders = small(), Resource("sales_orders")
    lines = [{"item_id": item_id, "qty": "1.000", "price_unit": "5.0000"}]
    order = str(made(erp, "sales_orders", {"partner_id": partner_id, "lines": lines}))
    confirmed = erp.perform(orders, [Transition("k1", order, None, "confirm")])[0]

    outcome = erp.update(orders, [Patch("k2", order, confirmed.version, {"date_order": "2026-01-01"})])[0]

    assert confirmed.body is not None
    assert confirmed.body["state"] == "confirmed"
    assert isinstance(outcome.error, Locked)
