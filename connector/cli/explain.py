"""`connector explain`: the story of one record in words, for whoever asks why it is as it is."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.options import EntityArgument, IdArgument, SideOption, checked
from connector.cli.output import count, print_json, say, shown, when
from connector.records import Event, LinkStatus, Operation, OperationKind, OperationState, Side
from connector.report import Exit

if TYPE_CHECKING:
    from connector.entities import Entity
    from connector.history import Moment, Story

_DOING = {
    OperationKind.CREATE: "create a record",
    OperationKind.UPDATE: "change",
    OperationKind.DELETE: "delete",
    OperationKind.ARCHIVE: "archive",
}
_ENDS = {
    OperationState.PLANNED: "planned, not written yet",
    OperationState.HELD: "held by a guard: connector approve ENTITY",
    OperationState.SENDING: "sent, its outcome not stored yet",
    OperationState.UNKNOWN: "sent, its outcome not known; the next sync looks",
    OperationState.DONE: "done",
    OperationState.REJECTED: "refused",
    OperationState.ABANDONED: "not written",
}


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("explain")(asked(explain_record))


def explain_record(
    call: Invocation,
    entity: EntityArgument,
    record_id: IdArgument,
    *,
    side: SideOption = None,
    values: Annotated[bool, typer.Option("--values", help="Show a person's data too.")] = False,
) -> int:
    """Tell the story of one record: when it was seen, how it was linked, what was written, and what is open."""
    from connector.history import Ambiguous, as_dict, explain

    definition = call.entities[checked(call.entities, entity)]
    hidden = frozenset() if values else frozenset(name for name, rule in definition.fields.items() if rule.personal)
    with call.store() as store:
        try:
            story = explain(store, entity, record_id, side)
        except Ambiguous as error:
            raise typer.BadParameter(f"{error}; say which with --side") from error
    rule = left_out(story, definition)
    if call.as_json:
        print_json({**as_dict(story, hidden), "left_out": rule})
    else:
        say(*tell(story, hidden, rule))
    return int(Exit.CLEAN)


def left_out(story: "Story", definition: "Entity") -> str | None:
    """The rule that keeps a known record without a counterpart, where nothing else is open about it."""
    if story.link or story.problems or story.waiting or not story.is_known:
        return None
    known = {moment.seen.side for moment in story.moments if moment.seen}
    barred = [str(side.other) for side in Side if side in known and side.other not in definition.creates]
    if barred:
        return f"the rule creates forbids to create a {story.entity} on {' or '.join(barred)}"
    wanted = [f"its {name} is {' or '.join(values)}" for name, values in definition.create_when.items()]
    return f"by the rule create_when it gets a counterpart only where {' and '.join(wanted)}" if wanted else None


def tell(story: "Story", hidden: Collection[str], rule: str | None = None) -> list[str]:
    """The whole story as lines."""
    names = " and ".join(f"{side}:{record_id}" for side, record_id in story.ids.items())
    if not story.is_known:
        return [
            f"Nothing is known about {story.entity} {names}: no scan has shown it.",
            "Look whether it is there, whether the credentials may see it, then: connector sync",
        ]
    return [
        f"{story.entity} {names}",
        *(f"The system says that {old} is now {new}." for old, new in story.now_called.items()),
        "",
        *(line for moment in story.moments if not _is_superseded(moment) for line in _lines(moment, hidden)),
        *_superseded(story),
        "",
        *_present(story, rule),
    ]


def _is_superseded(moment: "Moment") -> bool:
    """Whether it was only planned: a later run planned it anew before anything was sent."""
    operation = moment.operation
    return operation is not None and operation.state is OperationState.ABANDONED and operation.attempts == 0


def _superseded(story: "Story") -> Iterator[str]:
    number = sum(_is_superseded(moment) for moment in story.moments)
    if number:
        yield f"Besides, {count(number, 'write was', 'writes were')} planned and planned anew before anything was sent."


def _lines(moment: "Moment", hidden: Collection[str]) -> Iterator[str]:
    run = f"  (run {moment.run})" if moment.run else ""
    if moment.seen:
        yield f"{when(moment.at)}  first seen on {moment.seen.side}{run}"
    elif moment.event:
        yield f"{when(moment.at)}  {event_words(moment.event, hidden)}{run}"
    elif moment.operation:
        yield f"{when(moment.at)}  {operation_words(moment.operation)}{run}"
        yield from (f"    {line}" for line in change_words(moment.operation, hidden))
        yield f"    {end_words(moment.operation)}, {when(moment.settled_at)}"


def event_words(event: Event, hidden: Collection[str]) -> str:
    """One decision in words."""
    detail = event.detail
    words = {
        "linked": "linked: crm:{id} is erp:{erp_id}, by {by}",
        "adopted": "adopted: it was created for {source} earlier, and the answer had been lost",
        "told": "told in the record's own {side}: {what}",
        "unlinked": "unlinked from erp:{erp_id}: {why}",
        "conflict": "conflict over {field}: {why}",
        "resolved": "conflict over {field} decided by {by}: {take}'s value holds",
        "approved": "{kind} released by {by}",
        "forgotten": "a person's data was erased from everything the connector remembers, by {by}",
        "renamed": "renamed: {old} is {new} now; {then}",
        "merged": "merged: {old} went into {new}; {then}",
        "absorbed": "took in {old}, which was merged into it",
        "parted": "the merge was taken back: linked with erp:{erp_id} again",
    }
    if event.kind == "overridden":
        lost = _values(detail.get("lost") or {}, hidden)
        return f"an edit on {event.side} gave way to the policy {detail.get('policy')}: {lost}"
    if event.kind == "undone":
        return f"undone what run {detail.get('run')} wrote: {_restored(detail, hidden)}"
    template = words.get(event.kind)
    if template is None:
        return f"{event.kind}: {_values(detail, hidden)}"
    return template.format_map(_Told({"id": event.id, **detail}))


def _restored(detail: Mapping[str, Any], hidden: Collection[str]) -> str:
    from connector.history import erased

    was, restored = (erased(detail.get(name) or {}, hidden) for name in ("was", "restored"))
    return ", ".join(f"{name}: {shown(was.get(name))} -> {shown(value)}" for name, value in restored.items())


class _Told(dict[str, Any]):
    """Words for details that an older version did not write down."""

    def __missing__(self, key: str) -> str:
        return "?"


def _values(record: Mapping[str, Any], hidden: Collection[str]) -> str:
    from connector.history import erased

    return ", ".join(f"{name}: {shown(value)}" for name, value in erased(record, hidden).items())


def operation_words(operation: Operation) -> str:
    """One write in words: what, to which record, why."""
    doing = _DOING.get(operation.kind, operation.action or str(operation.kind))
    target = f"{operation.side}:{operation.target}" if operation.target else f"on {operation.side}"
    source = f" for {operation.side.other}:{operation.source}" if operation.source else ""
    why = f", because: {operation.reason}" if operation.reason else ""
    return f"{doing} {target}{source}{why}"


def change_words(operation: Operation, hidden: Collection[str]) -> Iterator[str]:
    """What a write changes, a line a field."""
    from connector.history import erased

    old, new = erased(operation.old, hidden), erased(operation.values, hidden)
    for name, value in new.items():
        before = f"{shown(old[name])} -> " if name in old else ""
        yield f"{name}: {before}{shown(value)}"


def end_words(operation: Operation) -> str:
    """What became of a write."""
    end = _ENDS[operation.state]
    return f"{end}: {operation.error}" if operation.error and operation.state is not OperationState.DONE else end


def _present(story: "Story", rule: str | None) -> Iterator[str]:
    link = story.link
    if link is None:
        yield f"Now: not linked: {rule}." if rule else "Now: not linked."
    else:
        yield f"Now: crm:{link.crm_id} and erp:{link.erp_id} are linked (link {link.id}, {link.status})."
    if link is not None and link.status is LinkStatus.DORMANT:
        yield "One of the two was merged into another record, so nothing is carried across this link any more."
    for item in story.conflicts:
        state = "decided, not written yet" if item.status == "resolved" else "open"
        yield f"Conflict {item.id} over {item.conflict.field} is {state}: connector conflicts show {item.id}"
    for trouble in story.problems:
        met = count(trouble.attempts, "time")
        yield f"Problem {trouble.id} ({trouble.problem.cause}, {met}): {trouble.problem.message}"
    for row in story.waiting:
        parent = f", waits for {row.waits_for}" if row.waits_for else ""
        then = "it goes on once that one is linked" if row.waits_for else "the next sync looks at it"
        yield f"In the inbox since {when(row.since)} ({row.side}, {row.why}{parent}): {then}."
    if not (story.conflicts or story.problems or story.waiting):
        yield "Nothing is open."
