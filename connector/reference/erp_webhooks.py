"""The ERP's webhooks: subscriptions with a secret of the caller's, and one message for all that one write touched."""

from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response

from connector.reference.fields import Collection
from connector.reference.options import Options
from connector.reference.outbox import Message, Outbox, Subscription, read_target, read_topics
from connector.reference.refusals import Reason, Refusal, invalid
from connector.reference.stamps import seconds_text
from connector.reference.storage import Change
from connector.reference.web import answer, read_object

EVENTS = {"created": "create", "updated": "write", "deleted": "unlink"}
MOST_IDS = 1000
LEAST_SECRET, MOST_SECRET = 16, 64
SECRET_PREFIX = "whsec_"  # noqa: S105 -- how the secrets of Standard Webhooks begin


def envelope(database: str) -> Callable[[Sequence[Change]], Iterable[Message]]:
    """How the ERP words changes."""

    def word(changes: Sequence[Change]) -> Iterable[Message]:
        groups: dict[tuple[str, str], dict[Any, int]] = {}
        for change in changes:
            groups.setdefault((change.table, EVENTS[change.kind]), {})[change.record_id] = change.modified
        for (model, event), times in groups.items():
            ids = list(times)
            for first in range(0, len(ids), MOST_IDS):
                content = {
                    "database": database,
                    "model": model,
                    "event": event,
                    "ids": ids[first : first + MOST_IDS],
                    "write_date": seconds_text(max(times.values())),
                }
                yield Message(model, orjson.dumps(content))

    return word


class SubscriptionCalls:
    """The calls by which somebody subscribes."""

    def __init__(self, outbox: Outbox, resources: Iterable[Collection], options: Options) -> None:
        self._outbox, self._options = outbox, options
        self._names = [each.name for each in resources]

    async def list_all(self, _: Request) -> Response:
        """Everybody who listens."""
        return answer({"items": [_told(each) for each in self._outbox.subscriptions()]})

    async def read(self, request: Request) -> Response:
        """One of them."""
        return answer(_told(self._find(request)))

    async def create(self, request: Request) -> Response:
        """A new one."""
        sent = await read_object(request)
        url = read_target(sent.get("target_url"), "target_url", loopback_only=self._options.loopback_only)
        topics = read_topics(sent.get("models"), "models", self._names)
        made = self._outbox.add(url, topics, _read_secret(sent.get("secret")), None)
        return answer(_told(made), 201)

    async def delete(self, request: Request) -> Response:
        """Somebody does not listen any more."""
        self._outbox.remove(self._find(request).id)
        return Response(status_code=204)

    def _find(self, request: Request) -> Subscription:
        named = request.path_params["id"]
        is_number = named.isascii() and named.isdecimal() and len(named) < 16  # noqa: PLR2004 -- more digits no id has
        found = self._outbox.find(int(named)) if is_number else None
        if found is None:
            raise Refusal(Reason.ABSENT, f"there is no webhook {named[:40]}")
        return found


def add_subscription_calls(app: FastAPI, base: str, calls: SubscriptionCalls) -> None:
    """Put the calls under their addresses."""
    app.add_api_route(f"{base}/webhooks", calls.list_all)
    app.add_api_route(f"{base}/webhooks", calls.create, methods=["POST"])
    app.add_api_route(f"{base}/webhooks/{{id}}", calls.read)
    app.add_api_route(f"{base}/webhooks/{{id}}", calls.delete, methods=["DELETE"])


def _told(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "target_url": subscription.url,
        "models": subscription.topics,
        "active": subscription.active,
        "create_date": seconds_text(subscription.created),
    }


def _read_secret(value: object) -> str:
    """A secret of Standard Webhooks: base64, with or without its prefix."""
    message = f"secret must be {LEAST_SECRET} to {MOST_SECRET} bytes in base64, after {SECRET_PREFIX} or without it"
    if not isinstance(value, str):
        raise invalid(message, "secret")
    try:
        length = len(b64decode(value.removeprefix(SECRET_PREFIX), validate=True))
    except (Error, ValueError) as error:
        raise invalid(message, "secret") from error
    if not LEAST_SECRET <= length <= MOST_SECRET:
        raise invalid(message, "secret")
    return value
