"""Newcomers: records that nobody across can be, chosen from a chunk of inbox rows and journalled column by column.

First contact with a side that has none of them is made of little else. A whole first sync took 132 us a record through
`gather`, `decide`, `stage` and `settle`; with pages and creates as columns it takes 87 to 105. What is unusual about
a record (a link, a key that another one holds, a marker, a problem, a reference, a value that cannot be written) leaves
it to that general way, which comes to the same rows.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import chain, compress, repeat
from operator import itemgetter
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from connector.context import Work
from connector.decide import CreateDecision
from connector.deposits import keep_newcomers
from connector.doubt import lost_creates
from connector.mappings.pages import Columns
from connector.mappings.unfit import UNTRANSLATABLE
from connector.reconcile.match import marker_key, strongest_keys
from connector.records import Body, Operation, Ref, Side, Version, decode
from connector.store import cursors, links, problems, sightings
from connector.store.inbox import Taken


class Newcomers(NamedTuple):
    """Records to create on `side`, as columns of one length."""

    side: Side
    entity: str
    operations: Sequence[str]
    sources: Sequence[str]
    versions: Sequence[Version | None]
    records: Sequence[bytes]
    seqs: Sequence[int]
    reserved: Sequence[int | None]
    columns: Columns
    """What is sent, each field by itself; what a record does not hold is None."""
    kept: Columns
    """What both sides keep and a create does not send."""
    apart: Columns
    """What only the source's side keeps."""
    bodies: Sequence[Body]

    def decision(self, place: int) -> CreateDecision:
        """One of them as the general way knows it."""
        data = self.records[place]
        values = {name: held[place] for name, held in self.columns.items() if held[place] is not None}
        return CreateDecision(
            self.operations[place],
            self.entity,
            self.side,
            self.sources[place],
            self.versions[place],
            values,
            self.reserved[place],
            decode(data),
            data,
            self.seqs[place],
            [],
        )

    def only(self, places: Sequence[int]) -> "Newcomers":
        """Some of them."""
        if len(places) == len(self.operations):
            return self
        pick, side, entity, *lists, columns, kept, apart, bodies = partial(_picked, places), *self
        each = [{name: pick(held) for name, held in one.items()} for one in (columns, kept, apart)]
        return Newcomers._make([side, entity, *map(pick, lists), *each, pick(bodies)])

    def journalled(self, places: Iterable[int]) -> list[Operation]:
        """Some of them as the journal knows them."""
        return [self.decision(place).operation for place in places]


def _picked(places: Sequence[int], column: Sequence[Any]) -> list[Any]:
    return [column[place] for place in places]


class _Candidates(NamedTuple):
    """Inbox rows of one side that brought their records along, as columns."""

    seqs: Sequence[int]
    ids: Sequence[str]
    versions: Sequence[Version | None]
    records: Sequence[bytes]

    def without(self, ids: set[str]) -> "_Candidates":
        """The same without some of them."""
        return self if not ids else self.only([one not in ids for one in self.ids])

    def only(self, chosen: Sequence[bool]) -> "_Candidates":
        """Those that are chosen."""
        return self if all(chosen) else _Candidates._make([list(compress(column, chosen)) for column in self])


class Scene(NamedTuple):
    """What is known of all records at once, so that it need not be asked of each of them."""

    untouched: frozenset[Side] = frozenset()
    """The sides on which nothing was ever seen."""
    shares: bool = True
    """Whether any match key may have more than one holder."""


def look_around(work: Work) -> Scene:
    """The scene before a drain; asking whether any key is shared pays where most of what was ever seen is to be met."""
    with work.store.read() as connection:
        known = {(one.entity, one.side): one.known for one in cursors.all(connection)}
        untouched = frozenset(side for side in Side if not known.get((work.name, side)))
        mine = sum(number for (entity, _), number in known.items() if entity == work.name)
        asks = len(untouched) == 1 and 2 * mine >= sum(known.values())
        return Scene(untouched, shares=not asks or sightings.is_any_shared(connection))


def choose(work: Work, taken: Taken, scene: Scene) -> tuple[list[Newcomers], list[int]]:
    """The newcomers among some inbox rows, and the numbers of those that are left to the general way.

    Where a row did not bring its record along, all go the general way: what is read there may tell who somebody is. So
    they do where a create is in doubt, which may have made one of them.
    """
    if work.dry or work.allowed is not None or any(taken.deleted) or b"" in taken.records or lost_creates(work):
        return [], list(taken.seqs)
    found = [one for side in Side if (one := _of_side(work, side, taken, scene))]
    chosen = {seq for one in found for seq in one.seqs}
    return found, [seq for seq in taken.seqs if seq not in chosen] if len(chosen) < len(taken.seqs) else []


