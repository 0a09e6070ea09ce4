"""Decimals between canonical text and the wire."""

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, strategies as st

from connector.mappings import decimals
from connector.mappings.unfit import Unfit
from tests.mappings.values import decimals as canonical, patient

FINITE = st.floats(-1e15, 1e15).filter(lambda number: not number or abs(number) > 1e-30)


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        pytest.param(19.99, "19.99", id="a float keeps its shortest notation"),
        pytest.param(12.50, "12.5", id="no trailing zeros"),
        pytest.param(12.0, "12", id="a whole float is whole"),
        pytest.param(-0.0, "0", id="zero has no sign"),
        pytest.param(1e-7, "0.0000001", id="no exponent where it is small"),
        pytest.param(1e22, "10000000000000000000000", id="no exponent where it is large"),
        pytest.param(0, "0", id="a whole zero"),
        pytest.param(-5, "-5", id="a whole number"),
        pytest.param(Decimal("2.50"), "2.5", id="a decimal from another decoder"),
    ],
)
def test_a_json_number_is_read_as_it_was_written(wire: Any, expected: str) -> None:
    assert decimals.from_number(wire) == expected


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        pytest.param("12.5000", "12.5", id="a fixed scale"),
        pytest.param("12.000", "12", id="nothing after the point"),
        pytest.param("100", "100", id="zeros before the point stay"),
        pytest.param("-0.00", "0", id="zero has no sign"),
        pytest.param("1E+3", "1000", id="an exponent"),
        pytest.param("+007.50", "7.5", id="a sign and leading zeros"),
        pytest.param("", None, id="an empty text is nothing"),
        pytest.param(12.5, "12.5", id="a number where a text was promised"),
    ],
)
def test_a_decimal_text_is_read_in_plain_notation(wire: Any, expected: str | None) -> None:
    assert decimals.from_text(wire) == expected


@pytest.mark.parametrize("wire", ["abc", "1_000", "1,5", " 1", "NaN", "Infinity", "٣", "1e99999", "1e999", "0x10", "."])
def test_what_is_no_number_is_refused(wire: str) -> None:
    with pytest.raises(Unfit):
        decimals.from_text(wire)


@pytest.mark.parametrize("wire", [True, float("nan"), float("inf"), 1e300, [], {}, None])
def test_what_is_no_json_number_is_refused(wire: Any) -> None:
    with pytest.raises((Unfit, ArithmeticError)):
        decimals.from_number(wire)


@patient
@given(canonical())
def test_a_number_on_the_wire_reads_back_to_the_last_digit(value: str) -> None:
    wire = orjson.loads(orjson.dumps(decimals.to_number(value)))

    assert decimals.from_number(wire) == value


@patient
@given(FINITE)
def test_writing_a_number_that_was_read_changes_nothing(wire: float) -> None:
    assert decimals.to_number(decimals.from_number(wire)) == wire


@pytest.mark.parametrize("value", ["0.12345678901234567891", "9007199254740993", "123456789012345678.5"])
def test_a_decimal_that_no_json_number_holds_is_refused(value: str) -> None:
    with pytest.raises(Unfit, match="more digits than a JSON number holds"):
        decimals.to_number(value)


@patient
@given(canonical(scale=6), st.integers(0, 8))
def test_a_decimal_text_has_its_scale_and_the_rounded_value(value: str, scale: int) -> None:
    wire = decimals.to_text(scale, value)

    assert len(wire.partition(".")[2]) == scale
    assert decimals.from_text(wire) == decimals.round_half_up(scale, value)


@pytest.mark.parametrize("value", ["1.50", "-0", "1.2.3", "abc.defg", "1e3", ""])
def test_what_is_not_canonical_is_not_written(value: str) -> None:
    for write in (decimals.to_number, lambda given: decimals.to_text(2, given)):
        with pytest.raises(Unfit, match="not a canonical decimal"):
            write(value)


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [("0.005", 2, "0.01"), ("-0.005", 2, "-0.01"), ("0.0049", 2, "0"), ("2.5", 0, "3"), ("7", 2, "7"), ("x", 2, "x")],
)
def test_halves_are_rounded_away_from_zero(value: str, digits: int, expected: str) -> None:
    assert decimals.round_half_up(digits, value) == expected
