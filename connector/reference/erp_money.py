"""The desks that count money: invoices and credit notes, payments, and what each customer owes."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from typing_extensions import override

from connector.reference.erp_desks import Books, Desk, Transition, Written, next_state, number, refuse_but
from connector.reference.erp_fields import EXTRA
from connector.reference.erp_orders import ORDERS, USUAL_CURRENCY, OrderDesk
from connector.reference.erp_sales import add_up, money, quantity
from connector.reference.refusals import invalid
from connector.reference.stamps import seconds_text
from connector.reference.validation import Values

INVOICES, BALANCES = "invoices", "customer_balances"
NOTHING = Decimal(0)
FREE = frozenset(("external_ref",))
ACTIONS: Mapping[str, Transition] = {
    "post": Transition(frozenset(("draft",)), "posted"),
    "cancel": Transition(frozenset(("draft",)), "cancelled"),
}
POSTED = frozenset(("posted", "paid"))
PREFIXES = {"invoice": "INV", "credit_note": "CN"}
SIGNS = {"invoice": 1, "credit_note": -1}


class InvoiceDesk(Desk):
    """Invoices of what was shipped, and credit notes; locked once they are posted."""

    def __init__(self, books: Books, orders: OrderDesk) -> None:
        super().__init__(books)
        self._orders = orders

    @override
    def complete(self, values: Values, before: Values, changes: Values) -> None:
        if not before:
            self._begin(values)
        if "lines" in changes or not before:
            values["lines"] = [{**line, "id": line["id"] or self.books.store.next("line")} for line in values["lines"]]
            add_up(values)
            values |= {"amount_paid": "0.00", "amount_credited": "0.00", "amount_open": values["amount_total"]}

    @override
    def refuse_settled(self, before: Values, changes: Values) -> None:
        if before["state"] != "draft":
            refuse_but(FREE, before, changes, EXTRA)
            changes.pop("lines", None)

    @override
    def act(self, before: Values, action: str, given: Mapping[str, Any]) -> Values:
        if action == "post" and before["state"] == "paid":
            return before
        state = next_state(ACTIONS[action], action, before)
        if state is None:
            return before
        values = {**before, "state": state}
        if action == "post":
            self._refuse_excess(before)
            values["date_invoice"] = values["date_invoice"] or self.books.today
            values["date_due"] = values["date_due"] or self._due(values)
            values["number"] = f"{PREFIXES[values['kind']]}-{self.books.store.next(values['kind']):05d}"
            _weigh(values)
        return values

    @override
    def follow(self, written: Written, user: str) -> None:
        values, before = written.values, written.before
        self._keep_balance(values, _owed(values) - (_owed(before) if before else NOTHING), user)
        is_new = bool(before) and before["state"] == "draft" and values["state"] in POSTED
        if values["kind"] == "credit_note":
            if is_new and values["credits_id"] is not None:
                self._credit(values, user)
        elif values["order_id"] is not None and values["state"] in POSTED and before["state"] != values["state"]:
            self._orders.settle(values["order_id"], self._billed(values) if is_new else {}, user)

    def pay(self, invoice_id: int, amount: Decimal, user: str) -> None:
        """Note that money came in for an invoice, or went out for a credit note."""
        invoice = self.books.values(INVOICES, invoice_id)
        self._change(invoice, "amount_paid", amount, user)

    def _change(self, invoice: Values, name: str, amount: Decimal, user: str) -> None:
        values = {**invoice, name: money(number(invoice, name) + amount)}
        _weigh(values)
        changes = {each: values[each] for each in (name, "amount_open", "state")}
        self.books.put(INVOICES, invoice["id"], changes, user)

    def _begin(self, values: Values) -> None:
        """A new one: what an order was shipped and not billed, what an invoice is credited, or what was sent."""
        if values["credits_id"] is not None:
            self._begin_credit(values)
        elif values["kind"] == "credit_note":
            raise invalid("credits_id is required: say which invoice it credits", "credits_id")
        elif values["order_id"] is not None:
            self._begin_bill(values)
        if values["partner_id"] is None:
            raise invalid("partner_id is required", "partner_id")
        values["currency_code"] = values["currency_code"] or USUAL_CURRENCY

    def _begin_credit(self, values: Values) -> None:
        credited = self.books.values(INVOICES, values["credits_id"])
        if values["kind"] != "credit_note" or credited["kind"] != "invoice" or credited["state"] not in POSTED:
            raise invalid("credits_id must name an invoice that is posted, and kind be credit_note", "credits_id")
        values |= {name: credited[name] for name in ("partner_id", "order_id", "currency_code")}
        values["lines"] = values["lines"] or [{**line, "id": None} for line in credited["lines"]]

    def _begin_bill(self, values: Values) -> None:
        order = self.books.values(ORDERS, values["order_id"])
        values |= {name: order[name] for name in ("partner_id", "currency_code")}
        values["lines"] = values["lines"] or list(_unbilled(order))
        if not values["lines"]:
            raise invalid("nothing of the order was shipped and not invoiced", "order_id")

    def _refuse_excess(self, invoice: Values) -> None:
        """An order is billed for what was shipped, once; an invoice is credited for what it says, once."""
        if invoice["credits_id"] is not None:
            credited = self.books.values(INVOICES, invoice["credits_id"])
            left = number(credited, "amount_total") - number(credited, "amount_credited")
            if number(invoice, "amount_total") > left:
                raise invalid(f"at most {money(left)} of the invoice can be credited", "lines")
        elif invoice["order_id"] is not None:
            order = self.books.values(ORDERS, invoice["order_id"])
            left_of = {
                line["id"]: number(line, "qty_shipped") - number(line, "qty_invoiced") for line in order["lines"]
            }
            for line in invoice["lines"]:
                left_of[line["order_line_id"]] = left_of.get(line["order_line_id"], NOTHING) - number(line, "qty")
            if min(left_of.values(), default=NOTHING) < 0:
                raise invalid("more is invoiced than was shipped and not invoiced", "lines.qty")

    def _billed(self, invoice: Values) -> Values:
        """The order's lines with what was invoiced."""
        billed: dict[int, Decimal] = {}
        for line in invoice["lines"]:
            billed[line["order_line_id"]] = billed.get(line["order_line_id"], NOTHING) + number(line, "qty")
        order = self.books.values(ORDERS, invoice["order_id"])
        return {
            "lines": [
                {**line, "qty_invoiced": quantity(number(line, "qty_invoiced") + billed.get(line["id"], NOTHING))}
                for line in order["lines"]
            ]
        }

    def _credit(self, note: Values, user: str) -> None:
        """Less is owed of the invoice; what was paid already stays open in the customer's favour."""
        invoice = self.books.values(INVOICES, note["credits_id"])
        applied = min(number(note, "amount_total"), number(invoice, "amount_open"))
        if applied:
            self._change(invoice, "amount_credited", applied, user)
            self._change(self.books.values(INVOICES, note["id"]), "amount_credited", applied, user)

    def _due(self, invoice: Values) -> str:
        """The day by which the customer's terms want it paid."""
        term = self.books.values("partners", invoice["partner_id"])["payment_term"] or "0D"
        return (date.fromisoformat(invoice["date_invoice"]) + timedelta(days=int(term[:-1]))).isoformat()

    def _keep_balance(self, invoice: Values, moved: Decimal, user: str) -> None:
        if not moved:
            return
        key = {"partner_id": invoice["partner_id"], "currency_code": invoice["currency_code"]}
        for held in self.books.store.holding(BALANCES, key):
            self.books.put(BALANCES, held["id"], {"amount_open": money(number(held, "amount_open") + moved)}, user)
            return
        num = self.books.store.next(BALANCES)
        created = {"id": num, "create_date": seconds_text(self.books.store.now()), "external_ref": None}
        self.books.put(BALANCES, num, {**created, **key, "amount_open": money(moved)}, user)


