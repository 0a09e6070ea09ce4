"""The systems' sending side, as a test plays it: signed webhooks, and everything that is not quite one."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import requests
from standardwebhooks.webhooks import Webhook

from tests.services import Service, until
from tests.systems import Systems

SECRET = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0"
OLDER = "whsec_b2xkZXJvbGRlcm9sZGVyb2xk"
FOREIGN = "whsec_Zm9yZWlnbmZvcmVpZ25mb3Jl"
CONFIG = (
    "serve: {port: 0}\n"
    "webhooks:\n"
    f"  crm: {{secrets: ['{SECRET}', '{OLDER}']}}\n"
    f"  erp: {{secrets: ['{SECRET}']}}\n"
    "  body_limit: 4096\n"
)


def address(service: Service) -> str:
    """Where a service listens, once it says so."""
    found = until(lambda: re.search(r"listening at (http://\S+)", service.text))
    return str(found[1])


class Sender:
    """Signs and sends as the two reference systems do."""

    def __init__(self, url: str, systems: Systems) -> None:
        self.url, self.systems = url, systems
        self.session = requests.Session()
        self.organization = systems.crm.call("GET", "organization")["id"]
        self.database = systems.erp.call("GET", "company")["database"]

    def crm(self, record_id: str, what: str = "accounts.updated", version: int = 9999) -> dict[str, Any]:
        """What the CRM says of one record."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: TID251 -- the sender's own clock
        data = {"id": record_id, "version": version}
        return {"type": what, "timestamp": stamp, "organizationId": self.organization, "data": data}

    def erp(self, *ids: str, model: str = "partners", event: str = "write") -> dict[str, Any]:
        """What the ERP says of some records."""
        numbers = [int(one) for one in ids]
        stamp = "2026-11-26 10:00:00"
        return {"database": self.database, "model": model, "event": event, "ids": numbers, "write_date": stamp}

    def send(
        self,
        side: str,
        content: Any,
        *,
        secret: str = SECRET,
        delivery: str = "",
        age: timedelta = timedelta(),
    ) -> requests.Response:
        """One webhook, signed."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        headers = signed(body, secret, delivery or f"msg_{uuid4().hex}", age)
        return self.session.post(f"{self.url}/webhooks/{side}", data=body, headers=headers, timeout=30)


def signed(body: bytes, secret: str, delivery: str, age: timedelta = timedelta()) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    at = datetime.fromtimestamp(int(time.time()), UTC) - age
    signature = Webhook(secret).sign(delivery, at, body.decode("utf-8", "replace"))
    return {
        "content-type": "application/json",
        "webhook-id": delivery,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }
