"""Plain text in systems that keep HTML: one paragraph, its lines broken; read back, every block is a line."""

from html import escape
from html.parser import HTMLParser
from typing import Any

from typing_extensions import override

from connector.mappings.unfit import Unfit

BLOCKS = frozenset(
    ("p", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre")
)
HIDDEN = frozenset(("script", "style", "head", "title"))


def read_html(value: Any) -> str | None:
    """The words of an HTML text; a text without any word is nothing, on both sides."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise Unfit("not a text")
    words = _Words()
    words.feed(value)
    words.close()
    return words.text or None


def write_html(value: Any) -> str | None:
    """A text as HTML that shows it as it is."""
    lines = "\n".join(line.rstrip() for line in str(value or "").splitlines()).strip().split("\n")
    return f"<p>{'<br>'.join(escape(line, quote=False) for line in lines)}</p>" if any(lines) else None


class _Words(HTMLParser):
    """Collects text; a block begins and ends a line."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._hidden = 0

    @property
    def text(self) -> str:
        """What was collected."""
        return "\n".join(line.rstrip() for line in "".join(self._parts).split("\n")).strip()

    @override
    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden += tag in HIDDEN
        if tag == "br":
            self._parts.append("\n")
        elif tag in BLOCKS:
            self._break()

    @override
    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in HIDDEN
        if tag in BLOCKS:
            self._break()

    @override
    def handle_data(self, data: str) -> None:
        is_between = data.isspace() and (not self._parts or self._parts[-1].endswith("\n"))
        if not self._hidden and not is_between:
            # A line of the source is no line of the text.
            self._parts.append(data.replace("\n", " "))

    def _break(self) -> None:
        if self._parts and not self._parts[-1].endswith("\n"):
            self._parts.append("\n")
