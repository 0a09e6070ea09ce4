"""The benchmark servers answer as the reference systems do, and the floor copies what it says it copies."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmarks.cases import (
    AGAIN,
    CHANGED,
    CHANGES,
    FLOOR,
    INITIAL,
    LARGE,
    MAPPED,
    READ,
    TOGETHER,
    Figure,
    Pair,
    bench_pair,
    floor,
)
from benchmarks.floor import copy
from benchmarks.goals import GOALS, curve, judged
from benchmarks.peers.copies import DLT
from benchmarks.reference import reference_pair
from benchmarks.report import large_verdict, speed_verdicts, summarise, verdicts
from benchmarks.synthetic import crm_products, erp_items, orders

CUSTOMERS, ORDERS = 500, 20
CREDENTIALS = {"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": "demo-secret"}
INSIDE = {"record", "records", "results", "items", "error", "fields", "changed", "lines"}


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with bench_pair(CUSTOMERS, ORDERS) as found:
        yield found


@pytest.fixture
def fresh() -> Iterator[Pair]:
    with bench_pair(CUSTOMERS) as found:
        yield found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The reference systems, with a few records of the kinds that the benchmark servers are filled with."""
    with reference_pair(3, tmp_path_factory.mktemp("model") / "systems") as found:
        fill(found)
        yield found


def fill(pair: Pair) -> None:
    for body in islice(crm_products(), 20):
        assert crm(pair, "POST", "products", json=body).ok
    assert crm(pair, "POST", "orders", json=next(orders(1, 1))).ok
    for body in islice(erp_items(), 3):
        assert erp(pair, "POST", "items", json=body).ok
    assert erp(pair, "POST", "warehouses", json={"code": "MAIN", "name": "Main"}).ok


def crm(pair: Pair, method: str, path: str, **options: Any) -> requests.Response:
    token = requests.post(f"{pair.crm.url}/oauth/token", data=CREDENTIALS, timeout=10).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    return requests.request(method, f"{pair.crm.url}/api/v1/{path}", headers=headers, timeout=30, **options)


def erp(pair: Pair, method: str, path: str, **options: Any) -> requests.Response:
    headers = {"X-API-Key": "demo-key"}
    return requests.request(method, f"{pair.erp.url}/api/{path}", headers=headers, timeout=30, **options)


def shape(value: Any, name: str = "records") -> Any:
    """What an answer is made of: its keys, and those of the first of everything inside."""
    if isinstance(value, list) and value and name in INSIDE:
        return [shape(value[0])]
    if isinstance(value, dict):
        return {key: shape(each, key) if key in INSIDE else None for key, each in value.items()}
    return None


def answered(answer: requests.Response) -> tuple[int, Any]:
    return answer.status_code, shape(answer.json())


def test_the_floor_copies_every_customer(fresh: Pair) -> None:
    found = copy(fresh.crm.url, fresh.erp.url)

    assert found.records == CUSTOMERS
    assert erp(fresh, "GET", "partners", params={"per_page": 1}).json()["total"] == CUSTOMERS


def test_the_floor_as_a_process_tells_what_it_cost(fresh: Pair, tmp_path: Path) -> None:
    found = floor(fresh, tmp_path / "floor", MAPPED)

    assert (found.records, found.written_crm, found.written_erp) == (CUSTOMERS, 0, CUSTOMERS)
    assert found.seconds > 0
    assert erp(fresh, "GET", "partners", params={"is_company": "true"}).json()["total"] == CUSTOMERS


def test_a_floor_with_several_threads_copies_every_customer_too(fresh: Pair, tmp_path: Path) -> None:
    found = floor(fresh, tmp_path / "together", TOGETHER)

    assert (found.records, found.written_erp) == (CUSTOMERS, CUSTOMERS)
    assert erp(fresh, "GET", "partners", params={"per_page": 1}).json()["total"] == CUSTOMERS


def test_only_reading_writes_nothing(fresh: Pair, tmp_path: Path) -> None:
    found = floor(fresh, tmp_path / "read", READ)

    assert (found.records, found.written_crm, found.written_erp) == (CUSTOMERS, 0, 0)


