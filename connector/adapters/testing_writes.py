"""The contract of writing: outcomes item by item, preconditions, repeats, values that survive."""

# ruff: noqa: D102 -- the name of a test is its sentence

import uuid
from collections.abc import Sequence
from typing import Any

from connector.adapters.testing_system import SystemUnderTest, body_of
from connector.errors import AlreadyExists, Gone, NotFound, RecordError, VersionConflict
from connector.records import Outcome, Patch, Remote, Removal, Transition, Version

AWKWARD_TEXT = "Łódź ~ 東京 🚚 “quoted” 'single' <b>&amp;</b> %20 \\n {x} ; -- ÄÖÜß\nsecond line"


class WriteContract:
    """What an adapter promises about writing."""

    def test_a_full_batch_is_written_in_one_call(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_create, "cannot create")
        drafts = [system.draft() for _ in range(system.claims.write_size)]

        outcomes = system.adapter.create(system.resource, drafts)

        assert [each.error for each in outcomes] == [None] * len(drafts)
        assert len({each.id for each in outcomes}) == len(drafts)

    def test_nothing_to_write_is_no_error(self, system: SystemUnderTest) -> None:
        assert system.adapter.create(system.resource, []) == []
        assert system.adapter.update(system.resource, []) == []
        assert system.adapter.delete(system.resource, []) == []

    def test_one_wrong_record_fails_alone(self, system: SystemUnderTest) -> None:
        system.need(system.wrong is not None, "has no body that is refused")
        good, bad = system.draft(), system.draft()._replace(body=system.wrong or {})

        outcomes = system.adapter.create(system.resource, [good, bad, system.draft()])

        assert [each.error is None for each in outcomes] == [True, False, True]
        assert isinstance(outcomes[1].error, RecordError)
        assert system.stored([str(outcomes[0].id), str(outcomes[2].id)])

    def test_an_update_of_a_missing_record_fails_alone(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update, "cannot update")
        remote = system.create()[0]
        missing = _patch(remote, system)._replace(id=system.missing_id)

        outcomes = system.adapter.update(system.resource, [missing, _patch(remote, system)])

        assert isinstance(outcomes[0].error, NotFound | Gone)
        assert (outcomes[1].id, outcomes[1].error) == (remote.id, None)

    def test_only_the_patched_fields_change(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update, "cannot update")
        before = system.create()[0]

        outcome = system.adapter.update(system.resource, [_patch(before, system)])[0]

        after = system.stored([before.id])[0]
        changed = {name for name in body_of(after) if body_of(after)[name] != body_of(before).get(name)}
        described = {each.name: each for each in system.adapter.describe(system.resource.name)}
        assert outcome.version == after.version != before.version
        assert {name for name in changed if not described[name].read_only} == {system.field}

    def test_an_update_from_a_stale_read_is_refused(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update and system.claims.conditional_write, "has no conditional writes")
        seen = system.create()[0]
        system.change(seen, **{system.field: system.values[1]})

        outcome = system.adapter.update(system.resource, [_patch(seen, system)])[0]

        assert isinstance(outcome.error, VersionConflict)
        assert body_of(system.stored([seen.id])[0])[system.field] == system.values[1]

    def test_a_delete_from_a_stale_read_is_refused(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_delete and system.claims.conditional_write, "has no conditional deletes")
        system.need(system.claims.can_update, "cannot update")
        seen = system.create()[0]
        system.change(seen, **{system.field: system.values[1]})

        outcome = system.adapter.delete(system.resource, [Removal(_key(), seen.id, seen.version)])[0]

        assert isinstance(outcome.error, VersionConflict)
        assert system.stored([seen.id])

    def test_a_repeated_create_makes_no_second_record(self, system: SystemUnderTest) -> None:
        system.need(system.claims.idempotency_key or system.claims.marker_unique, "has no safe creates")
        draft = system.draft()
        first = system.adapter.create(system.resource, [draft])[0]

        second = system.connect().create(system.resource, [draft])[0]

        assert _existing_id(second) == first.id
        system.need(system.claims.marker_field, "has no marker field")
        found = system.adapter.find(system.resource, str(system.claims.marker_field), [str(draft.marker)])
        assert [each.id for each in found] == [first.id]

    def test_a_taken_marker_is_refused_with_the_id_that_holds_it(self, system: SystemUnderTest) -> None:
        system.need(system.claims.marker_unique, "does not keep markers unique")
        holder = system.draft()
        first = system.adapter.create(system.resource, [holder])[0]

        second = system.adapter.create(system.resource, [system.draft()._replace(marker=holder.marker)])[0]

        assert isinstance(second.error, AlreadyExists)
        assert second.error.existing_id == first.id

    def test_an_emptied_field_is_empty(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update and system.text, "has no text that may be empty")
        remote = _set(system, system.create()[0], str(system.text), "filled")

        emptied = _set(system, remote, str(system.text), None)

        assert body_of(emptied).get(str(system.text)) is None

    def test_an_empty_text_is_not_the_text_none(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update and system.text, "has no text that may be empty")

        remote = _set(system, system.create()[0], str(system.text), "")

        assert body_of(remote).get(str(system.text)) in {"", None}

    def test_awkward_characters_survive(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update and system.text, "has no free text")

        remote = _set(system, system.create()[0], str(system.text), AWKWARD_TEXT)

        assert body_of(remote)[str(system.text)] == AWKWARD_TEXT

    def test_text_of_the_described_length_survives(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update and system.text, "has no free text")
        described = {each.name: each.length for each in system.adapter.describe(system.resource.name)}
        longest = "ä" * (described[str(system.text)] or 2000)

        remote = _set(system, system.create()[0], str(system.text), longest)

        assert body_of(remote)[str(system.text)] == longest

    def test_decimals_keep_every_digit(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update and system.decimals, "has no decimals")
        assert system.decimals is not None
        remote = system.create()[0]

        for value in system.decimals.values:
            remote = _set(system, remote, system.decimals.field, value)
            assert repr(body_of(remote)[system.decimals.field]) == repr(value)

    def test_a_delete_is_done_once_and_then_already_done(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_delete, "cannot delete")
        remote = system.create()[0]

        first = system.adapter.delete(system.resource, [Removal(_key(), remote.id, remote.version)])[0]
        second = system.adapter.delete(system.resource, [Removal(_key(), remote.id, None)])[0]

        assert (first.id, first.error) == (remote.id, None)
        assert (second.id, second.error) == (remote.id, None)

    def test_an_archived_record_is_still_there(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_archive, "cannot archive")
        before = system.create()[0]

        outcome = system.adapter.archive(system.resource, [Removal(_key(), before.id, before.version)])[0]

        after = system.stored([before.id])[0]
        assert (outcome.error, outcome.version) == (None, after.version)
        assert after.version != before.version

    def test_a_transition_moves_the_record(self, system: SystemUnderTest) -> None:
        system.need(system.transition, "has no transitions")
        before = system.create()[0]
        assert system.transition in system.claims.transitions

        step = Transition(_key(), before.id, before.version, str(system.transition))
        outcome = system.adapter.perform(system.resource, [step])[0]

        after = system.stored([before.id])[0]
        assert (outcome.error, outcome.version) == (None, after.version)
        assert body_of(after) != body_of(before)

    def test_what_is_not_claimed_is_refused(self, system: SystemUnderTest) -> None:
        remote = system.create()[0]

        refused = _unclaimed(system, remote)

        assert all(isinstance(outcome.error, RecordError) for outcome in refused)
        assert system.stored([remote.id]) == [remote]

    def test_no_credentials_show(self, system: SystemUnderTest) -> None:
        missing = Removal(_key(), system.missing_id, Version("1"))
        errors = [each.error for each in system.adapter.archive(system.resource, [missing])]
        shown = repr(system.adapter) + repr(vars(system.adapter)) + repr(errors)

        assert [secret for secret in system.secrets if secret in shown] == []


