"""The demo's scene of the back office: an order is held, released, shipped in parts, made, billed and paid."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from connector.cli.demo_check import number
from connector.cli.demo_edits import MAIN, Sight, pieces
from connector.cli.demo_scene import Step
from connector.cli.demo_systems import Row, Town
from connector.errors import RunError

COMPANY, EMAIL = "Küstenwerk GmbH", "einkauf@kuestenwerk.example"
CODE, PART, NAME = "WB-DEMO", "WB-DEMO-LEG", "Workbench"
ASKED, THERE, LEGS, PRICE = 10, 6, 4, 240
LIMIT = Decimal(2000)


class Deal(NamedTuple):
    """The order of this scene: its ids on both sides, and what is sold."""

    town: Town
    account: str
    order: Row
    item: Row
    leg: Row

    def sale(self) -> Row:
        """The order as the ERP has it now."""
        (found,) = self.town.erp.all("sales_orders", origin=self.order["orderNumber"])
        return found

    def shown(self) -> Row:
        """The order as the salesperson sees it now."""
        return self.town.crm.read("orders", self.order["id"])

    def level(self, code: str = CODE) -> Row:
        """What the salesperson sees of the goods, or of what they are made of, now."""
        (found,) = self.town.crm.all("stock-levels", productCode=code, warehouse=MAIN)
        return found

    def invoice(self, kind: str = "invoice") -> Row:
        """The order's posted invoice or credit note in the ERP."""
        return next(row for row in self.town.erp.all("invoices", order_id=self.sale()["id"]) if row["kind"] == kind)

    def bills(self) -> dict[str, Row]:
        """The order's invoice and credit note in the CRM, by kind."""
        return {row["kind"]: row for row in self.town.crm.all("invoices", orderId=self.order["id"])}

    def owed(self) -> Decimal:
        """What the customer owes, as the salesperson sees it."""
        found = self.town.crm.all("account-balances", accountId=self.account)
        return sum((number(row["openAmount"]) for row in found), Decimal(0))


def steps(town: Town) -> Iterator[Step]:
    """Each is done only when the one before has been looked at."""
    item, leg = _stock(town)
    yield Step(f"{NAME} {CODE}: {THERE} in stock, made of {LEGS} legs", "ERP", lambda: _offered(town))
    deal = _order(town, item, leg)
    yield Step(f"{COMPANY} orders {ASKED}", "CRM", lambda: _quoted(deal))
    _confirm(deal)
    yield Step(f"credit limit {LIMIT:,.2f}; order confirmed", "ERP", lambda: _staged(deal, "ON_HOLD", "credit"))
    town.erp.act("sales_orders", deal.sale(), "release")
    yield Step("accounting releases it", "ERP", lambda: _promised(deal))
    _ship(deal, "JD0146001")
    yield Step(f"{THERE} of {ASKED} leave with DHL", "ERP", lambda: _shipped(deal, "PARTIALLY_SHIPPED", "JD0146001"))
    production = _plan(deal)
    yield Step(f"{ASKED - THERE} are back ordered, to be made by 2027-01-15", "ERP", lambda: _expected(deal))
    town.erp.act("production_orders", production, "finish")
    yield Step("production is finished", "ERP", lambda: _made(deal))
    _ship(deal, "JD0146002")
    yield Step("the back order leaves", "ERP", lambda: _shipped(deal, "SHIPPED", "JD0146002"))
    yield from _money(deal)


def _money(deal: Deal) -> Iterator[Step]:
    erp = deal.town.erp
    bill = erp.act("invoices", erp.create("invoices", order_id=deal.sale()["id"]), "post")
    total = number(bill["amount_total"])
    yield Step(f"invoice {bill['number']} is posted", "ERP", lambda: _billed(deal, "INVOICED", total))
    answer = _write_down(deal)
    yield Step("sales wants to write the invoice down", "CRM", lambda: _refused(deal, answer, total))
    erp.create("payments", invoice_id=bill["id"], amount="1000.00")
    yield Step("1,000.00 are paid", "ERP", lambda: _billed(deal, "INVOICED", total - 1000))
    erp.create("payments", invoice_id=bill["id"], amount=str(total - 1000))
    yield Step("the rest is paid", "ERP", lambda: _billed(deal, "PAID", Decimal(0)))
    _take_back(deal)
    yield Step("one comes back to the shelf, and is credited", "ERP", lambda: _credited(deal))


def _stock(town: Town) -> tuple[Row, Row]:
    given = {"uom": "PCE", "currency_code": "EUR"}
    item = town.erp.create("items", code=CODE, name=NAME, list_price=str(PRICE), **given)
    leg = town.erp.create("items", code=PART, name=f"{NAME} leg", list_price="12", **given)
    town.erp.create("boms", item_id=item["id"], lines=[{"item_id": leg["id"], "qty": LEGS}])
    for row, held in ((item, THERE), (leg, LEGS * ASKED)):
        place = {"item_id": row["id"], "warehouse_code": MAIN}
        town.erp.create("stock_moves", **place, quantity=str(held), kind="receipt")
    return item, leg


def _order(town: Town, item: Row, leg: Row) -> Deal:
    account = town.crm.create("accounts", name=COMPANY, email=EMAIL, currency="EUR", paymentTerms="NET_30")
    (product,) = town.crm.all("products", productCode=CODE)
    line = {"productId": product["id"], "description": NAME, "quantity": ASKED, "unitPrice": PRICE}
    values = {"accountId": account["id"], "orderDate": town.crm.today, "currency": "EUR", "lines": [line]}
    return Deal(town, account["id"], town.crm.create("orders", **values, stage="SUBMITTED"), item, leg)


