"""Every converter keeps the round-trip laws."""

from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest
from hypothesis import given, strategies as st

from connector.entities import FieldRule, Type
from connector.errors import ConfigError
from connector.mappings import converters
from connector.mappings.converters import NAMES, Converter, choice, find_converter
from connector.mappings.unfit import Unfit
from tests.mappings.values import canonical, patient

LOSSLESS = ["text", "decimal_number", "integer", "boolean", "date", "instant", "text_id", "integer_id", "set", "noon"]
FOLDING = ["uppercase", "lowercase", "decimal_text(2)", "instant_seconds", "joined_set(;)", "country_alpha3", "html"]
BROUGHT = Converter(str, str, frozenset((Type.TEXT,)))
CODES = {"net14": "14D", "net30": "30D", "unknown": None, "none": ""}


def values(name: str) -> st.SearchStrategy[Any]:
    kind = min(find_converter(name).types, key=list(Type).index)
    converter = find_converter(name)
    drawn = canonical(FieldRule(type=kind)).filter(lambda value: can_write(converter, value))
    if name == "country_alpha3":
        return st.sampled_from(["DE", "FR", "XK", "US"])
    return drawn


def can_write(converter: Converter, value: Any) -> bool:
    try:
        converter.write(value)
    except (Unfit, KeyError):
        return False
    return True


def test_every_bundled_converter_is_tried_here() -> None:
    assert {name.partition("(")[0] for name in LOSSLESS + FOLDING} == set(NAMES)


@pytest.mark.parametrize("name", LOSSLESS)
@patient
@given(data=st.data())
def test_what_is_written_is_what_is_read_back(name: str, data: st.DataObject) -> None:
    converter = find_converter(name)
    value = data.draw(values(name))

    assert converter.read(converter.write(value)) == value


@pytest.mark.parametrize("name", LOSSLESS + FOLDING)
@patient
@given(data=st.data())
def test_writing_what_was_read_changes_nothing(name: str, data: st.DataObject) -> None:
    converter = find_converter(name)
    wire = converter.write(data.draw(values(name)))
    read = converter.read(wire)

    assert read is None or converter.write(read) == wire


@pytest.mark.parametrize("name", FOLDING)
@patient
@given(data=st.data())
def test_what_is_read_back_is_the_normal_form_and_stays_it(name: str, data: st.DataObject) -> None:
    converter = find_converter(name)
    value = data.draw(values(name))

    stored = converter.normal(value)

    assert stored == converter.read(converter.write(value))
    assert converter.normal(stored) == stored


@pytest.mark.parametrize("name", LOSSLESS + FOLDING)
def test_an_empty_text_is_nothing(name: str) -> None:
    if name == "decimal_number":
        pytest.skip("a number is never a text")

    assert find_converter(name).read("") is None


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("text", 7),
        ("text", ["a"]),
        ("decimal_number", "12.5"),
        ("decimal_number", True),
        ("integer", "7"),
        ("integer", 7.5),
        ("integer", True),
        ("boolean", 1),
        ("boolean", "yes"),
        ("date", "23.11.2026"),
        ("date", "2026-11-23T00:00:00Z"),
        ("date", "20261123"),
        ("date", 20261123),
        ("instant", "2026-11-23T20:44:10"),
        ("instant", "yesterday"),
        ("instant", "0001-01-01T00:00:00+14:00"),
        ("text_id", 7),
        ("integer_id", "7"),
        ("integer_id", False),
        ("set", "zebra"),
        ("set", [1]),
    ],
)
def test_a_wire_value_of_another_kind_is_refused_without_being_quoted(name: str, wire: Any) -> None:
    with pytest.raises(Unfit) as caught:
        find_converter(name).read(wire)

    assert str(wire) not in str(caught.value)


@pytest.mark.parametrize("value", ["12-MAIN", "007", "-1", "", "٣", "acc-1"])
def test_an_id_of_another_system_is_not_written_as_a_number(value: str) -> None:
    with pytest.raises(Unfit):
        find_converter("integer_id").write(value)


def test_instants_come_to_utc_and_milliseconds() -> None:
    assert find_converter("instant").read("2026-11-23T22:44:10.123456+02:00") == "2026-11-23T20:44:10.123Z"
    assert find_converter("instant_seconds").read("2026-11-23 20:44:10") == "2026-11-23T20:44:10.000Z"
    assert find_converter("instant_seconds").write("2026-11-23T20:44:10.999Z") == "2026-11-23 20:44:10"


@patient
@given(st.sampled_from(["net14", "net30"]))
def test_codes_stand_for_choices_both_ways(value: str) -> None:
    terms = choice({"net14": "14D", "net30": "30D"}, {})

    assert terms.read(terms.write(value)) == value
    assert terms.lossy == ""


def test_a_code_that_two_choices_share_is_read_as_the_one_that_reverse_names() -> None:
    terms = choice({"net30": "30D", "net31": "30D"}, {"30D": "net30", "1M": "net30"})

    assert terms.read("30D") == "net30"
    assert terms.read("1M") == "net30"
    assert terms.normal("net31") == "net30"
    assert terms.lossy == "net31 read back as another value"


def test_a_set_loses_its_order_only() -> None:
    assert find_converter("set").read(["b", "a", "b"]) == ["a", "b"]
    assert find_converter("joined_set(;)").read("b;a") == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dat", 'there is no converter "dat"; did you mean "date"'),
        ("zebra", "there is no converter .* there are boolean, country_alpha3"),
        ("decimal_text", "with one value in brackets"),
        ("decimal_text(two)", "whole number"),
        ("date(3)", "takes nothing in brackets"),
        ("eval('1')x", "is not a name"),
    ],
)
def test_an_unknown_converter_is_refused_with_what_would_be_right(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_converter(name)


def brings(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    points = EntryPoints([EntryPoint("brought", value, converters.GROUP)])
    monkeypatch.setattr(converters, "entry_points", points.select)


def make_brought(argument: str = "") -> Converter:
    return BROUGHT._replace(lossy=argument)


def test_a_package_brings_a_converter_or_a_function_that_makes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    brings(monkeypatch, f"{__name__}:unused")

    monkeypatch.setattr(EntryPoint, "load", lambda _: BROUGHT)
    assert find_converter("brought") is BROUGHT

    monkeypatch.setattr(EntryPoint, "load", lambda _: make_brought)
    assert find_converter("brought(much)").lossy == "much"


@pytest.mark.parametrize("value", ["no.such.module:x", "connector.records:nothing", "connector.records:Side"])
def test_a_broken_entry_point_is_told_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    brings(monkeypatch, value)

    with pytest.raises((ConfigError, ValueError), match=r"brought|not a valid Side"):
        find_converter("brought")
