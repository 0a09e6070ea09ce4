"""Links: unique on both sides, with a base for each."""

from datetime import datetime

import pytest

from connector.records import Base, LinkStatus, NewLink, Rebase, Ref, Side, Version
from connector.store import aliases, links
from connector.store.database import Store

CRM, ERP = Side.CRM, Side.ERP


def base(name: str, version: str | None = "v1") -> Base:
    return Base(f'{{"name":"{name}"}}'.encode(), None if version is None else Version(version), 7)


def pair(crm_id: str, erp_id: str, entity: str = "customer") -> NewLink:
    return NewLink(entity, crm_id, erp_id, base(f"crm {crm_id}"), base(f"erp {erp_id}", None))


def test_a_link_is_found_from_either_side(store: Store, at: datetime) -> None:
    with store.write() as conn:
        numbers = links.add(conn, [pair("a", "1"), pair("b", "2")], at)

        found = links.find(conn, "customer", CRM, ["a", "unknown"]) | links.find(conn, "customer", ERP, ["2"])

    assert {key: (link.id, link.crm_id, link.erp_id) for key, link in found.items()} == {
        "a": (numbers[0], "a", "1"),
        "2": (numbers[1], "b", "2"),
    }


def test_both_bases_come_back_as_they_were(store: Store, at: datetime) -> None:
    with store.write() as conn:
        (number,) = links.add(conn, [pair("a", "1")], at)

        link = links.get(conn, [number])[number]

    assert link.base_on(CRM) == base("crm a")
    assert link.base_on(ERP) == base("erp 1", None)
    assert link.status is LinkStatus.ACTIVE


def test_numbers_come_in_the_order_of_the_rows(store: Store, at: datetime) -> None:
    rows = [pair(f"c{number}", f"e{number}") for number in range(1234)]

    with store.write() as conn:
        numbers = links.add(conn, rows, at)
        stored = links.get(conn, numbers)

    assert [stored[number].crm_id for number in numbers] == [row.crm_id for row in rows]


@pytest.mark.parametrize(
    ("rows", "taken"),
    [
        pytest.param([pair("a", "9")], {Ref("customer", CRM, "a")}, id="the crm id is linked"),
        pytest.param([pair("z", "1")], {Ref("customer", ERP, "1")}, id="the erp id is linked"),
        pytest.param([pair("x", "8"), pair("x", "9")], {Ref("customer", CRM, "x")}, id="twice in one batch"),
    ],
)
def test_no_record_is_linked_twice(store: Store, at: datetime, rows: list[NewLink], taken: set[Ref]) -> None:
    with store.write() as conn:
        links.add(conn, [pair("a", "1")], at)

        with pytest.raises(links.LinkTaken) as caught:
            links.add(conn, [pair("new", "new"), *rows], at)

        assert set(caught.value.taken) == taken
        assert links.count(conn, "customer") == 1


def test_many_links_of_which_one_is_taken_are_refused_with_its_name(store: Store, at: datetime) -> None:
    many = [pair(f"c{number}", f"e{number}") for number in range(50)]
    with store.write() as conn:
        links.add(conn, [pair("a", "e7")], at)

        with pytest.raises(links.LinkTaken) as caught:
            links.add(conn, many, at)

        assert caught.value.taken == (Ref("customer", ERP, "e7"),)
        assert links.count(conn, "customer") == 1


def test_ids_of_two_entities_do_not_meet(store: Store, at: datetime) -> None:
    with store.write() as conn:
        links.add(conn, [pair("a", "1"), pair("a", "1", "order")], at)

        assert (links.count(conn, "customer"), links.count(conn, "order")) == (1, 1)


def test_whether_there_are_so_many_links_is_told_without_counting_them_all(store: Store, at: datetime) -> None:
    with store.write() as conn:
        links.add(conn, [pair("a", "1"), pair("b", "2"), pair("a", "1", "order")], at)

        assert links.are_at_least(conn, "customer", 2)
        assert not links.are_at_least(conn, "customer", 3)


def test_a_rebase_moves_one_side(store: Store, at: datetime) -> None:
    with store.write() as conn:
        first, second = links.add(conn, [pair("a", "1"), pair("b", "2")], at)

        links.rebase(conn, [Rebase(first, ERP, base("new", "v2")), Rebase(second, CRM, base("other", None))], at)
        stored = links.get(conn, [first, second])

    assert (stored[first].crm_base, stored[first].erp_base) == (base("crm a"), base("new", "v2"))
    assert (stored[second].crm_base, stored[second].erp_base) == (base("other", None), base("erp 2", None))


def test_the_last_rebase_of_a_side_wins(store: Store, at: datetime) -> None:
    with store.write() as conn:
        (number,) = links.add(conn, [pair("a", "1")], at)

        links.rebase(conn, [Rebase(number, CRM, base("first")), Rebase(number, CRM, base("last"))], at)

        assert links.get(conn, [number])[number].crm_base == base("last")