def _key() -> str:
    return str(uuid.uuid4())


def _patch(remote: Remote, system: SystemUnderTest) -> Patch:
    return Patch(_key(), remote.id, remote.version, {system.field: system.values[0]})


def _set(system: SystemUnderTest, remote: Remote, name: str, value: Any) -> Remote:
    """The record with one field changed, as it is stored then."""
    outcome = system.adapter.update(system.resource, [Patch(_key(), remote.id, remote.version, {name: value})])[0]
    assert outcome.error is None
    return system.stored([remote.id])[0]


def _existing_id(outcome: Outcome) -> str | None:
    return outcome.error.existing_id if isinstance(outcome.error, AlreadyExists) else outcome.id


def _unclaimed(system: SystemUnderTest, remote: Remote) -> Sequence[Outcome]:
    """What comes of every verb that the resource does not claim."""
    claims, adapter, resource = system.claims, system.adapter, system.resource
    removal = Removal(_key(), remote.id, remote.version)
    outcomes = adapter.perform(resource, [Transition(_key(), remote.id, remote.version, "levitate")])
    if not claims.can_update:
        outcomes += adapter.update(resource, [_patch(remote, system)])
    if not claims.can_delete:
        outcomes += adapter.delete(resource, [removal])
    if not claims.can_archive:
        outcomes += adapter.archive(resource, [removal])
    return outcomes
