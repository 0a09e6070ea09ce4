"""The journal: one live operation a record, and what became of each."""

from datetime import datetime, timedelta

import pytest

from connector.errors import StoreError
from connector.reconcile.guards import FIRST_CONTACT
from connector.records import Operation, OperationKind, OperationState as State, Record, Side, Version
from connector.store import journal
from connector.store.database import Store
from connector.store.schema import CHANGED

CRM, ERP = Side.CRM, Side.ERP
LIVE = [State.PLANNED, State.HELD, State.SENDING, State.UNKNOWN]
ENDED = [State.DONE, State.REJECTED, State.ABANDONED]
VALUES: Record = {"phone": "+49 30 1", "limit": None}


def update(number: int, target: str = "7", state: State = State.PLANNED) -> Operation:
    return Operation(
        f"op{number:04}", "customer", ERP, OperationKind.UPDATE, target, "42", 5, Version("v3"), VALUES, {}, VALUES,
        state=state, run="run1",
    )  # fmt: skip


def create(number: int, source: str, reserved: int | None = None) -> Operation:
    return Operation(
        f"op{number:04}", "customer", ERP, OperationKind.CREATE, None, source, None, None, VALUES, {}, VALUES,
        reserved=reserved, run="run1",
    )  # fmt: skip


def test_an_operation_comes_back_as_it_was(store: Store, at: datetime) -> None:
    full = update(1)._replace(
        action="confirm", source_version=Version("9"), reason="crm moved", reserved=-5, attempts=2, error="none"
    )

    with store.write() as conn:
        journal.add(conn, [full], at)

        assert journal.get(conn, [full.id, "unknown"]) == {full.id: full}


@pytest.mark.parametrize("state", LIVE)
def test_a_record_has_one_live_operation(store: Store, at: datetime, state: State) -> None:
    with store.write() as conn:
        journal.add(conn, [update(1, state=state)], at)

        with pytest.raises(journal.OperationTaken) as caught:
            journal.add(conn, [update(2), update(3, "8")], at)

        assert caught.value.ids == ("op0002",)
        assert list(journal.get(conn, ["op0001", "op0002", "op0003"])) == ["op0001"]


@pytest.mark.parametrize("state", ENDED)
def test_an_ended_operation_makes_room(store: Store, at: datetime, state: State) -> None:
    with store.write() as conn:
        journal.add(conn, [update(1)], at)
        journal.advance(conn, ["op0001"], state, at)

        journal.add(conn, [update(2)], at)

        assert set(journal.live_keys(conn, "customer", ERP, ["7", "8"])) == {"7"}


def test_the_same_id_is_refused_and_the_first_one_kept(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [update(1)], at)

        with pytest.raises(journal.OperationTaken):
            journal.add(conn, [update(1, "8")], at)

        assert journal.get(conn, ["op0001"])["op0001"].target == "7"


def test_a_match_key_is_reserved_by_one_create(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [create(1, "a", reserved=99), create(2, "b"), create(3, "c")], at)

        with pytest.raises(journal.OperationTaken, match="op0004"):
            journal.add(conn, [create(4, "d", reserved=99)], at)

        journal.complete(conn, [("op0001", "e1")], at)
        journal.add(conn, [create(4, "d", reserved=99)], at)


def test_one_source_has_one_live_create(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [create(1, "a")], at)

        with pytest.raises(journal.OperationTaken):
            journal.add(conn, [create(2, "a")], at)

        assert journal.live_keys(conn, "customer", ERP, ["new:a"])["new:a"].id == "op0001"


def test_an_operation_moves_on_and_counts_its_attempts(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [update(1)], at)
        journal.advance(conn, ["op0001"], State.SENDING, at + timedelta(seconds=1))
        journal.advance(conn, ["op0001"], State.UNKNOWN, at + timedelta(seconds=2), error="timed out")
        moved = journal.get(conn, ["op0001"])["op0001"]

        assert (moved.state, moved.attempts, moved.error, moved.values) == (State.UNKNOWN, 1, "timed out", VALUES)
        assert journal.changed_at(conn, ["op0001"]) == {"op0001": at + timedelta(seconds=2)}


def test_an_ended_operation_is_not_made_live_again(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [update(1)], at)
        journal.advance(conn, ["op0001"], State.REJECTED, at)

        journal.advance(conn, ["op0001"], State.SENDING, at)

        assert journal.get(conn, ["op0001"])["op0001"].state is State.REJECTED


def test_a_rejected_create_that_is_found_after_all_is_done(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [create(1, "a")], at)
        journal.advance(conn, ["op0001"], State.REJECTED, at)

        journal.complete(conn, [("op0001", "e1")], at)

        assert journal.get(conn, ["op0001"])["op0001"].state is State.DONE


def test_completed_creates_know_their_record_and_drop_their_values(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [create(1, "a"), create(2, "b")], at)

        journal.complete(conn, [("op0001", "e1"), ("op0002", "e2")], at)
        done = journal.get(conn, ["op0001", "op0002"])

    assert {one.source: one.target for one in done.values()} == {"a": "e1", "b": "e2"}
    assert all((one.values, one.settles, one.state) == ({}, {}, State.DONE) for one in done.values())


def test_one_operation_evolves_in_single_fields(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [create(1, "a"), update(2)], at)

        journal.evolve(conn, "op0001", at, target="e1", values={"name": "x"}, state=State.HELD)

        assert journal.get(conn, ["op0001"])["op0001"] == create(1, "a")._replace(
            target="e1", values={"name": "x"}, state=State.HELD
        )
        with pytest.raises(StoreError, match="op9 is not in the journal"):
            journal.evolve(conn, "op9", at, link=1)


