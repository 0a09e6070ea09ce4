"""Webhooks that come twice, late, in another order, or not at all: the real receiver, told by a real sender."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.desk import Desk, email
from tests.hooks import CONFIG, SECRET, address
from tests.services import serving, until

pytestmark = pytest.mark.slow

SPOILED: dict[str, dict[str, Any]] = {
    "webhooks that come twice": {"fault": "webhook_duplicate", "copies": 3},
    "webhooks that come late": {"fault": "webhook_delay", "seconds": 1},
    "webhooks in another order": {"fault": "webhook_reorder", "seconds": 2},
    "some webhooks that are lost": {"fault": "webhook_drop", "every": 2},
}


@contextmanager
def told(desk: Desk, folder: Path, every: str) -> Iterator[None]:
    """The product as it runs always, and the ERP's webhooks on their way to it."""
    config = desk.systems.write_config(folder, CONFIG + f"daemon: {{every: {every}}}\n")
    with serving(config, "serve") as service:
        until(lambda: service.logged("run_finished"))
        target = f"{address(service)}/webhooks/erp"
        hook = desk.erp.create("webhooks", target_url=target, models=["partners"], secret=SECRET)
        try:
            yield
        finally:
            desk.erp.delete("webhooks", hook["id"])
        assert service.stop() == 0


def has_phone(desk: Desk, partner: dict[str, Any], phone: str) -> bool:
    return [each["phone"] for each in desk.crm.listed("accounts", email=partner["email"])] == [phone]


@pytest.mark.parametrize("name", SPOILED)
def test_the_last_edit_arrives_and_nothing_twice_through(desk: Desk, tmp_path: Path, name: str) -> None:
    with told(desk, tmp_path, "2s" if "lost" in name else "1h"):
        desk.erp.faults(SPOILED[name])
        partner = desk.erp.create("partners", is_company=True, name="Told", email=email())
        for number in range(5):
            desk.erp.change("partners", str(partner["id"]), phone=f"+4930666000{number}")

        until(lambda: has_phone(desk, partner, "+49306660004"))


def test_a_webhook_that_is_lost_costs_one_interval_and_nothing_else(desk: Desk, tmp_path: Path) -> None:
    with told(desk, tmp_path, "2s"):
        desk.erp.faults({"fault": "webhook_drop"})

        partner = desk.erp.create("partners", is_company=True, name="Untold", email=email(), phone="+49306661000")

        until(lambda: has_phone(desk, partner, "+49306661000"))
        until(lambda: desk.erp.struck()[0] >= 1)
