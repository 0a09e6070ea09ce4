"""The Odoo adapter is held to the contract, against a real Odoo."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from connector.adapters.base import Adapter
from connector.adapters.odoo.system import connect
from connector.adapters.testing import AdapterContract, Decimals, ResourceContract, SystemUnderTest
from connector.adapters.testing_proxy import Request
from connector.errors import NotFound, VersionConflict
from connector.records import Body, Draft, Patch, Resource
from tests.live.odoo import Odoo

WRITES = frozenset(("load", "write", "unlink", "action_confirm"))


def connect_to(odoo: Odoo, url: str | None = None, **options: Any) -> Adapter:
    settings = {"url": url or odoo.url, "database": odoo.database, "login": odoo.login, "api_key": odoo.api_key}
    return connect({**settings, "overlap": 1, "page_size": 7, **options})


def is_write(request: Request) -> bool:
    return request.target.rpartition("/")[2] in WRITES


@pytest.fixture(scope="module")
def hands(prepared: Odoo) -> dict[str, Any]:
    """What tests of all resources share."""

    def remove(model: str, record_id: str) -> None:
        prepared.call(model, "unlink", ids=[int(record_id)])

    def forbid(model: str, record_id: str) -> None:
        number = prepared.listed("ir.model", ["id"], ["model", "=", model])[0]["id"]
        rule = {"name": f"all but {record_id}", "model_id": number, "domain_force": f"[('id', '!=', {record_id})]"}
        prepared.create("ir.rule", rule)

    return {
        "connect": partial(connect_to, prepared),
        "connect_at": lambda url: connect_to(prepared, url, timeout=2, max_attempts=2),
        "url": prepared.url,
        "missing_id": "987654321",
        "is_write": is_write,
        "secrets": (prepared.api_key,),
        "remove": remove,
        "forbid": forbid,
    }


def system_of(
    hands: dict[str, Any],
    resource: Resource,
    make_body: Callable[[int], Body],
    model: str | None = None,
    **more: Any,
) -> SystemUnderTest:
    own = {name: partial(hands[name], model or resource.name.partition("/")[0]) for name in ("remove", "forbid")}
    return SystemUnderTest(**{**hands, **own}, resource=resource, make_body=make_body, **more)


def apart(system: SystemUnderTest, field: str) -> SystemUnderTest:
    """The same, for the records of one test alone: small pages over all that other tests made would take minutes."""
    mark, make_body = uuid.uuid4().hex, system.make_body
    resource = system.resource._replace(where=(*system.resource.where, (field, mark)))
    return replace(system, resource=resource, make_body=lambda n: {**make_body(n), field: mark})


class TestCompanies(AdapterContract):
    @pytest.fixture
    def system(self, hands: dict[str, Any]) -> SystemUnderTest:
        return apart(
            system_of(
                hands,
                Resource(
                    "res.partner/companies",
                    (("is_company", True),),
                    (
                        "name",
                        "is_company",
                        "email",
                        "city",
                        "street2",
                        "credit_limit",
                        "country_id.code",
                        "x_connector_id",
                    ),
                ),
                lambda n: {
                    "is_company": True,
                    "name": f"Contract {n}",
                    "email": f"contract-{n}@example.org",
                    "credit_limit": 1500.5,
                    "city": "Ulm",
                    "country_id": {"code": "DE"},
                },
                field="city",
                values=("Bonn", "Kiel"),
                wrong={"is_company": True, "name": None},
                text="street2",
                decimals=Decimals("credit_limit", (0.1, 1234567.89, 100000000.05, 0.0)),
            ),
            "ref",
        )


class TestContacts(ResourceContract):
    @pytest.fixture
    def system(self, hands: dict[str, Any], company: int) -> SystemUnderTest:
        return apart(
            system_of(
                hands,
                Resource(
                    "res.partner/contacts",
                    (("is_company", False),),
                    ("name.first", "name.last", "parent_id", "email", "function", "x_connector_id"),
                ),
                lambda n: {
                    "is_company": False,
                    "name": {"first": f"Anna Maria {n}", "last": "de la Cruz"},
                    "parent_id": company,
                    "email": f"contact-{n}@example.org",
                },
                field="function",
                values=("Buyer", "Head of purchasing"),
                wrong={"parent_id": 987654321, "name": {"first": None, "last": "Nobody"}},
                text="function",
            ),
            "ref",
        )


class TestProducts(ResourceContract):
    @pytest.fixture
    def system(self, hands: dict[str, Any]) -> SystemUnderTest:
        return apart(
            system_of(
                hands,
                Resource(
                    "product.product",
                    (),
                    (
                        "name",
                        "default_code",
                        "barcode",
                        "description_sale",
                        "uom_id.name",
                        "list_price",
                        "x_connector_id",
                    ),
                ),
                lambda n: {
                    "name": f"Contract {n}",
                    "default_code": f"C-{n}",
                    "uom_id": {"name": "Units"},
                    "list_price": 1.25,
                },
                field="default_code",
                values=("First", "Second"),
                wrong={"name": None, "default_code": "No name"},
                text="description_sale",
            ),
            "description_purchase",
        )


class TestOrders(AdapterContract):
    @pytest.fixture
    def system(self, hands: dict[str, Any], company: int, product: int) -> SystemUnderTest:
        return apart(
            system_of(
                hands,
                Resource("sale.order"),
                lambda n: {
                    "partner_id": company,
                    "origin": f"Contract {n}",
                    "order_line": [
                        {"product_id": product, "product_uom_qty": 2, "price_unit": 9.99},
                        {"product_id": product, "product_uom_qty": 1.5, "price_unit": 0.333},
                    ],
                },
                field="client_order_ref",
                values=("First", "Second"),
                wrong={"partner_id": 987654321, "order_line": []},
                text="origin",
                transition="action_confirm",
            ),
            "signed_by",
        )


def test_a_stale_update_is_refused_though_odoo_would_take_it(prepared: Odoo) -> None:
    adapter, resource = connect_to(prepared), Resource("res.partner")
    made = adapter.create(resource, [Draft(uuid.uuid4().hex, {"name": "Before"})])[0]
    prepared.write("res.partner", [int(str(made.id))], name="A person was faster")

    outcome = adapter.update(resource, [Patch("k", str(made.id), made.version, {"name": "After"})])[0]

    assert isinstance(outcome.error, VersionConflict)
    assert prepared.listed("res.partner", ["name"], ["id", "=", int(str(made.id))])[0]["name"] == "A person was faster"


class TestAdjustments(ResourceContract):
    @pytest.fixture
    def system(self, hands: dict[str, Any], product: int) -> SystemUnderTest:
        return apart(
            system_of(
                {**hands, "connect": partial(hands["connect"], page_size=2)},
                Resource("stock.adjustment"),
                lambda n: {
                    "product_id": product,
                    "warehouse": "WH",
                    "quantity": 3 - 2 * (n % 4),
                    "origin": f"Contract {n}",
                },
                field="origin",
                values=("First", "Second"),
                wrong={"product_id": 987654321, "warehouse": "WH", "quantity": 1},
                model="stock.picking",
            ),
            "origin",
        )


def test_levels_follow_what_moves(prepared: Odoo, product: int) -> None:
    adapter, levels = connect_to(prepared, page_size=5000), Resource("stock.level")
    cursor = adapter.scan(levels, None).cursor
    before = {each.id: each.body for each in adapter.find(levels, "default_code", ["PARENT"])}
    body = {"product_id": product, "warehouse": "WH", "quantity": -2.5}

    made = adapter.create(Resource("stock.adjustment"), [Draft(uuid.uuid4().hex, body, "levels")])[0]

    (level,) = [each.body for each in adapter.scan(levels, cursor).remotes if each.body["product_id"] == product]
    assert made.error is None
    assert level["on_hand"] == before.get(level["id"], {"on_hand": 0.0})["on_hand"] - 2.5
    assert adapter.fetch(levels, [level["id"], f"{product}-987654"])[0].remote.body == level


def test_json_rpc_tells_and_does_the_same(prepared: Odoo) -> None:
    now, before = connect_to(prepared), connect_to(prepared, protocol="jsonrpc")
    resource = Resource("res.partner")
    draft = Draft(uuid.uuid4().hex, {"name": "By JSON-RPC", "email": "old@rpc.example"}, "rpc-1")

    made = before.create(resource, [draft])[0]
    changed = before.update(resource, [Patch("k", str(made.id), made.version, {"email": "new@rpc.example"})])[0]
    gone = before.update(resource, [Patch("k", "987654321", None, {"email": "x"})])[0]

    assert (made.error, changed.error) == (None, None)
    assert now.fetch(resource, [str(made.id)])[0].remote == before.fetch(resource, [str(made.id)])[0].remote
    assert now.create(resource, [draft])[0].id == made.id
    assert isinstance(gone.error, NotFound)
    assert before.rights("res.partner") == now.rights("res.partner")
    assert before.identify()[:3] == now.identify()[:3]
