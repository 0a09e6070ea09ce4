"""The contract of reading: who answers, which fields there are, fetch, find, count."""

# ruff: noqa: D102 -- the name of a test is its sentence

import uuid

from connector.adapters.testing_system import SystemUnderTest, body_of
from connector.records import Patch, Presence, Removal


class ReadContract:
    """What an adapter promises about reading single records."""

    def test_the_system_tells_who_it_is(self, system: SystemUnderTest) -> None:
        first, second = system.adapter.identify(), system.connect().identify()

        assert all((first.system, first.tenant, first.environment))
        assert first._replace(clock=second.clock) == second
        assert first.clock.tzinfo is not None

    def test_the_fields_of_a_body_are_described_and_writable(self, system: SystemUnderTest) -> None:
        described = {each.name: each for each in system.adapter.describe(system.resource.name)}
        sent = [name for name, value in system.draft().body.items() if not isinstance(value, dict | list)]

        assert [name for name in sent if name not in described] == []
        assert [name for name in sent if described[name].read_only] == []

    def test_a_read_only_field_keeps_its_value(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update, "cannot update")
        remote = system.create()[0]
        described = system.adapter.describe(system.resource.name)
        fields = [each.name for each in described if each.read_only and isinstance(body_of(remote).get(each.name), str)]

        for name in fields:
            version = system.stored([remote.id])[0].version
            system.adapter.update(system.resource, [Patch(str(uuid.uuid4()), remote.id, version, {name: "changed"})])

        after = body_of(system.stored([remote.id])[0])
        assert [name for name in fields if after[name] == "changed"] == []

    def test_every_described_choice_is_accepted(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_create, "cannot create")
        described = system.adapter.describe(system.resource.name)
        choices = [(each.name, value) for each in described if not each.read_only for value in each.choices]
        choices = [(name, value) for name, value in choices if name in system.draft().body]

        outcomes = system.adapter.create(system.resource, [system.draft(**{name: value}) for name, value in choices])

        assert [each.error for each in outcomes] == [None] * len(choices)

    def test_a_created_record_is_fetched_as_it_was_sent(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_create, "cannot create")
        draft = system.draft()
        outcome = system.adapter.create(system.resource, [draft])[0]
        stored = body_of(system.stored([str(outcome.id)])[0])

        normal = system.claims.normalising_fields
        plain = {
            name: value for name, value in draft.body.items() if not isinstance(value, list) and name not in normal
        }
        assert {name: stored[name] for name in plain} == plain

    def test_an_outcome_tells_what_is_stored(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_create, "cannot create")
        draft = system.draft()
        outcome = system.adapter.create(system.resource, [draft])[0]
        remote = system.stored([str(outcome.id)])[0]

        assert outcome.version == remote.version
        system.need(outcome.body is not None, "outcomes tell no body")
        told = {**draft.body, **(outcome.body or {}), str(system.claims.marker_field): draft.marker}
        held = {
            name: value for name, value in body_of(remote).items() if value is not None and name not in system.stamps
        }
        assert {name: told.get(name) for name in held} == held

    def test_an_outcome_of_an_update_tells_what_is_stored(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update, "cannot update")
        before = system.create()[0]
        patch = Patch(str(uuid.uuid4()), before.id, before.version, {system.field: system.values[0]})
        outcome = system.adapter.update(system.resource, [patch])[0]
        after = system.stored([before.id])[0]

        assert (outcome.error, outcome.version) == (None, after.version)
        system.need(outcome.body is not None, "outcomes tell no body")
        told = {**patch.body, **(outcome.body or {})}
        assert told[system.field] == system.values[0]
        assert {name: body_of(after)[name] for name in told} == told

    def test_fetch_answers_in_order_and_tells_what_is_absent(self, system: SystemUnderTest) -> None:
        first, second = system.create(2)

        fetched = system.adapter.fetch(system.resource, [second.id, system.missing_id, first.id])

        assert [each.id for each in fetched] == [second.id, system.missing_id, first.id]
        assert [each.presence for each in fetched] == [Presence.PRESENT, Presence.ABSENT, Presence.PRESENT]

    def test_fetch_takes_any_number_of_ids(self, system: SystemUnderTest) -> None:
        ids = [each.id for each in system.create(3)] * (system.claims.fetch_size // 2)

        assert [each.id for each in system.stored(ids)] == ids
        assert system.adapter.fetch(system.resource, []) == []

    def test_a_deleted_record_is_absent_or_gone(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_delete, "cannot delete")
        remote = system.create()[0]

        system.take_away(remote)

        presence = system.adapter.fetch(system.resource, [remote.id])[0].presence
        assert presence in {Presence.ABSENT, Presence.GONE}

    def test_a_record_that_goes_on_elsewhere_is_told_with_its_new_id(self, system: SystemUnderTest) -> None:
        system.need(system.move, "nobody says how a record is merged or renamed")
        moved, deleted, stays = system.create(3)
        system.need(system.claims.can_delete, "cannot delete")
        new = system.move(moved.id) if system.move else ""
        system.take_away(deleted)

        fetched = system.adapter.fetch(system.resource, [stays.id, moved.id, deleted.id])

        assert [each.moved_to for each in fetched] == [None, new, None]
        assert fetched[1].presence in {Presence.ABSENT, Presence.GONE}
        assert [each.id for each in system.stored([new])] == [new]

    def test_records_are_found_by_their_markers(self, system: SystemUnderTest) -> None:
        system.need(system.claims.marker_field, "has no marker field")
        system.need(system.claims.can_create, "cannot create")
        drafts = [system.draft() for _ in range(3)]
        created = system.adapter.create(system.resource, drafts)
        marker = str(system.claims.marker_field)

        wanted = [str(drafts[0].marker), "contract-unknown", str(drafts[2].marker)]
        found = system.adapter.find(system.resource, marker, wanted)

        assert {each.id for each in found} == {created[0].id, created[2].id}
        assert {body_of(each)[marker] for each in found} == {wanted[0], wanted[2]}
        assert system.adapter.find(system.resource, marker, []) == []

    def test_many_markers_are_found_at_once(self, system: SystemUnderTest) -> None:
        system.need(system.claims.marker_field, "has no marker field")
        system.need(system.claims.can_create, "cannot create")
        draft = system.draft()
        created = system.adapter.create(system.resource, [draft])[0]

        wanted = [f"contract-{uuid.uuid4()}" for _ in range(300)] + [str(draft.marker)]
        found = system.adapter.find(system.resource, str(system.claims.marker_field), wanted)

        assert [each.id for each in found] == [created.id]

    def test_the_count_follows_creates_and_deletes(self, system: SystemUnderTest) -> None:
        system.need(system.claims.counts, "does not count")
        before = system.adapter.count(system.resource) or 0
        created = system.create(3)
        more = system.adapter.count(system.resource)

        assert more == before + 3
        system.need(system.claims.can_delete, "cannot delete")
        system.adapter.delete(system.resource, [Removal(str(uuid.uuid4()), created[0].id, None)])
        assert system.adapter.count(system.resource) == before + 2
