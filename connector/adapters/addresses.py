"""Addresses and types: what one may look like, and what of one may be shown."""

import re
from urllib.parse import urlsplit

from connector.errors import ConfigError

_TYPE = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,60}", re.IGNORECASE)


def checked(base_url: str, name: str) -> str:
    """The address without its last slash; credentials inside it would end up in logs, so they are refused."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError.of(f"{name}: `url` must begin with https:// or http:// and name a host")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError.of(f"{name}: `url` must not hold a user, a password, a query or a fragment")
    return base_url.rstrip("/")


def bare(location: str | None) -> str:
    """Where a redirect points, without user, query or fragment."""
    if not location:
        return "nowhere"
    parts = urlsplit(location)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path


def media_type(told: str | None) -> str:
    """What an answer says it is, without parameters; what is no type is not shown."""
    if told is None:
        return "no content type"
    found = _TYPE.match(told)
    return found[0] if found else "an unknown content type"
