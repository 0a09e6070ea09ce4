"""The contract of what a system says about single records: forbidden, stale, not there yet, all changed at one time."""

# ruff: noqa: D102 -- the name of a test is its sentence

import time
import uuid

from connector.adapters.testing_system import SystemUnderTest, body_of
from connector.errors import Forbidden, RecordError, VersionConflict
from connector.records import Patch, Presence, Remote, Removal


class RefusalContract:
    """What an adapter promises where a system refuses one record, or does not show it yet."""

    def test_forbidden_absent_and_deleted_are_told_apart(self, system: SystemUnderTest) -> None:
        system.need(system.forbid, "was given no way to forbid a record")
        system.need(system.claims.can_delete, "cannot delete")
        open_one, forbidden, deleted = system.create(3)
        system.take_away(deleted)
        _forbid(system, forbidden)

        ids = [forbidden.id, open_one.id, system.missing_id, deleted.id]
        fetched = [each.presence for each in system.adapter.fetch(system.resource, ids)]

        assert fetched[:3] == [Presence.FORBIDDEN, Presence.PRESENT, Presence.ABSENT]
        assert fetched[3] in {Presence.ABSENT, Presence.GONE}

    def test_a_change_of_a_forbidden_record_fails_alone(self, system: SystemUnderTest) -> None:
        system.need(system.forbid, "was given no way to forbid a record")
        system.need(system.claims.can_update, "cannot update")
        forbidden, open_one = system.create(2)
        _forbid(system, forbidden)

        outcomes = system.adapter.update(system.resource, [_patch(each, system) for each in (forbidden, open_one)])

        assert isinstance(outcomes[0].error, Forbidden)
        assert (outcomes[1].id, outcomes[1].error) == (open_one.id, None)

    def test_a_forbidden_record_does_not_count_as_deleted(self, system: SystemUnderTest) -> None:
        system.need(system.forbid, "was given no way to forbid a record")
        system.need(system.claims.can_delete, "cannot delete")
        forbidden = system.create()[0]
        _forbid(system, forbidden)

        outcome = system.adapter.delete(system.resource, [Removal(str(uuid.uuid4()), forbidden.id, None)])[0]

        assert isinstance(outcome.error, Forbidden)

    def test_one_stale_update_is_refused_alone(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update and system.claims.conditional_write, "has no conditional writes")
        stale, fresh = system.create(2)
        system.change(stale, **{system.field: system.values[1]})

        outcomes = system.adapter.update(system.resource, [_patch(each, system) for each in (stale, fresh)])

        assert (outcomes[0].id, type(outcomes[0].error)) == (stale.id, VersionConflict)
        assert (outcomes[1].id, outcomes[1].error) == (fresh.id, None)
        assert body_of(system.stored([stale.id])[0])[system.field] == system.values[1]

    def test_one_wrong_update_is_refused_alone(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update and system.wrong is not None, "has no body that is refused")
        wrong, right = system.create(2)
        patches = [_patch(wrong, system)._replace(body=dict(system.wrong or {})), _patch(right, system)]

        outcomes = system.adapter.update(system.resource, patches)

        assert outcomes[0].id == wrong.id
        assert isinstance(outcomes[0].error, RecordError)
        assert (outcomes[1].id, outcomes[1].error) == (right.id, None)

    def test_a_new_record_is_fetched_within_the_declared_lag(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_create, "cannot create")

        outcome = system.adapter.create(system.resource, [system.draft()])[0]

        assert [each.id for each in system.stored([str(outcome.id)])] == [outcome.id]

    def test_a_new_record_is_found_by_its_marker_within_the_declared_lag(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_create and system.claims.marker_field, "has no marker field")
        draft = system.draft()
        outcome = system.adapter.create(system.resource, [draft])[0]
        marker = str(system.claims.marker_field)

        found = system.looked_up(lambda: system.adapter.find(system.resource, marker, [str(draft.marker)]), bool)

        assert [each.id for each in found] == [outcome.id]

    def test_what_scans_show_late_is_not_jumped_over(self, system: SystemUnderTest) -> None:
        _, cursor = system.scan()
        created = system.create()[0]
        early, cursor = system.scan(cursor)

        time.sleep(system.claims.visibility_lag.total_seconds())
        late, _ = system.scan(cursor)

        assert created.id in {each.id for each in [*early, *late]}

    def test_records_of_one_time_are_all_seen(self, system: SystemUnderTest) -> None:
        count = 2 * system.claims.page_size + 1
        _, start = system.scan()
        ids = system.create_tied(count) if system.create_tied else [each.id for each in system.create(count)]

        remotes, _ = system.scan(start)

        assert sorted(set(ids) - {each.id for each in remotes}) == []


def _forbid(system: SystemUnderTest, remote: Remote) -> None:
    assert system.forbid is not None
    system.forbid(remote.id)


def _patch(remote: Remote, system: SystemUnderTest) -> Patch:
    return Patch(str(uuid.uuid4()), remote.id, remote.version, {system.field: system.values[0]})
