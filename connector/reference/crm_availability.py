"""What can be promised of a product: all its stock levels together, as the ERP says."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from connector.reference.amounts import read_decimal
from connector.reference.crm_records import Records
from connector.reference.crm_tables import PRODUCTS, STOCK_LEVELS
from connector.reference.storage import Condition, Selection, Store, one_of
from connector.reference.validation import Values

NUMBERS = ("onHand", "reserved", "available", "incoming")
MOST_WAREHOUSES = 10_000
LIVE = Condition("deleted = 0")


def availability(records: Records, store: Store, product_id: str) -> Values:
    """The sums over all warehouses, the earliest day on which more is expected, and each warehouse by itself."""
    product = records.read(PRODUCTS, product_id).values
    selection = Selection((LIVE, one_of(STOCK_LEVELS, "productId", [product_id])))
    levels = [row.values for row in store.select(STOCK_LEVELS.name, selection, MOST_WAREHOUSES)]
    days = [level["expectedOn"] for level in levels if level["expectedOn"]]
    return {
        "productId": product_id,
        "productCode": product["productCode"],
        **{name: _sum(level[name] for level in levels) for name in NUMBERS},
        "expectedOn": min(days, default=None),
        "warehouses": [{name: level[name] for name in ("warehouse", *NUMBERS, "expectedOn")} for level in levels],
    }


def _sum(numbers: Iterable[Any]) -> float:
    return float(sum((read_decimal(each or 0) for each in numbers), Decimal(0)))
