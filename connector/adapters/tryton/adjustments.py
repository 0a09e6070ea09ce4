"""Stock adjustments: internal shipments between a warehouse's storage and its lost and found location.

They are documents with a number and a reference, which an inventory is not, and they say what was moved, not what was
counted: so two of them at one time both count. One is posted by three buttons after it was made; where that was cut,
looking it up by its reference posts it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from connector.adapters.base import Capabilities
from connector.adapters.tryton.collection import AUTHORS, PREFIX, Collection, Domain, Values, Where
from connector.adapters.tryton.describing import Describing
from connector.adapters.tryton.ordering import Catalogue
from connector.adapters.tryton.places import Places
from connector.adapters.tryton.rpc import NAME
from connector.adapters.tryton.values import Row, day, inner, number, plain
from connector.errors import RecordError, Rejected
from connector.records import Body, LiveField

MARKER, MOVES = "external_id", "moves"
MOVE_FIELDS = ("product", "quantity", "from_location", "to_location")


class Adjustments(Collection):
    """Adjustments that the connector has made; other internal shipments are nobody's business here."""

    name: ClassVar[str] = "stock.shipment.internal"
    model: ClassVar[str] = "stock.shipment.internal"
    parts: ClassVar[Mapping[str, str]] = {MOVES: "stock.move"}
    claims: ClassVar[Capabilities] = Capabilities(
        page_size=500,
        keys_page_size=2000,
        fetch_size=100,
        write_size=50,
        marker_field=MARKER,
        trustworthy_times=True,
        counts=True,
        can_update=False,
        can_delete=False,
    )
    finishing: ClassVar[tuple[str, ...]] = ("wait", "assign_force", "do")
    unfinished: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "draft": finishing,
        "waiting": finishing[1:],
        "assigned": finishing[2:],
    }

    @override
    def paths(self) -> list[str]:
        plain_fields = ("number", "reference", "effective_date", "state")
        return [*self.key_paths(), *AUTHORS, *plain_fields, *(f"{MOVES}.{field}" for field in MOVE_FIELDS)]

    @override
    def domain(self, where: Where) -> Domain:
        company = ["company", "=", self.rpc.company]
        return [company, ["reference", "like", f"{PREFIX}%"], *super().domain(where)]

    @override
    def body(self, row: Row) -> Body:
        move = next(iter(inner(row, MOVES) or ()), None)
        places = self.names.places(None if move is None else move["to_location"])
        came_in = move is not None and places.is_lost_and_found(move["from_location"])
        location = None if move is None else move["to_location" if came_in else "from_location"]
        warehouse = places.warehouse_of(location)
        return {
            "id": row["id"],
            "product": move["product"] if move else None,
            "warehouse": None if warehouse is None else places.warehouses[warehouse],
            "quantity": (move["quantity"] if came_in else -move["quantity"]) if move else None,
            "effective_date": plain(row["effective_date"]),
            "number": row["number"],
            "state": row["state"],
            MARKER: str(row["reference"]).removeprefix(PREFIX),
        }

    @override
    def described(self) -> list[LiveField]:
        live = Describing(self.schema, self.model)
        return [
            *live.fields("number", "effective_date", "state"),
            live.outside("product", "stock.move", "product"),
            LiveField("warehouse", "char"),
            live.outside("quantity", "stock.move", "quantity"),
            live.outside(MARKER, self.model, "reference"),
        ]

    @override
    def path(self, field: str) -> str:
        return "reference" if field == MARKER else field

    @override
    def searched(self, field: str, value: str) -> str:
        return f"{PREFIX}{value}" if field == MARKER else value

    @override
    def new(self, bodies: Sequence[Body]) -> list[Values | RecordError]:
        places = Places.read(self.rpc)
        catalogue = Catalogue.read(self.rpc, [body.get("product") for body in bodies])
        return [self._new(body, places, catalogue) for body in bodies]

    @override
    def changed(self, items: Sequence[tuple[Body, Row]]) -> list[Values | RecordError]:
        return [Rejected(f"{NAME}: {self.name} {row['id']}: a movement is never changed") for _, row in items]

    def _new(self, body: Body, places: Places, catalogue: Catalogue) -> Values | RecordError:
        try:
            storage, lost = places.storage(body.get("warehouse"))
            quantity = number(body.get("quantity"), "quantity")
            source, target = (lost, storage) if quantity > 0 else (storage, lost)
            when = day(body.get("effective_date"), "effective_date") or self.rpc.ask("ir.date", "today")
            where = {"from_location": source, "to_location": target}
            move: dict[str, Any] = {"product": body.get("product"), "quantity": abs(quantity), **where}
            move["unit"] = catalogue.unit(body.get("product"))
            dates = dict.fromkeys(("effective_date", "planned_date", "planned_start_date"), when)
            return {"reference": f"{PREFIX}{body.get(MARKER) or ''}", **where, **dates, MOVES: [["create", [move]]]}
        except RecordError as error:
            return error
