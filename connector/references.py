"""`${env:NAME}` and `${file:PATH}` in configuration: what keeps secrets out of files that are shared.

`$${` stands for a plain `${`. A relative path starts at the folder of the document. The last line break of a file is
not part of the value.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.documents import Document, suggest
from connector.errors import ConfigIssue

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")


@dataclass
class References:
    """Resolves the references of one document, and keeps what went wrong and what was read."""

    document: Document
    environ: Mapping[str, str]
    folder: Path
    may_be_empty: Callable[[tuple[str, ...]], bool] = lambda _path: False
    """Where a file may still be empty, because the connector itself fills it."""
    issues: list[ConfigIssue] = field(default_factory=list)
    read: dict[tuple[str, ...], set[str]] = field(default_factory=dict, repr=False)
    """By path, the values that came from outside the document: secrets, most likely."""

    def resolve(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """The same data with every reference replaced; one that cannot be resolved becomes an issue and empty text."""
        if isinstance(value, dict):
            return {key: self.resolve(inner, (*path, str(key))) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.resolve(inner, (*path, str(place))) for place, inner in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return _REFERENCE.sub(lambda found: self._replace(found, path), value)
        return value

    def _replace(self, found: re.Match[str], path: tuple[str, ...]) -> str:
        if found[0] == "$${":
            return "${"
        kind, colon, name = found[1].partition(":")
        if not (colon and name and found[2]):
            return self._fail(path, "write ${env:NAME} or ${file:PATH}, or $${ for a plain ${")
        if kind not in {"env", "file"}:
            return self._fail(
                path, f'"{kind}" is not a place to read from, env and file are{suggest(kind, ("env", "file"))}'
            )
        value = self._variable(name, path) if kind == "env" else self._file(name, path)
        self.read.setdefault(path, set()).add(value)
        return value

    def _variable(self, name: str, path: tuple[str, ...]) -> str:
        value = self.environ.get(name)
        if value is None:
            return self._fail(path, f"the environment variable {name} is not set")
        return value or self._fail(path, f"the environment variable {name} is empty")

    def _file(self, name: str, path: tuple[str, ...]) -> str:
        try:
            text = (self.folder / Path(name).expanduser()).read_text(encoding="utf-8")
        except OSError as error:
            return self._fail(path, f"the file {name} cannot be read: {error.strerror}")
        except (ValueError, RuntimeError):
            return self._fail(path, f"the file {name} is not UTF-8 text, or its name cannot be one")
        value = text.removesuffix("\n").removesuffix("\r")
        return value if value or self.may_be_empty(path) else self._fail(path, f"the file {name} is empty")

    def _fail(self, path: tuple[str, ...], message: str) -> str:
        self.issues.append(self.document.issue(path, message))
        return ""
