"""Newcomers: column by column comes to the same rows as the general way, and what is unusual is left to that."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings, strategies as st

from connector.apply import send_creates
from connector.context import Work
from connector.decide import decide
from connector.executor import InTurn
from connector.gather import gather
from connector.introduce import Line, await_newcomers, send_newcomers, settle_rest, store_made, tell_fates
from connector.newcomers import Scene, choose, journal_newcomers, look_around
from connector.pull import pull
from connector.records import Side
from connector.report import Report
from connector.sender import Sender
from connector.stage import stage
from connector.store import inbox, journal
from connector.store.inbox import Taken
from connector.store.schema import base, cursor, link, match_key, operation, sighting
from connector.sync import running
from tests.simulation.life import Life
from tests.simulation.small import Small
from tests.simulation.tables import Rules
from tests.simulation.traits import Traits
from tests.simulation.trial import be_quiet

TABLES = (link, base, operation, sighting, match_key, inbox.inbox, cursor)
APART = {"key", "id", "run", "operation"}
"""Columns that hold ids made along the way, where the table is `operation`."""
TEXTS = st.sampled_from(["Ulm", "  ULM ", "Köln", "St. Gallen", "東京", "a\x1eb"])
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["Anna", "Jürgen", "O'Brien"])},
        optional={
            "phone": st.sampled_from(["+49 30 1", "030/1"]),
            "credit": st.sampled_from(["19.99", "5"]),
            "city": TEXTS,
            "zip": TEXTS,
            "points": st.integers(0, 99).map(str),
            "tags": st.lists(st.sampled_from("abc"), unique=True),
        },
    ),
    min_size=1,
    max_size=4,
)
Way = Callable[[Work], None]


def meet(people: Sequence[Mapping[str, Any]], way: Way, erp: Traits) -> dict[str, list[Any]]:
    """First contact of these customers with an empty ERP, by one way; gives every row that it left."""
    with closing(Small(Traits.good(), erp, Rules()).life) as life:
        for number, fields in enumerate(people):
            customer(life, Side.CRM, f"K{number}", **fields)
        with read(life) as work:
            way(work)
        return {table.name: rows(life, table) for table in TABLES}


def customer(life: Life, side: Side, serial: str, **fields: Any) -> None:
    """Somebody types a customer."""
    given = {"name": "Anna", "status": "active", **fields, "serial": serial}
    life.world.systems[side].insert("customer", given, ours=False)


@contextmanager
def read(life: Life) -> Iterator[Work]:
    """The customers' part of a run, after both sides were read."""
    context = life.running(Random(0)).context  # noqa: S311 -- nothing is left to chance
    report = Report(context.new_id(), "sync")
    with running(context, report) as epoch:
        work = Work(context, context.entities["customer"], report.run, report.tally("customer"), epoch)
        for side in Side:
            pull(work, side)
        yield work


def rows(life: Life, table: Any) -> list[Any]:
    """What a table holds, without what only tells when and by which process."""
    with life.desk.read() as connection:
        found = [dict(row._mapping) for row in connection.execute(table.select())]
    left_out = APART if table is operation else {"seq"}
    kept = [
        {name: shown(name, one[name]) for name in one.keys() - left_out if not name.endswith("_at")} for one in found
    ]
    return sorted(kept, key=repr)


def shown(name: str, value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, bytes) and name != "keys" else value


def taken(work: Work) -> Taken:
    with work.store.read() as connection:
        return inbox.take_columns(connection, work.name, 0, 10, work.now(), inbox.head(connection))


def by_columns(work: Work) -> None:
    found, left = choose(work, taken(work), look_around(work))
    assert left == []
    for new in found:
        assert journal_newcomers(work, new).result()
        sent = await_newcomers(work, send_newcomers(work, new, InTurn(), Line()))
        fates = tell_fates(work, sent)
        settle_rest(work, sent, fates, stored=store_made(work, new, fates.made).result())


def one_by_one(work: Work) -> None:
    with work.store.read() as connection:
        chunk = gather(work, inbox.take(connection, work.name, 0, 10, work.now()))
    send_creates(work, stage(work, decide(work, chunk)), chunk.refs)


@pytest.mark.parametrize("answers", [True, False], ids=["an ERP that tells what it stored", "one that does not"])
@settings(max_examples=8, deadline=None)
@given(people=PEOPLE)
def test_both_ways_leave_the_same_rows(answers: bool, people: list[dict[str, Any]]) -> None:  # noqa: FBT001
    be_quiet()
    erp = Traits.good(answers=answers)

    assert meet(people, by_columns, erp) == meet(people, one_by_one, erp)


@pytest.mark.parametrize(
    ("crm", "erp"),
    [
        pytest.param(["K1", "K1"], [], id="two have one key"),
        pytest.param(["K1"], ["K1"], id="one across has its key"),
        pytest.param([""], [], id="it lacks what the other side requires"),
    ],
)
def test_who_is_unusual_is_left_to_the_general_way(crm: list[str], erp: list[str]) -> None:
    be_quiet()
    with closing(Small(Traits.good(), Traits.good(), Rules()).life) as life:
        for side, serials in ((Side.CRM, [*crm, "K2"]), (Side.ERP, erp)):
            for serial in serials:
                customer(life, side, serial)

        with read(life) as work:
            found, left = choose(work, taken(work), Scene())

    assert ([one.sources for one in found], len(left)) == ([[str(len(crm) + 1)]], len(crm) + len(erp))


def test_newcomers_in_whose_way_an_operation_stands_are_told_and_neither_sent_nor_lost() -> None:
    be_quiet()
    with closing(Small(Traits.good(), Traits.good(), Rules()).life) as life:
        customer(life, Side.CRM, "K1")
        with read(life) as work:
            (new,), _ = choose(work, taken(work), Scene())
            with work.write() as connection:
                journal.add(connection, [new.decision(0).operation._replace(id="other")], work.now())
            with Sender(work) as sender:
                sender.introduce(new)
                sender.finish()

                refused = sender.refused()

            assert (refused, taken(work).seqs) == ([new], new.seqs)
        assert list(life.world.systems[Side.ERP].of("customer")) == []
