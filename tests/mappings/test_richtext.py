"""Plain text in systems that keep HTML."""

import pytest

from connector.mappings.richtext import read_html, write_html

READ = {
    "a paragraph is a line": ("<p>one</p><p>two</p>", "one\ntwo"),
    "a break is a line": ("<p>one<br/>two</p>", "one\ntwo"),
    "two breaks leave a line empty": ("<p>one<br><br>two</p>", "one\n\ntwo"),
    "a list is its items": ("<ul>\n<li>one</li>\n<li>two</li>\n</ul>", "one\ntwo"),
    "formatting is left out": ('<div>so <b>bold</b> <a href="https://x.test">here</a></div>', "so bold here"),
    "signs are signs": ("<p>&lt;5 &amp; more&nbsp;</p>", "<5 & more"),
    "what is not shown is not read": ("<style>p {}</style><p>one</p>", "one"),
    "lines of the source are none of the text": ("<p>one\n<br>two</p>", "one\ntwo"),
    "an empty paragraph is nothing": ("<p><br></p>", None),
}


@pytest.mark.parametrize(("html", "text"), READ.values(), ids=READ)
def test_html_is_read_as_its_words(html: str, text: str | None) -> None:
    assert read_html(html) == text


def test_text_is_written_so_that_it_is_read_again() -> None:
    text = "First <line> & more\n\n  second"

    assert write_html(text) == "<p>First &lt;line&gt; &amp; more<br><br>  second</p>"
    assert read_html(write_html(text)) == text


def test_lines_of_another_machine_are_lines() -> None:
    assert write_html("one\r\ntwo \r\n") == "<p>one<br>two</p>"
