"""Documents with lines, on simulated systems that give every line an id of their own."""

from collections.abc import Callable

import pytest

from connector.records import Side
from tests.simulation.sales import Line, flat, followers, may_lead
from tests.simulation.small import Small
from tests.simulation.traits import Traits

World = Callable[..., Small]


@pytest.fixture
def small(world: World) -> Small:
    """A customer on both sides."""
    made = world(erp=Traits.good(safety="unique"))
    made.customer()
    made.sync()
    return made


def with_quantity(lines: list[Line], quantity: int) -> list[Line]:
    return [{**line, "quantity": str(quantity)} for line in lines]


def test_lines_keep_their_ids_on_each_side(small: Small) -> None:
    row = small.sale(("bolt", 2), ("nut", 3))
    small.sync()
    (across,) = small.erp.of("sale")
    ids = [line["id"] for line in across.fields["lines"]]

    small.crm.change(row, {"lines": with_quantity(row.fields["lines"], 5)})
    small.sync()

    assert small.lines(Side.ERP) == "bolt x 5 | nut x 5"
    assert [line["id"] for line in across.fields["lines"]] == ids


@pytest.mark.parametrize("fate", ["lost", "vanished"])
def test_a_document_whose_create_got_no_answer_is_found_or_made_by_its_unique_key(small: Small, fate: str) -> None:
    small.sale(("bolt", 2))
    small.sync(create=[fate])

    small.sync()

    assert small.lines(Side.ERP) == "bolt x 2"
    assert small.causes() == []


def test_lines_that_were_written_without_an_answer_and_edited_since_are_no_conflict(small: Small) -> None:
    row = small.sale(("bolt", 2))
    small.sync()
    small.crm.change(row, {"lines": [*row.fields["lines"], {"id": None, "what": "nut", "quantity": "3"}]})
    small.sync(update=["lost"])
    small.crm.change(row, {"lines": with_quantity(row.fields["lines"], 5)})

    small.sync()

    assert (small.lines(Side.ERP), small.contested()) == ("bolt x 5 | nut x 5", [])


def test_lines_that_a_confirmation_overtook_are_told_and_the_confirmed_ones_stand(small: Small) -> None:
    row = small.sale(("bolt", 2))
    small.sync()
    small.crm.change(row, {"lines": with_quantity(row.fields["lines"], 5)})
    small.erp.change(next(small.erp.of("sale")), {"status": "confirmed"})

    report = small.sync()

    assert report is not None
    assert (small.lines(Side.CRM), small.only(Side.CRM, "sale")["status"]) == ("bolt x 2", "confirmed")
    assert report.tally("sale").overridden == 1


def test_only_the_side_whose_word_it_is_may_lead_a_document() -> None:
    assert followers(Side.CRM, "confirmed") == ["asked"]
    assert may_lead(Side.ERP, "submitted", "closed")
    assert not may_lead(Side.CRM, "submitted", "confirmed")
    assert flat([{"id": "L1", "what": "bolt", "quantity": "2"}]) == "bolt x 2"
