"""Names with arguments, as mapping tables write them: `cut(80)`, `decimal_text(2)`."""

import re
from typing import NamedTuple

from typing_extensions import override

_SPEC = re.compile(r"([a-z][a-z0-9_]*)(?:\(([^()]*)\))?")


class Spec(NamedTuple):
    """A name and its arguments."""

    name: str
    arguments: tuple[str, ...] = ()

    @override
    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.arguments)})" if self.arguments else self.name

    def number(self, place: int) -> int:
        """An argument that must be a small whole number."""
        text = self.arguments[place]
        if not (text.isascii() and text.isdecimal() and len(text) <= len("99999")):
            raise ValueError(f'"{self}": write a whole number between the brackets')
        return int(text)


def parse_spec(text: str) -> Spec:
    """What a table wrote; raises `ValueError` for anything but a name with plain arguments."""
    found = _SPEC.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not a name, or a name with arguments in brackets such as cut(80)')
    name, arguments = found.groups()
    return Spec(name, tuple(argument.strip() for argument in arguments.split(",")) if arguments else ())
