"""Two systems that can be told to misbehave, the real command between them, and customers to try it on."""

from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from tests.command import Ran, connector
from tests.systems import System, Systems

NUMBERS = count(1)
PARKED = 4


class Desk(NamedTuple):
    """Two systems that can be told to misbehave, and the configuration that joins them."""

    systems: Systems
    config: Path

    @property
    def crm(self) -> System:
        return self.systems.crm

    @property
    def erp(self) -> System:
        return self.systems.erp

    def sync(self, *words: str) -> Ran:
        return connector(self.config, "sync", "--json", "--entity", "customer", *words)

    def heal(self) -> None:
        for system in self.systems:
            system.heal()

    def settle(self) -> None:
        """End all faults, and let the connector do what is left to do."""
        self.heal()
        ran = self.sync()
        if ran.code == PARKED:
            connector(self.config, "problems", "retry", "--all")
            ran = self.sync()
        assert ran.code == 0, ran.out + ran.err

    def linked(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A new customer that is on both sides."""
        account = self.crm.create("accounts", name="Linked", email=email())
        assert self.sync().code == 0
        return self.pair(account)

    def pair(self, account: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """A customer as both sides have it now."""
        return self.crm.read("accounts", account["id"]), self.partner(account)

    def partner(self, account: dict[str, Any]) -> dict[str, Any]:
        """The ERP's only record of a CRM customer."""
        (found,) = self.erp.listed("partners", email=account["email"])
        return found

    def account(self, partner: dict[str, Any]) -> dict[str, Any]:
        """The CRM's only record of an ERP customer."""
        (found,) = self.crm.listed("accounts", email=partner["email"])
        return found


def email() -> str:
    return f"c{next(NUMBERS)}@faults.example"


def add_customers(systems: Systems, number: int) -> None:
    rows = [{"op": "create", "record": {"name": "Linked", "email": email()}} for _ in range(number)]
    systems.crm.call("POST", "accounts/batch", json={"operations": rows})
