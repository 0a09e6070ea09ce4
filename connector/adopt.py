"""Take a record that a lost create has made for what it is: the counterpart of that create's source."""

from collections.abc import Sequence

from connector.context import Work
from connector.doubt import Held, held_when_sent
from connector.gather import remember_keys
from connector.observe import fetch, keys_of, observe, remember
from connector.records import (
    Arrival,
    Base,
    Event,
    NewLink,
    Operation,
    OperationState,
    Problem,
    Ref,
    Remote,
    Side,
    Sighting,
    encode,
)
from connector.requeue import requeue
from connector.store import history, inbox, journal, links, problems
from connector.store.links import LinkTaken


def adopt(work: Work, operation: Operation, target: str) -> None:
    """Link a create's source to the record that carries its marker: both held what was sent, whatever moved since.

    It counts as seen from now on, so that a look-up which does not show it yet proves nothing. Where nobody knows what
    was sent, matching brings the two together, and asks where they differ.
    """
    with work.store.read() as connection:
        held = held_when_sent(connection, work, operation)
    if held:
        _link(work, operation, target, held)
        return
    answer = fetch(work, operation.side, [target]).get(target)
    found = [answer.remote] if answer is not None and answer.remote is not None else []
    meet(work, operation.side, [operation], found, "a record there carries its marker")


def _link(work: Work, operation: Operation, target: str, held: Held) -> None:
    ids = {operation.side.other: str(operation.source), operation.side: target}
    at = work.now()
    with work.write() as connection:
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


def meet(work: Work, side: Side, operations: Sequence[Operation], found: Sequence[Remote], how: str) -> None:
    """Let matching find the records that creates may have made; the creates stay in doubt until it does.

    Whether the lost call made such a record or a person, nobody knows, so no rule may choose a value when they meet.
    """
    present = observe(work, side, found).present
    remember_keys(work, side, [Sighting(one.id, one.version, keys_of(work, side, one.record)) for one in present])
    park(work, operations, f"its create on {side} was sent, and {how}")
    with work.write() as connection:
        requeue(connection, work, operations, "unknown")
        inbox.put(connection, [Arrival(work.name, side, remote.id, "unknown") for remote in found], work.now())


def park(work: Work, operations: Sequence[Operation], reason: str) -> None:
    """Leave creates in doubt to a person."""
    at = work.now()
    rows = [
        Problem(
            item.entity,
            item.side.other,
            str(item.source),
            "outcome_unknown",
            f"{item.entity} {item.side.other}:{item.source}: {reason}. Then say who it is: connector links add "
            f"{item.entity} --crm ID --erp ID; or create it again: connector problems retry",
        )
        for item in operations
    ]
    with work.write() as connection:
        journal.advance(connection, [item.id for item in operations], OperationState.REJECTED, at, error=reason)
        work.tally.problems += problems.report(connection, rows, at)
