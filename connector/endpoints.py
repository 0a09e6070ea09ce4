"""Who answers on each side: compared with whom a person, or the first run, confirmed; and whether its time goes on."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from connector.context import Context, System
from connector.durations import spoken
from connector.errors import WrongTenant
from connector.logs import get_logger
from connector.records import Fingerprint, Side
from connector.report import Report
from connector.store import cursors, endpoints
from connector.store.endpoints import Endpoint

log = get_logger()

NOTED = timedelta(minutes=1)
"""What a clock said is noted anew after so long: far less than what it may lose unnoticed."""
SKEW = timedelta(minutes=2)
"""A clock that lost less than this against ours was only set, or slow to answer."""


def check_endpoints(context: Context, report: Report) -> None:
    """Ask both systems who they are before anything is read; another tenant behind an address stops everything."""
    answers = _identify(context)
    with context.store.read() as connection:
        known = {side: endpoints.get(connection, side) for side in answers}
        new = _new_mappings(connection, context)
    for side, (found, _) in answers.items():
        if (one := known[side]) is not None and not is_same(one, found):
            raise WrongTenant(_stranger(side, one, found))
    if new or not all(_is_noted(known[side], *answer) for side, answer in answers.items()):
        with context.store.write() as connection:
            for side, answer in answers.items():
                report.warnings += _note(connection, side, known[side], *answer)
            for number in sorted(new):
                endpoints.save_mapping(connection, number, *new[number])


def _identify(context: Context) -> dict[Side, tuple[Fingerprint, datetime]]:
    """Who answers on each side, and when: both are asked at a time, and one may let itself be waited for."""

    def ask(system: System) -> tuple[Fingerprint, datetime]:
        return system.adapter.identify(), context.clock()

    with context.executor(len(context.systems)) as askers:
        asked = {
            side: context.identified.pop(side) if side in context.identified else askers.submit(ask, system)
            for side, system in context.systems.items()
        }
    wrong = [error for answer in asked.values() if (error := answer.exception()) is not None]
    for error in wrong[1:]:
        log.warning("side_failed_too", reason=str(error), error=type(error).__name__)
    return {side: answer.result() for side, answer in asked.items()}


def _is_noted(known: Endpoint | None, found: Fingerprint, at: datetime) -> bool:
    """Whether a side's clock goes on, and was noted a moment ago."""
    if known is None or known.answered_at is None:
        return False
    return abs(at - known.answered_at) < NOTED and _lost(known, found, at) <= SKEW


def _note(connection: Connection, side: Side, known: Endpoint | None, found: Fingerprint, at: datetime) -> list[str]:
    """Remember who answers on a side and when; says what is wrong with its clock."""
    if known is None:
        endpoints.save(connection, side, found, "first contact", at)
    warnings = [] if known is None else _look_at_clock(connection, known, found, at)
    endpoints.note_clock(connection, side, found.clock, at)
    return warnings


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
    lost = _lost(known, found, at)
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


def _lost(known: Endpoint, found: Fingerprint, at: datetime) -> timedelta:
    """By how much a side's clock fell behind ours since it answered last."""
    if known.clock is None or known.answered_at is None:
        return timedelta()
    return (at - known.answered_at) - (found.clock - known.clock)


def _new_mappings(connection: Connection, context: Context) -> dict[int, tuple[str, Side, Mapping[str, str]]]:
    """The mappings that are in force and not remembered yet: hardly ever any."""
    used = {
        translator.id: (name, side, translator.rows)
        for side, system in context.systems.items()
        for name, translator in system.translators.items()
    }
    known = endpoints.known_mappings(connection, used)
    return {number: one for number, one in used.items() if number not in known}
