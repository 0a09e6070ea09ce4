"""The demo's scene of the front office: a lead becomes a customer with an order, and what broke is repaired.

A function a step: somebody does something in one system, the connector syncs, and both systems are looked at by their
own APIs.
"""

from collections.abc import Iterator

from connector.cli.demo_edits import Sight
from connector.cli.demo_scene import Step
from connector.cli.demo_systems import Row, Town

COMPANY, EMAIL = "Nordlicht Solar GmbH", "einkauf@nordlicht-solar.example"
NOTHING_YET = "nothing: that is sales' own business"


def steps(town: Town) -> Iterator[Step]:
    """Each is done only when the one before has been looked at."""
    lead = _meet(town)
    yield Step(f"{COMPANY} became a lead at a fair", "CRM", lambda: _unknown(town))
    account = _convert(town, lead)
    yield Step(f"sales made {COMPANY} a prospect, with a contact", "CRM", lambda: _unknown(town))
    product = _product(town)
    order = _win(town, account, product)
    yield Step(f"the offer was taken: order {order['orderNumber']}", "CRM", lambda: _ordered(town, order))
    case = _complain(town, account, product)
    yield Step(f"case {case['caseNumber']}: one piece is to be repaired", "CRM", lambda: _opened(town, case))
    _repair(town, case)
    yield Step("the workshop received, repaired and finished it", "ERP", lambda: _heard(town, case, account))
    back = _give_back(town, account, product)
    yield Step(f"case {back['caseNumber']}: one piece came back and is as new", "both", lambda: _restocked(town, back))


def _meet(town: Town) -> Row:
    campaign = town.crm.create("campaigns", name="Intersolar", kind="FAIR", status="ACTIVE")
    named = {"company": COMPANY, "firstName": "Jette", "lastName": "Holm", "email": EMAIL, "currency": "EUR"}
    lead = town.crm.create("leads", **named, source="FAIR", campaignId=campaign["id"], address={"country": "DE"})
    town.crm.create("campaign-members", campaignId=campaign["id"], leadId=lead["id"], status="RESPONDED")
    return lead


def _convert(town: Town, lead: Row) -> Row:
    done = town.crm.call("POST", f"leads/{lead['id']}/convert", json={})
    return town.crm.read("accounts", done["convertedAccountId"])


def _product(town: Town) -> Row:
    """Something that both systems know, that is sold by the piece and not a service."""
    items = {row["code"]: row for row in town.erp.all("items", active="true", uom="PCE")}
    return next(row for row in town.crm.all("products", status="ACTIVE") if row["productCode"] in items)


def _win(town: Town, account: Row, product: Row) -> Row:
    line = {"productId": product["id"], "description": product["name"], "quantity": 4, "unitPrice": 249.5}
    values = {"name": "First order", "accountId": account["id"], "currency": "EUR", "lines": [line]}
    offer = town.crm.create("opportunities", **values)
    won = town.crm.call("POST", f"opportunities/{offer['id']}/win", json={})
    return town.crm.read("orders", won["orderId"])


def _complain(town: Town, account: Row, product: Row) -> Row:
    values = {"accountId": account["id"], "productId": product["id"], "subject": "Does not start"}
    return town.crm.create("cases", **values, serviceKind="REPAIR", priority="HIGH")


def _repair(town: Town, case: Row) -> None:
    order = town.erp.act("service_orders", _service(town, case)[0], "receive")
    order = town.erp.act("service_orders", order, "start")
    found = {"outcome": "repaired", "outcome_note": "New fuse", "charge": "35.00", "currency_code": "EUR"}
    town.erp.act("service_orders", town.erp.change("service_orders", order, **found), "finish")


def _give_back(town: Town, account: Row, product: Row) -> Row:
    """The case and, as one service order of the ERP, the goods at the counter."""
    values = {"accountId": account["id"], "productId": product["id"], "subject": "Ordered one too many"}
    case = town.crm.create("cases", **values, serviceKind="RETURN")
    (partner,) = _partners(town)
    (item,) = town.erp.all("items", code=product["productCode"])
    named = {"partner_id": partner["id"], "item_id": item["id"], "subject": values["subject"]}
    order = town.erp.create("service_orders", **named, kind="return", origin=case["caseNumber"], outcome="restocked")
    town.erp.act("service_orders", town.erp.act("service_orders", order, "receive"), "finish")
    return case


def _unknown(town: Town) -> Sight:
    found = _partners(town)
    return Sight(NOTHING_YET if not found else f"{len(found)} found", not found)


def _ordered(town: Town, order: Row) -> Sight:
    now, partners = town.crm.read("orders", order["id"]), _partners(town)
    sales = town.erp.all("sales_orders", origin=order["orderNumber"])
    shows = ", ".join(f"customer {partner['code']}" for partner in partners)
    shows += "".join(f", order {sale['number']} over {sale['amount_total']}" for sale in sales)
    fine = len(partners) == len(sales) == 1 and now["erpOrderNumber"] == sales[0]["number"]
    return Sight(shows or "nothing", fine)


def _opened(town: Town, case: Row) -> Sight:
    orders, told = _service(town, case), town.crm.read("cases", case["id"])["serviceNumber"]
    shows = ", ".join(f"service order {order['number']} is {order['state']}" for order in orders)
    return Sight(
        f"{shows or 'nothing'}; the case knows {told or 'nothing'}", [one["number"] for one in orders] == [told]
    )


def _heard(town: Town, case: Row, account: Row) -> Sight:
    now = town.crm.read("cases", case["id"])
    events = [
        one["event"] for one in town.crm.all("activities", accountId=account["id"], document=now["serviceNumber"])
    ]
    shows = f"case {now['serviceStatus']}, {now['outcome']}, {now['charge']} EUR; timeline {', '.join(events)}"
    return Sight(shows, (now["serviceStatus"], now["outcome"], len(events)) == ("DONE", "REPAIRED", 3))


def _restocked(town: Town, case: Row) -> Sight:
    now, orders = town.crm.read("cases", case["id"]), _service(town, case)
    moves = [
        move
        for order in orders
        for move in town.erp.all("stock_moves", kind="service")
        if move["note"] == order["number"]
    ]
    shows = f"case {now['serviceStatus']}, {now['outcome']}; moved " + ", ".join(move["quantity"] for move in moves)
    return Sight(shows, (now["outcome"], len(orders), len(moves)) == ("RESTOCKED", 1, 1))


def _partners(town: Town) -> list[Row]:
    return town.erp.all("partners", email=EMAIL, is_company="true")


def _service(town: Town, case: Row) -> list[Row]:
    return town.erp.all("service_orders", origin=case["caseNumber"])
