"""How the Odoo adapter calls: JSON-RPC for older versions, rights, fields of its own, live fields."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import responses

from connector.adapters.base import Rights
from connector.adapters.odoo.system import Odoo, connect
from connector.errors import AuthenticationFailed, ConfigError, NotFound
from connector.records import LiveField, Patch, Resource
from tests.adapters.odoo_wire import DATE, URL, Wire, odoo, refusal

PEOPLE = Resource("res.partner", (), ("name",))


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock() as mock:
        yield Wire(mock)


class Rpc:
    """An older Odoo: one address, and everything with status 200."""

    def __init__(self, mock: responses.RequestsMock, *answers: dict[str, Any]) -> None:
        self.asked: list[dict[str, Any]] = []
        self._left = list(answers)
        mock.add_callback("POST", f"{URL}/jsonrpc", callback=self._answer)

    def _answer(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(orjson.loads(request.body)["params"])
        return 200, {**DATE, "Content-Type": "application/json"}, orjson.dumps({"jsonrpc": "2.0", **self._left.pop(0)})

    def adapter(self) -> Odoo:
        options = {"protocol": "jsonrpc", "login": "bot", "database": "erp", "api_key": "secret-key"}
        return connect({"url": URL, "max_attempts": 1, **options})


def fault(name: str, message: str) -> dict[str, Any]:
    return {"error": {"code": 0, "message": "Odoo Server Error", "data": refusal(name, message)}}


def test_json_rpc_signs_in_once_and_sends_records_before_names() -> None:
    company = [{"id": 1, "create_date": "2026-11-26 06:38:47"}]
    with responses.RequestsMock() as mock:
        rpc = Rpc(mock, {"result": 2}, {"result": company}, {"result": company})
        adapter = rpc.adapter()
        assert adapter.identify() == adapter.identify()

    assert [each["method"] for each in rpc.asked] == ["authenticate", "execute_kw", "execute_kw"]
    assert rpc.asked[1]["args"][:6] == ["erp", 2, "secret-key", "res.company", "search_read", []]
    assert rpc.asked[1]["args"][6]["fields"] == ["create_date"]


def test_json_rpc_tells_wrong_credentials_by_false() -> None:
    with responses.RequestsMock() as mock, pytest.raises(AuthenticationFailed) as caught:
        Rpc(mock, {"result": False}).adapter().identify()

    assert "secret-key" not in str(caught.value)


def test_json_rpc_tells_errors_by_name_though_the_status_is_200() -> None:
    fields = {"name": {"type": "char"}, "active": {"type": "boolean"}}
    gone = fault("odoo.exceptions.MissingError", "Record does not exist or has been deleted.")
    with responses.RequestsMock() as mock:
        rpc = Rpc(mock, {"result": 2}, {"result": fields}, {"result": [{"id": 7, "name": "A", "active": True}]}, gone)
        (outcome,) = rpc.adapter().update(PEOPLE, [Patch("k", "8", None, {"name": "B"})])

    assert isinstance(outcome.error, NotFound)


def test_rights_are_asked_verb_by_verb(wire: Wire) -> None:
    wire.answers("res.partner", "has_access", *[{"create": False}.get(verb, verb) is not False for verb in VERBS])

    assert odoo().rights("res.partner/companies") == Rights(read=True, create=False, update=True, delete=True)


VERBS = ("read", "create", "write", "unlink")


def test_the_marker_is_indexed_and_no_copy_takes_it_along(wire: Wire) -> None:
    wire.answers("ir.model", "search", [83])
    wire.answers("ir.model.fields", "create", [9001])

    odoo().prepare("res.partner/companies", [LiveField("x_connector_id", "text")])

    ((row,),) = [each["vals_list"] for each in wire.calls("create")]
    assert (row["model_id"], row["name"], row["ttype"], row["index"]) == (83, "x_connector_id", "char", True)
    assert row["copied"] is False


def test_fields_are_made_by_administrators_alone(wire: Wire) -> None:
    wire.answers("ir.model", "search", refusal("odoo.exceptions.AccessError", "no"), status=403)

    with pytest.raises(ConfigError, match="ask with the key of an administrator"):
        odoo().prepare("res.partner", [LiveField("x_tier", "choice")])


def test_a_payment_term_is_made_of_the_days_in_its_name(wire: Wire) -> None:
    column = {"type": "many2one", "relation": "account.payment.term"}
    wire.answers("res.partner", "fields_get", {"property_payment_term_id": column})
    wire.answers("account.payment.term", "create", [11])

    odoo().prepare("res.partner", [LiveField("property_payment_term_id.name", "choice", choices=("14 Days",))])

    (row,) = wire.calls("create")[0]["vals_list"]
    assert row["name"] == "14 Days"
    assert row["line_ids"][1][2] == {"value": "percent", "value_amount": 100, "nb_days": 14}


def test_what_a_name_does_not_say_is_for_a_person(wire: Wire) -> None:
    column = {"type": "many2one", "relation": "uom.uom"}
    wire.answers("product.product", "fields_get", {"uom_id": column})

    with pytest.raises(ConfigError, match=r"create Bushel as uom\.uom in Odoo"):
        odoo().prepare("product.product", [LiveField("uom_id.name", "choice", choices=("Bushel",))])


def test_the_live_fields_tell_codes_lines_and_what_odoo_fills_itself(wire: Wire) -> None:
    wire.describes("sale.order", "sale.order.line")
    wire.answers("sale.order", "default_get", {"name": "New"})
    wire.answers("sale.order.line", "default_get", {"product_uom_qty": 1.0})

    live = {each.name: each for each in odoo().describe("sale.order")}

    assert (live["name"].nullable, live["partner_id"].nullable, live["state"].read_only) == (True, False, True)
    assert live["state"].choices == ("draft", "sale")
    assert live["order_line.product_uom_qty"].nullable
    assert "shipped" in live["status"].choices
