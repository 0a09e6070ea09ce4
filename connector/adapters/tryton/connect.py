"""Puts the adapter together from a system's options."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connector.adapters.http import HttpClient
from connector.adapters.tryton.adapter import Tryton
from connector.adapters.tryton.adjustments import Adjustments
from connector.adapters.tryton.collection import Collection
from connector.adapters.tryton.contacts import Contacts
from connector.adapters.tryton.documents import Invoices, Payments, Shipments
from connector.adapters.tryton.names import Names, Schema
from connector.adapters.tryton.parties import Parties
from connector.adapters.tryton.products import Products
from connector.adapters.tryton.rpc import NAME, Rpc, is_undone
from connector.adapters.tryton.sales import Sales
from connector.adapters.tryton.session import Session

OVERLAP = 120.0
CUSTOMER, CONTACT = "Customer", "Contact"


def connect(options: Mapping[str, Any]) -> Tryton:
    """The adapter for `url`, `database`, `login` and `password`, and what `HttpClient.of` takes."""
    password = options["password"]
    database = options["database"]
    session = Session(f"/{database}/rpc/", options["login"], lambda: password)
    client = HttpClient.of(options, name=NAME, auth=session, is_undone=is_undone)
    acknowledge = options.get("acknowledge_warnings", True)
    rpc = Rpc(client, session, database, company=options.get("company"), acknowledge=acknowledge)
    schema = Schema(rpc)
    rooms = (rpc, Names(rpc), schema)
    collections: list[Collection] = [
        Parties(*rooms, category=options.get("customer_category", CUSTOMER)),
        Contacts(*rooms, category=options.get("contact_category", CONTACT)),
        Products(*rooms),
        Adjustments(*rooms),
        Shipments(*rooms),
        Invoices(*rooms),
        Payments(*rooms),
        Sales(*rooms, warehouse=options.get("warehouse")),
    ]
    return Tryton(
        rpc,
        schema,
        {each.name: each for each in collections},
        overlap=timedelta(seconds=options.get("overlap", OVERLAP)),
        page_size=options.get("page_size"),
        delete_log=options.get("delete_log", False),
    )