def test_a_server_tells_what_an_answer_took_and_may_be_slow() -> None:
    with bench_pair(1, latency=0.05) as slow:
        before = slow.erp.stats()

        answer = erp(slow, "GET", "partners")

        spent = slow.erp.stats().since(before)
        assert answer.elapsed.total_seconds() >= 0.05
        assert answer.headers["Server-Timing"].startswith("app;dur=")
        assert 0 < spent.busy_seconds < 0.05


def test_touched_records_are_the_only_ones_that_changed(fresh: Pair) -> None:
    began = crm(fresh, "GET", "organization").json()["serverTime"]

    fresh.crm.touch(100)

    answer = crm(fresh, "GET", "accounts", params={"modifiedSince": began, "limit": 1000}).json()
    assert len(answer["records"]) == 100
    assert {record["version"] for record in answer["records"]} == {2}


def test_pages_show_every_record_once(pair: Pair) -> None:
    seen, cursor = [], ""
    while cursor is not None:
        params = {"limit": 150} | ({"cursor": cursor} if cursor else {})
        answer = crm(pair, "GET", "accounts", params=params).json()
        seen += [record["id"] for record in answer["records"]]
        cursor = answer["nextCursor"]

    assert len(seen) == len(set(seen)) == CUSTOMERS


def test_a_repeated_create_with_the_same_key_is_answered_with_the_first_result(fresh: Pair) -> None:
    content = {"create": [{"idempotency_key": "k", "values": {"is_company": True, "name": "Once"}}]}

    first = erp(fresh, "POST", "partners/bulk", json=content).json()
    second = erp(fresh, "POST", "partners/bulk", json=content).json()

    assert first == second
    assert erp(fresh, "GET", "partners").json()["total"] == 1


@pytest.mark.parametrize(
    ("path", "params"),
    [
        pytest.param("organization", {}, id="who answers"),
        pytest.param("accounts", {"limit": 2}, id="a page that is not the last"),
        pytest.param("accounts", {"limit": 2, "fields": "id,version,modifiedAt"}, id="a page of keys"),
        pytest.param("accounts", {"modifiedSince": "2000-01-01T00:00:00.000Z"}, id="what changed"),
        pytest.param("accounts", {"externalId": "nobody"}, id="nothing found by external id"),
        pytest.param("accounts/count", {}, id="a count"),
        pytest.param("accounts/acc-0", {}, id="an unknown record"),
        pytest.param("products", {"limit": 1}, id="a product"),
        pytest.param("orders", {"limit": 1}, id="an order with its lines"),
        pytest.param("contacts/count", {}, id="a count of contacts"),
        pytest.param("accounts", {"limit": 100_000}, id="a page that is too large"),
    ],
)
def test_the_crm_reads_as_the_reference_crm_does(pair: Pair, model: Pair, path: str, params: dict[str, Any]) -> None:
    assert answered(crm(pair, "GET", path, params=params)) == answered(crm(model, "GET", path, params=params))


@pytest.mark.parametrize(
    ("path", "params"),
    [
        pytest.param("company", {}, id="who answers"),
        pytest.param("items", {"per_page": 2}, id="a page"),
        pytest.param("items", {"per_page": 2, "fields": "id,revision,write_date"}, id="a page of keys"),
        pytest.param("items", {"write_date_from": "2000-01-01 00:00:00", "page": 1, "per_page": 1}, id="what changed"),
        pytest.param("items", {"id": "1,2"}, id="some ids"),
        pytest.param("partners", {"external_ref": "nobody", "is_company": "true"}, id="nothing found by reference"),
        pytest.param("partners/999999", {}, id="an unknown record"),
        pytest.param("items", {"per_page": 100_000}, id="a page that is too large"),
    ],
)
def test_the_erp_reads_as_the_reference_erp_does(pair: Pair, model: Pair, path: str, params: dict[str, Any]) -> None:
    assert answered(erp(pair, "GET", path, params=params)) == answered(erp(model, "GET", path, params=params))


