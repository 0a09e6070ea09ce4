"""Stock adjustments: one movement a document, as a transfer between the shelf and Odoo's place for inventory losses.

Setting a count (`inventory_quantity`) would overwrite what moved meanwhile; a transfer adds or takes away, and posting
it twice is impossible: its external id finds the one that was made before, and one that is done is left alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from connector.adapters.odoo.calls import Fault
from connector.adapters.odoo.codes import CONTEXT
from connector.adapters.odoo.models import MARKER
from connector.adapters.odoo.reading import version_of
from connector.adapters.odoo.records import Records
from connector.adapters.odoo.schema import tree_of
from connector.adapters.odoo.sheets import Sheet, external_id, load
from connector.adapters.odoo.writing import QUIET
from connector.adapters.wire import BAD_REQUEST, Refusal, refused
from connector.errors import OutcomeUnknown, RecordError, Rejected
from connector.records import Body, Draft, Fetched, LiveField, Outcome, Patch, Remote, Removal

MODEL = "stock.picking"
MOVES = "move_ids"
PATHS = (
    "name",
    "state",
    "origin",
    "note",
    "picking_type_id.warehouse_id",
    f"{MOVES}.product_id",
    f"{MOVES}.quantity",
    f"{MOVES}.location_dest_id",
    MARKER,
)
FIELDS: Mapping[str, str] = {
    "product_id": "many2one",
    "warehouse": "char",
    "quantity": "float",
    "origin": "char",
    "note": "html",
}


class Adjustments(Records):
    """Documents that were made for the other side's adjustments."""

    @override
    def describe(self) -> list[LiveField]:
        known = self._reader.schema.of(MODEL)
        made = [LiveField(name, kind) for name, kind in FIELDS.items()]
        filled = [LiveField("id", "integer", read_only=True), LiveField("name", "char", read_only=True)]
        return [*made, *filled, *([LiveField(MARKER, "char")] if MARKER in known else [])]

    @override
    def create(self, drafts: Sequence[Draft]) -> list[Outcome]:
        return [self._made(draft) for draft in drafts]

    @override
    def update(self, patches: Sequence[Patch]) -> list[Outcome]:
        return [Outcome(each.id, error=self._refusal(each.id, "change it")) for each in patches]

    @override
    def delete(self, removals: Sequence[Removal]) -> list[Outcome]:
        return [Outcome(each.id, error=self._refusal(each.id, "delete it")) for each in removals]

    @override
    def fetch(self, ids: Sequence[str]) -> list[Fetched]:
        return [each._replace(remote=each.remote and self._told(each.remote)) for each in super().fetch(ids)]

    @override
    def _rows(self, domain: Sequence[Any], limit: int | None = None) -> Any:
        rows = super()._rows(domain, limit)
        return rows._replace(remotes=[self._told(each) for each in rows.remotes])

    @override
    def _tree(self) -> Any:
        return tree_of(PATHS)

    def _told(self, remote: Remote) -> Remote:
        """The document as one signed quantity; one that holds more than that, or nothing, was not made by us."""
        held = remote.body or {}
        moves = held.get(MOVES) or [{}]
        warehouse = (held.get("picking_type_id") or {}).get("warehouse_id")
        codes = self._reader.codes.of("stock.warehouse", "code", {warehouse} if warehouse else set())
        sign = 1 if self._is_inside(moves[0].get("location_dest_id")) else -1
        body: Body = {
            "id": held["id"],
            "name": held["name"],
            "origin": held["origin"],
            "note": held["note"],
            "warehouse": codes.get(warehouse) if warehouse else None,
            "product_id": moves[0].get("product_id"),
            "quantity": sign * moves[0].get("quantity", 0.0),
            MARKER: held[MARKER],
        }
        return Remote(remote.id, version_of(body), remote.modified, body)

    def _is_inside(self, location: int | None) -> bool:
        numbers = {location} if location else set()
        return self._reader.codes.of("stock.location", "usage", numbers).get(location or 0) == "internal"

    def _made(self, draft: Draft) -> Outcome:
        try:
            number = self._document(draft)
            fetched = self.fetch([str(number)])[0].remote
            return Outcome(str(number), fetched.version, fetched.body) if fetched else Outcome(str(number))
        except RecordError as error:
            return Outcome(None, error=error)
        except Fault as fault:
            refusal = Refusal(BAD_REQUEST, fault.kind, fault.message)
            return Outcome(None, error=refused(refusal, self.place, draft.body))

    def _document(self, draft: Draft) -> int:
        """The document of this key, posted; what is left over of a refused one is taken away again."""
        quantity = draft.body.get("quantity") or 0
        if not quantity:
            raise Rejected(f"{self.place}: a movement of nothing cannot be posted; correct the quantity")
        sheet = self._sheet(draft, quantity)
        (number,) = load(self._calls, MODEL, [sheet], once=True)
        if isinstance(number, Fault):
            raise number if number.name else OutcomeUnknown(f"{self.place}: Odoo did not report what became of it")
        try:
            self._post(number, abs(quantity))
        except Fault:
            self._calls.call(MODEL, "unlink", {"ids": [number], "context": QUIET}, safe=True)
            raise
        return number

    def _post(self, number: int, quantity: float) -> None:
        asked = {"ids": [number], "fields": ["state", MOVES], "load": None, "context": CONTEXT}
        (before,) = self._calls.call(MODEL, "read", asked, safe=True).value
        if before["state"] == "done":
            return
        moved = [[1, move, {"quantity": quantity, "picked": True}] for move in before[MOVES]]
        self._calls.call(MODEL, "write", {"ids": [number], "vals": {MOVES: moved}, "context": QUIET}, safe=True)
        self._calls.call(MODEL, "button_validate", {"ids": [number], "context": QUIET})
        (after,) = self._calls.call(MODEL, "read", asked, safe=True).value
        if after["state"] != "done":
            raise Fault("odoo.exceptions.UserError", f"the transfer stays {after['state']}; Odoo asks for something")

    def _sheet(self, draft: Draft, quantity: float) -> Sheet:
        """The transfer: into the warehouse's stock where something is added, out of it where something is taken."""
        warehouse = self._warehouse(str(draft.body.get("warehouse")))
        product, stock = str(draft.body.get("product_id")), str(warehouse["lot_stock_id"])
        loss = str(self._loss(int(product)))
        source, target = (loss, stock) if quantity > 0 else (stock, loss)
        cells = {
            "id": external_id(draft.key),
            MARKER: draft.marker or "",
            "picking_type_id/.id": str(warehouse["int_type_id"]),
            "location_id/.id": source,
            "location_dest_id/.id": target,
            "origin": str(draft.body.get("origin") or ""),
            "note": str(draft.body.get("note") or ""),
        }
        line = {"product_id": product, "location_id": source, "location_dest_id": target}
        quantities = {f"{MOVES}/product_uom_qty": str(abs(quantity))}
        return Sheet(cells, [{**{f"{MOVES}/{name}/.id": value for name, value in line.items()}, **quantities}])

    def _warehouse(self, code: str) -> Mapping[str, Any]:
        number = self._reader.codes.number("stock.warehouse", "code", code)
        asked = {"ids": [number], "fields": ["lot_stock_id", "int_type_id"], "load": None, "context": CONTEXT}
        found: Mapping[str, Any] = self._calls.call("stock.warehouse", "read", asked, safe=True).value[0]
        return found

    def _loss(self, product: int) -> int:
        asked = {"ids": [product], "fields": ["property_stock_inventory"], "load": None, "context": CONTEXT}
        rows = self._calls.call("product.product", "read", asked, safe=True).value
        if not rows:
            raise Rejected(f"{self.place}: the product is not there any more")
        return int(rows[0]["property_stock_inventory"])
