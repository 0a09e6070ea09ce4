"""Products: variants with what they have from their template, as one record."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

import xxhash
from typing_extensions import override

from connector.adapters.base import Capabilities
from connector.adapters.tryton import children
from connector.adapters.tryton.children import Verbs
from connector.adapters.tryton.collection import AUTHORS, Values
from connector.adapters.tryton.describing import Describing
from connector.adapters.tryton.mergeable import MARKER, Mergeable
from connector.adapters.tryton.rpc import NAME
from connector.adapters.tryton.values import Row, decimal, inner, plain, text_or_none
from connector.errors import RecordError, Rejected
from connector.records import Body, LiveField, Version

TEMPLATE, UNIT = "product.template", "product.uom"
TEMPLATE_FIELDS = ("name", "type", "salable")
OF_TEMPLATE = ("active", "code", "list_price", "products")


class Products(Mergeable):
    """Variants; a template with a single one is changed as if the two were the same."""

    name: ClassVar[str] = "product.product"
    model: ClassVar[str] = "product.product"
    parts: ClassVar[Mapping[str, str]] = {"template": TEMPLATE, children.IDENTIFIERS: "product.identifier"}
    claims: ClassVar[Capabilities] = Capabilities(
        page_size=500,
        keys_page_size=2000,
        fetch_size=100,
        # SQLite cannot check that the codes of a hundred are unique.
        write_size=50,
        marker_field=MARKER,
        unique_fields=("code",),
        conditional_write=True,
        trustworthy_times=True,
        counts=True,
        can_archive=True,
        # Where names are kept in several languages, see `reading`.
        visibility_lag=timedelta(seconds=1),
        normalising_fields=frozenset(("list_price",)),
    )

    @property
    @override
    def written_model(self) -> str:
        return TEMPLATE

    @property
    @override
    def reading(self) -> Mapping[str, Any]:
        """Names are translated, and each process of the server remembers them until a notice of a change reaches it.

        Asked for doubtful translations, too, it reads all of them anew. Of one language nothing is doubtful; of more, a
        name of long ago would be told for one that was changed since.
        """
        return {"fuzzy_translation": True} if self.schema.is_english else {}

    @override
    def paths(self) -> list[str]:
        return [
            *self.key_paths(),
            *AUTHORS,
            *("code", "suffix_code", "description", "active", "list_price", "replaced_by"),
            *(f"template.{field}" for field in (*TEMPLATE_FIELDS, *OF_TEMPLATE)),
            "template.default_uom.symbol",
            f"{children.IDENTIFIERS}.code",
        ]

    @override
    def key_paths(self) -> list[str]:
        return [*super().key_paths(), "template.name"]

    @override
    def version(self, row: Row) -> Version:
        """With the name: read late, it has another version than what the next scan reads again."""
        name = str(inner(row, "template")["name"])
        return Version(f"{super().version(row)}-{xxhash.xxh3_64_hexdigest(name.encode())}")

    @override
    def body(self, row: Row) -> Body:
        template = inner(row, "template")
        price = row["list_price"] if row["list_price"] is not None else template["list_price"]
        return {
            "id": row["id"],
            "code": text_or_none(row["code"]),
            "name": template["name"],
            "description": text_or_none(row["description"]),
            "type": template["type"],
            "salable": bool(template["salable"]),
            "default_uom": template["default_uom."]["symbol"],
            "list_price": plain(price),
            "currency": self.names.currency(),
            "active": bool(row["active"]) and bool(template["active"]),
            MARKER: children.marker_of(row),
        }

    @override
    def described(self) -> list[LiveField]:
        template, variant = Describing(self.schema, TEMPLATE), Describing(self.schema, self.model)
        return [
            template.outside("code", TEMPLATE, "code"),
            *template.fields(*TEMPLATE_FIELDS, "list_price", "active"),
            template.named("default_uom", UNIT, "symbol"),
            *variant.fields("description"),
            LiveField("currency", "char", read_only=True),
            variant.outside(MARKER, "product.identifier", "code"),
        ]

    @override
    def is_idle(self, row: Row) -> bool:
        return not inner(row, "template")["active"]

    @override
    def target(self, row: Row) -> int:
        return int(inner(row, "template")["id"])

    @override
    def removed(self, row: Row) -> tuple[str, int]:
        """A template goes with its only variant; one of several goes alone."""
        is_single = len(inner(row, "template")["products"]) == 1
        return (TEMPLATE, self.target(row)) if is_single else (self.model, int(row["id"]))

    @override
    def created(self, ids: Sequence[int]) -> dict[int, int]:
        rows = self.rpc.ask(self.model, "search_read", [["template", "in", list(ids)]], 0, None, None, ["template"])
        return {row["template"]: row["id"] for row in rows}

    @override
    def new(self, bodies: Sequence[Body]) -> list[Values | RecordError]:
        return [self._sent(body, None) for body in bodies]

    @override
    def changed(self, items: Sequence[tuple[Body, Row]]) -> list[Values | RecordError]:
        return [self._sent(body, row) for body, row in items]

    def _sent(self, body: Body, row: Row | None) -> Values | RecordError:
        """The variant is always written along, so that its stamp tells of every change."""
        try:
            variant = self._variant(body, row)
            values = {name: body[name] for name in TEMPLATE_FIELDS if name in body} | self._unit(body, row)
            for field, value in self._shared(body).items():
                (values if _is_of_template(field, row) else variant)[field] = value
            values |= {} if row is None else self._suffix(values, variant, row)
        except RecordError as error:
            return error
        verb = ["create", [variant]] if row is None else ["write", [row["id"]], variant]
        return {**values, "products": [verb]}

    def _variant(self, body: Body, row: Row | None) -> Values:
        verbs = Verbs()
        children.put_marker(verbs, body, row or {})
        return {**({"description": body["description"]} if "description" in body else {}), **verbs.values()}

    def _unit(self, body: Body, row: Row | None) -> Values:
        """Sold in the unit that it is kept in, unless somebody decides otherwise in Tryton."""
        if "default_uom" not in body:
            return {}
        unit = self.names.find_or_none(UNIT, "symbol", body["default_uom"])
        return {"default_uom": unit} if row is not None else {"default_uom": unit, "sale_uom": unit}

    def _shared(self, body: Body) -> Values:
        """What a template and its variants both have."""
        found: Values = {name: body[name] for name in ("active", "code") if name in body}
        return {**found, **({"list_price": decimal(body["list_price"])} if "list_price" in body else {})}

    def _suffix(self, values: Values, variant: Values, row: Row) -> Values:
        """A code is the template's with the variant's suffix behind it."""
        if "code" not in variant:
            return {}
        code, begin = variant.pop("code"), inner(row, "template")["code"] or ""
        if not str(code or "").startswith(begin):
            reason = f"the codes of its variants begin with {begin}; change that in Tryton"
            raise Rejected(f"{NAME}: {self.name} {row['id']}: {reason}", field="code")
        variant["suffix_code"] = str(code or "").removeprefix(begin) or None
        return values


def _is_of_template(field: str, row: Row | None) -> bool:
    """Whether a field is the template's to change: a single variant without a value of its own follows it."""
    if row is None:
        return True
    if field == "list_price":
        return row["list_price"] is None
    is_single = len(inner(row, "template")["products"]) == 1
    return is_single and (field != "code" or not row["suffix_code"])
