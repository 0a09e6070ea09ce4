"""What the CRM's front office insists on, and its two great moments: a lead becomes a customer, an offer an order."""

from collections.abc import Sequence
from typing import Any

from connector.reference.crm_cash_tables import ORDERS
from connector.reference.crm_front_tables import CAMPAIGN_MEMBERS, LEADS, OPPORTUNITIES
from connector.reference.crm_records import Records, Written, number
from connector.reference.crm_tables import ACCOUNTS, CONTACTS
from connector.reference.refusals import Reason, Refusal, invalid
from connector.reference.stamps import milliseconds_text
from connector.reference.storage import Change, Condition, Row, Selection, Store, one_of
from connector.reference.validation import Values

PROSPECT, CUSTOMER = "PROSPECT", "CUSTOMER"
MOST = 10**9
USER = "system"
LIVE = Condition("deleted = 0")
OPEN_ORDER = frozenset(("DRAFT", "CANCELLED"))
"""Stages of an order that do not make anybody a customer."""


class FrontOffice:
    """Conversions and won offers; every call in the store's transaction."""

    def __init__(self, store: Store, records: Records) -> None:
        self._store, self._records = store, records

    def act(self, action: str, record_id: str, sent: Values, user: str, version: object) -> Written:
        """One of the two, by its name; what was done before is answered as it is."""
        perform = {"convert": self._convert, "win": self._win}[action]
        return perform(record_id, sent, user, version)

    def _convert(self, lead_id: str, sent: Values, user: str, version: object) -> Written:
        """A lead's company and person, as a customer and a contact; into a known customer where one is named."""
        row = self._records.read(LEADS, lead_id)
        _expect(row, version)
        lead = row.values
        if lead["status"] == "CONVERTED":
            return Written(row, lead, lead)
        if lead["status"] == "DISQUALIFIED":
            raise invalid("a disqualified lead is not converted", "status")
        account_id = sent.get("accountId") or self._account(lead, user)
        person = {name: lead[name] for name in ("firstName", "lastName", "email", "phone", "jobTitle")}
        contact = self._records.create(CONTACTS, {"accountId": account_id, **person}, user).values
        self._follow_members(lead_id, contact["id"], user)
        done = {
            "status": "CONVERTED",
            "convertedAccountId": account_id,
            "convertedContactId": contact["id"],
            "convertedOn": self._today(),
        }
        return self._records.keep(LEADS, row, {**lead, **done}, lead, user)

    def _account(self, lead: Values, user: str) -> Any:
        person = " ".join(each for each in (lead["firstName"], lead["lastName"]) if each)
        account = {
            "name": lead["company"] or person,
            **{name: lead[name] for name in ("vatId", "email", "phone", "currency", "notes")},
            "billingAddress": lead["address"],
            # Nobody but a person can say that somebody is worth being a customer before the first order.
            "relationship": CUSTOMER if lead["status"] == "QUALIFIED" else PROSPECT,
        }
        return self._records.create(ACCOUNTS, account, user).values["id"]

    def _follow_members(self, lead_id: str, contact_id: str, user: str) -> None:
        """The campaigns that a lead was a member of now have the contact."""
        named = Selection((LIVE, one_of(CAMPAIGN_MEMBERS, "leadId", [lead_id])))
        for row in self._store.select(CAMPAIGN_MEMBERS.name, named, MOST):
            values = row.values
            self._records.keep(CAMPAIGN_MEMBERS, row, {**values, "contactId": contact_id}, values, user)

    def _win(self, record_id: str, _: Values, user: str, version: object) -> Written:
        """An offer that was taken, and the order that it became."""
        row = self._records.read(OPPORTUNITIES, record_id)
        _expect(row, version)
        offer = row.values
        if offer["stage"] == "WON":
            return Written(row, offer, offer)
        if offer["stage"] == "LOST" or not offer["lines"]:
            raise invalid("only an open opportunity with lines can be won", "stage")
        order = {
            **{name: offer[name] for name in ("accountId", "contactId", "currency")},
            "stage": "SUBMITTED",
            "orderDate": self._today(),
            "customerReference": offer["name"][:120],
            "lines": [{**line, "lineId": None} for line in offer["lines"]],
        }
        made = self._records.create(ORDERS, order, user).values
        won = {"stage": "WON", "orderId": made["id"], "probability": 100}
        return self._records.keep(OPPORTUNITIES, row, {**offer, **won}, offer, user)

    def _today(self) -> str:
        return milliseconds_text(self._store.now())[:10]


class Promotions:
    """Makes a prospect a customer in the transaction of the first order that is submitted for it."""

    def __init__(self, store: Store, records: Records) -> None:
        self._store, self._records = store, records
        store.listen(self.follow)

    def follow(self, changes: Sequence[Change]) -> None:
        """Look at the orders among these changes."""
        for change in changes:
            if change.table == ORDERS.name and change.kind != "deleted":
                row = self._store.get(ORDERS.name, number(ORDERS, change.record_id))
                if row and not row.deleted:
                    self._promote(row.values)

    def _promote(self, order: Values) -> None:
        row = self._store.get(ACCOUNTS.name, number(ACCOUNTS, order["accountId"]))
        if order["stage"] in OPEN_ORDER or row is None or row.deleted:
            return
        account = row.values
        if account.get("relationship") == PROSPECT:
            self._records.keep(ACCOUNTS, row, {**account, "relationship": CUSTOMER}, account, USER)


def _expect(row: Row, version: object) -> None:
    if version is not None and row.version != version:
        raise Refusal(Reason.STALE, f"the record is at version {row.version}")
