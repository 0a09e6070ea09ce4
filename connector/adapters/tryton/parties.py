"""Parties: companies and people in one list, told apart by their category, with what belongs to them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from connector.adapters.base import Capabilities
from connector.adapters.tryton import children
from connector.adapters.tryton.children import Addresses, Verbs
from connector.adapters.tryton.collection import AUTHORS, Domain, Values, Where
from connector.adapters.tryton.describing import Describing
from connector.adapters.tryton.mergeable import MARKER, Mergeable
from connector.adapters.tryton.rpc import NAME
from connector.adapters.tryton.values import Row, inner, inner_value, text_or_none
from connector.errors import ConfigError, RecordError
from connector.records import Body, LiveField

PAGE, KEYS_PAGE, BATCH = 500, 2000, 100
CUSTOMER = "is_customer"
TERM, CURRENCY = "customer_payment_term", "customer_currency"
NAMED = {TERM: ("account.invoice.payment_term", "name"), CURRENCY: ("currency.currency", "code")}
"""Fields that point to records which a body names, their models, and the name's field there. Modules bring them."""
MODULES = {TERM: "account_invoice", CURRENCY: "sale"}
USES = {"invoice_address": children.INVOICE, "delivery_address": children.DELIVERY}
USE_MODULES = {children.INVOICE: "account_invoice", children.DELIVERY: "stock"}
PLAIN = ("name", "code")
CATEGORY = "party.category"


