"""Tell people in their own system what is open about a record: a status and a reason, where its mapping has rows.

The words are the connector's alone: they are written after a run, and taken away once nothing is open any more.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection

from connector.context import Work
from connector.entities import Told
from connector.errors import LeaseLost, RunError, VersionConflict
from connector.logs import get_logger
from connector.observe import fetch
from connector.reconcile.plan import DELETED
from connector.records import Event, OperationKind, Patch, Record, Remote, Side
from connector.store import conflicts, history, links, problems, remarks
from connector.store.remarks import Remark

log = get_logger()

LONGEST = 500
"""Characters of a reason."""
CALM = "nothing is open any more"
_STATUSES = {
    "waiting": "waiting",
    "ambiguous": "decision",
    "merged": "decision",
    "outcome_unknown": "decision",
}
"""What the causes of problems are to people; any other one is a refusal."""
_GRAVEST = ("refused", "decision", "waiting")
_FOR_ADMINISTRATORS = ", then: connector "
"""How advice goes on that only those follow who run the connector."""


class Word(NamedTuple):
    """What is open about one record."""

    status: str
    reason: str

    @property
    def digest(self) -> str:
        """Tells whether the words have changed."""
        return hashlib.blake2b(self.reason.encode(), digest_size=8).hexdigest()


Words = dict[str, Word | None]
"""By the records' ids; None where nothing is open any more."""


def tell(work: Work) -> None:
    """Bring what stands on the records of both sides up to what is open now; what cannot be told now is told later."""
    for side in Side:
        rows = _rows(work, side)
        if not rows:
            continue
        due = iter(_due(work, side).items())
        try:
            while batch := dict(islice(due, work.write_size(side))):
                _tell(work, side, rows, batch)
        except LeaseLost:
            raise
        except RunError as error:
            log.warning("remarks_not_made", side=str(side), reason=str(error))


def _rows(work: Work, side: Side) -> dict[str, Told]:
    """The fields of one side that the connector fills itself."""
    writable = work.translator(side).writable
    fields = work.entity.fields.items()
    return {name: rule.told for name, rule in fields if rule.told is not None and name in writable}


def _due(work: Work, side: Side) -> Words:
    """The records on which something else stands than what is open.

    Other words for the same are told only after a rest: they may change with every look, and each write brings a look.
    """
    with work.store.read() as connection:
        wanted, known = _open(connection, work, side), remarks.told(connection, work.name, side)
    rested = work.now() - work.context.limits.retry_after
    due: Words = {record_id: None for record_id in known if record_id not in wanted}
    for record_id, word in wanted.items():
        held = known.get(record_id)
        if held is None or held.status != word.status or (held.digest != word.digest and held.at <= rested):
            due[record_id] = word
    return due


def _open(connection: Connection, work: Work, side: Side) -> dict[str, Word]:
    """Everything that is open about records of one side, or about their counterparts."""
    found: dict[str, list[Word]] = {}
    listed = [item.problem for item in problems.listed(connection, work.name)]
    theirs = [problem.id for problem in listed if problem.side is not side]
    here = links.counterparts(connection, work.name, side.other, theirs)
    for problem in listed:
        record_id = problem.id if problem.side is side else here.get(problem.id)
        if record_id is not None:
            reason = problem.message.partition(_FOR_ADMINISTRATORS)[0]
            found.setdefault(record_id, []).append(Word(_STATUSES.get(problem.cause, "refused"), reason))
    for item in conflicts.listed(connection, work.name):
        conflict = item.conflict
        record_id = conflict.crm_id if side is Side.CRM else conflict.erp_id
        what = "" if conflict.field == DELETED else f"{conflict.field}: "
        found.setdefault(record_id, []).append(Word("decision", f"{what}{conflict.reason}"))
    return {record_id: _together(words) for record_id, words in found.items()}


def _together(words: Sequence[Word]) -> Word:
    gravest = min((word.status for word in words), key=_GRAVEST.index)
    return Word(gravest, "; ".join(dict.fromkeys(word.reason for word in words))[:LONGEST])


def _tell(work: Work, side: Side, rows: Mapping[str, Told], batch: Words) -> None:
    """Write on records as they are now; whoever changes one at the same time goes first."""
    answers = fetch(work, side, sorted(batch))
    present = {one: answer.remote for one, answer in answers.items() if answer.remote is not None}
    patches = list(_patches(work, side, rows, {one: (batch[one], remote) for one, remote in present.items()}))
    if gone := [one for one in batch if one not in present]:
        with work.write() as connection:
            remarks.drop(connection, work.name, side, gone)
    work.hold_lease()
    outcomes = work.adapter(side).update(work.resource(side), patches) if patches else []
    failed = {patch.id: outcome.error for patch, outcome in zip(patches, outcomes, strict=True) if outcome.error}
    refused = sorted(one for one, error in failed.items() if not isinstance(error, VersionConflict))
    if refused:
        log.warning("remarks_not_made", side=str(side), records=refused[:10])
    _remember(work, side, {one: batch[one] for one in present if one not in failed})
    work.tally.written[side, OperationKind.UPDATE] += len(patches) - len(failed)


def _patches(
    work: Work, side: Side, rows: Mapping[str, Told], batch: Mapping[str, tuple[Word | None, Remote]]
) -> Iterator[Patch]:
    """What has to be written; a record that says it already needs no write."""
    for record_id, (word, remote) in batch.items():
        values: Record = {name: None if word is None else getattr(word, told) for name, told in rows.items()}
        body = work.translator(side).write(values, creating=False)
        held = remote.body or {}
        if any(held.get(path) != value for path, value in body.items()):
            yield Patch(work.context.new_id(), record_id, remote.version, body)


def _remember(work: Work, side: Side, told: Words) -> None:
    at = work.now()
    standing = {one: Remark(word.status, word.digest, at) for one, word in told.items() if word is not None}
    events = [
        Event(work.name, side, one, "told", {"side": str(side), "what": word.status if word else CALM})
        for one, word in told.items()
    ]
    with work.write() as connection:
        remarks.note(connection, work.name, side, standing)
        remarks.drop(connection, work.name, side, [one for one in told if one not in standing])
        history.append(connection, work.run, events, at)
