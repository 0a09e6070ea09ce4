"""Take a record that a lost create has made for what it is: the counterpart of that create's source."""

from connector.context import Work
from connector.doubt import held_when_sent
from connector.observe import remember
from connector.records import Arrival, Base, Event, NewLink, Operation, Ref, Side, Sighting, encode
from connector.store import history, inbox, journal, links
from connector.store.links import LinkTaken


def adopt(work: Work, operation: Operation, target: str) -> None:
    """Link a create's source to the record that carries its marker: both held what was sent, whatever moved since.

    It counts as seen from now on, so that a look-up which does not show it yet proves nothing.
    """
    ids = {operation.side.other: str(operation.source), operation.side: target}
    at = work.now()
    with work.write() as connection:
        held = held_when_sent(connection, work, operation)
        bases = {side: Base(encode(held[side]), None, work.translator(side).id) for side in Side}
        row = NewLink(operation.entity, ids[Side.CRM], ids[Side.ERP], bases[Side.CRM], bases[Side.ERP])
        journal.complete(connection, [(operation.id, target)], at)
        try:
            (link,) = links.add(connection, [row], at)
        except LinkTaken:
            return  # Matching was faster: the record was seen before this create was known to have made it.
        remember(connection, work, operation.side, [Sighting(target, None)])
        event = Event(work.name, operation.side, target, "adopted", {"source": operation.source}, link, operation.id)
        history.append(connection, work.run, [event], at)
        inbox.put(connection, [Arrival(work.name, side, ids[side], "adopted") for side in Side], at)
        inbox.release(connection, [Ref(work.name, side, ids[side]) for side in Side])
    work.tally.linked += 1
