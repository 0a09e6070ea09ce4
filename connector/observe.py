"""From what a system answered to what the engine looks at: canonical record, match keys, problems."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from connector.context import Work
from connector.errors import MappingFailed
from connector.reconcile.match import marker_key, match_keys
from connector.records import MARKER, Fetched, Presence, Problem, Record, Remote, Resource, Side, Sighting, Version
from connector.store import cursors, sightings


class Observed(NamedTuple):
    """One present record, translated."""

    id: str
    version: Version | None
    record: Record
    remote: Remote


class Observation(NamedTuple):
    """A batch of answers: the records that could be translated, and the problems of those that could not."""

    present: list[Observed]
    problems: list[Problem]


def remember(connection: Connection, work: Work, side: Side, rows: Sequence[Sighting]) -> None:
    """Remember that records were seen, so that they are found by their match keys."""
    if rows:
        generation = cursors.get(connection, work.name, side).generation
        new = sightings.see(connection, work.name, side, rows, generation, work.now())
        cursors.bump(connection, work.name, side, known=new)


def forget(connection: Connection, work: Work, side: Side, ids: Sequence[str]) -> None:
    """Take ids that no longer exist out of the sightings, so that nothing matches them and counts stay true."""
    gone = sightings.forget(connection, work.name, side, ids)
    if gone:
        cursors.bump(connection, work.name, side, known=-gone)


def observe(work: Work, side: Side, remotes: Iterable[Remote]) -> Observation:
    """Translate present records; one that cannot be translated becomes a problem and stops nobody else."""
    translator = work.translator(side)
    read, marker = translator.read, work.capabilities(side).marker_field
    present: list[Observed] = []
    problems: list[Problem] = []
    for remote in remotes:
        body = remote.body
        if body is None:
            continue
        try:
            record = read(body)
        except MappingFailed as error:
            problems.append(Problem(work.name, side, remote.id, error.code, str(error), error.field))
            continue
        if marker is not None and body.get(marker):
            record[MARKER] = body[marker]
        present.append(Observed(remote.id, remote.version, record, remote))
    return Observation(present, problems)


def keys_of(work: Work, side: Side, record: Record) -> tuple[int, ...]:
    """The match keys under which a record can be found: its business keys, and the other side's id it carries."""
    keys = match_keys(work.entity, record)
    marker = record.get(MARKER)
    return (marker_key(work.name, side.other, str(marker)), *keys) if marker is not None else keys


def fetch(work: Work, side: Side, ids: Sequence[str]) -> dict[str, Fetched]:
    """The current state of some ids; remembers that the side answered with a present record.

    An id whose record is of another kind (a contact, where companies are asked for) is left out: that is no absence.
    """
    if not ids:
        return {}
    resource = work.resource(side)
    answers = {answer.id: answer for answer in work.adapter(side).fetch(resource, ids) if _belongs(answer, resource)}
    if any(answer.presence is Presence.PRESENT for answer in answers.values()):
        work.alive.add(side)
    return answers


def _belongs(answer: Fetched, resource: Resource) -> bool:
    """Whether a record meets the conditions that narrow its resource; a condition it does not show is met."""
    body = answer.remote.body if answer.remote is not None else None
    if body is not None:
        for name, value in resource.where:
            if body.get(name, value) != value:
                return False
    return True