def _confirm(deal: Deal) -> None:
    erp = deal.town.erp
    partner = erp.read("partners", deal.sale()["partner_id"])
    erp.change("partners", partner, credit_limit=f"{LIMIT:.2f}")
    erp.act("sales_orders", deal.sale(), "confirm")


def _ship(deal: Deal, tracking: str) -> None:
    deal.town.erp.create("shipments", order_id=deal.sale()["id"], carrier="DHL", tracking=tracking)


def _plan(deal: Deal) -> Row:
    deal.town.erp.act("sales_orders", deal.sale(), "split")
    place = {"item_id": deal.item["id"], "warehouse_code": MAIN, "planned_date": "2027-01-15"}
    return deal.town.erp.create("production_orders", **place, qty=str(ASKED - THERE))


def _write_down(deal: Deal) -> str:
    """What the CRM answers a salesperson who edits what only the ERP may say."""
    try:
        deal.town.crm.change("invoices", deal.bills()["INVOICE"], amountOpen=0)
    except RunError as error:
        return str(error).partition("423 ")[2]
    return ""


def _take_back(deal: Deal) -> None:
    erp, sale = deal.town.erp, deal.sale()
    lines = [{"order_line_id": sale["lines"][0]["id"], "qty": "1"}]
    back = erp.create("returns", order_id=sale["id"], reason="one too many", lines=lines)
    erp.act("returns", back, "receive")
    line = {"item_id": deal.item["id"], "name": NAME, "qty": "1", "price_unit": str(PRICE)}
    note = erp.create("invoices", kind="credit_note", credits_id=deal.invoice()["id"], lines=[line])
    erp.act("invoices", note, "post")


def _offered(town: Town) -> Sight:
    levels = town.crm.all("stock-levels", productCode=CODE)
    shows = ", ".join(f"{pieces(number(row['available']))} available in {row['warehouse']}" for row in levels)
    return Sight(shows or "nothing", [number(row["available"]) for row in levels] == [THERE])


def _quoted(deal: Deal) -> Sight:
    sale = deal.sale()
    partner = deal.town.erp.read("partners", sale["partner_id"])
    fine = (sale["state"], partner["email"]) == ("draft", EMAIL)
    return Sight(f"customer {partner['code']}, quotation {sale['number']} over {sale['amount_total']}", fine)


def _staged(deal: Deal, stage: str, reason: str) -> Sight:
    now = deal.shown()
    fine = now["stage"] == stage and str(now["statusReason"]).startswith(reason)
    return Sight(f"{now['stage']}: {now['statusReason']}", fine)


def _promised(deal: Deal) -> Sight:
    now, level = deal.shown(), deal.level()
    available = number(level["available"])
    shows = f"{now['stage']}; {pieces(number(level['onHand']))} on hand, {pieces(available)} available"
    return Sight(shows, now["stage"] == "CONFIRMED" and available == THERE - ASKED)


def _shipped(deal: Deal, stage: str, tracking: str) -> Sight:
    now = deal.shown()
    found = deal.town.crm.all("shipments", orderId=deal.order["id"], trackingNumber=tracking)
    sent = ", ".join(
        f"{row['shipmentNumber']} with {pieces(number(row['lines'][0]['quantity']))}, tracking {row['trackingNumber']}"
        for row in found
    )
    return Sight(f"{now['stage']}; {sent or 'no shipment'}", (now["stage"], len(found)) == (stage, 1))


def _expected(deal: Deal) -> Sight:
    lines, level = deal.shown()["lines"], deal.level()
    parts = " + ".join(pieces(number(line["quantity"])) for line in lines)
    kept = number(deal.level(PART)["reserved"])
    shows = f"lines of {parts}; {pieces(number(level['incoming']))} expected on {level['expectedOn']}"
    fine = [number(line["quantity"]) for line in lines] == [THERE, ASKED - THERE]
    fine = fine and number(level["incoming"]) == ASKED - THERE and kept == LEGS * (ASKED - THERE)
    return Sight(f"{shows}; {pieces(kept)} legs are kept for them", fine)


def _made(deal: Deal) -> Sight:
    held = number(deal.level()["onHand"])
    left = number(deal.level(PART)["onHand"])
    fine = held == ASKED - THERE and left == LEGS * THERE
    return Sight(f"{pieces(held)} on hand, {pieces(left)} legs left", fine)


def _refused(deal: Deal, answer: str, still_open: Decimal) -> Sight:
    told = number(deal.bills()["INVOICE"]["amountOpen"])
    return Sight(f"refused: {answer}; {told:,.2f} open", bool(answer) and told == still_open)


def _billed(deal: Deal, stage: str, still_open: Decimal) -> Sight:
    now, bill, owed = deal.shown(), deal.bills().get("INVOICE"), deal.owed()
    if bill is None:
        return Sight("no invoice", as_expected=False)
    told = number(bill["amountOpen"])
    shows = f"{now['stage']}; {bill['invoiceNumber']} over {number(bill['grandTotal']):,.2f}, {told:,.2f} open"
    return Sight(f"{shows}; balance {owed:,.2f}", (now["stage"], told, owed) == (stage, still_open, still_open))


def _credited(deal: Deal) -> Sight:
    note, held = deal.bills().get("CREDIT_NOTE"), number(deal.level()["onHand"])
    if note is None:
        return Sight("no credit note", as_expected=False)
    total, backs = number(note["grandTotal"]), deal.town.crm.all("returns", orderId=deal.order["id"])
    came = ", ".join(f"{row['returnNumber']} {row['status']}" for row in backs)
    shows = f"{came or 'no return'}; {note['invoiceNumber']} over {total:,.2f}; balance {deal.owed():,.2f}"
    fine = (deal.owed(), held, [row["status"] for row in backs]) == (-total, Decimal(1), ["RECEIVED"])
    return Sight(f"{shows}; {pieces(held)} on hand", fine)
