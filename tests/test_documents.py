"""YAML documents with the line of everything in them."""

from contextlib import suppress

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from connector.documents import load_document, suggest
from connector.entities import Strict
from connector.errors import ConfigError


def test_every_path_knows_its_line() -> None:
    document = load_document("a:\n  - x\n  - {b: 1}\n")

    assert [document.line(path) for path in [("a",), ("a", 0), ("a", 1, "b")]] == [1, 2, 3]


def test_a_path_that_is_missing_gets_the_line_of_its_nearest_ancestor() -> None:
    document = load_document("x: 1\na:\n  b: 1\n")

    assert document.line(("a", "c", "d")) == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("NO", "NO", id="Norway is a country"),
        pytest.param("on", "on", id="on is a word"),
        pytest.param("00042", "00042", id="an account code keeps its zeros"),
        pytest.param("2026-11-23", "2026-11-23", id="a date stays text"),
        pytest.param("22:15", "22:15", id="a time is no number to the base of sixty"),
        pytest.param("1e3", "1e3", id="an article number with an e is no float"),
        pytest.param("42", 42, id="an integer"),
        pytest.param("-1.5", -1.5, id="a float"),
        pytest.param("true", True, id="a boolean"),
        pytest.param("~", None, id="a tilde is null"),
        pytest.param("", None, id="nothing is null"),
        pytest.param("'42'", "42", id="quoted is text"),
    ],
)
def test_an_unquoted_word_means_what_it_looks_like(text: str, value: object) -> None:
    assert load_document(f"key: {text}").data == {"key": value}


def test_merged_keys_keep_the_line_they_were_written_in() -> None:
    document = load_document("a: &a\n  x: 1\nb:\n  <<: *a\n  y: 2\n")

    assert document.data["b"] == {"x": 1, "y": 2}
    assert document.line(("b", "x")) == 2


def test_all_doubled_keys_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load_document("a: 1\na: 2\nb: {c: 1, c: 2}\n", "f.yaml")

    assert str(caught.value).splitlines() == [
        "f.yaml:2: a: the key was already given in line 1",
        "f.yaml:3: b.c: the key was already given in line 3",
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: [", id="a bracket that is never closed"),
        pytest.param("a: !!python/object:os.system {}", id="a tag on a table"),
        pytest.param("a: !!python/name:os.system x", id="a tag on a word"),
        pytest.param("&a [*a]", id="a list that holds itself"),
        pytest.param("a: \x01", id="a control character"),
        pytest.param("? [a]\n: 1", id="a list as a key"),
        pytest.param("a: 1\n---\nb: 2", id="two documents"),
        pytest.param("a: " + "9" * 5000, id="a number that is too long"),
        pytest.param("a: " + "[" * 60 + "]" * 60, id="lists in lists in lists"),
    ],
)
def test_what_is_no_plain_document_is_refused_with_its_name(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^f\.yaml"):
        load_document(text, "f.yaml")


def test_aliases_that_multiply_are_refused() -> None:
    rows = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    rows += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    with pytest.raises(ConfigError, match="too large"):
        load_document("\n".join(rows))


def test_an_unknown_key_is_told_with_its_place_and_the_key_that_was_meant() -> None:
    class Inner(Strict):
        colour: str = ""

    class Outer(Strict):
        inner: dict[str, Inner]

    document = load_document("inner:\n  a:\n    color: secret\n", "f.yaml")
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(document.data)

    issues = document.issues(caught.value, model=Outer)
    assert [str(issue) for issue in issues] == ['f.yaml:3: inner.a.color: unknown key; did you mean "colour"?']


def test_nothing_is_suggested_for_a_word_that_is_near_to_none() -> None:
    assert suggest("zebra", ["customer", "order"]) == ""


@given(st.text(alphabet="ab01: \n-[]{},&*!<'\"#|>?%@~.é\x07\ud800", max_size=60))
def test_any_text_is_a_document_or_a_configuration_error(text: str) -> None:
    with suppress(ConfigError):
        load_document(text)
