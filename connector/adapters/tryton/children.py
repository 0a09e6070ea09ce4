"""What belongs to a party: addresses, contact mechanisms, identifiers; which of them a body means, and how it changes.

A body has one e-mail address, one invoice address and so on; Tryton has lists. The first that is in use and fits is
meant, by the order that Tryton itself keeps. The others are nobody's business here and are left alone.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from connector.adapters.tryton.collection import PREFIX, Values
from connector.adapters.tryton.values import Row, inner, inner_value, text_or_none
from connector.records import Body

ADDRESSES, MECHANISMS, IDENTIFIERS = "addresses", "contact_mechanisms", "identifiers"
MECHANISM_TYPES: Mapping[str, tuple[str, ...]] = {
    "email": ("email",),
    "phone": ("phone", "mobile"),
    "website": ("website",),
}
"""The types of contact mechanism that a body's field means; a new one is of the first."""
ADDRESS_FIELDS = ("street", "postal_code", "city")
INVOICE, DELIVERY = "invoice", "delivery"


class Verbs:
    """What is to be done with a record's children, as the server takes it within the record's own values."""

    def __init__(self) -> None:
        self._verbs: dict[str, list[Any]] = {}

    def put(self, field: str, child: Row | None, values: Values) -> None:
        """Change a child, or add one where there is none."""
        verb = ["create", [values]] if child is None else ["write", [child["id"]], values]
        self._verbs.setdefault(field, []).append(verb)

    def drop(self, field: str, child: Row | None) -> None:
        """Take a child out of use: other documents may name it, so it is not deleted."""
        if child is not None:
            self.put(field, child, {"active": False})

    def remove(self, field: str, ids: Iterable[int]) -> None:
        """Delete children."""
        gone = sorted(ids)
        if gone:
            self._verbs.setdefault(field, []).append(["delete", gone])

    def values(self) -> Values:
        """As values of the record."""
        return dict(self._verbs)


class Addresses(NamedTuple):
    """A party's address for invoices, and the one for deliveries where that is another."""

    billing: Row | None
    shipping: Row | None

    @classmethod
    def of(cls, row: Row) -> "Addresses":
        """Which of a party's addresses are meant."""
        known = _active(row, ADDRESSES)
        flagged = [each for each in known if each.get(INVOICE)] or [each for each in known if not each.get(DELIVERY)]
        billing = next(iter(flagged or known), None)
        shipping = next((each for each in known if each.get(DELIVERY) and each is not billing), None)
        return cls(billing, shipping)


def address_body(address: Row | None) -> Body:
    """An address as a body holds it."""
    if address is None:
        return dict.fromkeys((*ADDRESS_FIELDS, "country"))
    texts = {name: text_or_none(address.get(name)) for name in ADDRESS_FIELDS}
    return {**texts, "country": inner_value(address, "country", "code")}


def mechanism(row: Row, field: str) -> Row | None:
    """The contact mechanism that is meant by a body's field."""
    known = _active(row, MECHANISMS)
    fitting = (each for kind in MECHANISM_TYPES[field] for each in known if each["type"] == kind)
    return next(fitting, None)


def marker_of(row: Row, field: str = "code") -> str | None:
    """The other side's id, as the identifiers of a party or a product hold it."""
    own = (str(each[field]) for each in inner(row, IDENTIFIERS) or () if str(each[field]).startswith(PREFIX))
    return next((each.removeprefix(PREFIX) for each in own), None)


def tax_identifier(row: Row) -> Row | None:
    """The identifier that is a tax id: one of a VAT type, else one without a type that is not ours."""
    known = [each for each in _active(row, IDENTIFIERS) if not str(each["code"]).startswith(PREFIX)]
    typed = (each for each in known if str(each["type"] or "").endswith("_vat"))
    return next(typed, None) or next((each for each in known if not each["type"]), None)


def tax_values(code: str) -> Values:
    """A tax id to store: with its type where it is a valid European one, which Tryton then checks too."""
    from stdnum.eu import vat

    return {"type": "eu_vat" if vat.is_valid(code) else None, "code": code}


def put_mechanisms(verbs: Verbs, body: Body, row: Row) -> None:
    """Change the contact mechanisms that a body names."""
    for field, kinds in MECHANISM_TYPES.items():
        if field not in body:
            continue
        held, value = mechanism(row, field), text_or_none(body[field])
        if value is None:
            verbs.drop(MECHANISMS, held)
        else:
            verbs.put(MECHANISMS, held, {"value": value} if held else {"type": kinds[0], "value": value})


def put_tax_id(verbs: Verbs, body: Body, row: Row) -> None:
    """Change the tax id, where a body names it."""
    if "tax_id" not in body:
        return
    held, value = tax_identifier(row), text_or_none(body["tax_id"])
    if value is None:
        verbs.drop(IDENTIFIERS, held)
    else:
        verbs.put(IDENTIFIERS, held, tax_values(value))


def put_marker(verbs: Verbs, body: Body, row: Row, **more: Any) -> None:
    """Write the other side's id, where a body names it."""
    if body.get("external_id") is None:
        return
    held = [each for each in inner(row, IDENTIFIERS) or () if str(each["code"]).startswith(PREFIX)]
    verbs.put(IDENTIFIERS, held[0] if held else None, {"code": f"{PREFIX}{body['external_id']}", **more})


def _active(row: Row, part: str) -> list[Row]:
    return [each for each in inner(row, part) or () if each.get("active", True)]
