"""The configuration file that `connector init` writes: complete, commented, without secrets."""

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import yaml

from connector.errors import ConfigError

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off"}


class SystemChoice(NamedTuple):
    """One side of a new configuration: the system, and its options; secrets as `${env:NAME}` or `${file:PATH}`."""

    system: str
    options: Mapping[str, str]


def render_config(
    crm: SystemChoice, erp: SystemChoice, *, store_url: str = "sqlite:///connector.db", public_url: str | None = None
) -> str:
    """The text of a configuration for these two systems, every other section at its defaults.

    With a public address it expects webhooks, their secrets in a file a side beside it.
    """
    text = (files("connector") / "starter.yaml").read_text(encoding="utf-8")
    parts = {"@crm@": _side(crm), "@erp@": _side(erp), "@store@": _scalar(store_url)}
    parts["@webhooks@"] = _webhooks(public_url)
    # One pass, so that a value that looks like a place in the template stays what it is.
    return re.sub("|".join(parts), lambda found: parts[found[0]], text)


def write_config(path: Path, text: str) -> None:
    """Write a new configuration, readable by its owner alone; one that exists is never overwritten."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            path.chmod(0o600)
            file.write(text)
    except FileExistsError as error:
        raise ConfigError.of(
            "there is a configuration already; remove it or name another file", file=str(path)
        ) from error
    except OSError as error:
        raise ConfigError.of(f"the file cannot be written: {error.strerror}", file=str(path)) from error


def secret_file(side: str) -> str:
    """The file that holds the secret of one side's webhooks, beside the configuration."""
    return f"{side}-webhook.secret"


def _webhooks(public_url: str | None) -> str:
    lines = ["webhooks:", f"  public_url: {_scalar(public_url or 'https://connector.example.com')}"]
    lines += [f'  {side}: {{secrets: ["${{file:{secret_file(side)}}}"]}}' for side in ("crm", "erp")]
    return "\n".join(lines if public_url else ["#", *(f"# {line}" for line in lines)])


def _side(choice: SystemChoice) -> str:
    rows = {"system": choice.system, **choice.options}
    return "\n".join(f"    {key}: {_scalar(value)}" for key, value in rows.items())


def _scalar(value: str) -> str:
    """A value as YAML reads it back; quoted only where that is needed."""
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    text: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10 * len(value) + 80)
    return text.rstrip("\n")
