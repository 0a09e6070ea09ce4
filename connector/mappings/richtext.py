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
    """The words of an HTML text."""
    if not isinstance(value, str):
        raise Unfit("not a text")
    words = _Words()
    words.feed(value)
    words.close()
    return words.text or None


def write_html(value: Any) -> str | None:
    """A text as HTML that shows it as it is."""
    text = str(value).strip()
    return f"<p>{escape(text, quote=False).replace(chr(10), '<br>')}</p>" if text else None


class _Words(HTMLParser):
    """Collects text; a block begins and ends a line."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._hidden = 0

    @property
    def text(self) -> str:
        """What was collected."""
        return "".join(self._parts).strip()

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
        if not self._hidden:
            self._parts.append(data)

    def _break(self) -> None:
        if self._parts and not self._parts[-1].endswith("\n"):
            self._parts.append("\n")
