"""How webhooks prove who sent them. Each scheme answers with the delivery's id, or says why it is refused.

Every scheme signs the raw body, compares in constant time, and takes any of several secrets, so that one can be
replaced without a gap.
"""

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeAlias

from connector.documents import suggest
from connector.errors import ConfigError


class Request(NamedTuple):
    """What was sent; header names are in lower case, `url` is the address as the sender knows it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Terms(NamedTuple):
    """What a signature is held against: the secrets that are valid, the time, and how far a timestamp may be off."""

    secrets: Sequence[str]
    now: datetime
    tolerance: timedelta


class Refused(Exception):
    """A webhook that is not taken; the reason is one word or two, and holds nothing that was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Scheme: TypeAlias = Callable[[Request, Terms], str | None]
"""Proves one request, or raises `Refused`; answers the delivery's id, None where the sender gives none."""

BAD_SIGNATURE, STALE, NO_SIGNATURE = "bad signature", "stale timestamp", "no signature"


def find(name: str) -> Scheme:
    """The scheme of that name; `ConfigError` where there is none."""
    if name in SCHEMES:
        return SCHEMES[name]
    known = suggest(name, list(SCHEMES)) or f"; there are {', '.join(SCHEMES)}"
    raise ConfigError.of(f'there is no signature scheme "{name}"{known}')


def standard(request: Request, terms: Terms) -> str:
    """Standard Webhooks: `webhook-id`, `webhook-timestamp` and one or more signatures over both and the body."""
    from standardwebhooks.webhooks import Webhook

    delivery, stamp = _header(request, "webhook-id"), _header(request, "webhook-timestamp")
    given = [part.removeprefix("v1,") for part in _header(request, "webhook-signature").split() if part[:3] == "v1,"]
    at = _recent(_seconds(stamp), terms)
    text = _decoded(request.body)
    # The library signs; its own check reads the clock itself and stumbles over some forged headers.
    expected = [Webhook(secret).sign(delivery, at, text).removeprefix("v1,") for secret in terms.secrets]
    _match(given, expected)
    return delivery


def hubspot_v3(request: Request, terms: Terms) -> str:
    """HubSpot's third: method, address, body and a timestamp in milliseconds under the app's secret."""
    given, stamp = _header(request, "x-hubspot-signature-v3"), _header(request, "x-hubspot-request-timestamp")
    _recent(_seconds(stamp) / 1000, terms)
    signed = request.method.encode() + _hubspot_address(request.url).encode() + request.body + stamp.encode()
    _match([given], [_digest(secret.encode(), signed) for secret in terms.secrets])
    # Its events have no delivery id; a repeated delivery has another attempt number in its body, and costs a look.
    return hashlib.sha256(request.body).hexdigest()


def frappe(request: Request, terms: Terms) -> None:
    """Frappe's: the body alone under the webhook's secret; without a time, so a replay is only harmless, not seen."""
    given = _header(request, "x-frappe-webhook-signature")
    _match([given], [_digest(secret.encode(), request.body) for secret in terms.secrets])


SCHEMES: dict[str, Scheme] = {"standard": standard, "hubspot-v3": hubspot_v3, "frappe": frappe}
"""Every way of signing that a configuration can name."""

_HUBSPOT_PLAIN = {f"%{ord(sign):02X}": sign for sign in ":/?@!$'()*,;"}


def check_secret(name: str, secret: str) -> None:
    """Refuse a secret that a scheme could never use."""
    if name != "standard":
        return
    try:
        key = b64decode(secret.removeprefix("whsec_") + "==")
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ConfigError.of(
            "a secret of Standard Webhooks is base64, mostly after `whsec_`; take it as the system shows it"
        )


def _hubspot_address(url: str) -> str:
    """The address with those signs in plain that HubSpot does not escape when it signs."""
    for escaped, sign in _HUBSPOT_PLAIN.items():
        url = url.replace(escaped, sign).replace(escaped.lower(), sign)
    return url


def _header(request: Request, name: str) -> str:
    value = request.headers.get(name, "")
    if not value:
        raise Refused(NO_SIGNATURE)
    return value


def _seconds(stamp: str) -> float:
    """A timestamp as a number, however it was forged."""
    if not (stamp.isascii() and stamp.isdecimal()) or len(stamp) > 15:  # noqa: PLR2004 -- more digits no clock has
        raise Refused(STALE)
    return int(stamp)


def _recent(seconds: float, terms: Terms) -> datetime:
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Refused(STALE) from None
    if abs(at - terms.now) > terms.tolerance:
        raise Refused(STALE)
    return at


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Refused(BAD_SIGNATURE) from None


def _digest(secret: bytes, signed: bytes) -> str:
    return b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def _match(given: Iterable[str], expected: Sequence[str]) -> None:
    """Whether any signature is any of ours; every pair is compared to its end."""
    pairs = [hmac.compare_digest(one.encode(), ours.encode()) for one in given for ours in expected]
    if not any(pairs):
        raise Refused(BAD_SIGNATURE)
