"""Stretches: ranges that are read at once, each with a cursor of its own."""

from connector.records import Cursor, Page, Remote, Side
from connector.store import stretches
from connector.store.database import Store
from connector.store.stretches import LISTING, READING

RANGES = [Cursor("a"), Cursor("b")]
SHOWN = [Remote("1", None, None, {})]


def test_a_stretch_is_undone_until_its_last_page(store: Store) -> None:
    with store.write() as conn:
        stretches.cut(conn, "customer", Side.CRM, READING, RANGES)
        first = stretches.get(conn, "customer", Side.CRM, READING, 0)
        assert first is not None
        middle = first.after(Page(SHOWN * 5, Cursor("a2"), more=True))

        stretches.save(conn, middle)
        assert stretches.get(conn, "customer", Side.CRM, READING, 0) == middle
        stretches.save(conn, middle.after(Page(SHOWN * 2, Cursor("a3"), more=False)))

        assert stretches.undone(conn, "customer", Side.CRM, READING) == [1]
        assert stretches.seen(conn, "customer", Side.CRM, READING) == 7
        assert stretches.left(conn) == {("customer", Side.CRM): 1}


def test_readings_do_not_meddle_with_one_another(store: Store) -> None:
    with store.write() as conn:
        for side in Side:
            stretches.cut(conn, "customer", side, READING, RANGES)
        stretches.cut(conn, "customer", Side.CRM, LISTING, RANGES[:1])

        stretches.clear(conn, "customer", Side.CRM, READING)

        assert stretches.seen(conn, "customer", Side.CRM, READING) is None
        assert stretches.undone(conn, "customer", Side.CRM, LISTING) == [0]
        assert stretches.undone(conn, "customer", Side.ERP, READING) == [0, 1]


def test_a_reading_that_begins_anew_forgets_its_ranges(store: Store) -> None:
    with store.write() as conn:
        stretches.cut(conn, "customer", Side.CRM, READING, RANGES)

        stretches.cut(conn, "customer", Side.CRM, READING, RANGES[1:])

        assert stretches.undone(conn, "customer", Side.CRM, READING) == [0]
