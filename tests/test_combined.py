"""Numbers and sets that both sides move: each movement counts exactly once, through real servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import connector
from tests.systems import Systems, running

POINTS = """
entities:
  customer:
    fields:
      points: {type: decimal, scale: 2, policy: delta}
mappings:
  crm: {customer: {points: {path: customFields.points, converter: decimal_number}}}
  erp: {customer: {points: {path: x_points, converter: decimal_number}}}
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Systems, Path]]:
    """Two systems whose customers hold points that both sides give and take."""
    folder = tmp_path_factory.mktemp("combined")
    with running(folder, "") as systems:
        yield systems, systems.write_config(folder, POINTS)


def test_points_given_on_both_sides_add_up(desk: tuple[Systems, Path]) -> None:
    systems, config = desk
    account = systems.crm.create("accounts", name="Punkte", email="p@points.example", customFields={"points": 10})
    assert connector(config, "sync").code == 0
    (partner,) = systems.erp.listed("partners", email="p@points.example")
    systems.crm.change("accounts", account["id"], customFields={"points": 7})
    systems.erp.change("partners", str(partner["id"]), x_points=12)
    assert connector(config, "sync").code == 0
    assert systems.crm.read("accounts", account["id"])["customFields"]["points"] == 9
    assert systems.erp.read("partners", str(partner["id"]))["x_points"] == 9
    assert connector(config, "sync", "--json").json["writes"] == 0


def test_a_delta_without_conditional_writes_is_refused_before_the_first_request(desk: tuple[Systems, Path]) -> None:
    systems, _ = desk
    levels = "entities: {stock: {fields: {on_hand: {policy: delta, owner: null}}}}\n"
    folder = desk[1].parent / "unsafe"
    folder.mkdir()
    ran = connector(systems.write_config(folder, levels), "plan")
    assert ran.code == 64
    assert "policy delta needs conditional writes" in ran.err
