"""The demo's own judge: reads both systems by their APIs and compares key facts, knowing nothing of the mappings.

Records are paired by the numbers people use (customer number, order number, product code and warehouse), never by the
connector's links. Only what is openly undecided may be missing, and it is told apart by the ids the connector lists.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from connector.cli.demo_systems import Row, Town
from connector.records import Side

SHOWN = 5
_STAGES = {"SUBMITTED": "draft"}
"""Where the ERP has another word for a stage than the CRM's in small letters."""

_TOTALS = (("subtotal", "amount_untaxed"), ("taxTotal", "amount_tax"), ("grandTotal", "amount_total"))
_LEVELS = (("onHand", "on_hand"), ("reserved", "reserved"), ("available", "available"), ("incoming", "incoming"))

Undecided = Mapping[tuple[str, Side], Collection[str]]
"""Ids the connector lists as open, by entity and side: what a person still has to decide."""


@dataclass(slots=True)
class Check:
    """One fact that must hold: how many records were looked at on each side, and what was found wrong."""

    claim: str
    crm: int
    erp: int
    open: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether the fact holds."""
        return not self.wrong

    def as_dict(self) -> dict[str, Any]:
        """The check as plain data."""
        found = {"claim": self.claim, "crm": self.crm, "erp": self.erp, "open": self.open, "agrees": self.agrees}
        return {**found, "wrong": len(self.wrong), "examples": self.wrong[:SHOWN]}


class Joined(NamedTuple):
    """Records of both sides paired by one number; what could not be paired is in the check already."""

    check: Check
    pairs: list[tuple[Row, Row]]


def judge(town: Town, undecided: Undecided) -> list[Check]:
    """Every fact the demo promises, from both systems' own answers."""
    customers = _customers(town, undecided)
    orders = _orders(town, undecided)
    return [
        customers.check,
        _same_terms(customers.pairs),
        orders.check,
        _same_totals(orders.pairs),
        *_stock(town),
        _adjustments(town),
    ]


def number(value: Any) -> Decimal:
    """A number of either system as one that can be compared; an empty one is zero."""
    return Decimal(str(value or 0))


def _customers(town: Town, undecided: Undecided) -> Joined:
    accounts = _decided(town.crm.all("accounts"), undecided.get(("customer", Side.CRM), ()))
    partners = _decided(town.erp.all("partners", is_company="true"), undecided.get(("customer", Side.ERP), ()))
    joined = _join("every customer is on both sides exactly once", (accounts, "erpNumber"), (partners, "code"))
    joined.check.open = sum(len(undecided.get(("customer", side), ())) for side in Side)
    return joined


def _orders(town: Town, undecided: Undecided) -> Joined:
    submitted = [order for order in town.crm.all("orders") if order["stage"] != "DRAFT"]
    orders = _decided(submitted, undecided.get(("order", Side.CRM), ()))
    sales = _decided(town.erp.all("sales_orders"), undecided.get(("order", Side.ERP), ()))
    claim = "every order that was submitted is on both sides exactly once"
    joined = _join(claim, (orders, "erpOrderNumber"), (sales, "number"))
    joined.check.open = sum(len(undecided.get(("order", side), ())) for side in Side)
    return joined


def _decided(records: Iterable[Row], undecided: Collection[str]) -> list[Row]:
    return [record for record in records if str(record["id"]) not in undecided]


def _join(claim: str, crm: tuple[list[Row], str], erp: tuple[list[Row], str]) -> Joined:
    check = Check(claim, len(crm[0]), len(erp[0]))
    ours, theirs = ({record.get(name): record for record in records} for records, name in (crm, erp))
    for side, (records, name) in ((Side.CRM, crm), (Side.ERP, erp)):
        counted = Counter(record.get(name) for record in records)
        check.wrong += [f"{side}: {count} times {name} {key}" for key, count in counted.items() if count > 1 and key]
        across = theirs if side is Side.CRM else ours
        check.wrong += [
            f"only on {side}: {record['id']} ({name} {record.get(name)})"
            for record in records
            if not record.get(name) or record.get(name) not in across
        ]
    return Joined(check, [(ours[key], theirs[key]) for key in ours.keys() & theirs.keys() if key])