def _of_side(work: Work, side: Side, taken: Taken, scene: Scene) -> Newcomers | None:
    creator = work.creator(side.other)
    if creator.referring or not creator.sent or side not in taken.sides:
        return None
    found = _Candidates(taken.seqs, taken.ids, taken.versions, taken.records)
    with work.store.read() as connection:
        found = _unlike(connection, work, side, found.only([one == side for one in taken.sides]), scene)
    try:
        return _ready(work, side, found) if found.ids else None
    except UNTRANSLATABLE:
        return None


def _unlike(connection: Connection, work: Work, side: Side, all_of: _Candidates, scene: Scene) -> _Candidates:
    """Those that are not linked, have no open problem, and whom no match key and no marker joins with anybody."""
    found = all_of.without(links.linked(connection, work.name, side, all_of.ids))
    if problems.count(connection).get(work.name):
        told = problems.of(connection, [Ref(work.name, side, one) for one in found.ids])
        found = found.without({item.problem.id for item in told})
    if not scene.shares and side.other in scene.untouched:
        return found
    known = sightings.keys(connection, work.name, side, found.ids)
    contested = sightings.held(connection, list(chain.from_iterable(known.values())), holders=2)
    found = found.only([one in known and contested.isdisjoint(known[one]) for one in found.ids])
    if side.other in scene.untouched:
        return found
    names = {marker_key(work.name, side, one): one for one in found.ids}
    return found.without({names[key] for key in sightings.held(connection, list(names))})


def _ready(work: Work, side: Side, found: _Candidates) -> Newcomers | None:
    """What is sent of each of them; those that are not worth a counterpart, or lack something, are left out."""
    found, columns = _read(found, work.translator(side).fields)
    chosen = _worthy(work, side, columns, len(found.ids))
    if not all(chosen):
        found, columns = found.only(chosen), {name: list(compress(held, chosen)) for name, held in columns.items()}
    return _newcomers(work, side, found, columns) if found.ids else None


def _read(found: _Candidates, fields: frozenset[str]) -> tuple[_Candidates, Columns]:
    """The records as columns, without those that do not hold just these fields.

    Each record is read and dropped at once, while the processor still has it at hand.
    """
    names, count = tuple(fields), len(fields)
    # Of one name `itemgetter` gives no tuple, of the same one twice it does.
    pick = itemgetter(*names) if count > 1 else itemgetter(*names, *names)
    try:
        rows = [pick(record) for record in map(orjson.loads, found.records) if len(record) == count]
    except KeyError:
        rows = []
    if len(rows) < len(found.records):
        records = list(map(decode, found.records))
        usual = [record.keys() == fields for record in records]
        found, rows = found.only(usual), list(map(pick, compress(records, usual)))
    return found, dict(zip(names, zip(*rows, strict=True) if rows else repeat(()), strict=False))


def _worthy(work: Work, side: Side, columns: Columns, count: int) -> list[bool]:
    """Whether each is worth a counterpart and holds what the other side requires."""
    creator, entity = work.creator(side.other), work.entity
    if side.other not in entity.creates:
        return [False] * count
    chosen, absent = [True] * count, [None] * count
    for name in creator.required:
        chosen = [one and value not in _EMPTY for one, value in zip(chosen, columns[name], strict=True)]
    for name, allowed in entity.create_when.items():
        chosen = [one and value in allowed for one, value in zip(chosen, columns.get(name, absent), strict=True)]
    for name, barred in entity.create_unless.items():
        chosen = [one and value not in barred for one, value in zip(chosen, columns.get(name, absent), strict=True)]
    return chosen


_EMPTY = (None, "")


def _newcomers(work: Work, side: Side, found: _Candidates, columns: Columns) -> Newcomers:
    across, count, new_id = side.other, len(found.ids), work.context.new_id
    sent = {name: columns[name] for name in work.creator(across).sent}
    return Newcomers(
        side=across,
        entity=work.name,
        operations=[new_id() for _ in range(count)],
        sources=found.ids,
        versions=found.versions,
        records=found.records,
        seqs=found.seqs,
        reserved=strongest_keys(work.entity, {name: columns[name] for name in work.shared}, count),
        columns=sent,
        kept={name: columns[name] for name in work.shared.difference(sent)},
        apart={name: held for name, held in columns.items() if name not in work.shared},
        bodies=work.translator(across).create_page(sent, count),
    )


def journal_newcomers(work: Work, new: Newcomers) -> "Future[bool]":
    """Have them journalled as sending; False comes where another operation stands in the way of one.

    Before the first call the store has to be hardened, as this does not wait for the disk.
    """
    # The whole record stands for what is sent of it: `recover` knows the fields, and the store has it already.
    creates = {"id": new.operations, "reserved": new.reserved, "seq": new.seqs}
    return work.keep(keep_newcomers, new.side, creates)
