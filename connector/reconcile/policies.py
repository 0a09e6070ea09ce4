"""What happens to a field that both sides moved apart: small pure rules, one a policy."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from connector.entities import Policy
from connector.records import Side, Value


def winner(policy: Policy, times: Mapping[Side, datetime | None]) -> Side | None:
    """The side whose value stands, or None where a person must say."""
    if policy is Policy.CRM:
        return Side.CRM
    if policy is Policy.ERP:
        return Side.ERP
    if policy is Policy.NEWEST:
        return _newest(times[Side.CRM], times[Side.ERP])
    return None


def _newest(crm: datetime | None, erp: datetime | None) -> Side | None:
    """The later edit; nobody where a side's times cannot be trusted or both are equal."""
    if crm is None or erp is None or crm == erp:
        return None
    return Side.CRM if crm > erp else Side.ERP


def plain(number: Decimal) -> str:
    """A decimal in canonical form: plain notation, no trailing zeros."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def absorb(here: Value, there_base: Value, there_now: Value) -> str:
    """A number plus the movement of the other side since its base."""
    return plain(Decimal(str(here)) + Decimal(str(there_now)) - Decimal(str(there_base)))


def united(crm_base: Value, crm: Value, erp_base: Value, erp: Value) -> Value:
    """The union of two sets, less what either side took out since its base; sorted, so that it is canonical."""
    crm_was, crm_is, erp_was, erp_is = (
        set(value) if isinstance(value, list) else set() for value in (crm_base, crm, erp_base, erp)
    )
    removed = (crm_was - crm_is) | (erp_was - erp_is)
    return sorted((crm_is | erp_is) - removed)
