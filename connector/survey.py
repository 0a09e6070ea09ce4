"""Many present records at once, as columns: what a page of a scan brings into the inbox and the sightings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from connector.context import Work
from connector.deposits import Brought, Documents
from connector.mappings.pages import each_record
from connector.mappings.unfit import UNTRANSLATABLE
from connector.observe import keys_of, observe
from connector.reconcile.match import match_key_columns
from connector.records import MARKER, Body, Problem, Remote, Side, Version, decode, encode

_TOO_FEW = 2
"""Fewer records than this are looked at one by one."""


class Survey(NamedTuple):
    """Present records as columns of one length, and the problems of those that could not be translated.

    `records` are canonical bytes, `keys` the match keys.
    """

    ids: list[str]
    versions: list[Version | None]
    modified: list[datetime | None]
    records: list[bytes]
    keys: list[tuple[int, ...]]
    problems: list[Problem]

    @classmethod
    def empty(cls) -> "Survey":
        """Nothing seen yet."""
        return cls([], [], [], [], [], [])

    def add(self, other: "Survey") -> None:
        """Put another one's columns behind these."""
        for column, more in zip(_lists(self), _lists(other), strict=True):
            column.extend(more)

    def last_of_each(self) -> "Survey":
        """The same without what a later page showed again."""
        last = {record_id: place for place, record_id in enumerate(self.ids)}
        if len(last) == len(self.ids):
            return self
        columns = [[column[place] for place in last.values()] for column in _lists(self)[:-1]]
        return Survey._make([*columns, self.problems])


@dataclass(slots=True)
class Gathered:
    """What some pages brought, until it is stored."""

    bytes: int = 0
    survey: Survey = field(default_factory=Survey.empty)
    deleted: list[Remote] = field(default_factory=list)
    hidden: list[Remote] = field(default_factory=list)
    """Listed by their ids, and not to be looked up."""

    def add(self, found: Survey, deleted: Iterable[Remote]) -> None:
        """Put some records more behind these."""
        self.bytes += sum(map(len, found.records))
        self.survey.add(found)
        self.deleted += deleted

    def brought(self) -> Brought:
        """All of it, as it is stored."""
        found = self.survey.last_of_each()
        deleted, hidden = ([(one.id, one.version) for one in some] for some in (self.deleted, self.hidden))
        columns = found.ids, found.versions, found.modified, Documents(found.records), found.keys
        return Brought(*columns, deleted, hidden, found.problems)


def survey(work: Work, side: Side, remotes: Sequence[Remote]) -> Survey:
    """Translate present records; one that cannot be translated becomes a problem and stops nobody else."""
    present = [remote for remote in remotes if remote.body is not None]
    if len(present) < _TOO_FEW:
        return _one_by_one(work, side, present)
    try:
        return _together(work, side, present)
    except UNTRANSLATABLE:
        # Somewhere in it there is one that only `observe` can name: the halves without it still go together.
        half = len(present) // 2
        found = survey(work, side, present[:half])
        found.add(survey(work, side, present[half:]))
        return found


def _together(work: Work, side: Side, remotes: Sequence[Remote]) -> Survey:
    ids, versions, modified, bodies, _ = map(list, zip(*remotes, strict=True))
    columns = work.translator(side).read_page(bodies)
    keys = _rows(list(match_key_columns(work.entity, columns, len(bodies))), len(bodies))
    records = list(map(encode, each_record(columns)))
    for place, carried in _marked(work, side, bodies):
        record = decode(records[place]) | {MARKER: carried}
        records[place], keys[place] = encode(record), keys_of(work, side, record)
    return Survey(ids, versions, modified, records, keys, [])


def _one_by_one(work: Work, side: Side, remotes: Iterable[Remote]) -> Survey:
    found = Survey.empty()
    present, problems = observe(work, side, remotes)
    for record_id, version, record, remote in present:
        keys = keys_of(work, side, record)
        found.add(Survey([record_id], [version], [remote.modified], [encode(record)], [keys], []))
    found.problems.extend(problems)
    return found


def _lists(one: Survey) -> tuple[list[Any], ...]:
    return tuple(one)


def _rows(columns: Sequence[Sequence[int | None]], count: int) -> list[tuple[int, ...]]:
    """The keys of each record, without those that are left out."""
    if not columns:
        return [()] * count
    if any(None in column for column in columns):
        return [tuple([key for key in row if key is not None]) for row in zip(*columns, strict=True)]
    return list(zip(*columns, strict=True))


def _marked(work: Work, side: Side, bodies: Sequence[Body]) -> list[tuple[int, Any]]:
    """The records that carry the other side's id, by their place, with what they carry."""
    marker = work.capabilities(side).marker_field
    if marker is None:
        return []
    try:
        carried = list(map(itemgetter(marker), bodies))
    except KeyError:
        carried = [body.get(marker) for body in bodies]
    return [(place, value) for place, value in enumerate(carried) if value] if any(carried) else []
