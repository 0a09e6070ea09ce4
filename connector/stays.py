"""Records that stay on their own side because what they belong to is kept there on purpose."""

from collections.abc import Sequence

from sqlalchemy import Connection

from connector.context import Work
from connector.records import Ref, Side
from connector.store import inbox, journal, links, problems, sightings


def staying(connection: Connection, work: Work, waiting: Sequence[tuple[int, Ref, None]]) -> list[int]:
    """The inbox numbers, among those of new records that wait for a parent, whose wait is nobody's trouble.

    The parent was read and decided, and nothing is open about it: it is not meant to have a counterpart yet. Once it
    gets one, they follow it.
    """
    followed = work.entity.references.get(work.entity.follows or "")
    parents = {parent for _, parent, _ in waiting if parent.entity == followed}
    if not parents or not _may_stay(work, str(followed)):
        return []
    decided = {parent for side in Side for parent in _decided(connection, str(followed), side, parents)}
    troubled = {Ref(*item.problem[:3]) for item in problems.of(connection, decided)}
    return [seq for seq, parent, _ in waiting if parent in decided - troubled]


def _may_stay(work: Work, entity: str) -> bool:
    """Whether a rule keeps some of these records without a counterpart on purpose."""
    rules = work.context.entities[entity]
    return bool(rules.create_when or rules.create_unless or len(rules.creates) < len(Side))


def _decided(connection: Connection, entity: str, side: Side, parents: set[Ref]) -> list[Ref]:
    """The records among these that their side has shown, that need no look any more, and that never had a link."""
    ids = [parent.id for parent in parents if parent.side is side]
    if not ids:
        return []
    seen = sightings.known(connection, entity, side, ids)
    busy = inbox.rows(connection, entity, side, ids).keys() | links.versions(connection, entity, side, ids).keys()
    made = journal.live_keys(connection, entity, side.other, [f"new:{one}" for one in ids])
    busy |= {key.removeprefix("new:") for key in made}
    return [Ref(entity, side, one) for one, version in seen.items() if version is not None and one not in busy]
