"""A table that is drawn without rich looks as rich would have drawn it."""

import pytest
from hypothesis import given, settings, strategies as st

from connector.cli import output
from connector.cli.plain import draw

CELLS = st.sampled_from(
    ["", "a", "customer", "12", "3/4", "two\nlines", "x" * 30, "Köln", "東京", " edge", "tab\t", "end\n"]
)
TABLES = st.integers(1, 5).flatmap(
    lambda width: st.tuples(
        st.lists(st.sampled_from(["", "name", "read\ncrm/erp"]), min_size=width, max_size=width),
        st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=4),
    )
)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.sampled_from([None, "Title", "A title that is wider than most of the tables that are drawn here"]))
def test_a_plain_table_is_the_one_that_rich_draws(table: tuple[list[str], list[list[str]]], title: str | None) -> None:
    columns, rows = table
    right = {place for place in range(len(columns)) if rows and all(output._is_number(row[place]) for row in rows)}

    lines = draw(columns, rows, right, output.WIDTH, title)

    assert lines is None or lines == drawn_by_rich(columns, rows, right, title)


def drawn_by_rich(columns: list[str], rows: list[list[str]], right: set[int], title: str | None) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        from io import StringIO

        shown = StringIO()
        patch.setattr("sys.stdout", shown)
        output._print_drawn(columns, rows, right, title)
    return shown.getvalue().splitlines()


def test_a_table_of_counts_needs_no_art() -> None:
    lines = draw(["", "read\ncrm/erp", "linked"], [["customer", "10/20", "3"]], {1, 2}, output.WIDTH, None)

    assert lines == [
        "             read        ",
        "          crm/erp  linked",
        "─" * 25,
        "customer    10/20       3",
    ]


@pytest.mark.parametrize("cell", ["東京", "tab\t", " edge", "x" * 120], ids=["wide", "control", "edge", "too long"])
def test_what_needs_art_is_left_to_rich(cell: str) -> None:
    assert draw(["name"], [[cell]], set(), output.WIDTH, None) is None
