"""Writing records: read again just before, and again after.

Before, as Odoo refuses no stale write; after, as it says little of what it stored, and "done" to what it did not do.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from connector.adapters.odoo.calls import Calls, Fault
from connector.adapters.odoo.codes import CONTEXT
from connector.adapters.odoo.fetching import fetch
from connector.adapters.odoo.models import MARKER, STEPS
from connector.adapters.odoo.names import GIVEN, join
from connector.adapters.odoo.reading import Reader
from connector.adapters.odoo.schema import LINKS, LiveColumn, Tree
from connector.adapters.odoo.sheets import external_id, load, sheet_of
from connector.adapters.odoo.texts import GOODS, NAME, Texts, has_texts
from connector.adapters.wire import BAD_REQUEST, Refusal, refused
from connector.errors import Forbidden, NotFound, OutcomeUnknown, RecordError, Rejected, VersionConflict
from connector.records import Body, Draft, Outcome, Patch, Presence, Remote, Removal, Transition

KINDS: Mapping[str, type[RecordError]] = {"AccessError": Forbidden, "MissingError": NotFound}
QUIET = {**CONTEXT, "disable_cancel_warning": True, "skip_sms": True, "skip_backorder": True}
"""Nobody is there to answer a question."""
Write: TypeAlias = Patch | Removal | Transition
Present: TypeAlias = dict[str, Remote | RecordError]


class Writer:
    """Writes records of one model."""

    def __init__(self, calls: Calls, reader: Reader, model: str, tree: Tree) -> None:
        self._calls, self._reader, self._model, self._tree = calls, reader, model, tree
        self._columns = reader.schema.of(model)

    def create(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """New records; a draft whose key was used before is answered with what was made then."""
        results: dict[int, Any] = {}
        sheets = {}
        for place, draft in enumerate(drafts):
            body = draft.body if draft.marker is None else {**draft.body, MARKER: draft.marker}
            try:
                values = self._filled(self._values(self._model, body, {}))
                sheets[place] = sheet_of(self._reader.schema, self._model, values, {"id": external_id(draft.key)})
            except RecordError as error:
                results[place] = error
        loaded = load(self._calls, self._model, list(sheets.values()), once=True) if sheets else []
        results |= zip(sheets, loaded, strict=True)
        return self._told([(None, draft.body, results[place]) for place, draft in enumerate(drafts)])

    def update(self, patches: Sequence[Patch]) -> list[Outcome]:
        """Change records that are still as they were read; those with lines one by one, all others together."""
        present = self._present(patches)
        results: dict[int, Any] = {}
        sheets = {}
        for place, patch in enumerate(patches):
            try:
                before = _unmoved(present[patch.id], patch, self._at(patch.id))
                values = self._values(self._model, self._allowed(patch.body), before.body or {})
                if any(self._columns[name].type in LINKS for name in values):
                    results[place] = self._write(patch.id, values, before.body or {})
                else:
                    sheets[place] = sheet_of(self._reader.schema, self._model, values, {".id": patch.id})
            except (RecordError, Fault) as error:
                results[place] = error
        loaded = load(self._calls, self._model, list(sheets.values()), once=False) if sheets else []
        results |= zip(sheets, loaded, strict=True)
        return self._told([(patch.id, patch.body, results[place]) for place, patch in enumerate(patches)])

    def delete(self, removals: Sequence[Removal]) -> list[Outcome]:
        """Delete records; one that is not there any more is done."""
        present = self._present(removals)
        outcomes = []
        for removal in removals:
            held = present[removal.id]
            try:
                if not isinstance(held, NotFound):
                    _unmoved(held, removal, self._at(removal.id))
                    self._calls.call(self._model, "unlink", {"ids": [int(removal.id)], "context": QUIET})
                outcomes.append(Outcome(removal.id))
            except (RecordError, Fault) as error:
                told = self._error(removal.id, {}, error)
                outcomes.append(Outcome(removal.id, error=None if isinstance(told, NotFound) else told))
        return outcomes

    def perform(self, steps: Sequence[Transition]) -> list[Outcome]:
        """Call a method on each record, and see whether it has done anything."""
        present = self._present(steps)
        results: dict[int, Any] = {}
        for place, step in enumerate(steps):
            try:
                before = _unmoved(present[step.id], step, self._at(step.id))
                for method in self._methods(step, before):
                    self._calls.call(self._model, method, {"ids": [int(step.id)], "context": QUIET})
                results[place] = int(step.id)
            except (RecordError, Fault) as error:
                results[place] = error
        told = self._told([(step.id, {}, results[place]) for place, step in enumerate(steps)])
        return [self._moved(step, present[step.id], outcome) for step, outcome in zip(steps, told, strict=True)]

    def _methods(self, step: Transition, before: Remote) -> Sequence[str]:
        """What Odoo is asked for: the action itself, or the way to it from the state that the record is in."""
        ways = STEPS.get((self._model, step.name))
        return (step.name,) if ways is None else ways.get(str((before.body or {}).get("state")), ())

    def _moved(self, step: Transition, before: Remote | RecordError, outcome: Outcome) -> Outcome:
        """Odoo answers with a question for people, or not at all, where an action did nothing."""
        if outcome.error is None and isinstance(before, Remote) and outcome.version == before.version:
            reason = f"{step.name} changed nothing; do it in Odoo, where it may ask a question"
            return Outcome(step.id, error=Rejected(f"{self._at(step.id)}: {reason}"))
        return outcome

    def _present(self, items: Sequence[Write]) -> Present:
        """Each record as it is now, or why there is none."""
        reasons = {Presence.FORBIDDEN: Forbidden("these credentials may not see it; check the user's rights")}
        found: Present = {}
        for each in fetch(self._reader, self._model, [item.id for item in items], self._tree):
            missing = reasons.get(each.presence) or NotFound("it is not there (any more)")
            found[each.id] = each.remote or type(missing)(f"{self._at(each.id)}: {missing}")
        return found

    def _write(self, record_id: str, values: Mapping[str, Any], before: Body) -> int:
        """Change one record with its lines: those that are known, new ones, and those that are no more."""
        written = {name: self._commands(name, value, before) for name, value in values.items()}
        self._calls.call(self._model, "write", {"ids": [int(record_id)], "vals": written, "context": QUIET})
        return int(record_id)

    def _commands(self, name: str, value: Any, before: Body) -> Any:
        if self._columns[name].type not in LINKS:
            return False if value is None else value
        held = {line["id"]: line for line in before.get(name) or ()}
        commands: list[Any] = [[2, number, 0] for number in sorted(held.keys() - {each.get("id") for each in value})]
        texts = self._texts(value)
        for line in value:
            known = held.get(line.get("id"), {})
            changed = {key: each for key, each in line.items() if key != "id" and (not known or known.get(key) != each)}
            if NAME in changed and texts:
                changed[NAME] = texts.written(line.get(GOODS), changed[NAME])
            given = {key: False if each is None else each for key, each in changed.items()}
            commands += [[1, line["id"], given] if known else [0, 0, given]] if given else []
        return commands

    def _filled(self, values: dict[str, Any]) -> dict[str, Any]:
        """What a new record is given: nothing where there is nothing, so that Odoo fills it as it does for people."""
        given = {name: value for name, value in values.items() if value is not None}
        for name, lines in given.items():
            if self._columns[name].type in LINKS:
                given[name] = self._new_lines(lines)
        return given

    def _new_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Lines that all have a text, or none: the import cannot leave out one line's."""
        texts = self._texts(lines) if any(line.get(NAME) for line in lines) else None
        filled = [{key: each for key, each in line.items() if each is not None} for line in lines]
        return [{**line, NAME: texts.written(line.get(GOODS), line.get(NAME))} for line in filled] if texts else filled

    def _texts(self, lines: Sequence[Mapping[str, Any]]) -> Texts | None:
        if not any(has_texts(line) for line in lines):
            return None
        return Texts(self._reader.codes, (line.get(GOODS) for line in lines))

    def _allowed(self, body: Body) -> Body:
        wrong = [name for name in body if name in self._columns and self._columns[name].read_only]
        if wrong:
            raise Rejected(f"odoo: {self._model}: {', '.join(wrong)} can only be read; say `read_only: true`")
        return body

    def _values(self, model: str, body: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """A body as Odoo takes it: one name, numbers for codes, lines likewise."""
        columns = self._reader.schema.of(model)
        values: dict[str, Any] = {}
        for name, value in body.items():
            if name == "id":
                continue
            if name not in columns:
                raise Rejected(f"odoo: {model} has no field {name}; create it with: connector init --prepare")
            values[name] = self._value(columns[name], value, before.get(name))
            if name == NAME and isinstance(value, Mapping) and GIVEN in columns:
                values[GIVEN] = {**(before.get(name) or {}), **value}.get("first")
        return values

    def _value(self, column: LiveColumn, value: Any, before: Any) -> Any:
        if column.type in LINKS:
            relation = str(column.relation)
            return [{**_own(line), **self._values(relation, line, {})} for line in value or ()]
        if not isinstance(value, Mapping):
            return value
        if column.type != "many2one":
            return join({**(before or {}), **value})
        given = [(field, code) for field, code in value.items() if code is not None]
        return self._reader.codes.number(str(column.relation), *given[0]) if given else None

    def _told(self, results: Sequence[tuple[str | None, Body, Any]]) -> list[Outcome]:
        """Outcomes with what is stored now: one look at everything that was written."""
        done = [str(result) for _, _, result in results if isinstance(result, int)]
        held = {each.id: each.remote for each in fetch(self._reader, self._model, done, self._tree)}
        outcomes = []
        for known, sent, result in results:
            if isinstance(result, Exception):
                outcomes.append(Outcome(known, error=self._error(known, sent, result)))
            else:
                stored = held.get(str(result))
                outcomes.append(Outcome(str(result), stored.version, stored.body) if stored else Outcome(str(result)))
        return outcomes

    def _error(self, known: str | None, sent: Body, error: Exception) -> RecordError:
        if isinstance(error, RecordError):
            return error
        assert isinstance(error, Fault)  # noqa: S101 -- nothing else is collected
        if not error.name:
            return OutcomeUnknown(f"{self._at(known)}: Odoo did not report what became of it; read it again")
        kind = KINDS.get(error.kind, Rejected)
        return refused(Refusal(BAD_REQUEST, error.kind, error.message, kind=kind), self._at(known), sent)

    def _at(self, record_id: str | None) -> str:
        return f"odoo: {self._model} {record_id}" if record_id else f"odoo: {self._model}"


def _own(line: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": line["id"]} if line.get("id") else {}


def _unmoved(held: Remote | RecordError, item: Write, place: str) -> Remote:
    """The record, if it is there and still as it was read."""
    if isinstance(held, RecordError):
        raise held
    if item.version is not None and item.version != held.version:
        raise VersionConflict(f"{place}: it changed since it was read; it is read again")
    return held
