"""Webhooks that were received, so that a repeated delivery is known."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from connector.records import Side
from connector.store import bulk
from connector.store.columns import to_micros
from connector.store.schema import receipt


def add(conn: Connection, side: Side, deliveries: Collection[str], at: datetime) -> set[str]:
    """Note deliveries, and answer which of them are new."""
    known = {
        row[0]
        for row in bulk.select_in(conn, receipt, ("delivery_id",), ("delivery_id", deliveries), {"side": str(side)})
    }
    new = [one for one in dict.fromkeys(deliveries) if one not in known]
    # Another process may note the same ones meanwhile: then both call them new, and the key gets a second look.
    bulk.insert_rows(
        conn, receipt, ("side", "delivery_id", "at"), [(str(side), one, to_micros(at)) for one in new], lenient=True
    )
    return set(new)
