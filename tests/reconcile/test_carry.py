"""References and parts across the sides."""

import pytest

from connector.reconcile.carry import Unlinked, align, carry, references, without_ids
from connector.records import Ref, Side
from tests.reconcile.pairs import THING

LINES = THING.fields["lines"]
LINKS = {("item", Side.CRM, "i1"): "1", ("item", Side.CRM, "i2"): "2", ("person", Side.CRM, "p"): "9"}


def test_a_reference_becomes_the_other_sides_id() -> None:
    assert carry(THING.fields["owner"], "p", Side.CRM, LINKS) == "9"


def test_a_reference_without_a_counterpart_names_what_is_missing() -> None:
    with pytest.raises(Unlinked) as caught:
        carry(THING.fields["owner"], "q", Side.CRM, LINKS)
    assert caught.value.ref == Ref("person", Side.CRM, "q")


def test_parts_lose_their_ids_and_translate_their_references() -> None:
    parts = carry(LINES, [{"id": "a", "item": "i1", "quantity": "2"}], Side.CRM, LINKS)
    assert parts == [{"id": None, "item": "1", "quantity": "2"}]


def test_parts_keep_their_counterparts_through_reordering_and_removal() -> None:
    bases = ([{"id": "a"}, {"id": "b"}, {"id": "c"}], [{"id": "1"}, {"id": "2"}, {"id": "3"}])
    own = [{"id": "c"}, {"id": "a"}, {"id": "new"}]
    aligned = align(LINES, [{"id": None}] * 3, own, bases, bases[1])
    assert [part["id"] for part in aligned] == ["3", "1", None]


def test_parts_without_a_base_pair_by_what_they_are_about() -> None:
    theirs = [{"id": "1", "item": "1"}, {"id": "2", "item": "2"}]
    carried = [{"id": None, "item": "2"}, {"id": None, "item": "2"}, {"id": None, "item": "1"}]
    aligned = align(LINES, carried, [{"id": str(n)} for n in range(3)], (None, None), theirs)
    assert [part["id"] for part in aligned] == ["2", None, "1"]


def test_a_part_that_is_gone_across_is_made_anew() -> None:
    bases = ([{"id": "a"}], [{"id": "1"}])
    assert align(LINES, [{"id": None}], [{"id": "a"}], bases, [])[0]["id"] is None


def test_comparison_ignores_part_ids_only() -> None:
    assert without_ids([{"id": "1", "item": "x"}]) == [{"item": "x"}]


def test_every_reference_of_a_record_is_found() -> None:
    found = references(THING, {"owner": "p", "lines": [{"item": "i1"}, {"item": None}]}, Side.CRM)
    assert found == [Ref("person", Side.CRM, "p"), Ref("item", Side.CRM, "i1")]
