"""Documents with lines and a life of their own: what people and systems know of them, apart from the connector."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from connector.records import Side

Line = dict[str, Any]

_CRM, _ERP = frozenset({Side.CRM}), frozenset({Side.ERP})
LEADS: Mapping[str, Mapping[str, frozenset[Side]]] = {
    "submitted": {"confirmed": _ERP, "cancelled": _CRM | _ERP},
    "confirmed": {"shipped": _ERP, "asked": _CRM, "cancelled": _ERP},
    "asked": {"cancelled": _ERP, "confirmed": _ERP},
    "shipped": {"closed": _ERP},
    "closed": {},
    "cancelled": {},
}
"""From each state to those that may follow it, and whose word that is."""
OPEN = "submitted"
"""The state in which both sides may still change the lines."""


def followers(side: Side, state: str) -> list[str]:
    """Where people of a side may lead a document."""
    return [following for following, makers in LEADS[state].items() if side in makers]


def may_lead(side: Side, start: str, goal: str) -> bool:
    """Whether people of a side may have led a document from one state to another, in however many steps."""
    reached = [start]
    for state in reached:
        reached += [following for following in followers(side, state) if following not in reached]
    return goal in reached


def flat(value: Any) -> Any:
    """Lines as one text, without the ids that each side gives them; anything else as it is."""
    if not isinstance(value, list) or not all(isinstance(line, dict) for line in value):
        return value
    return " | ".join(f"{line['what']} x {line['quantity']}" for line in value)


def new_line(number: int, chance: Random) -> Line:
    """A line nobody typed before."""
    return {"id": None, "what": f"thing {number}{chance.choice(['', ' ', '  x'])}", "quantity": str(number)}


def changed(lines: Sequence[Line], number: int, chance: Random) -> list[Line]:
    """Lines after somebody added one, took one out, or changed how many: never again what they were before.

    Only so do they tell who typed them.
    """
    kept = [dict(line) for line in lines]
    spot = chance.randrange(len(kept)) if kept else 0
    if not kept or chance.random() < 0.4:
        kept.insert(chance.choice([spot, len(kept)]), new_line(number, chance))
    elif len(kept) > 1 and chance.random() < 0.4:
        del kept[spot]
        kept[0]["quantity"] = str(number)
    else:
        kept[spot]["quantity"] = str(number)
    return kept