def test_counterparts_leave_tombstones_out(store: Store, at: datetime) -> None:
    with store.write() as conn:
        numbers = links.add(conn, [pair("a", "1"), pair("b", "2"), pair("c", "3")], at)
        links.set_status(conn, numbers[1:2], LinkStatus.DORMANT, at)
        links.set_status(conn, numbers[2:], LinkStatus.TOMBSTONED, at)

        assert links.counterparts(conn, "customer", ERP, ["1", "2", "3", "4"]) == {"1": "a", "2": "b"}
        assert links.find(conn, "customer", ERP, ["3"])["3"].status is LinkStatus.TOMBSTONED


def test_versions_are_those_of_the_asked_side(store: Store, at: datetime) -> None:
    with store.write() as conn:
        links.add(conn, [pair("a", "1")], at)

        assert links.versions(conn, "customer", CRM, ["a", "b"]) == {"a": "v1"}
        assert links.versions(conn, "customer", ERP, ["1"]) == {"1": None}


def test_removed_links_free_both_ids_and_numbers_are_not_reused(store: Store, at: datetime) -> None:
    with store.write() as conn:
        (number,) = links.add(conn, [pair("a", "1")], at)
        links.remove(conn, [number])

        (again,) = links.add(conn, [pair("a", "1")], at)

    assert again > number


def test_pages_walk_over_everything_once(store: Store, at: datetime) -> None:
    with store.write() as conn:
        numbers = links.add(conn, [pair(f"c{number}", f"e{number}") for number in range(25)], at)
        links.add(conn, [pair("other", "other", "order")], at)

        seen: list[int] = []
        while page := links.page(conn, "customer", seen[-1] if seen else 0, 10):
            seen += [link.id for link in page]

    assert seen == numbers


def test_ids_hold_anything(store: Store, at: datetime) -> None:
    odd = ['quote"', "ümläut", "100%", "a,b", "{x}", "%s", "?", " ", "\n", "\\", "NULL", ""]

    with store.write() as conn:
        links.add(conn, [pair(one, one) for one in odd], at)

        assert sorted(links.counterparts(conn, "customer", CRM, odd)) == sorted(odd)
        assert [list(links.counterparts(conn, "customer", CRM, [one])) for one in odd] == [[one] for one in odd]


def test_a_link_follows_its_record_and_keeps_its_bases(store: Store, at: datetime) -> None:
    with store.write() as conn:
        numbers = links.add(conn, [pair("a", "1"), pair("b", "2")], at)

        links.repoint(conn, [(numbers[0], CRM, "c"), (numbers[1], ERP, "3")], at)

        stored = links.get(conn, numbers)
        assert [(one.crm_id, one.erp_id) for one in stored.values()] == [("c", "1"), ("b", "3")]
        assert stored[numbers[0]].base_on(CRM) == base("crm a")


def test_counterparts_are_those_of_the_records_that_go_on(store: Store, at: datetime) -> None:
    with store.write() as conn:
        numbers = links.add(conn, [pair("loser", "1"), pair("winner", "2"), pair("other", "3")], at)
        links.set_status(conn, numbers[:1], LinkStatus.DORMANT, at)
        aliases.add(conn, "customer", CRM, "loser", "winner", at)
        aliases.add(conn, "customer", CRM, "lost", "unlinked", at)

        from_crm = links.counterparts(conn, "customer", CRM, ["loser", "winner", "other", "lost"])
        from_erp = links.counterparts(conn, "customer", ERP, ["1", "2", "3"])

    assert from_crm == {"loser": "2", "winner": "2", "other": "3"}
    assert from_erp == {"1": "winner", "2": "winner", "3": "other"}


def test_ties_are_the_active_links_without_their_bases(store: Store, at: datetime) -> None:
    with store.write() as conn:
        first, second, third = links.add(conn, [pair("a", "1"), pair("b", "2"), pair("c", "3")], at)
        links.set_status(conn, [second], LinkStatus.DORMANT, at)

        told = links.ties(conn, "customer", ERP, ["1", "2", "unknown"])
        walked = links.ties_after(conn, "customer", first, 10)

    assert (told, walked) == ([(first, "a", "1")], [(third, "c", "3")])


def test_active_links_are_counted_with_the_sum_of_their_numbers(store: Store, at: datetime) -> None:
    with store.write() as conn:
        first, second, third = links.add(conn, [pair("a", "1"), pair("b", "2"), pair("c", "3")], at)
        links.set_status(conn, [second], LinkStatus.TOMBSTONED, at)

        counted, of_none = links.count_active(conn, "customer"), links.count_active(conn, "order")

    assert (counted, of_none) == ((2, first + third), (0, 0))


def test_a_sample_comes_from_both_ends_and_the_middle_and_leaves_out_what_is_over(store: Store, at: datetime) -> None:
    with store.write() as conn:
        assert links.sample(conn, "customer", CRM, 2) == []
        numbers = links.add(conn, [pair(f"c{number}", f"e{number}") for number in range(20)], at)
        links.add(conn, [pair("other", "other", "product")], at)
        links.set_status(conn, numbers[:5], LinkStatus.TOMBSTONED, at)

        found = links.sample(conn, "customer", CRM, 2), links.sample(conn, "customer", ERP, 1)

    assert found == (["c5", "c6", "c9", "c10", "c18", "c19"], ["e5", "e9", "e19"])
