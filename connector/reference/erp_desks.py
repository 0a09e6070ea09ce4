"""What a resource of the ERP does beyond its field table: a desk a resource, and the books that all desks write in."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from connector.reference.erp_stock import Stock
from connector.reference.fields import Collection
from connector.reference.refusals import Reason, Refusal, invalid
from connector.reference.storage import Row, Store
from connector.reference.validation import Values

LONGEST_REASON = 2000


class Written(NamedTuple):
    """A record after a write, and what it was before."""

    row: Row
    values: Values
    before: Values

    def changed(self, sent: Mapping[str, Any]) -> Values:
        """The fields that are stored otherwise than they were sent, or that the server filled or moved."""
        return {
            name: value
            for name, value in self.values.items()
            if name not in ("id", "revision", "write_date")
            and (value != sent[name] if name in sent else value != self.before.get(name))
        }


class Books(Protocol):
    """What desks ask of the ERP's records; every call is inside the transaction of the write that is under way."""

    @property
    def store(self) -> Store:
        """The file behind it all."""

    @property
    def stock(self) -> Stock:
        """The derived levels."""

    @property
    def today(self) -> str:
        """The server's own date."""

    def values(self, resource: str, num: int) -> Values:
        """A record that is known to be there."""

    def enter(self, resource: str, values: Values, user: str) -> Written:
        """A new record, by the same rules as anybody's."""

    def put(self, resource: str, num: int, changes: Values, user: str) -> Written:
        """A record with values changed that only the server changes; nothing happens where none is different."""


class Desk:
    """The rules of one resource; this one has none."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def complete(self, values: Values, before: Values, changes: Values) -> None:
        """Fill what the server itself knows; refuse what does not fit together."""

    def refuse_settled(self, before: Values, changes: Values) -> None:
        """Refuse to change what is settled; may take out what is the same."""

    def act(self, before: Values, action: str, given: Mapping[str, Any]) -> Values:  # noqa: ARG002 -- other desks need it
        """What a record holds after an action; the very same where it is in that state already."""
        raise Refusal(Reason.ABSENT, f"there is no action {action[:40]}")

    def follow(self, written: Written, user: str) -> None:
        """Bring up to date what depends on a record that was written."""

    def forget(self, values: Values, user: str) -> None:
        """Bring up to date what depended on a record that is gone."""


class Transition(NamedTuple):
    """An action on a document: from which states, to which."""

    sources: frozenset[str]
    target: str


def next_state(transition: Transition, action: str, document: Values) -> str | None:
    """The state an action leads to; None where the document is there already; refuses what is not allowed."""
    state = document["state"]
    if state == transition.target:
        return None
    if state not in transition.sources:
        raise invalid(f"{action} is not possible for what is {state}", "state")
    return transition.target


def refuse_but(free: frozenset[str], before: Values, changes: Values, extra: str) -> None:
    """Refuse every change but of what is free and of the users' own columns; what is sent as it is stored passes."""
    for name, value in changes.items():
        if name in free or name.startswith(extra) or bare(value) == bare(before.get(name)):
            continue
        raise Refusal(Reason.LOCKED, f"{name} cannot be changed: it is {before['state']}", name)


ADDED = frozenset(("id", "subtotal", "qty_shipped", "qty_invoiced"))
"""What the server adds to a line."""


def bare(value: object) -> object:
    """Lines without what the server adds to them, so that equal ones are equal."""
    if not isinstance(value, list):
        return value
    return [{name: each for name, each in line.items() if name not in ADDED} for line in value]


def reason(given: Mapping[str, Any], *, needed: bool) -> str | None:
    """The reason that came with an action."""
    told = given.get("reason")
    if told is None and not needed:
        return None
    if not isinstance(told, str) or not told.strip() or len(told) > LONGEST_REASON:
        raise invalid(f"reason must be text of at most {LONGEST_REASON} characters", "reason")
    return told.strip()


def number(line: Mapping[str, Any], name: str) -> Decimal:
    """A quantity or an amount of a stored line."""
    return Decimal(line[name])


def named(resources: tuple[Collection, ...], name: str) -> Collection:
    """The resource with this name."""
    return next(each for each in resources if each.name == name)
