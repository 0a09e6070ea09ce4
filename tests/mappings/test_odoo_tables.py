"""The tables of Odoo keep the laws of mappings, alone and beside those of the reference systems."""

import pytest

from connector.mappings.compile import compile_system
from connector.mappings.laws import check_mapping, check_pair
from connector.mappings.loader import load_entities, load_system
from connector.records import Side

PAIRS = {"as the ERP": ("reference_crm", "odoo"), "as the CRM": ("odoo_crm", "reference_erp")}


@pytest.mark.parametrize("names", PAIRS.values(), ids=PAIRS)
def test_the_tables_keep_their_laws_and_fit_those_across(names: tuple[str, str]) -> None:
    entities = load_entities({})
    sides = [
        compile_system(entities, load_system(name), side)
        for name, side in zip(names, (Side.CRM, Side.ERP), strict=True)
    ]

    found = [finding for tables in sides for table in tables.values() for finding in check_mapping(table)]
    for entity in sides[0].keys() & sides[1].keys():
        found += check_pair(sides[0][entity], sides[1][entity])

    assert [each for each in found if each.severity == "error"] == []


def test_reading_asks_odoo_for_the_fields_behind_every_row() -> None:
    tables = compile_system(load_entities({}), load_system("odoo"), Side.ERP)

    assert {"order_line.id", "order_line.product_id", "currency_id.name", "x_connector_id"} <= set(
        tables["order"].resource.paths
    )
    assert {"name.first", "name.last"} <= set(tables["contact"].resource.paths)
