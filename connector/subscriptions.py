"""Webhooks that are subscribed to by a call: are they as they should be, and are they so for long enough."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from connector import systems
from connector.adapters.subscriptions import Subscriber, Subscription
from connector.context import Context
from connector.errors import ConfigError, ConfigIssue, ConnectorError
from connector.logs import get_logger, hide
from connector.records import Side
from connector.settings import Settings

RENEW_BEFORE = timedelta(days=3)
_FILE = re.compile(r"\$\{file:([^}]+)\}")


class Found(NamedTuple):
    """What was found, and done, about one side's subscription; `ok`, `warning` or `error`."""

    severity: str
    message: str


def keep(settings: Settings, context: Context, side: Side, *, subscribe: bool) -> Found:
    """Look at one side's subscription: renew what ends soon, and make what is missing where that is asked for."""
    address = settings.webhooks.address(side)
    if address is None:
        return Found("ok", "no webhooks are configured; changes are seen at each scheduled look")
    try:
        with _connected(settings, side) as subscriber:
            if subscriber is None:
                return Found("ok", f"{settings.systems.on(side).system} is told by hand where to send: {address}")
            wanted = {context.systems[side].translators[name].resource.name for name in context.entities}
            return _kept(settings, side, subscriber, _Wish(address, frozenset(wanted), context.clock(), subscribe))
    except ConnectorError as error:
        return Found("error", str(error))


def renew_all(settings: Settings, context: Context) -> None:
    """Keep what is subscribed going; trouble is logged, and told by `connector check` too."""
    for side in Side:
        found = keep(settings, context, side, subscribe=False)
        if found.severity != "ok":
            get_logger().warning("subscription_trouble", side=str(side), reason=hide(found.message))


class _Wish(NamedTuple):
    """What one side's subscription should be, now."""

    address: str
    resources: frozenset[str]
    now: datetime
    subscribe: bool


@contextmanager
def _connected(settings: Settings, side: Side) -> Iterator[Subscriber | None]:
    kind, options = systems.read_options(settings, side)
    if kind.hooks is None or kind.hooks.subscriber is None:
        yield None
        return
    made = kind.hooks.subscriber(options.plain())
    try:
        yield made
    finally:
        made.close()


def _kept(settings: Settings, side: Side, subscriber: Subscriber, wish: _Wish) -> Found:
    secrets = settings.webhooks.on(side).secrets
    known = next((one for one in subscriber.listed() if one.url == wish.address), None)
    if known is None:
        if not wish.subscribe:
            return Found("warning", f"nothing is subscribed for {wish.address}: connector check --subscribe")
        return _made(settings, side, subscriber, wish)
    if not secrets:
        return Found("error", f"subscription {known.id} cannot be proved: webhooks.{side}.secrets is empty")
    if _is_fine(known, wish):
        return Found("ok", _told(known))
    return Found("ok", f"renewed: {_told(subscriber.renew(known, wish.resources, secrets[0]))}")


def _is_fine(known: Subscription, wish: _Wish) -> bool:
    lasts = known.expires is None or known.expires - wish.now > RENEW_BEFORE
    return known.is_active and lasts and known.resources >= wish.resources


def _told(known: Subscription) -> str:
    until = f", until {known.expires:%Y-%m-%d %H:%M} UTC" if known.expires else ""
    return f"subscription {known.id} for {known.url}{until}"


def _made(settings: Settings, side: Side, subscriber: Subscriber, wish: _Wish) -> Found:
    secrets = settings.webhooks.on(side).secrets
    kind, _ = systems.read_options(settings, side)
    if kind.hooks is not None and kind.hooks.chooses_secret:
        place = _secret_file(settings, side)
        made = subscriber.subscribe(wish.address, wish.resources, None)
        if made.secret is not None:
            _write_secret(place, made.secret)
        return Found("ok", f"subscribed: {_told(made)}; its secret is in {place}; start what listens anew")
    if not secrets:
        raise ConfigError([_issue(settings, side, "give a secret of your own to be told to the system")])
    return Found("ok", f"subscribed: {_told(subscriber.subscribe(wish.address, wish.resources, secrets[0]))}")


def _secret_file(settings: Settings, side: Side) -> Path:
    """Where a secret that a system chooses is to be kept: the first file that the configuration names and is empty."""
    for one in _written(settings, side):
        if named := _FILE.fullmatch(one):
            place = Path(settings.document.name).parent / named[1]
            if place.is_file() and not place.read_text(encoding="utf-8").strip():
                return place
    message = f"the system chooses the secret: name an empty file for it, such as ['${{file:{side}-webhook.secret}}']"
    raise ConfigError([_issue(settings, side, message)])


def _written(settings: Settings, side: Side) -> list[str]:
    """The side's secrets as the file has them, references unresolved."""
    data = settings.document.data if isinstance(settings.document.data, dict) else {}
    given = ((data.get("webhooks") or {}).get(str(side)) or {}).get("secrets") or []
    return [one for one in ([given] if isinstance(given, str) else given) if isinstance(one, str)]


def _write_secret(place: Path, secret: SecretStr) -> None:
    """For its owner alone, and not lost with the power."""
    place.chmod(0o600)
    with place.open("w", encoding="utf-8") as file:
        file.write(secret.get_secret_value())
        file.flush()
        os.fsync(file.fileno())


def _issue(settings: Settings, side: Side, message: str) -> ConfigIssue:
    return settings.document.issue(("webhooks", str(side), "secrets"), message)
