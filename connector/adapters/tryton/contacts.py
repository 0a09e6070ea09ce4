"""Contacts: parties of a category of their own, who work for another party as the module party_relationship has it."""

from typing import Any, ClassVar

import xxhash
from typing_extensions import override

from connector.adapters.tryton import children
from connector.adapters.tryton.collection import AUTHORS, Domain, Values
from connector.adapters.tryton.describing import Describing
from connector.adapters.tryton.mergeable import MARKER
from connector.adapters.tryton.parties import Parties
from connector.adapters.tryton.rpc import NAME
from connector.adapters.tryton.values import Row, inner, instant
from connector.errors import ConfigError, RecordError, Rejected
from connector.records import Body, LiveField, Version

RELATIONS, KIND = "relations", "party.relation.type"
WORKS_FOR, EMPLOYS = "Works for", "Employs"
COMPANY, RELATION = "company", "works_for"
BETWEEN = ", "
"""Stands between a last name and a first one: Tryton has one name, and lists are sorted by it."""
MODULE = "party_relationship"


class Contacts(Parties):
    """People; which company they work for does not show on the party, so its version tells that, too."""

    name: ClassVar[str] = "party.party/contacts"
    flag: ClassVar[str] = "is_contact"

    @override
    def paths(self) -> list[str]:
        return [
            *self.key_paths(),
            *AUTHORS,
            *("name", "code", "active", "replaced_by", "categories.name"),
            *(f"{RELATIONS}.{each}" for each in ("to", "type.name")),
            *(f"{children.MECHANISMS}.{each}" for each in ("active", "type", "value")),
            *(f"{children.IDENTIFIERS}.{each}" for each in ("active", "type", "code")),
        ]

    @override
    def key_paths(self) -> list[str]:
        return [*super().key_paths(), f"{RELATIONS}.to"]

    @override
    def version(self, row: Row) -> Version:
        told = " ".join(sorted(f"{each['id']}={each['to']}" for each in inner(row, RELATIONS) or ()))
        own = super().version(row)
        return Version(f"{own}-{xxhash.xxh3_64_hexdigest(told.encode())}") if told else own

    @override
    def since(self, start: str) -> Domain:
        return [*super().since(start), [[f"{RELATIONS}.last_modified_at", ">=", instant(start)]]]

    @override
    def body(self, row: Row) -> Body:
        whole, employment = super().body({"addresses.": [], **row}), _employment(row)
        last, _, first = (whole.pop("name") or "").partition(BETWEEN)
        kept = ("id", "code", "active", self.flag, *children.MECHANISM_TYPES, MARKER)
        own = {name: whole[name] for name in kept}
        return {**own, "last_name": last or None, "first_name": first or None, COMPANY: employment and employment["to"]}

    @override
    def described(self) -> list[LiveField]:
        live = Describing(self.schema, self.model)
        relations = self._has_relation()
        return [
            *live.fields("code", "active"),
            *(live.outside(name, self.model, "name") for name in ("last_name", "first_name")),
            *([LiveField(self.flag, "boolean")] if self._has_category() else []),
            *([LiveField(COMPANY, "many2one"), LiveField(RELATION, "many2one")] if relations else []),
            *(live.outside(field, "party.contact_mechanism", "value") for field in children.MECHANISM_TYPES),
            live.outside(MARKER, "party.identifier", "code"),
        ]

    @override
    def own_fields(self) -> list[LiveField]:
        return [*super().own_fields(), LiveField(RELATION, f"the relation type {WORKS_FOR}")]

    @override
    def prepare(self, field: LiveField) -> None:
        if field.name != RELATION:
            super().prepare(field)
        elif MODULE not in self.schema.learn():
            raise ConfigError.of(f"{NAME}: activate the module {MODULE}, or take `contact` out of the mapping")
        else:
            there, back = self.rpc.write(KIND, "create", [{"name": WORKS_FOR}, {"name": EMPLOYS}])
            self.rpc.write(KIND, "write", [there], {"reverse": back}, [back], {"reverse": there})

    def _has_relation(self) -> bool:
        """Whether Tryton knows how to say that somebody works for a party."""
        known = MODULE in self.schema.learn()
        return known and bool(self.rpc.ask(KIND, "search_count", [["name", "=", WORKS_FOR]]))

    @override
    def _values(self, body: Body, row: Row) -> Values | RecordError:
        try:
            values = super()._values(_named(body, row), row)
            if isinstance(values, RecordError) or COMPANY not in body:
                return values
            return {**values, **self._employed(body[COMPANY], _employment(row))}
        except RecordError as error:
            return error

    def _employed(self, company: Any, held: Row | None) -> Values:
        if held is not None and company is None:
            return {RELATIONS: [["delete", [held["id"]]]]}
        if company is None:
            return {}
        if held is not None:
            return {RELATIONS: [["write", [held["id"]], {"to": company}]]}
        return {RELATIONS: [["create", [{"to": company, "type": self.names.find(KIND, "name", WORKS_FOR)}]]]}


def _employment(row: Row) -> Row | None:
    """The relation that says for whom somebody works."""
    return next((each for each in inner(row, RELATIONS) or () if each["type."]["name"] == WORKS_FOR), None)


def _named(body: Body, row: Row) -> Body:
    """The body with one name of the two; what it does not tell stays as it is."""
    if not {"last_name", "first_name"} & body.keys():
        return body
    last, _, first = str(row.get("name") or "").partition(BETWEEN)
    last, first = body.get("last_name", last) or "", body.get("first_name", first) or ""
    if BETWEEN in last:
        reason = "a last name with a comma cannot be kept apart from the first name"
        raise Rejected(f"{NAME}: {Contacts.name}: {reason}", field="last_name")
    return {**body, "name": BETWEEN.join(part for part in (last, first) if part)}