@pytest.mark.parametrize("collection", ["accounts", "contacts", "products", "orders", "stock-levels"])
def test_the_crm_names_the_same_fields(pair: Pair, model: Pair, collection: str) -> None:
    found, wanted = (crm(each, "GET", f"schema/{collection}").json()["fields"] for each in (pair, model))

    assert {field["name"] for field in found} == {field["name"] for field in wanted}
    assert {field["name"] for field in found if field["readOnly"]} == {
        field["name"] for field in wanted if field["readOnly"]
    }


@pytest.mark.parametrize("resource", ["partners", "items", "sales_orders", "stock_levels", "stock_moves"])
def test_the_erp_names_the_same_fields(pair: Pair, model: Pair, resource: str) -> None:
    found, wanted = (erp(each, "GET", f"{resource}/fields").json()["fields"] for each in (pair, model))

    assert set(found) == set(wanted)
    assert {name for name in found if found[name]["readonly"]} == {name for name in wanted if wanted[name]["readonly"]}


def crm_batch(pair: Pair) -> list[Any]:
    new = {"op": "create", "externalId": "e-1", "record": {"name": "New GmbH"}}
    created = batch(pair, [new])
    record_id = created.json()["results"][0]["id"]
    operations = [
        new,
        {"op": "update", "id": record_id, "version": 1, "record": {"notes": "called"}},
        {"op": "update", "id": record_id, "version": 1, "record": {"notes": "late"}},
        {"op": "delete", "id": record_id},
        {"op": "update", "id": "acc-0", "version": 1, "record": {"notes": "nobody"}},
    ]
    written = batch(pair, operations)
    read = crm(pair, "POST", "accounts/batch/read", json={"ids": [record_id, "acc-0"]})
    found = crm(pair, "GET", "accounts", params={"includeDeleted": "true", "externalId": "e-1"})
    return [*_items(created), *_items(written), *_items(read), answered(found)]


def batch(pair: Pair, operations: list[dict[str, Any]]) -> requests.Response:
    return crm(pair, "POST", "accounts/batch", params={"return": "minimal"}, json={"operations": operations})


def erp_bulk(pair: Pair) -> list[Any]:
    values = {"is_company": True, "name": "New GmbH", "external_ref": "e-1", "country_code": "DEU"}
    calls: list[dict[str, Any]] = [{"create": [{"idempotency_key": "k-1", "values": values}]}]
    record_id = erp(pair, "POST", "partners/bulk", json=calls[0]).json()["results"][0]["id"]
    calls += [
        {"update": [{"id": record_id, "revision": 1, "values": {"comment": "called"}}]},
        {"update": [{"id": record_id, "revision": 1, "values": {"comment": "late"}}]},
        {"perform": [{"id": record_id}], "action": "archive"},
        {"delete": [{"id": record_id}]},
        {"delete": [{"id": record_id}]},
    ]
    answers = [erp(pair, "POST", "partners/bulk", json=content) for content in calls]
    return [item for answer in answers for item in (answer.status_code, *_items(answer))]


def sales_order(pair: Pair) -> list[Any]:
    item = erp(pair, "GET", "items", params={"per_page": 1}).json()["items"][0]
    partner = {"create": [{"values": {"is_company": True, "name": "Buyer GmbH"}}]}
    buyer = erp(pair, "POST", "partners/bulk", json=partner).json()["results"][0]["id"]
    line = {"item_id": item["id"], "qty": "2.000", "price_unit": "12.5000", "discount": "10.00"}
    values = {"partner_id": buyer, "currency_code": "EUR", "date_order": "2026-11-23", "lines": [line]}
    created = erp(pair, "POST", "sales_orders/bulk", json={"create": [{"values": values}]})
    order = created.json()["results"][0]["id"]
    confirmed = erp(pair, "POST", "sales_orders/bulk", json={"perform": [{"id": order}], "action": "confirm"})
    read = erp(pair, "GET", "sales_orders", params={"id": str(order)}).json()["items"][0]
    totals = [read[name] for name in ("amount_untaxed", "amount_tax", "amount_total", "state")]
    return [*_items(created), *_items(confirmed), shape(read), totals]


def _items(answer: requests.Response) -> list[tuple[int, Any]]:
    return [(result["status"], shape(result)) for result in answer.json()["results"]]


@pytest.mark.parametrize("story", [crm_batch, erp_bulk, sales_order])
def test_writes_are_answered_as_the_reference_systems_answer_them(pair: Pair, model: Pair, story: Any) -> None:
    assert story(pair) == story(model)


