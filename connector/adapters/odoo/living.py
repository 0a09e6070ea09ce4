"""The live fields of a model as `check` compares them with a mapping."""

from collections.abc import Iterator, Mapping

from connector.adapters.odoo.calls import Calls, Fault
from connector.adapters.odoo.codes import CONTEXT, SETTLED
from connector.adapters.odoo.models import Kind
from connector.adapters.odoo.schema import LINKS, LiveColumn, Schema
from connector.adapters.odoo.shapes import shapes_of
from connector.records import LiveField

GIVEN_ONCE: Mapping[str, frozenset[str]] = {"sale.order": frozenset(("currency_id", "date_order"))}
"""Fields that Odoo calls read-only, as people cannot choose them, and takes all the same on create."""
INHERITED: Mapping[str, str] = {"product.product": "product_tmpl_id"}
"""What a record rests on, and Odoo makes along with it."""
CODE_FIELDS: Mapping[str, str] = {"res.country": "code"}
"""What a short list is known by, where it is not the name."""


def described(calls: Calls, schema: Schema, kind: Kind) -> list[LiveField]:
    """The model's fields, those of its lines, and the codes of what it points to."""
    columns = schema.of(kind.model)
    given = _given_by_itself(calls, kind.model, columns)
    found = [_field(kind.model, column, given) for column in columns.values()]
    found += [
        LiveField(name, shape.type, read_only=True, choices=shape.choices)
        for name, shape in shapes_of(kind.model).items()
    ]
    if "parent_id" in columns and kind.model == "res.partner":
        found += [LiveField("name.first", "char"), LiveField("name.last", "char")]
    for name in kind.lines:
        column = columns[name]
        if column.type in LINKS:
            inner = schema.of(str(column.relation))
            known = _given_by_itself(calls, str(column.relation), inner) | {str(column.inverse)}
            found += [_within(name, _field(str(column.relation), each, known)) for each in inner.values()]
    return [*found, *_codes(calls, columns)]


def _field(model: str, column: LiveColumn, given: frozenset[str]) -> LiveField:
    return LiveField(
        column.name,
        column.type,
        nullable=not column.required or column.name in given,
        read_only=column.read_only and column.name not in GIVEN_ONCE.get(model, ()),
        length=column.length,
        choices=column.choices,
    )


def _within(name: str, field: LiveField) -> LiveField:
    return field._replace(name=f"{name}.{field.name}")


def _given_by_itself(calls: Calls, model: str, columns: Mapping[str, LiveColumn]) -> frozenset[str]:
    """Required fields that Odoo fills where nobody does."""
    required = [column.name for column in columns.values() if column.required]
    computed = {name for name in required if columns[name].computed or columns[name].read_only}
    try:
        told = calls.call(model, "default_get", {"fields": required, "context": CONTEXT}, safe=True).value
    except Fault:
        # Whoever may not create has no defaults.
        told = dict.fromkeys(required)
    return frozenset((*computed, *told, INHERITED.get(model, "")))


def _codes(calls: Calls, columns: Mapping[str, LiveColumn]) -> Iterator[LiveField]:
    """For short lists, which codes there are: a mapping's table can then be held against them."""
    lists = {str(each.relation) for each in columns.values() if each.type == "many2one" and each.relation in SETTLED}
    known = {model: _choices(calls, model) for model in sorted(lists - {"res.country.state"})}
    for column in columns.values():
        if column.type == "many2one" and column.relation in known:
            field = CODE_FIELDS.get(str(column.relation), "name")
            yield LiveField(f"{column.name}.{field}", "char", choices=known[str(column.relation)])


def _choices(calls: Calls, model: str) -> tuple[str, ...]:
    field = CODE_FIELDS.get(model, "name")
    asked = {"domain": [], "fields": [field], "context": {**CONTEXT, "active_test": True}}
    try:
        rows = calls.call(model, "search_read", asked, safe=True).value
    except Fault:
        return ()
    return tuple(sorted({str(row[field]) for row in rows if row[field]}))