def _same_terms(pairs: Collection[tuple[Row, Row]]) -> Check:
    check = _compared("credit limits, e-mail addresses and names agree", pairs)
    for account, partner in pairs:
        if number(account["creditLimit"]) != number(partner["credit_limit"]):
            check.wrong.append(f"credit limit of {partner['code']}")
        if (account["email"] or "").lower() != (partner["email"] or ""):
            check.wrong.append(f"e-mail of {partner['code']}")
        if account["name"].strip()[:80].strip() != partner["name"].strip():
            check.wrong.append(f"name of {partner['code']}")
    return check


def _compared(claim: str, pairs: Collection[tuple[Row, Row]]) -> Check:
    return Check(claim, len(pairs), len(pairs))


def _same_totals(pairs: Collection[tuple[Row, Row]]) -> Check:
    check = _compared("order states, line counts and totals are equal, to the cent", pairs)
    for order, sale in pairs:
        if _STAGES.get(order["stage"], order["stage"].lower()) != sale["state"]:
            check.wrong.append(f"state of {sale['number']}: {order['stage']} and {sale['state']}")
        if len(order["lines"]) != len(sale["lines"]):
            check.wrong.append(f"lines of {sale['number']}: {len(order['lines'])} and {len(sale['lines'])}")
        if any(number(order[ours]) != number(sale[theirs]) for ours, theirs in _TOTALS):
            check.wrong.append(f"totals of {sale['number']}")
        if number(order["linesTotal"]) != number(sale["amount_untaxed"]):
            check.wrong.append(f"sum of the lines of {sale['number']}")
    return check


def _stock(town: Town) -> list[Check]:
    shown = {(level["productCode"], level["warehouse"]): level for level in town.crm.all("stock-levels")}
    derived = {(level["item_code"], level["warehouse_code"]): level for level in town.erp.all("stock_levels")}
    levels = Check("stock levels in the CRM are those of the ERP", len(shown), len(derived))
    levels.wrong += [f"{' in '.join(key)} on one side only" for key in shown.keys() ^ derived.keys()]
    for key in shown.keys() & derived.keys():
        if any(number(shown[key][ours]) != number(derived[key][theirs]) for ours, theirs in _LEVELS):
            levels.wrong.append(f"{' in '.join(key)}: {shown[key]['onHand']} and {derived[key]['on_hand']}")
    return [levels, _ledger(town, shown)]


def _ledger(town: Town, shown: Mapping[tuple[str, str], Row]) -> Check:
    """The CRM's stock against the ERP's moves, added up here: neither lost nor counted twice."""
    codes = {item["id"]: item["code"] for item in town.erp.all("items")}
    moves = town.erp.all("stock_moves")
    sums: dict[tuple[str, str], Decimal] = {}
    for move in moves:
        place = codes[move["item_id"]], move["warehouse_code"]
        sums[place] = sums.get(place, Decimal(0)) + number(move["quantity"])
    check = Check("what the CRM has on hand is the sum of the ERP's stock ledger", len(shown), len(moves))
    for key in shown.keys() | sums.keys():
        if number(shown.get(key, {}).get("onHand")) != sums.get(key, Decimal(0)):
            check.wrong.append(" in ".join(key))
    return check


def _adjustments(town: Town) -> Check:
    adjustments = town.crm.all("stock-adjustments")
    moves = {move["number"]: move for move in town.erp.all("stock_moves", kind="adjustment")}
    check = Check("every stock adjustment of the CRM was posted exactly once", len(adjustments), len(moves))
    documents = Counter(adjustment["erpDocument"] for adjustment in adjustments)
    for adjustment in adjustments:
        document = adjustment["erpDocument"]
        move = moves.get(document)
        if move is None or documents[document] > 1 or number(move["quantity"]) != number(adjustment["quantity"]):
            check.wrong.append(f"{adjustment['id']}: {document or 'not posted'}")
    return check
