"""Normal forms: what systems do to values."""

import pytest
from hypothesis import given, strategies as st

from connector.mappings.forms import compose, find_form
from tests.mappings.values import TEXTS, patient

NAMES = ["trim", "fold", "lower", "upper", "compact", "alnum_upper", "e164", "e164(DE)", "cut(5)", "round(2)"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("trim", "  a b ", "a b"),
        ("fold", " a\u00a0 \tb ", "a b"),
        ("lower", "Info@A.Example", "info@a.example"),
        ("upper", "de", "DE"),
        ("compact", "DE 123.456-78/9", "DE123456789"),
        ("alnum_upper", "de-123 456_ü", "DE123456Ü"),
        ("cut(3)", "abcd", "abc"),
        ("round(2)", "1.005", "1.01"),
        ("e164", "+49 (30) 90-1820", "+4930901820"),
        ("e164", "030 901820", "030 901820"),
        ("e164(DE)", "030 901820", "+4930901820"),
        ("e164", "ask Anna", "ask Anna"),
        ("e164", "+49 1", "+49 1"),
    ],
)
def test_a_form_does_what_its_name_says(name: str, value: str, expected: str) -> None:
    assert find_form(name)(value) == expected


@pytest.mark.parametrize("name", NAMES)
@patient
@given(value=TEXTS)
def test_doing_it_twice_changes_nothing_more(name: str, value: str) -> None:
    form = find_form(name)

    assert form(form(value)) == form(value)


@patient
@given(st.sampled_from([None, True, 7, ["a"]]))
def test_values_that_are_no_text_pass(value: object) -> None:
    assert compose((find_form("upper"),))(value) == value  # type: ignore[arg-type]


def test_forms_follow_each_other_and_an_empty_text_is_nothing() -> None:
    assert compose((find_form("trim"), find_form("cut(3)"), find_form("trim")))("  ab cd") == "ab"
    assert compose((find_form("trim"),))("   ") is None


@pytest.mark.parametrize("name", ["lowr", "cut", "cut(x)", "cut(-1)", "trim(3)", "lower upper", "", "round(2, 3)"])
def test_an_unknown_form_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"normal form|not a name|whole number"):
        find_form(name)
