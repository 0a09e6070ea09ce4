"""From what webhooks say to keys in the inbox, in one transaction that outlives a power cut."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from connector.adapters.notices import Event, Notice
from connector.context import Context
from connector.pressure import Valve
from connector.records import Arrival, Side, Version
from connector.store import endpoints, inbox, links, receipts

STORED, REPEATED, STRANGER, IRRELEVANT = "accepted", "repeated", "unknown tenant", "not shared"
TOO_EARLY, FULL = "before first contact", "inbox full"


class Delivery(NamedTuple):
    """One webhook that was proved and read; without an id, a repeated one is not known as such."""

    side: Side
    id: str | None
    notice: Notice


class Arrivals:
    """Stores deliveries; `wake` is called when there is something to look at."""

    def __init__(self, context: Context, wake: Callable[[], None], high_water: int) -> None:
        self._store, self._wake, self._valve = context.store, wake, Valve(high_water)
        self._entities: dict[tuple[Side, str], list[str]] = {}
        for side, system in context.systems.items():
            for name in context.entities:
                resource = system.translators[name].resource.name
                self._entities.setdefault((side, resource), []).append(name)

    def store(self, deliveries: Sequence[Delivery], at: datetime) -> list[str]:
        """Receipts and keys in one transaction; answers what became of each delivery once that outlives a power cut."""
        outcomes = [""] * len(deliveries)
        keys = 0
        with self._store.write() as connection:
            for side in Side:
                places = [place for place, one in enumerate(deliveries) if one.side is side]
                if places:
                    keys += self._store_side(connection, side, deliveries, places, outcomes, at)
        if keys:
            self._wake()
        # Only the sender waits for the disk: the run that was woken makes all this durable before its own first call.
        self._store.harden()
        return outcomes

    def _store_side(
        self,
        connection: Connection,
        side: Side,
        deliveries: Sequence[Delivery],
        places: Sequence[int],
        outcomes: list[str],
        at: datetime,
    ) -> int:
        names = self._tenant(connection, side)
        own = [place for place in places if deliveries[place].notice.tenant in names]
        put_off = self._put_off(connection, side, deliveries, own, at)
        # What is put off leaves no receipt, or it would be taken for a repetition when it comes again.
        own = [place for place in own if place not in put_off]
        new = receipts.add(connection, side, [str(deliveries[place].id) for place in own if deliveries[place].id], at)
        events: list[Event] = []
        for place in places:
            outcomes[place] = FULL if place in put_off else self._outcome(side, deliveries[place], names, new)
            if outcomes[place] == STORED:
                events += deliveries[place].notice.events
        arrivals = list(self._keys(connection, side, events))
        inbox.put(connection, arrivals, at)
        self._valve.let_in(arrival.entity for arrival in arrivals)
        return len(arrivals)

    def _put_off(
        self, connection: Connection, side: Side, deliveries: Sequence[Delivery], places: Sequence[int], at: datetime
    ) -> set[int]:
        """The deliveries that tell of an entity whose inbox takes no more keys now."""
        told = {
            place: {name for event in deliveries[place].notice.events for name in self._candidates(side, event)}
            for place in places
        }
        full = self._valve.full(connection, set().union(*told.values()), at)
        return {place for place, names in told.items() if names & full}

    def _candidates(self, side: Side, event: Event) -> list[str]:
        return self._entities.get((side, event.resource), [])

    def _outcome(self, side: Side, delivery: Delivery, names: frozenset[str | None], new: set[str]) -> str:
        """What becomes of one delivery; the first of several with one id is the one that counts."""
        if delivery.notice.tenant not in names:
            return STRANGER if len(names) > 1 else TOO_EARLY
        if delivery.id is not None:
            if delivery.id not in new:
                return REPEATED
            new.discard(delivery.id)
        shared = any(self._candidates(side, event) for event in delivery.notice.events)
        return STORED if shared else IRRELEVANT

    def _tenant(self, connection: Connection, side: Side) -> frozenset[str | None]:
        """What this side's system may call itself; None, for a webhook that does not say, is always believed."""
        known = endpoints.get(connection, side)
        return frozenset({None, known.tenant, known.environment}) if known is not None else frozenset({None})

    def _keys(self, connection: Connection, side: Side, events: Sequence[Event]) -> Iterator[Arrival]:
        """A key for each entity that a record may be: one that is linked is what its link says.

        A state that its link's base already has is our own write, told back to us.
        """
        for resource, latest in _by_resource(events).items():
            candidates = self._entities.get((side, resource), [])
            known = {name: links.versions(connection, name, side, list(latest)) for name in candidates}
            for record_id, event in latest.items():
                linked = [name for name in candidates if record_id in known[name]]
                for name in linked or candidates:
                    version = known[name].get(record_id)
                    if event.deleted or event.version is None or version is None or event.version != version:
                        told = None if event.version is None else Version(event.version)
                        yield Arrival(name, side, record_id, "webhook", told, deleted=event.deleted)


def _by_resource(events: Sequence[Event]) -> Mapping[str, dict[str, Event]]:
    """The last word about each record, by collection."""
    found: dict[str, dict[str, Event]] = {}
    for event in events:
        found.setdefault(event.resource, {})[event.id] = event
    return found
