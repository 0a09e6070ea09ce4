"""A small entity and pairs of it, for the tests of decisions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.entities import Entity
from connector.reconcile.merge import Half, Merge, Pair, Resolution, merge
from connector.records import Record, Side, Value

THING = Entity.model_validate(
    {
        "name": "thing",
        "match": [{"fields": ["code"]}, {"fields": ["email"]}],
        "lifecycle": {"open": ["sold", "dropped"], "sold": ["dropped"], "dropped": []},
        "lock": {"field": "state", "states": ["sold"], "owner": "erp"},
        "locked_fields": ["lines"],
        "fields": {
            "code": {"first_contact": "erp"},
            "email": {},
            "phone": {},
            "street": {"group": "address"},
            "city": {"group": "address"},
            "limit": {"type": "decimal", "owner": "erp", "first_contact": "owner"},
            "by_crm": {"policy": "crm"},
            "by_erp": {"policy": "erp"},
            "newest": {"policy": "newest"},
            "stock": {"type": "decimal", "policy": "delta"},
            "tags": {"type": "set", "policy": "union"},
            "state": {"type": "choice", "choices": ["open", "sold", "dropped"], "policy": "lifecycle"},
            "owner": {"type": "ref", "entity": "person"},
            "lines": {
                "type": "parts",
                "fields": {"item": {"type": "ref", "entity": "item"}, "quantity": {"type": "decimal"}},
            },
        },
    }
)


@dataclass(frozen=True)
class PlainForm:
    """A side that holds every field, can change all but the given ones, and upper-cases what it must."""

    fields: frozenset[str] = frozenset(THING.fields)
    fixed: frozenset[str] = frozenset()
    upper: frozenset[str] = frozenset()
    transitions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def writable(self) -> frozenset[str]:
        """Everything that is not fixed."""
        return self.fields - self.fixed

    def stores(self, name: str, value: Value, stored: Value) -> bool:
        """Upper case where this side stores it so."""
        return stored == (value.upper() if name in self.upper and isinstance(value, str) else value)


PLAIN = PlainForm()
BASE: Record = dict.fromkeys(THING.fields) | {
    "phone": "1",
    "street": "A",
    "city": "B",
    "stock": "10",
    "state": "open",
    "tags": ["x"],
}


def pair(  # noqa: PLR0913 -- everything a pair may have
    crm: Record,
    erp: Record,
    *,
    bases: Record | None = None,
    crm_form: PlainForm = PLAIN,
    erp_form: PlainForm = PLAIN,
    links: Mapping[tuple[str, Side, str], str] | None = None,
    halves: Mapping[Side, Half] | None = None,
    resolutions: Mapping[str, Resolution] | None = None,
) -> Pair:
    """A linked pair whose sides hold the base with the given changes."""
    base = BASE if bases is None else bases
    made = {Side.CRM: Half({**BASE, **crm}, base), Side.ERP: Half({**BASE, **erp}, base)}
    forms = {Side.CRM: crm_form, Side.ERP: erp_form}
    return Pair(THING, forms, halves or made, links or {}, resolutions or {})


def merged(crm: Record, erp: Record, **more: object) -> Merge:
    """Merge a pair made by `pair`."""
    return merge(pair(crm, erp, **more))  # type: ignore[arg-type]
