"""Translators of the bundled systems, for the tests of this room."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from connector.entities import Entity
from connector.mappings.compile import Translator, compile_mapping
from connector.mappings.loader import load_entities, load_system
from connector.records import Side

BUNDLED = {Side.CRM: "reference_crm", Side.ERP: "reference_erp"}
ENTITIES = load_entities({})
TABLES = [(side, name) for side in Side for name in ENTITIES]
IDS = [f"{name} on {side}" for side, name in TABLES]

ACCOUNT: dict[str, Any] = {
    "id": "acc-1001",
    "version": 3,
    "erpNumber": "C-00042",
    "name": "Müller & Söhne GmbH",
    "vatId": "DE123456789",
    "email": "info@mueller.example",
    "phone": "+49 30 901820",
    "website": "https://mueller.example",
    "currency": "EUR",
    "paymentTerms": "NET_30",
    "creditLimit": 19.99,
    "creditHold": False,
    "status": "ACTIVE",
    "notes": "",
    "billingAddress": {"street": "Hauptstr. 1", "postalCode": "01067", "city": "Dresden", "country": "DE"},
    "shippingAddress": None,
    "primaryContactId": "con-7",
    "customFields": {"loyaltyTier": "gold"},
}


@cache
def bundled(side: Side, name: str) -> Translator:
    """A translator of a bundled table."""
    return compile_mapping(ENTITIES[name], load_system(BUNDLED[side]).entities[name], side)


def changed(side: Side, change: Mapping[str, Any], entity: str = "customer", entities: Any = None) -> Translator:
    """A translator of a bundled table with changes to one entity's rows."""
    known: Mapping[str, Entity] = load_entities(entities or {})
    return compile_mapping(known[entity], load_system(BUNDLED[side], {entity: change}).entities[entity], side)
