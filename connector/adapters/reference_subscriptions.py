"""Subscriptions at the bundled reference systems."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from pydantic import SecretStr
from typing_extensions import override

from connector.adapters.authentication import ApiKey, ClientCredentials
from connector.adapters.http import HttpClient
from connector.adapters.subscriptions import Subscriber, Subscription
from connector.adapters.wire import accepted, promised, read_all

CRM, ERP = "/api/v1/webhook-subscriptions", "/api/webhooks"


def connect_crm(settings: Mapping[str, Any]) -> "CrmSubscriber":
    """The subscriber for the same options as the adapter's."""
    secret = settings["client_secret"]
    auth = ClientCredentials("/oauth/token", settings["client_id"], lambda: secret)
    return CrmSubscriber(HttpClient.of(settings, name="reference-crm", auth=auth))


def connect_erp(settings: Mapping[str, Any]) -> "ErpSubscriber":
    """The subscriber for the same options as the adapter's."""
    key = settings["api_key"]
    auth = ApiKey("X-API-Key", lambda: key)
    return ErpSubscriber(HttpClient.of(settings, name="reference-erp", auth=auth))


class CrmSubscriber(Subscriber):
    """The reference CRM's, which chooses the secrets and lets subscriptions end after some days."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    @override
    def listed(self) -> list[Subscription]:
        answer = accepted(self._client.request("GET", CRM, safe=True), CRM)
        return read_all(promised(answer, CRM, "subscriptions", list), _crm_subscription, CRM)

    @override
    def subscribe(self, url: str, resources: Collection[str], secret: SecretStr | None) -> Subscription:
        content = {"url": url, "events": sorted(resources)}
        answer = accepted(self._client.request("POST", CRM, json=content, safe=False), CRM)
        return read_all([answer.data], _crm_subscription, CRM)[0]

    @override
    def renew(self, known: Subscription, resources: Collection[str], secret: SecretStr | None) -> Subscription:
        place = f"{CRM}/{known.id}"
        content = {"renew": True, "status": "ACTIVE", "events": sorted(known.resources | set(resources))}
        answer = accepted(self._client.request("PATCH", place, json=content, safe=True), place)
        return read_all([answer.data], _crm_subscription, place)[0]

    @override
    def close(self) -> None:
        self._client.close()


class ErpSubscriber(Subscriber):
    """The reference ERP's, which is given the secrets, and whose subscriptions never end and never change."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    @override
    def listed(self) -> list[Subscription]:
        answer = accepted(self._client.request("GET", ERP, safe=True), ERP)
        return read_all(promised(answer, ERP, "items", list), _erp_subscription, ERP)

    @override
    def subscribe(self, url: str, resources: Collection[str], secret: SecretStr | None) -> Subscription:
        given = {} if secret is None else {"secret": secret.get_secret_value()}
        content = {"target_url": url, "models": sorted(resources), **given}
        answer = accepted(self._client.request("POST", ERP, json=content, safe=False), ERP)
        return read_all([answer.data], _erp_subscription, ERP)[0]

    @override
    def renew(self, known: Subscription, resources: Collection[str], secret: SecretStr | None) -> Subscription:
        """The new one first, so that nothing is missed in between; what both tell is told twice, and costs a look."""
        made = self.subscribe(known.url, known.resources | set(resources), secret)
        place = f"{ERP}/{known.id}"
        accepted(self._client.request("DELETE", place, safe=True), place)
        return made

    @override
    def close(self) -> None:
        self._client.close()


def _crm_subscription(told: Mapping[str, Any]) -> Subscription:
    secret = told.get("secret")
    return Subscription(
        told["id"],
        told["url"],
        frozenset(told["events"]),
        told["status"] == "ACTIVE",
        datetime.fromisoformat(told["expiresAt"]),
        None if secret is None else SecretStr(secret),
    )


def _erp_subscription(told: Mapping[str, Any]) -> Subscription:
    return Subscription(str(told["id"]), told["target_url"], frozenset(told["models"]), bool(told["active"]))
