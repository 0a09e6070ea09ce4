"""The contract of scanning: nothing is lost, whatever moves while pages are read."""

# ruff: noqa: D102 -- the name of a test is its sentence

from collections.abc import Iterator

from connector.adapters.testing_system import MOST_PAGES, SystemUnderTest, body_of
from connector.records import Cursor, Remote


class ScanContract:
    """What an adapter promises about scans and their cursors."""

    def test_a_scan_covers_every_record_over_many_pages(self, system: SystemUnderTest) -> None:
        created = system.create(2 * system.claims.page_size + 1)

        remotes, _ = system.scan()

        seen = {each.id: each for each in remotes}
        assert [each.id for each in created if each.id not in seen] == []
        assert [seen[each.id].body for each in created] == [each.body for each in created]

    def test_a_scan_of_a_window_covers_what_changed_together(self, system: SystemUnderTest) -> None:
        _, cursor = system.scan()
        created = system.create(2 * system.claims.page_size + 1)

        remotes, _ = system.scan(cursor)

        assert _ids(created) <= _ids(remotes)

    def test_a_window_starts_where_the_last_one_ended(self, system: SystemUnderTest) -> None:
        _, cursor = system.scan()
        for _ in range(10):
            # Created right after a scan ended, so often within the same tick of the system's clock.
            created = system.create()
            remotes, cursor = system.scan(cursor)
            assert _ids(created) <= _ids(remotes)

    def test_a_change_shows_in_the_next_window(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_update, "cannot update")
        remote = system.create()[0]
        _, cursor = system.scan()

        system.change(remote, **{system.field: system.values[1]})

        seen = _latest(system.scan(cursor)[0])
        assert remote.id in seen
        latest = seen[remote.id]
        assert body_of(latest)[system.field] == system.values[1]
        assert latest.version != remote.version

    def test_a_quiet_system_shows_nothing_new(self, system: SystemUnderTest) -> None:
        system.create(2)
        known, cursor = system.scan()

        remotes, _ = system.scan(cursor)

        known_versions = {(each.id, each.version) for each in known}
        assert [each for each in remotes if not each.deleted and (each.id, each.version) not in known_versions] == []

    def test_what_moves_during_paging_is_not_lost(self, system: SystemUnderTest) -> None:
        _, start = system.scan()
        created = system.create(3 * system.claims.page_size + 1)
        first = system.adapter.scan(system.resource, start)

        late = system.create(1)
        if system.claims.can_update:
            for remote in (created[0], created[-1], created[len(created) // 2]):
                system.change(remote, **{system.field: system.values[1]})
        rest, cursor = system.scan(first.cursor)
        following, _ = system.scan(cursor)

        latest = _latest([*first.remotes, *rest, *following])
        now = system.stored([each.id for each in [*created, *late]])
        assert {each.id for each in now} <= set(latest)
        assert [latest[each.id].version for each in now] == [each.version for each in now]

    def test_deletes_during_paging_hide_nothing(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_delete, "cannot delete")
        _, start = system.scan()
        created = system.create(3 * system.claims.page_size + 1)
        first = system.adapter.scan(system.resource, start)

        leaving = created[: system.claims.page_size // 2]
        for remote in leaving:
            system.take_away(remote)
        rest, cursor = system.scan(first.cursor)
        following, _ = system.scan(cursor)

        staying = _ids(created) - _ids(leaving)
        assert staying <= _ids([*first.remotes, *rest, *following])

    def test_a_cursor_goes_on_in_another_process(self, system: SystemUnderTest) -> None:
        _, start = system.scan()
        created = system.create(2 * system.claims.page_size + 1)
        first = system.adapter.scan(system.resource, start)

        page, seen = first, _ids(first.remotes)
        for _ in range(MOST_PAGES):
            if page.more:
                page = system.connect().scan(system.resource, Cursor(str(page.cursor)))
                seen |= _ids(page.remotes)

        assert not page.more
        assert _ids(created) <= seen

    def test_a_page_can_be_read_again(self, system: SystemUnderTest) -> None:
        _, start = system.scan()
        system.create(2 * system.claims.page_size + 1)
        first = system.adapter.scan(system.resource, start)

        once = system.adapter.scan(system.resource, first.cursor)
        again = system.adapter.scan(system.resource, first.cursor)

        assert _ids(once.remotes) <= _ids(again.remotes)

    def test_pages_that_are_foretold_come_as_foretold_whenever_they_are_read(self, system: SystemUnderTest) -> None:
        system.create(3 * system.claims.page_size + 1)
        page, foretold = system.foretold()
        system.need(foretold, "foretells no pages")

        early = [system.adapter.scan(system.resource, cursor) for cursor in reversed(foretold)]
        in_turn = [page := system.adapter.scan(system.resource, page.cursor) for _ in foretold]

        assert [each.cursor for each in in_turn] == foretold
        assert [_ids(each.remotes) for each in early[:0:-1]] == [_ids(each.remotes) for each in in_turn[1:]]

    def test_ranges_show_what_a_whole_scan_shows(self, system: SystemUnderTest) -> None:
        system.need(system.claims.ranges, "lists nothing by ranges")
        system.create(2 * system.claims.page_size + 1)
        whole, _ = system.scan()

        # What was made within the last moment may be left to the scan that follows.
        split = system.settled_split()
        parts = [system.connect_anew().scan(cursor)[0] for cursor in reversed(split.ranges)]
        following, _ = system.scan(split.after)

        assert len(split.ranges) > 1
        assert _ids(whole) <= _ids(following).union(*map(_ids, parts))

    def test_what_moves_while_ranges_are_read_is_not_lost(self, system: SystemUnderTest) -> None:
        system.need(system.claims.ranges, "lists nothing by ranges")
        created = system.create(3 * system.claims.page_size + 1)
        split = system.split()
        begun = [system.adapter.scan(system.resource, cursor) for cursor in split.ranges]

        leaving = created[: system.claims.page_size // 2] if system.claims.can_delete else []
        for remote in leaving:
            system.take_away(remote)
        late = system.create(1)
        rest = [system.scan(page.cursor)[0] for page in begun if page.more]
        following, _ = system.scan(split.after)

        seen = _ids(following).union(*map(_ids, [*rest, *(page.remotes for page in begun)]))
        assert _ids(created) - _ids(leaving) | _ids(late) <= seen

    def test_keys_agree_with_records(self, system: SystemUnderTest) -> None:
        system.create(system.claims.page_size + 1)
        keys, _ = system.scan(keys_only=True)
        full, _ = system.scan()

        assert {(each.id, each.version) for each in keys} == {(each.id, each.version) for each in full}
        assert {each.body is None for each in keys} == {True}
        assert [each.id for each in full if each.body is None and not each.deleted] == []

    def test_times_are_told_where_they_can_be_trusted(self, system: SystemUnderTest) -> None:
        system.need(system.claims.trustworthy_times and system.claims.can_update, "has no exact times")
        before = system.create()[0]
        system.change(before, **{system.field: system.values[1]})
        after = system.stored([before.id])[0]

        assert before.modified is not None
        assert after.modified is not None
        assert before.modified.tzinfo is not None
        assert before.modified <= after.modified

    def test_of_two_versions_the_larger_one_is_newer(self, system: SystemUnderTest) -> None:
        system.need(system.claims.ordered_versions and system.claims.can_update, "its versions have no order")
        remote = system.create()[0]

        # Often enough to come by 10, which as a text is smaller than 9.
        versions = [str(each.version) for each in _states(system, remote, times=11)]

        assert [each for each in versions if not each.isdecimal()] == []
        assert sorted(set(versions), key=int) == versions

    def test_a_list_shows_each_state_under_its_own_version(self, system: SystemUnderTest) -> None:
        system.need(system.claims.ordered_versions and system.claims.can_update, "its versions have no order")
        remote = system.create()[0]
        _, cursor = system.scan()
        listed: list[Remote] = []

        states = {}
        for state in _states(system, remote, times=4):
            states[state.version] = state.body
            listed += system.scan(cursor)[0]

        shown = [each for each in listed if each.id == remote.id]
        assert [each.body for each in shown] == [states.get(each.version, each.body) for each in shown]

    def test_a_deleted_record_leaves_a_tombstone(self, system: SystemUnderTest) -> None:
        system.need(system.claims.tombstones and system.claims.can_delete, "leaves no tombstones")
        remote = system.create()[0]
        _, cursor = system.scan()

        system.take_away(remote)

        seen = _latest(system.scan(cursor)[0])
        assert remote.id in seen
        latest = seen[remote.id]
        assert (latest.deleted, latest.body) == (True, None)

    def test_an_enumeration_ends_without_the_deleted(self, system: SystemUnderTest) -> None:
        system.need(system.claims.can_delete, "cannot delete")
        staying, leaving = system.create(2)
        system.take_away(leaving)

        present = {each.id for each in system.scan(keys_only=True)[0] if not each.deleted}

        assert staying.id in present
        assert leaving.id not in present


def _states(system: SystemUnderTest, remote: Remote, times: int) -> Iterator[Remote]:
    """A record as it is after each of some changes."""
    for number in range(times):
        system.change(remote, **{system.field: system.values[number % len(system.values)]})
        yield system.stored([remote.id])[0]


def _ids(remotes: list[Remote]) -> set[str]:
    return {each.id for each in remotes}


def _latest(remotes: list[Remote]) -> dict[str, Remote]:
    """What was seen last of each record."""
    return {each.id: each for each in remotes}
