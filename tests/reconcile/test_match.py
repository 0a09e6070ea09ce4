"""Who is who on first contact."""

import pytest

from connector.reconcile.match import Census, Finding, contradicts, fold, judge, marker_key, match_keys
from connector.records import Record, Side
from tests.reconcile.pairs import THING


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Müller & Söhne GmbH", "MUELLER & SOEHNE GMBH", id="umlauts spelled out"),
        pytest.param("DE 123 456 789", "DE123456789", id="separators in a tax id"),
        pytest.param("O'Brien Ltd.", "O\u2019Brien Ltd", id="typographic apostrophe"),
        pytest.param("Café Zoë", "Cafe\u0301 Zoe\u0308", id="composed and decomposed accents"),
        pytest.param("Straße", "STRASSE", id="sharp s"),
    ],
)
def test_spellings_that_people_call_the_same_fold_together(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_other_scripts_keep_their_letters() -> None:
    assert fold("株式会社 山田") != fold("株式会社 田中")


def test_a_key_with_an_empty_field_identifies_nobody() -> None:
    assert match_keys(THING, {"code": "", "email": None}) == ()


def test_keys_fit_a_signed_64_bit_column() -> None:
    keys = [key for number in range(200) for key in match_keys(THING, {"code": f"c{number}"})]
    assert all(-(2**63) <= key < 2**63 for key in keys)


def test_the_two_sides_of_a_marker_are_told_apart() -> None:
    assert marker_key("thing", Side.CRM, "7") != marker_key("thing", Side.ERP, "7")


CODE, MAIL = 1, 2


@pytest.mark.parametrize(
    ("own", "across", "linked", "finding", "other"),
    [
        pytest.param({}, {}, (), Finding.CREATE, None, id="nobody has its keys"),
        pytest.param({}, {CODE: ["e1"]}, (), Finding.LINK, "e1", id="exactly one across has its key"),
        pytest.param({}, {MAIL: ["e1"]}, (), Finding.LINK, "e1", id="only a weaker key finds somebody"),
        pytest.param({}, {CODE: ["e1"], MAIL: ["e2"]}, (), Finding.LINK, "e1", id="the stronger key decides"),
        pytest.param({}, {CODE: ["e1", "e2"]}, (), Finding.AMBIGUOUS, None, id="two across have its key"),
        pytest.param({CODE: ["me", "twin"]}, {}, (), Finding.AMBIGUOUS, None, id="a twin on its own side"),
        pytest.param(
            {CODE: ["me", "twin"]}, {CODE: ["e1"]}, (), Finding.AMBIGUOUS, None, id="a twin claims the same one"
        ),
        pytest.param(
            {CODE: ["me"]}, {CODE: ["e1"]}, ("e1",), Finding.AMBIGUOUS, None, id="the one across is linked already"
        ),
    ],
)
def test_verdict(
    own: dict[int, list[str]],
    across: dict[int, list[str]],
    linked: tuple[str, ...],
    finding: Finding,
    other: str | None,
) -> None:
    verdict = judge("me", (CODE, MAIL), Census(own, across, linked))
    assert (verdict.finding, verdict.other) == (finding, other)


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        pytest.param({"code": "a", "email": "m"}, {"code": "b", "email": "m"}, "code", id="a stronger key differs"),
        pytest.param({"code": "a", "email": "m"}, {"code": "A", "email": "n"}, None, id="the strongest key agrees"),
        pytest.param(
            {"code": None, "email": "m"}, {"code": "b", "email": "m"}, None, id="the stronger key is empty on one side"
        ),
    ],
)
def test_a_weaker_key_does_not_overrule_a_stronger_one(one: Record, other: Record, clash: str | None) -> None:
    assert contradicts(THING, one, other) == clash
