"""Made-up customers, products and orders: the same ones every time, each in the systems' normal form."""

from collections.abc import Iterator
from typing import Any, TypeAlias

Body: TypeAlias = dict[str, Any]

PRODUCTS = 200
LINES = 3
FIRST = 1001
"""The first number of the CRM's ids."""

CITIES = (("10115", "Berlin"), ("20095", "Hamburg"), ("50667", "Köln"), ("60311", "Frankfurt am Main"))
TRADES = ("Maschinenbau", "Elektrotechnik", "Lebensmittel", "Medizintechnik", "Holzbau", "Logistik")
TERMS = ("IMMEDIATE", "NET_14", "NET_30", "NET_60")
UNITS = (("PIECE", "PCE"), ("KILOGRAM", "KGM"), ("METRE", "MTR"))
NOTES = "Prefers delivery before ten, asks for the certificate with every lot, pays by transfer. "


def _address(number: int, kind: str) -> Body:
    code, city = CITIES[number % len(CITIES)]
    return {"street": f"{kind}straße {number % 300 + 1}", "postalCode": code, "city": city, "country": "DE"}


def customers(count: int) -> Iterator[Body]:
    """The writable fields of CRM accounts, about 1 KB each with the server's own; no two share a match key."""
    for number in range(count):
        trade = TRADES[number % len(TRADES)]
        yield {
            "name": f"{trade} Nr. {number:07d} GmbH & Co. KG",
            "vatId": f"DE{number + 100_000_000}",
            "email": f"einkauf.{number:07d}@{trade.lower()}.example",
            "phone": f"+4930{number + 10_000_000}",
            "website": f"https://{trade.lower()}-{number:07d}.example",
            "currency": "EUR",
            "paymentTerms": TERMS[number % len(TERMS)],
            "creditLimit": None,
            "creditHold": False,
            "status": "ACTIVE",
            "notes": NOTES * 2 + f"File {number}.",
            "erpNumber": None,
            "billingAddress": _address(number, "Industrie"),
            "shippingAddress": _address(number + 1, "Hafen"),
            "primaryContactId": None,
            "customFields": {"region": f"R{number % 12}", "since": 1990 + number % 35},
        }


def crm_products() -> Iterator[Body]:
    """The products as the CRM holds them."""
    for number in range(PRODUCTS):
        yield {
            "productCode": f"ART-{number:05d}",
            "name": f"Article {number:05d}",
            "description": f"Article {number:05d}, as in the catalogue",
            "unit": UNITS[number % len(UNITS)][0],
            "price": _price(number),
            "currency": "EUR",
            "status": "ACTIVE",
        }


def erp_items() -> Iterator[Body]:
    """The same products as the ERP holds them."""
    for number in range(PRODUCTS):
        yield {
            "code": f"ART-{number:05d}",
            "name": f"Article {number:05d}",
            "description": f"Article {number:05d}, as in the catalogue",
            "uom": UNITS[number % len(UNITS)][1],
            "list_price": f"{_price(number):.4f}",
            "currency_code": "EUR",
            "cost_price": "1.0000",
            "active": True,
        }


def orders(count: int, customers_there: int) -> Iterator[Body]:
    """The writable fields of CRM orders with three lines each, handed in by the customers in turn."""
    for number in range(count):
        yield {
            "accountId": f"acc-{FIRST + number % customers_there}",
            "contactId": None,
            "orderDate": f"2026-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
            "currency": "EUR",
            "stage": "SUBMITTED",
            "notes": f"Ring twice, file {number}",
            "customerReference": f"PO-{number:07d}",
            "lines": [_line(number * LINES + each) for each in range(LINES)],
        }


def _line(number: int) -> Body:
    product = number * 7 % PRODUCTS
    return {
        "productId": f"prd-{FIRST + product}",
        "description": f"Article {product:05d}",
        "quantity": number % 9 + 1,
        "unitPrice": _price(product),
        "discountPercent": number % 3 * 5,
    }


def _price(number: int) -> float:
    return (1250 + number * 37) / 100
