"""The table of the business: a row is proved by tests that went through, and by nothing else."""

from tests.coverage_table import ROWS, Witness, table

GOOD, BAD = "tests/a.py::test_a_sale_is_billed", "tests/b.py::TestSales::test_a_sale_is_shipped"


def witness(*, bad: str = "passed", row: str = ROWS[0]) -> Witness:
    found = Witness()
    found.rows = {GOOD: [ROWS[0]], BAD: [row]}
    found.outcomes.update({GOOD: {"passed"}, BAD: {bad}})
    return found


def test_a_row_stands_with_its_passing_tests_as_sentences() -> None:
    lines = table(witness())

    assert lines[:3] == [
        f"{ROWS[0]}: 2 passing",
        "    a sale is billed (tests/a.py)",
        "    a sale is shipped (tests/b.py)",
    ]
    assert lines[3] == f"{ROWS[1]}: NO PASSING TEST"


def test_a_failed_or_skipped_test_proves_nothing_and_is_told() -> None:
    for outcome in ("failed", "skipped"):
        found = witness(bad=outcome)

        assert found.passed(ROWS[0]) == ["a sale is billed (tests/a.py)"]
        assert found.unproved() == [BAD]


def test_a_row_that_nobody_listed_is_told() -> None:
    assert witness(row="ERP: magic").unproved() == ["there is no row 'ERP: magic'"]
