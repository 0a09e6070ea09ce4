"""What did not end well is decided anew: its keys go back into the inbox."""

from collections.abc import Sequence

from sqlalchemy import Connection

from connector.context import Work
from connector.reconcile.guards import REMOVALS
from connector.records import Arrival, Operation
from connector.store import inbox


def requeue(connection: Connection, work: Work, operations: Sequence[Operation], why: str) -> None:
    """Put the keys of operations that did not end well back into the inbox, to be decided anew.

    What was to be removed comes with the record whose absence was the reason: that one is to be looked for once more.
    """
    arrivals = []
    for operation in operations:
        if operation.target is not None:
            arrivals.append(Arrival(operation.entity, operation.side, operation.target, why))
        if operation.source is not None and (operation.target is None or operation.kind in REMOVALS):
            arrivals.append(Arrival(operation.entity, operation.side.other, operation.source, why))
    inbox.put(connection, arrivals, work.now())
