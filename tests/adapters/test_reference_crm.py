"""The reference CRM's adapter is held to the contract, against a real server."""

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import requests

from connector.adapters.authentication import ClientCredentials
from connector.adapters.http import HttpClient
from connector.adapters.reference_crm import ReferenceCrm, connect
from connector.adapters.testing import AdapterContract, Decimals, ResourceContract, SystemUnderTest
from connector.errors import AuthenticationFailed, ConfigError, NotFound
from connector.records import Body, Draft, Patch, Resource
from tests.adapters.servers import Faults

SECRET = "demo-secret"
STAMPS = frozenset({"id", "version", "createdAt", "modifiedAt", "modifiedBy"})


@pytest.fixture(scope="module")
def small(crm_url: str) -> Callable[[], ReferenceCrm]:
    """Makes adapters with small pages."""

    def make() -> ReferenceCrm:
        auth = ClientCredentials("/oauth/token", "demo-client", lambda: SECRET)
        return ReferenceCrm(HttpClient(crm_url, name="crm", auth=auth), page_size=7, keys_page_size=11)

    return make


def hasty(url: str) -> ReferenceCrm:
    """An adapter that does not wait long, for a network that fails."""
    auth = ClientCredentials("/oauth/token", "demo-client", lambda: SECRET)
    return ReferenceCrm(HttpClient(url, name="crm", auth=auth, timeout=(1, 1), max_attempts=2))


@pytest.fixture(scope="module")
def person(crm_url: str) -> requests.Session:
    """Somebody who works in the CRM itself."""
    session = requests.Session()
    form = {"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": SECRET}
    token = session.post(f"{crm_url}/oauth/token", data=form, timeout=10).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"
    return session


@pytest.fixture(scope="module")
def account_id(small: Callable[[], ReferenceCrm]) -> str:
    return made(small(), "accounts", {"name": "Parent"})


@pytest.fixture(scope="module")
def product_id(small: Callable[[], ReferenceCrm]) -> str:
    return made(small(), "products", {"productCode": "PARENT", "name": "Parent"})


@pytest.fixture
def faults(crm_url: str, person: requests.Session) -> Iterator[Faults]:
    faults = Faults(person, f"{crm_url}/api/v1")
    yield faults
    faults.end()


def made(adapter: ReferenceCrm, collection: str, body: Body) -> str:
    return str(adapter.create(Resource(collection), [Draft(str(uuid.uuid4()), body)])[0].id)


class CrmContract(ResourceContract):
    """The contract, with a person's hands in the CRM."""

    collection: str

    @pytest.fixture
    def hands(self, crm_url: str, person: requests.Session, faults: Faults) -> dict[str, Any]:
        url = f"{crm_url}/api/v1/{self.collection}"
        return {
            "resource": Resource(self.collection),
            "missing_id": "none-1",
            "name": "crm",
            "url": crm_url,
            "renews": True,
            "edit": partial(edit, person, url),
            "forbid": faults.forbid,
            "remove": lambda each: person.delete(f"{url}/{each}", timeout=10).raise_for_status(),
            "secrets": (SECRET, person.headers["Authorization"]),
        }


def merge(person: requests.Session, url: str, into: Callable[[], str], record_id: str) -> str:
    """Merge a record into a new one."""
    winner = into()
    person.post(f"{url}/{record_id}/merge", json={"into": winner}, timeout=10).raise_for_status()
    return winner


def edit(person: requests.Session, url: str, record_id: str, fields: Body) -> None:
    tag = person.get(f"{url}/{record_id}", timeout=10).headers["ETag"]
    person.patch(f"{url}/{record_id}", json=fields, headers={"If-Match": tag}, timeout=10).raise_for_status()


class TestAccounts(CrmContract, AdapterContract):
    collection = "accounts"

    @pytest.fixture
    def system(
        self, small: Callable[[], ReferenceCrm], hands: dict[str, Any], faults: Faults, person: requests.Session
    ) -> SystemUnderTest:
        system = SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {
                "name": f"Contract {n}",
                "email": f"contract-{n}@example.org",
                "creditLimit": 1500.5,
                "paymentTerms": "NET_30",
                "billingAddress": {"street": "Main St 1", "postalCode": "12345", "city": "Ulm", "country": "DE"},
            },
            field="name",
            values=("First", "Second"),
            wrong={"name": None},
            text="notes",
            decimals=Decimals("creditLimit", (0.1, 1234567.89, 19.99, 0.0, 100000.05)),
            connect_at=hasty,
            **hands,
        )
        system.create_tied = partial(faults.tied, system.create)
        system.move = partial(merge, person, f"{hands['url']}/api/v1/accounts", lambda: system.create()[0].id)
        return system


class TestContacts(CrmContract):
    collection = "contacts"

    @pytest.fixture
    def system(self, small: Callable[[], ReferenceCrm], hands: dict[str, Any], account_id: str) -> SystemUnderTest:
        return SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {"accountId": account_id, "lastName": f"Contract {n}", "email": f"c{n}@example.org"},
            field="lastName",
            values=("First", "Second"),
            wrong={"accountId": account_id, "lastName": None},
            text="jobTitle",
            **hands,
        )