def figures(*, again_cpu: float = 0.5, seconds: float = 2.0, written: int = 1000) -> list[Figure]:
    return [
        Figure(FLOOR, 1000, 1.0, 0.5, 40.0, 10, 0, 1000, 0.5),
        Figure(INITIAL, 1000, seconds, 1.5, 90.0, 20, 0, written, 0.5),
        Figure(AGAIN, 1000, 0.6, again_cpu, 60.0, 5, 0, 0, 0.1),
        Figure(CHANGED, CHANGES, 0.7, 0.6, 60.0, 8, 0, CHANGES, 0.1),
    ]


@pytest.mark.parametrize(
    ("rounds", "missed"),
    [
        pytest.param([figures()], 0, id="fast enough"),
        pytest.param([figures(seconds=9.0)], 0, id="the speed has a gate of its own"),
        pytest.param([figures(again_cpu=1.2)], 1, id="the second sync works too long"),
        pytest.param([figures(written=999)], 1, id="not everything was copied"),
    ],
)
def test_a_gate_is_missed_when(rounds: list[list[Figure]], missed: int) -> None:
    reached = list(verdicts(summarise(rounds)))

    assert len([verdict for verdict in reached if not verdict.met]) == missed


@pytest.mark.parametrize(
    ("rounds", "missed"),
    [
        pytest.param([figures()], 0, id="fast enough"),
        pytest.param([figures(seconds=3.0)], 1, id="a third of the floor is too slow"),
        pytest.param([figures(), figures(seconds=9.0), figures()], 0, id="one slow round of three does not count"),
        pytest.param([figures(written=999)], 1, id="not everything was copied"),
    ],
)
def test_the_gate_of_speed_is_missed_when(rounds: list[list[Figure]], missed: int) -> None:
    reached = list(speed_verdicts(summarise(rounds)))

    assert len([verdict for verdict in reached if not verdict.met]) == missed


def test_a_large_run_may_not_need_more_than_its_memory() -> None:
    slim = Figure(LARGE, 1000, 9.0, 9.0, 299.0, 50, 1000, 1000)

    assert large_verdict(slim).met
    assert not large_verdict(slim._replace(peak_mib=300.0)).met
    assert not large_verdict(slim._replace(exit_code=4)).met


def test_what_a_failed_command_reached_is_not_compared_with_the_floor() -> None:
    failed = [figure._replace(exit_code=70) if figure.case == INITIAL else figure for figure in figures()]

    assert [each.share for each in summarise([failed]) if each.case == INITIAL] == [None]


SPEED = next(goal for goal in GOALS if goal.case == INITIAL and goal.basis == FLOOR)


@pytest.mark.parametrize(
    ("seconds", "met", "reached"),
    [
        pytest.param([1.6, 1.6], True, True, id="quicker than asked for"),
        pytest.param([1.9, 1.9], True, False, id="quick enough"),
        pytest.param([2.1, 2.1], False, False, id="too slow"),
        pytest.param([9.0, 1.9, 1.9], True, False, id="too slow once"),
    ],
)
def test_a_demand_is_held_to_the_middle_of_its_rounds(seconds: list[float], *, met: bool, reached: bool) -> None:
    found = list(judged([SPEED], [figures(seconds=each) for each in seconds]))

    assert [(one.met, one.reached) for one in found] == [(met, reached)]


def test_a_case_that_failed_meets_no_demand() -> None:
    failed = [figure._replace(exit_code=70, seconds=1.0) for figure in figures()]

    assert [one.met for one in judged([SPEED], [failed])] == [False]


def test_what_was_not_measured_is_not_judged() -> None:
    assert not list(judged([goal for goal in GOALS if goal.basis == DLT], [figures()]))


def test_memory_that_grows_with_the_records_is_told() -> None:
    sizes = [Figure(INITIAL, 1000 * size, 0.1 * size, 0.1 * size, 50.0 * size) for size in (1, 2, 10)]

    peak, growth = curve(sizes)

    assert (peak.seen, peak.met) == (500.0, False)
    assert (growth.seen, growth.met) == (1.0, True)
