"""Which of Odoo's models are known by heart: what each can do, which of its records count, what is read of it.

Any other model can be named in a mapping, too: it is read and written like these, without transitions.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from connector.adapters.base import Capabilities

MARKER = "x_connector_id"
"""A field of our own on every model: the other side's id. `connector init --prepare` makes it."""
LEVELS, ADJUSTMENTS = "stock.level", "stock.adjustment"
"""Collections that are worked out of several models."""
PAGE, KEYS_PAGE, FETCH, BATCH, ORDERS = 1000, 2000, 500, 200, 50
OVERLAP = 180
"""Seconds that a change can be older than what was seen before it: Odoo stamps it when its transaction begins."""


class Kind(NamedTuple):
    """One collection: a model, of which only some records count."""

    model: str
    claims: Capabilities
    domain: tuple[Any, ...] = ()
    paths: tuple[str, ...] = ()
    """What is read where nobody says what is wanted."""
    lines: tuple[str, ...] = ()
    """Lists of lines whose fields are described along with those of the model."""


COMMON = Capabilities(
    page_size=PAGE,
    keys_page_size=KEYS_PAGE,
    fetch_size=FETCH,
    write_size=BATCH,
    idempotency_key=True,
    marker_field=MARKER,
    counts=True,
    granularity=timedelta(seconds=1),
    visibility_lag=timedelta(seconds=OVERLAP),
)
_PARTNER = replace(COMMON, can_archive=True, normalising_fields=frozenset(("name", "vat", "website", "comment")))
_PRODUCT = replace(COMMON, can_archive=True, normalising_fields=frozenset(("list_price", "description")))
_ORDER = replace(
    COMMON,
    write_size=ORDERS,
    transitions=frozenset(("action_confirm", "action_cancel", "action_draft", "action_quotation_sent", "quote")),
    normalising_fields=frozenset(("note", "order_line", "date_order")),
)
_SHOWN = replace(COMMON, can_create=False, can_update=False, can_delete=False)
"""What is Odoo's alone, and shown on the other side."""

STEPS: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = {
    ("sale.order", "quote"): {
        "draft": ("action_quotation_sent",),
        "cancel": ("action_draft", "action_quotation_sent"),
        "sale": ("action_cancel", "action_draft", "action_quotation_sent"),
    },
}
"""Actions of ours, by model and name: the methods that a person would call one after the other, from each state."""

KINDS: Mapping[str, Kind] = {
    "res.partner": Kind("res.partner", _PARTNER, paths=("name", "active", "is_company", "email", "phone", MARKER)),
    # Neither the own companies, nor those that only sell to us.
    "res.partner/companies": Kind(
        "res.partner",
        _PARTNER,
        (
            ["is_company", "=", True],
            ["ref_company_ids", "=", False],
            "|",
            ["customer_rank", ">", 0],
            ["supplier_rank", "=", 0],
        ),
        ("name", "active", "is_company", "email", "phone", MARKER),
    ),
    # People of a company; not its further addresses, and not the users of this Odoo.
    "res.partner/contacts": Kind(
        "res.partner",
        _PARTNER,
        (["is_company", "=", False], ["parent_id", "!=", False], ["type", "=", "contact"]),
        ("name.first", "name.last", "active", "parent_id", "email", "phone", MARKER),
    ),
    "product.product": Kind(
        "product.product", _PRODUCT, paths=("name", "default_code", "active", "list_price", MARKER)
    ),
    "sale.order": Kind(
        "sale.order",
        _ORDER,
        paths=(
            "name",
            "state",
            "partner_id",
            "origin",
            "client_order_ref",
            "order_line.product_id",
            "order_line.product_uom_qty",
            "order_line.price_unit",
            "amount_total",
            MARKER,
        ),
        lines=("order_line",),
    ),
    LEVELS: Kind(
        "stock.quant",
        replace(
            COMMON,
            page_size=200,
            keys_page_size=200,
            fetch_size=200,
            idempotency_key=False,
            marker_field=None,
            counts=False,
            can_create=False,
            can_update=False,
            can_delete=False,
        ),
    ),
    ADJUSTMENTS: Kind(
        "stock.picking",
        replace(COMMON, write_size=20, can_update=False, can_delete=False, normalising_fields=frozenset(("note",))),
        ([MARKER, "!=", False],),
    ),
    "account.move/invoices": Kind(
        "account.move",
        _SHOWN,
        (["move_type", "in", ["out_invoice", "out_refund"]],),
        lines=("invoice_line_ids",),
    ),
    "account.payment/received": Kind(
        "account.payment",
        _SHOWN,
        (
            ["payment_type", "=", "inbound"],
            ["partner_type", "=", "customer"],
            ["state", "in", ["in_process", "posted", "paid"]],
        ),
    ),
    "stock.picking/shipments": Kind(
        "stock.picking",
        _SHOWN,
        (["picking_type_code", "=", "outgoing"], ["state", "=", "done"], ["sale_id", "!=", False]),
        lines=("move_ids",),
    ),
    "account.move": Kind(
        "account.move",
        replace(
            COMMON,
            write_size=ORDERS,
            transitions=frozenset(("action_post", "button_draft", "button_cancel")),
            normalising_fields=frozenset(("narration", "invoice_line_ids")),
        ),
        lines=("invoice_line_ids",),
    ),
    "stock.picking": Kind(
        "stock.picking",
        replace(
            COMMON, write_size=ORDERS, transitions=frozenset(("action_assign", "action_cancel", "button_validate"))
        ),
        lines=("move_ids",),
    ),
    "crm.lead": Kind(
        "crm.lead",
        replace(
            COMMON,
            can_archive=True,
            transitions=frozenset(("action_set_won", "action_set_lost")),
            normalising_fields=frozenset(("description",)),
        ),
    ),
}


def kind_of(resource: str) -> Kind:
    """The collection of that name; a model that is not known by heart is taken as it is."""
    return KINDS.get(resource) or Kind(resource.partition("/")[0], COMMON)