def test_evolving_into_anothers_place_is_refused(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [create(1, "a"), update(2)], at)

    with pytest.raises(journal.OperationTaken), store.write() as conn:
        journal.evolve(conn, "op0001", at, target="7")


def test_operations_are_read_by_state_in_the_order_of_time(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [update(number, str(number)) for number in range(7)], at)
        journal.add(conn, [update(8, "8")._replace(run="run2"), update(9, "9")._replace(entity="order")], at)
        journal.advance(conn, ["op0002"], State.REJECTED, at)

        first = journal.by_state(conn, [State.PLANNED], "customer", "run1", 4)
        rest = journal.by_state(conn, [State.PLANNED], "customer", "run1", 4, after=first[-1].id)

        assert [one.id[-1] for one in first + rest] == ["0", "1", "3", "4", "5", "6"]
        assert [one.id for one in journal.by_state(conn, [State.REJECTED])] == ["op0002"]
        assert len(journal.by_state(conn, [State.PLANNED, State.REJECTED])) == 9


def test_a_records_operations_are_those_that_wrote_it_and_those_it_caused(store: Store, at: datetime) -> None:
    later = at + timedelta(hours=1)
    with store.write() as conn:
        journal.add(conn, [update(1), update(2, "8"), update(3, "42")], at)
        journal.advance(conn, ["op0001"], State.DONE, later)

        written = journal.of_record(conn, "customer", ERP, "7", 10)
        caused = journal.of_record(conn, "customer", CRM, "42", 2)

    assert [(one.id, planned, moved) for one, planned, moved in written] == [("op0001", at, later)]
    assert [one.id for one, _, _ in caused] == ["op0003", "op0002"]


def test_the_window_counts_the_removals_in_it(store: Store, at: datetime) -> None:
    gone = [update(number, str(number))._replace(kind=OperationKind.ARCHIVE) for number in (1, 2)]
    with store.write() as conn:
        journal.add(conn, [*gone, create(3, "c"), update(4, "4")], at)
        journal.advance(conn, ["op0001"], State.DONE, at - timedelta(days=2))
        journal.advance(conn, ["op0002", "op0004"], State.DONE, at)

        assert journal.removals_since(conn, "customer", ERP, at - timedelta(days=1)) == 1


def test_records_changed_since_an_instant_count_once_and_first_contact_does_not(store: Store, at: datetime) -> None:
    often = [update(1, "1"), update(2, "1"), update(3, "2"), update(4, "3")._replace(reason=FIRST_CONTACT)]
    with store.write() as conn:
        for one in often:
            journal.add(conn, [one], at)
            journal.advance(conn, [one.id], State.DONE, at)

        assert journal.records_changed_since(conn, "customer", ERP, at) == 2
        assert journal.records_changed_since(conn, "customer", ERP, at + timedelta(seconds=1)) == 0
        assert journal.records_changed_since(conn, "customer", CRM, at) == 0


def test_the_records_on_which_a_field_changed_are_told_by_field(store: Store, at: datetime) -> None:
    quoting: Record = {"note": '"phone":', "limit": "1"}
    with store.write() as conn:
        rows = [update(1, "1"), update(2, "2")._replace(values=quoting), update(3, "3")._replace(reason=FIRST_CONTACT)]
        journal.add(conn, rows, at)
        journal.advance(conn, [one.id for one in rows], State.DONE, at)

        found = journal.changed_since(conn, "customer", ERP, ["phone", "limit"], at)
    assert found == {"phone": {"1"}, "limit": {"1", "2"}}


def test_what_was_done_is_read_page_by_page_while_other_questions_are_asked(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [update(number, str(number)) for number in range(5)], at)
        journal.advance(conn, [f"op{number:04}" for number in range(5)], State.DONE, at)
    with store.read() as conn:
        found = journal.done_since(conn, CHANGED, "customer", ERP, at, 2)
        pages = [[one.values for one in journal.get(conn, [one.id for one in page]).values()] for page in found]

        assert pages == [[VALUES] * 2, [VALUES] * 2, [VALUES]]


def test_the_writes_to_a_record_are_told_with_their_values(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [update(1, "1"), update(2, "2"), update(3, "3"), create(4, "1")], at)
        journal.advance(conn, ["op0001", "op0002", "op0004"], State.DONE, at)
        micros = int(at.timestamp() * 1_000_000)

        assert journal.written_since(conn, "customer", ERP, ["1", "3"], at) == [("1", micros, "op0001", VALUES)]
        assert journal.written_since(conn, "customer", ERP, ["1", "3"], at + timedelta(seconds=1)) == []


def test_states_are_counted(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.add(conn, [update(number, str(number)) for number in range(4)], at)
        journal.advance(conn, ["op0000"], State.DONE, at)
        journal.advance(conn, ["op0001"], State.ABANDONED, at)

        assert journal.state_counts(conn) == {State.PLANNED: 2, State.ABANDONED: 1}


def test_runs_are_told_newest_first(store: Store, at: datetime) -> None:
    with store.write() as conn:
        journal.start_run(conn, "r1", "sync", at)
        journal.start_run(conn, "r2", "plan", at + timedelta(minutes=1))
        journal.finish_run(conn, "r1", "clean", {"written": 3}, at + timedelta(minutes=2))

        assert journal.unfinished_runs(conn) == ["r2"]
        assert journal.last_runs(conn, 5) == [
            journal.Run("r2", "plan", at + timedelta(minutes=1), None, None, {}),
            journal.Run("r1", "sync", at, at + timedelta(minutes=2), "clean", {"written": 3}),
        ]
