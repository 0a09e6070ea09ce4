"""A company with a front office and a back office, both empty at first, and the connector between them."""

from itertools import count
from typing import Any, NamedTuple

from connector.context import Context
from connector.report import Report
from connector.store import conflicts, problems
from connector.sync import sync
from tests.systems import System, Systems

NUMBERS = count(1)

Body = dict[str, Any]


class Office(NamedTuple):
    """Both systems, and the connector as every command puts it together."""

    systems: Systems
    context: Context

    @property
    def crm(self) -> System:
        return self.systems.crm

    @property
    def erp(self) -> System:
        return self.systems.erp

    def sync(self, *entities: str) -> Report:
        """One sync as the command does it, of everything or of some entities."""
        return sync(self.context, entities=entities)

    def settle(self, *entities: str) -> Report:
        """One sync that must end well."""
        report = self.sync(*entities)
        assert (report.exit, self.told(), self.contested()) == (0, [], [])
        return report

    def told(self) -> list[str]:
        """What the open problems say."""
        with self.context.store.read() as connection:
            return [item.problem.message for item in problems.listed(connection)]

    def contested(self) -> list[str]:
        """Why the open conflicts are open."""
        with self.context.store.read() as connection:
            return [item.conflict.reason for item in conflicts.listed(connection)]

    def account(self) -> Body:
        """A new customer of the CRM."""
        name = unique("Kunde")
        return self.crm.create("accounts", name=name, email=f"{name}@kunde.example", currency="EUR")

    def partner(self, account: Body) -> Body:
        """The ERP's only record of a CRM customer."""
        (found,) = self.erp.listed("partners", email=account["email"].lower(), is_company="true")
        return found

    def item(self, **values: Any) -> Body:
        """A new item of the ERP."""
        code = unique("ART")
        return self.erp.create("items", code=code, name=f"Artikel {code}", uom="PCE", list_price="10", **values)

    def product(self, item: Body) -> Body:
        """The CRM's only record of an ERP item."""
        (found,) = self.crm.listed("products", productCode=item["code"])
        return found

    def act(self, resource: str, document: Body, action: str) -> Body:
        """Somebody in the back office does something with a document."""
        return self.erp.call("POST", f"{resource}/{document['id']}/{action}", json={})

    def timeline(self, account: Body) -> list[str]:
        """What the customer's timeline says about the back office, in order."""
        told = self.crm.listed("activities", accountId=account["id"], kind="BACK_OFFICE")
        return [one["event"] for one in told]

    def on_hand(self, item: Body) -> str:
        """How much of an item the ERP's main warehouse holds."""
        levels = self.erp.listed("stock_levels", item_id=str(item["id"]), warehouse_code="MAIN")
        return levels[0]["on_hand"] if levels else "0.000"


def unique(word: str) -> str:
    """A word that no other test uses."""
    return f"{word}-{next(NUMBERS)}"
