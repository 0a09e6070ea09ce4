"""YAML documents that remember the line of everything in them, so that an error can name the place.

The dialect is YAML 1.2's core: only `true` and `false` are booleans (NO is a country), numbers with leading zeros and
dates stay text (`00042` is an account code). Doubled keys are refused.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import yaml

from connector.errors import ConfigError, ConfigIssue

if TYPE_CHECKING:
    from pydantic import ValidationError

    _Loader = yaml.SafeLoader
else:
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_DEPTH = 40
MAX_NODES = 200_000
"""Larger documents are aliases that multiply, not configuration."""

_TEXT = "tag:yaml.org,2002:str"
_PLAIN_TAGS = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data from one YAML file, and the line of every path in it."""

    name: str
    data: Any
    lines: Mapping[tuple[str, ...], int]

    def line(self, path: Sequence[object]) -> int | None:
        """The line of `path`, or of its nearest ancestor that the file holds; None for a document without lines."""
        wanted = tuple(str(part) for part in path)
        for length in range(len(wanted), -1, -1):
            found = self.lines.get(wanted[:length])
            if found is not None:
                return found
        return None

    def issue(self, path: Sequence[object], message: str) -> ConfigIssue:
        """Something wrong at `path`, with its place."""
        return ConfigIssue(self.name, self.line(path), ".".join(str(part) for part in path), message)

    def issues(
        self,
        error: "ValidationError",
        *,
        model: Any = None,
        known: Iterable[str] = (),
        under: Sequence[object] = (),
    ) -> list[ConfigIssue]:
        """What pydantic found, as issues; `under` is where the validated data sits in this document.

        "Did you mean" is fed by the keys that `model` has at the place, and by `known`. The refused value is never
        repeated: it can be a secret.
        """
        names = tuple(known)
        return [
            self.issue((*under, *found["loc"]), _message(found, (*names, *_keys_at(model, found["loc"][:-1]))))
            for found in error.errors(include_url=False, include_input=False)
        ]


def load_document(source: Path | str, name: str | None = None) -> Document:
    """Read a document from a file (`Path`) or from text (`str`); everything wrong with it is one `ConfigError`."""
    shown = name or (str(source) if isinstance(source, Path) else "text")
    text = _read(source, shown) if isinstance(source, Path) else source
    try:
        return _parse(text, shown)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError.of(
            f"not valid YAML: {error.problem or error.context}", file=shown, line=mark.line + 1 if mark else None
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError.of("not valid YAML: a value or character that is not allowed", file=shown) from error


def suggest(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: `; did you mean "name"?`, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{near[0]}"?' if near else ""


def _message(found: Any, known: tuple[str, ...]) -> str:
    if found["type"] == "extra_forbidden":
        return f"unknown key{suggest(str(found['loc'][-1]), known)}"
    if found["type"] == "missing":
        return "is missing"
    if found["type"] in {"dict_type", "model_type", "mapping_type"}:
        return "must be a table of keys and values"
    message = str(found["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _keys_at(model: Any, path: Sequence[object]) -> tuple[str, ...]:
    """The keys a pydantic model has at `path`; steps through mappings and sequences of models."""
    for part in path:
        fields = getattr(model, "model_fields", None)
        if fields is None:
            model = (get_args(model) or (None,))[-1]
        else:
            model = fields[part].annotation if part in fields else None
    return tuple(getattr(model, "model_fields", ()))


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError.of("the file is not UTF-8 text", file=name) from error
    except OSError as error:
        raise ConfigError.of(f"the file cannot be read: {error.strerror}", file=name) from error


def _parse(text: str, name: str) -> Document:
    loader = _CoreLoader(text)
    try:
        node = loader.get_single_node()
        builder = _Builder(loader, name)
        data = builder.build(node, ()) if node is not None else None
    finally:
        loader.dispose()
    if builder.found:
        raise ConfigError(builder.found)
    return Document(name, data, builder.lines)


class _CoreLoader(_Loader):
    """A safe loader with YAML 1.2's idea of what an unquoted word is."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 -- PyYAML's own hook


def _resolve(tag: str, pattern: str, first: str) -> None:
    for character in first or [""]:
        rows = _CoreLoader.yaml_implicit_resolvers.setdefault(character, [])
        rows.append((f"tag:yaml.org,2002:{tag}", re.compile(pattern)))


_resolve("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolve("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789")
_resolve("float", r"^[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?$", "-+0123456789")
_resolve("null", r"^(?:~|null|Null|NULL|)$", "~nN")
_resolve("null", r"^$", "")
_resolve("merge", r"^<<$", "<")


@dataclass
class _Builder:
    """Turns YAML nodes into plain data and notes the line of each path on the way."""

    loader: Any
    name: str
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)
    found: list[ConfigIssue] = field(default_factory=list)
    nodes: int = 0

    def build(self, node: yaml.Node, path: tuple[str, ...]) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deep or too large", problem_mark=node.start_mark)
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if node.tag not in _PLAIN_TAGS:
            raise yaml.MarkedYAMLError(problem="tags are not allowed here", problem_mark=node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        return [self.build(item, (*path, str(place))) for place, item in enumerate(node.value)]

    def _scalar(self, node: yaml.Node) -> Any:
        # Nearly all are words, which stand for themselves.
        return node.value if node.tag == _TEXT else self.loader.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, path: tuple[str, ...]) -> dict[Any, Any]:
        self._refuse_doubles(node, path)
        self.loader.flatten_mapping(node)
        built: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            inner = (*path, str(key))
            self.lines[inner] = key_node.start_mark.line + 1
            built[key] = self.build(value_node, inner)
        return built

    def _refuse_doubles(self, node: yaml.MappingNode, path: tuple[str, ...]) -> None:
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            key, line = self._key(key_node), key_node.start_mark.line + 1
            if key in seen:
                place = ".".join((*path, str(key)))
                self.found.append(ConfigIssue(self.name, line, place, f"the key was already given in line {seen[key]}"))
            seen.setdefault(key, line)

    def _key(self, node: yaml.Node) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key must be a plain word", problem_mark=node.start_mark)
        if node.tag.endswith(":merge"):
            return "<<"
        return self._scalar(node)