class PaymentDesk(Desk):
    """Payments, in parts if need be; never more than is open."""

    def __init__(self, books: Books, invoices: InvoiceDesk) -> None:
        super().__init__(books)
        self._invoices = invoices

    @override
    def complete(self, values: Values, before: Values, changes: Values) -> None:
        invoice = self.books.values(INVOICES, values["invoice_id"])
        amount, still_open = number(values, "amount"), number(invoice, "amount_open")
        if invoice["state"] not in POSTED:
            raise invalid(f"an invoice that is {invoice['state']} cannot be paid", "invoice_id")
        if not NOTHING < amount <= still_open:
            raise invalid(f"amount must be above zero and at most {money(still_open)}, which is open", "amount")
        values |= {name: invoice[name] for name in ("partner_id", "currency_code")}
        values["date_payment"] = values["date_payment"] or self.books.today

    @override
    def follow(self, written: Written, user: str) -> None:
        self._invoices.pay(written.values["invoice_id"], number(written.values, "amount"), user)


def _unbilled(order: Values) -> Iterator[Values]:
    """Lines for everything that was shipped and not invoiced, as the order says what it costs."""
    for line in order["lines"]:
        left = number(line, "qty_shipped") - number(line, "qty_invoiced")
        if left > 0:
            kept = {name: line[name] for name in ("item_id", "name", "price_unit", "discount")}
            yield {**kept, "id": None, "order_line_id": line["id"], "qty": quantity(left)}


def _weigh(invoice: Values) -> None:
    """What is open of a posted invoice, and whether it is paid."""
    left = number(invoice, "amount_total") - number(invoice, "amount_paid") - number(invoice, "amount_credited")
    invoice |= {"amount_open": money(left), "state": "posted" if left else "paid"}


def _owed(invoice: Values) -> Decimal:
    """What a document adds to its customer's balance."""
    return SIGNS[invoice["kind"]] * number(invoice, "amount_open") if invoice["state"] in POSTED else NOTHING