class TestProducts(CrmContract):
    collection = "products"

    @pytest.fixture
    def system(self, small: Callable[[], ReferenceCrm], hands: dict[str, Any]) -> SystemUnderTest:
        return SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {"productCode": f"C-{n}", "name": f"Contract {n}", "unit": "PIECE", "price": 1.25},
            field="name",
            values=("First", "Second"),
            wrong={"productCode": "C-1", "name": None},
            text="description",
            decimals=Decimals("price", (0.0001, 12.3456, 99999.9999)),
            **hands,
        )


class TestOrders(CrmContract):
    collection = "orders"

    @pytest.fixture
    def system(
        self, small: Callable[[], ReferenceCrm], hands: dict[str, Any], account_id: str, product_id: str
    ) -> SystemUnderTest:
        return SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {
                "accountId": account_id,
                "orderDate": "2026-11-23",
                "customerReference": f"Contract {n}",
                "lines": [{"productId": product_id, "quantity": 2, "unitPrice": 9.99}],
            },
            field="customerReference",
            values=("First", "Second"),
            wrong={"accountId": "acc-0", "lines": []},
            text="notes",
            **hands,
        )


class TestStockAdjustments(CrmContract):
    collection = "stock-adjustments"

    @pytest.fixture
    def system(self, small: Callable[[], ReferenceCrm], hands: dict[str, Any], product_id: str) -> SystemUnderTest:
        return SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {
                "productId": product_id,
                "warehouse": "MAIN",
                "quantity": -2.5,
                "reason": "SAMPLE",
                "note": f"Contract {n}",
            },
            field="erpDocument",
            values=("SM-1", "SM-2"),
            wrong={"productId": product_id, "warehouse": "MAIN", "quantity": None},
            **hands,
        )


class TestCases(CrmContract):
    collection = "cases"

    @pytest.fixture
    def system(self, small: Callable[[], ReferenceCrm], hands: dict[str, Any], account_id: str) -> SystemUnderTest:
        return SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {"accountId": account_id, "subject": f"Contract {n}", "serviceKind": "REPAIR"},
            field="serviceNumber",
            values=("SV-1", "SV-2"),
            wrong={"accountId": account_id, "subject": None},
            text="description",
            decimals=Decimals("charge", (0.1, 1234567.89, 19.99)),
            **hands,
        )


class TestActivities(CrmContract):
    collection = "activities"

    @pytest.fixture
    def system(self, small: Callable[[], ReferenceCrm], hands: dict[str, Any], account_id: str) -> SystemUnderTest:
        return SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {
                "accountId": account_id,
                "kind": "BACK_OFFICE",
                "subject": f"Contract {n}",
                "event": "PAID",
                "reference": f"INV-{n}:paid",
            },
            field="document",
            values=("INV-1", "INV-2"),
            wrong={"accountId": account_id, "subject": None},
            text="body",
            decimals=Decimals("amount", (0.1, 1234567.89, 19.99)),
            **hands,
        )


class TestProjects(CrmContract):
    collection = "projects"

    @pytest.fixture
    def system(self, small: Callable[[], ReferenceCrm], hands: dict[str, Any], account_id: str) -> SystemUnderTest:
        return SystemUnderTest(
            connect=small,
            stamps=STAMPS,
            make_body=lambda n: {"accountId": account_id, "projectNumber": f"PJ-{n}", "name": f"Contract {n}"},
            field="name",
            values=("First", "Second"),
            wrong={"accountId": account_id, "projectNumber": None, "name": "No number"},
            **hands,
        )


def test_wrong_credentials_end_the_run_and_stay_secret(crm_url: str) -> None:
    adapter = connect({"url": crm_url, "client_id": "demo-client", "client_secret": "not-the-secret"})

    with pytest.raises(AuthenticationFailed) as caught:
        adapter.identify()

    assert "not-the-secret" not in str(caught.value) + repr(adapter)


def test_an_unknown_collection_is_a_fault_of_the_configuration(small: Callable[[], ReferenceCrm]) -> None:
    with pytest.raises(ConfigError, match="'acounts'"):
        small().capabilities("acounts")


def test_constant_conditions_narrow_every_reading(small: Callable[[], ReferenceCrm]) -> None:
    crm = small()
    chosen = made(crm, "products", {"productCode": "OIL-1", "name": "Oil"})
    oil, water = (Resource("products", (("productCode", code),)) for code in ("OIL-1", "WATER-1"))

    assert [each.id for each in crm.scan(oil, None).remotes] == [chosen]
    assert crm.count(oil) == 1
    assert [each.id for each in crm.find(oil, "name", ["Oil"])] == [chosen]
    assert crm.find(water, "name", ["Oil"]) == []


def test_a_change_without_a_version_takes_the_one_that_is_there(small: Callable[[], ReferenceCrm]) -> None:
    crm, products = small(), Resource("products")
    present = made(crm, "products", {"productCode": "ANY-1", "name": "Before"})

    outcomes = crm.update(products, [Patch("k", each, None, {"name": "After"}) for each in (present, "prd-9")])

    assert [outcomes[0].error, type(outcomes[1].error)] == [None, NotFound]
