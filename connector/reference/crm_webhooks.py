"""The CRM's webhooks: subscriptions that end unless they are renewed, and one message for every record."""

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response

from connector.reference.fields import Collection
from connector.reference.options import Options
from connector.reference.outbox import Message, Outbox, Subscription, read_target, read_topics
from connector.reference.refusals import Reason, Refusal, invalid
from connector.reference.stamps import milliseconds_text
from connector.reference.storage import Change
from connector.reference.web import answer, read_object

PREFIX = "whs-"
LIFETIME = 7 * 24 * 3600
SECRET_BYTES = 32
THOUSAND = 1000
CHANGEABLE = frozenset(("renew", "url", "events", "status"))


def envelope(organization: str) -> Callable[[Sequence[Change]], Iterable[Message]]:
    """How the CRM words changes."""

    def word(changes: Sequence[Change]) -> Iterable[Message]:
        for change in changes:
            content = {
                "type": f"{change.table}.{change.kind}",
                "timestamp": milliseconds_text(change.modified),
                "organizationId": organization,
                "data": {"id": change.record_id, "version": change.version},
            }
            yield Message(change.table, orjson.dumps(content))

    return word


class SubscriptionCalls:
    """The calls by which somebody subscribes."""

    def __init__(self, outbox: Outbox, collections: Iterable[Collection], options: Options) -> None:
        self._outbox, self._options = outbox, options
        self._names = [each.name for each in collections]

    async def list_all(self, _: Request) -> Response:
        """Everybody who listens."""
        return answer({"subscriptions": [self._told(each) for each in self._outbox.subscriptions()]})

    async def read(self, request: Request) -> Response:
        """One of them."""
        return answer(self._told(self._find(request)))

    async def create(self, request: Request) -> Response:
        """A new one; its secret is told here and never again."""
        sent = await read_object(request)
        url = self._target(sent.get("url"))
        topics = read_topics(sent.get("events"), "events", self._names)
        secret = f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
        made = self._outbox.add(url, topics, secret, self._end())
        return answer({**self._told(made), "secret": secret}, 201)

    async def change(self, request: Request) -> Response:
        """Renew one, or send it elsewhere, tell it of other things, or let it rest."""
        found, sent = self._find(request), await read_object(request)
        unknown = next((name for name in sent if name not in CHANGEABLE), None)
        if unknown is not None:
            raise invalid(f"{unknown[:40]} cannot be changed", unknown[:40])
        if "url" in sent:
            found = found._replace(url=self._target(sent["url"]))
        if "events" in sent:
            found = found._replace(topics=tuple(read_topics(sent["events"], "events", self._names)))
        if "status" in sent:
            found = found._replace(active=_is_active(sent["status"]))
        if sent.get("renew") is True:
            found = found._replace(expires=self._end())
        self._outbox.keep(found)
        return answer(self._told(found))

    async def delete(self, request: Request) -> Response:
        """Somebody does not listen any more."""
        self._outbox.remove(self._find(request).id)
        return Response(status_code=204)

    def _target(self, value: object) -> str:
        return read_target(value, "url", loopback_only=self._options.loopback_only)

    def _end(self) -> int:
        return int(self._options.clock()) + LIFETIME

    def _find(self, request: Request) -> Subscription:
        named = request.path_params["id"]
        number = named.removeprefix(PREFIX)
        is_ours = named.startswith(PREFIX) and number.isascii() and number.isdecimal()
        found = self._outbox.find(int(number)) if is_ours and len(number) < 16 else None  # noqa: PLR2004 -- more digits no id has
        if found is None:
            raise Refusal(Reason.ABSENT, f"there is no subscription {named[:40]}")
        return found

    def _told(self, subscription: Subscription) -> dict[str, Any]:
        expires = subscription.expires or 0
        status = "ACTIVE" if subscription.active else "PAUSED"
        return {
            "id": f"{PREFIX}{subscription.id}",
            "url": subscription.url,
            "events": subscription.topics,
            "status": status if expires > self._options.clock() else "EXPIRED",
            "createdAt": milliseconds_text(subscription.created * THOUSAND),
            "expiresAt": milliseconds_text(expires * THOUSAND),
        }


def add_subscription_calls(app: FastAPI, base: str, calls: SubscriptionCalls) -> None:
    """Put the calls under their addresses."""
    root, one = f"{base}/webhook-subscriptions", f"{base}/webhook-subscriptions/{{id}}"
    app.add_api_route(root, calls.list_all)
    app.add_api_route(root, calls.create, methods=["POST"])
    app.add_api_route(one, calls.read)
    app.add_api_route(one, calls.change, methods=["PATCH"])
    app.add_api_route(one, calls.delete, methods=["DELETE"])


def _is_active(status: object) -> bool:
    if status not in ("ACTIVE", "PAUSED"):
        raise invalid("status must be ACTIVE or PAUSED", "status")
    return status == "ACTIVE"
