"""How little a sync of many changes asks: the pages that tell them, the batches that write them, and another look."""

from pathlib import Path

from benchmarks.cases import CUSTOMERS, Connector, bench_pair, changed

CUSTOMERS_THERE, MANY = 2_500, 1_100
"""More than a page of the CRM, and less than would make a guard ask."""
BEGINNING = 2 + 1
"""Both sides tell who they are, and the CRM gives a token."""
LOOKS = 3 + 2
"""Of the ERP what changed and how many there are, and of the CRM what changed; after the writes only what changed."""
MORE_PAGES, BATCHES = 1, 6


def test_many_changes_are_neither_read_twice_nor_their_counterparts_at_all(tmp_path: Path) -> None:
    with bench_pair(CUSTOMERS_THERE) as pair:
        product = Connector(pair, tmp_path / "product", one_way=True)
        product.run("first", CUSTOMERS_THERE, "sync", *CUSTOMERS)

        figure = changed(pair, product, "changed", MANY)

    assert (figure.exit_code, figure.written_erp) == (0, MANY)
    assert (figure.requests or 0) <= BEGINNING + LOOKS + MORE_PAGES + BATCHES
