"""What waits for people, and what they decided: conflicts, problems, approvals."""

from datetime import datetime, timedelta

import pytest

from connector.errors import StoreError
from connector.records import Conflict, Problem, Ref, Side
from connector.store import approvals, conflicts, problems
from connector.store.database import Store

CRM, ERP = Side.CRM, Side.ERP


def conflict(link: int = 1, field: str = "phone", crm: str = "1") -> Conflict:
    return Conflict(
        "customer", link, f"c{link}", f"e{link}", field, {field: "0"}, {field: "0"}, {field: crm}, {field: "2"}, "both"
    )


def problem(record_id: str = "7", cause: str = "rejected", message: str = "no") -> Problem:
    return Problem("order", ERP, record_id, cause, message, "total", Ref("customer", CRM, "a b"))


def test_a_conflict_is_opened_once_a_link_and_field(store: Store, at: datetime) -> None:
    with store.write() as conn:
        first = conflicts.open(conn, [conflict(), conflict(), conflict(field="name"), conflict(2)], at)
        again = conflicts.open(conn, [conflict(), conflict(3)], at)

        assert (first, again) == (3, 1)
        assert conflicts.count(conn) == {"customer": 4}


def test_an_open_conflict_takes_the_newer_values(store: Store, at: datetime) -> None:
    with store.write() as conn:
        conflicts.open(conn, [conflict()], at)

        conflicts.open(conn, [conflict(crm="9")], at + timedelta(hours=1))

        (item,) = conflicts.listed(conn)
    assert (item.conflict, item.opened_at, item.status) == (conflict(crm="9"), at, "open")


def test_a_resolution_waits_for_its_write(store: Store, at: datetime) -> None:
    with store.write() as conn:
        conflicts.open(conn, [conflict()], at)
        (item,) = conflicts.listed(conn, "customer")
        conflicts.resolve(conn, item.id, CRM, None, "ada", at)

        conflicts.open(conn, [conflict()], at)

        (resolved,) = conflicts.of_links(conn, [1, 2])[1]
    assert (resolved.status, resolved.resolution, resolved.resolved_by) == ("resolved", CRM, "ada")


def test_a_resolution_by_values_keeps_them(store: Store, at: datetime) -> None:
    with store.write() as conn:
        conflicts.open(conn, [conflict()], at)
        conflicts.resolve(conn, conflicts.listed(conn)[0].id, None, {"phone": "3"}, "ada", at)

        (item,) = conflicts.listed(conn)
    assert (item.resolution, item.values) == (None, {"phone": "3"})


def test_a_resolution_ends_when_the_values_move_on(store: Store, at: datetime) -> None:
    with store.write() as conn:
        conflicts.open(conn, [conflict()], at)
        conflicts.resolve(conn, conflicts.listed(conn)[0].id, ERP, None, "ada", at)

        conflicts.open(conn, [conflict(crm="9")], at)

        (item,) = conflicts.listed(conn)
    assert (item.status, item.resolution, item.resolved_by) == ("open", None, None)


def test_a_closed_conflict_makes_room_for_the_next(store: Store, at: datetime) -> None:
    with store.write() as conn:
        conflicts.open(conn, [conflict(), conflict(2)], at)
        conflicts.close(conn, [(1, "phone"), (2, "name")], "written", at)
        assert [item.conflict.link for item in conflicts.listed(conn)] == [2]

        assert conflicts.open(conn, [conflict()], at) == 1
        closed = [item for item in conflicts.listed(conn, include_closed=True) if item.status == "closed"]
        found = conflicts.get(conn, closed[0].id)

    assert [(item.conflict.link, item.how) for item in closed] == [(1, "written")]
    assert found == closed[0]


def test_only_an_unsettled_conflict_can_be_resolved(store: Store, at: datetime) -> None:
    with pytest.raises(StoreError, match="no open conflict 99"), store.write() as conn:
        conflicts.resolve(conn, 99, CRM, None, "ada", at)


def test_a_problem_tells_itself_once(store: Store, at: datetime) -> None:
    later = at + timedelta(hours=1)
    with store.write() as conn:
        first = problems.report(conn, [problem(), problem(cause="locked")], at)
        again = problems.report(conn, [problem(message="still no"), problem("8")], later)
        item = next(item for item in problems.listed(conn, "order") if item.problem[2:4] == ("7", "rejected"))

        assert (first, again) == (2, 1)
        assert item.problem == problem(message="still no")
        assert (item.opened_at, item.seen_at, item.attempts) == (at, later, 2)
        assert problems.count(conn) == {"order": 3}
        assert problems.causes(conn) == {"rejected": 2, "locked": 1}


def test_success_closes_a_records_problems(store: Store, at: datetime) -> None:
    refs = [Ref("order", ERP, "7"), Ref("order", CRM, "8")]
    with store.write() as conn:
        problems.report(conn, [problem(), problem(cause="locked"), problem("8")], at)

        problems.clear(conn, refs, ["locked"], at)
        assert problems.causes(conn) == {"rejected": 2}
        problems.clear(conn, refs, None, at)

        assert [item.problem.id for item in problems.listed(conn)] == ["8"]
        assert problems.of(conn, refs) == []


def test_a_problem_is_dismissed_once_and_can_come_back(store: Store, at: datetime) -> None:
    with store.write() as conn:
        problems.report(conn, [problem()], at)
        (item,) = problems.of(conn, [Ref("order", ERP, "7")])

        assert problems.dismiss(conn, item.id, at)
        assert not problems.dismiss(conn, item.id, at)
        assert problems.get(conn, item.id) == item
        assert problems.report(conn, [problem()], at) == 1


def test_an_approval_holds_for_one_change_until_it_expires(store: Store, at: datetime) -> None:
    tomorrow = at + timedelta(days=1)
    with store.write() as conn:
        approvals.approve(conn, "customer", ERP, "7", "delete", "digest", "ada", at, tomorrow)

        assert approvals.approved(conn, "customer", ERP, ["digest", "other"], at) == {"digest"}
        assert approvals.approved(conn, "customer", CRM, ["digest"], at) == set()
        assert approvals.approved(conn, "customer", ERP, ["digest"], tomorrow) == set()
        assert approvals.listed(conn) == [
            approvals.Approval("customer", ERP, "digest", "7", "delete", "ada", at, tomorrow)
        ]


def test_an_approval_is_renewed(store: Store, at: datetime) -> None:
    with store.write() as conn:
        approvals.approve(conn, "customer", ERP, "7", "delete", "digest", "ada", at, at)
        approvals.approve(conn, "customer", ERP, "7", "delete", "digest", "bob", at, at + timedelta(days=1))

        assert [(one.by, one.expires) for one in approvals.listed(conn)] == [("bob", at + timedelta(days=1))]