class Parties(Mergeable):
    """Parties as customers."""

    name: ClassVar[str] = "party.party"
    model: ClassVar[str] = "party.party"
    parts: ClassVar[Mapping[str, str]] = {
        children.ADDRESSES: "party.address",
        children.MECHANISMS: "party.contact_mechanism",
        children.IDENTIFIERS: "party.identifier",
    }
    flag: ClassVar[str] = CUSTOMER
    """The field of a body that tells these parties from others."""
    has_logged_deletes: ClassVar[bool] = True
    claims: ClassVar[Capabilities] = Capabilities(
        page_size=PAGE,
        keys_page_size=KEYS_PAGE,
        fetch_size=BATCH,
        write_size=BATCH,
        marker_field=MARKER,
        unique_fields=("code",),
        conditional_write=True,
        trustworthy_times=True,
        counts=True,
        can_archive=True,
        normalising_fields=frozenset(("email", "phone", "website", "tax_id")),
    )

    def __init__(self, *rooms: Any, category: str) -> None:
        super().__init__(*rooms)
        self.category = category
        """The category of these parties; empty where every party is one of them."""

    @override
    def paths(self) -> list[str]:
        named = [f"{field}.{NAMED[field][1]}" for field in self.schema.brought(MODULES)]
        address = [*children.ADDRESS_FIELDS, "active", "country.code", *self._flags()]
        return [
            *self.key_paths(),
            *AUTHORS,
            *PLAIN,
            "active",
            "replaced_by",
            "categories.name",
            *named,
            *(f"{children.ADDRESSES}.{each}" for each in address),
            *(f"{children.MECHANISMS}.{each}" for each in ("active", "type", "value")),
            *(f"{children.IDENTIFIERS}.{each}" for each in ("active", "type", "code")),
        ]

    @override
    def body(self, row: Row) -> Body:
        addresses, tax = Addresses.of(row), children.tax_identifier(row)
        mechanisms = {field: children.mechanism(row, field) for field in children.MECHANISM_TYPES}
        return {
            "id": row["id"],
            "name": text_or_none(row["name"]),
            "code": row["code"],
            "active": bool(row["active"]),
            self.flag: not self.category or self.category in self._categories(row),
            **{field: each["value"] if each else None for field, each in mechanisms.items()},
            "tax_id": tax["code"] if tax else None,
            **{field: {name: inner_value(row, field, name)} for field, (_, name) in NAMED.items()},
            "invoice_address": children.address_body(addresses.billing),
            "delivery_address": children.address_body(addresses.shipping),
            MARKER: children.marker_of(row),
        }

    @override
    def described(self) -> list[LiveField]:
        live = Describing(self.schema, self.model)
        return [
            *live.fields("name", "code", "active"),
            *([LiveField(self.flag, "boolean")] if self._has_category() else []),
            *(live.outside(field, "party.contact_mechanism", "value") for field in children.MECHANISM_TYPES),
            live.outside("tax_id", "party.identifier", "code"),
            *(live.named(f"{field}.{NAMED[field][1]}", *NAMED[field]) for field in self.schema.brought(MODULES)),
            *(
                live.outside(f"{address}.{field}", "party.address", field)
                for address in USES
                for field in children.ADDRESS_FIELDS
            ),
            *(live.outside(f"{address}.country", "country.country", "code") for address in USES),
            live.outside(MARKER, "party.identifier", "code"),
        ]

    @override
    def own_fields(self) -> list[LiveField]:
        return [LiveField(self.flag, f"the party category {self.category}")] if self.category else []

    @override
    def prepare(self, field: LiveField) -> None:
        if field.name == self.flag:
            self.rpc.write(CATEGORY, "create", [{"name": self.category}])
        elif field.name.startswith(f"{TERM}."):
            for name in field.choices:
                self.rpc.write(NAMED[TERM][0], "create", [{"name": name, "lines": _term_lines(name)}])
        else:
            super().prepare(field)

    @override
    def domain(self, where: Where) -> Domain:
        found: Domain = []
        for name, value in where:
            if name != self.flag:
                found.append([name, "=", value])
            elif self.category:
                found.append(["categories.name", "=" if value else "!=", self.category])
        return found

    @override
    def is_idle(self, row: Row) -> bool:
        return not row["active"]

    @override
    def new(self, bodies: Sequence[Body]) -> list[Values | RecordError]:
        return [self._values(body, {}) for body in bodies]

    @override
    def changed(self, items: Sequence[tuple[Body, Row]]) -> list[Values | RecordError]:
        return [self._values(body, row) for body, row in items]

    def _values(self, body: Body, row: Row) -> Values | RecordError:
        try:
            verbs = Verbs()
            children.put_mechanisms(verbs, body, row)
            children.put_tax_id(verbs, body, row)
            children.put_marker(verbs, body, row)
            self._put_addresses(verbs, body, row)
            plain = {name: body[name] for name in PLAIN if name in body}
            if "active" in body:
                plain["active"] = body["active"]
            return {**plain, **self._named(body), **self._category(body, row), **verbs.values()}
        except RecordError as error:
            return error

    def _named(self, body: Body) -> Values:
        known = self.schema.brought(MODULES)
        given = {field: (body[field] or {}).get(NAMED[field][1]) for field in NAMED if field in body}
        return {
            field: self.names.find_or_none(*NAMED[field], value)
            for field, value in given.items()
            if value is not None or field in known
        }

    def _category(self, body: Body, row: Row) -> Values:
        wanted, held = body.get(self.flag), self.category in self._categories(row)
        if not self.category or wanted is None or wanted == held:
            return {}
        verb = "add" if wanted else "remove"
        return {"categories": [[verb, [self.names.find(CATEGORY, "name", self.category)]]]}

    def _has_category(self) -> bool:
        """Whether customers can be told from other parties."""
        found = self.rpc.ask(CATEGORY, "search_count", [["name", "=", self.category]]) if self.category else 1
        return bool(found)

    def _categories(self, row: Row) -> list[str]:
        return [each["name"] for each in inner(row, "categories") or ()]

    def _put_addresses(self, verbs: Verbs, body: Body, row: Row) -> None:
        held = Addresses.of(row)
        if "invoice_address" in body:
            self._put_address(verbs, body["invoice_address"], held.billing, children.INVOICE)
        if "delivery_address" in body:
            self._put_address(verbs, body["delivery_address"], held.shipping, children.DELIVERY)
            if held.billing and held.billing.get(children.DELIVERY) and held.shipping is None:
                verbs.put(children.ADDRESSES, held.billing, {children.DELIVERY: False})

    def _put_address(self, verbs: Verbs, given: Body | None, held: Row | None, use: str) -> None:
        body = {**children.address_body(held), **(given or children.address_body(None))}
        if not any(body.values()):
            verbs.drop(children.ADDRESSES, held)
            return
        country = self.names.find_or_none("country.country", "code", body["country"])
        values = {**{name: body[name] for name in children.ADDRESS_FIELDS}, "country": country}
        used = {} if held is not None or use not in self._flags() else {use: True}
        verbs.put(children.ADDRESSES, held, {**values, **used})

    def _flags(self) -> list[str]:
        """What addresses are used for, as far as the server's modules tell."""
        return self.schema.brought(USE_MODULES)


def _term_lines(name: str) -> list[Any]:
    """All of it, so many days after the invoice as the name of the payment term says."""
    told = re.search(r"\d+", name)
    if told is None:
        raise ConfigError.of(f"{NAME}: {name!r} does not tell after how many days it is due; add it in Tryton")
    delta = ["create", [{"days": int(told[0])}]]
    return [["create", [{"type": "remainder", "relativedeltas": [delta]}]]]
