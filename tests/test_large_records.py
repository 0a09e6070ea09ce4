"""Records that are large by themselves: an order of a thousand lines, and a customer with five hundred contacts."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import witness
from tests.command import command
from tests.systems import running

LINES, CONTACTS, BATCH = 1000, 500, 200
MOST_MIB = 300
UNIT = 1024 * 1024 if sys.platform == "darwin" else 1024


MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""A small process between: what a process held counts from before its `exec`, when it was a copy of its parent."""


def synced(config: Path) -> tuple[int, float]:
    """How a sync ended, and the most memory that it ever held, in MiB."""
    words = [*command("sync", "--json"), "--config", str(config)]
    told = subprocess.run([sys.executable, "-c", MEASURE, *words], capture_output=True, text=True, check=True)
    code, peak = told.stdout.split()
    return int(code), int(peak) / UNIT


@pytest.mark.slow
def test_an_order_of_a_thousand_lines_and_a_customer_with_five_hundred_contacts_go_across(tmp_path: Path) -> None:
    with running(tmp_path, "") as systems:
        crm, erp = systems
        erp.create("warehouses", code="MAIN", name="Main")
        item = erp.create("items", code="A", name="A")
        account = crm.create("accounts", name="Large AG", currency="EUR")["id"]
        product = crm.create("products", productCode="A", name="A")["id"]
        lines = [{"productId": product, "quantity": n % 7 + 1, "unitPrice": round(0.3333 * n, 4)} for n in range(LINES)]
        order = crm.create("orders", accountId=account, stage="SUBMITTED", currency="EUR", lines=lines)
        people = [{"accountId": account, "lastName": f"P{n}", "email": f"p{n}@large.example"} for n in range(CONTACTS)]
        for start in range(0, CONTACTS, BATCH):
            new = [{"op": "create", "record": one} for one in people[start : start + BATCH]]
            crm.call("POST", "contacts/batch", json={"operations": new})

        code, peak = synced(systems.write_config(tmp_path))

        (sale,) = erp.listed("sales_orders", origin=order["orderNumber"])
        assert (code, len(sale["lines"]), sale["lines"][-1]["item_id"]) == (0, LINES, item["id"])
        assert crm.read("orders", order["id"])["subtotal"] == float(sale["amount_untaxed"])
        assert witness.orders(systems).is_one_story
        assert len(witness.every(erp, "partners", is_company="false")) == CONTACTS
        assert peak < MOST_MIB
