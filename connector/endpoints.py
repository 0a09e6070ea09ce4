"""Who answers on each side: compared with whom a person, or the first run, confirmed; and whether its time goes on."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from connector.context import Context
from connector.durations import spoken
from connector.errors import WrongTenant
from connector.logs import get_logger
from connector.records import Fingerprint, Side
from connector.report import Report
from connector.store import cursors, endpoints
from connector.store.endpoints import Endpoint

log = get_logger()

SKEW = timedelta(minutes=2)
"""A clock that lost less than this against ours was only set, or slow to answer."""


def check_endpoints(context: Context, report: Report) -> None:
    """Ask both systems who they are before anything is read; another tenant behind an address stops everything."""
    # Each with its own time: the other side may let itself be waited for.
    answers = {side: (system.adapter.identify(), context.clock()) for side, system in context.systems.items()}
    with context.store.write() as connection:
        for side, (found, at) in answers.items():
            known = endpoints.get(connection, side)
            if known is None:
                endpoints.save(connection, side, found, "first contact", at)
            elif not is_same(known, found):
                raise WrongTenant(_stranger(side, known, found))
            else:
                report.warnings += _look_at_clock(connection, known, found, at)
            endpoints.note_clock(connection, side, found.clock, at)
        _remember_mappings(connection, context)


def is_same(known: Endpoint, found: Fingerprint) -> bool:
    """Whether the system, tenant and environment are those that were confirmed."""
    return (known.system, known.tenant, known.environment) == found[:3]


def _stranger(side: Side, known: Endpoint, found: Fingerprint) -> str:
    return (
        f"{side}: {found.system} {found.tenant} ({found.environment}) answers where {known.system} {known.tenant} "
        f"({known.environment}) was before; nothing was read or written. Correct the address; for other records use a "
        f"new store; or, if it is the same system under another name: connector endpoints confirm {side}"
    )


def _look_at_clock(connection: Connection, known: Endpoint, found: Fingerprint, at: datetime) -> list[str]:
    """Where a clock went back, what is changed now looks older than what was read: then all of that side is listed."""
    if known.clock is None or known.answered_at is None:
        return []
    lost = (at - known.answered_at) - (found.clock - known.clock)
    if lost <= SKEW:
        return []
    cursors.make_due(connection, known.side)
    log.warning("clock_went_back", side=str(known.side), seconds=int(lost.total_seconds()))
    back = spoken(timedelta(minutes=round(lost / timedelta(minutes=1))))
    message = (
        f"{known.side}: its clock went back by {back} since it answered last: it was corrected, or a backup was "
        f"restored. All its records are listed, so that no change is missed; then look with: connector verify"
    )
    return [message]


def _remember_mappings(connection: Connection, context: Context) -> None:
    used = {
        translator.id: (name, side, translator.rows)
        for side, system in context.systems.items()
        for name, translator in system.translators.items()
    }
    for number in sorted(used.keys() - endpoints.known_mappings(connection, used)):
        endpoints.save_mapping(connection, number, *used[number])
