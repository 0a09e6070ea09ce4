"""How a server is to behave, as one value."""

import time
from dataclasses import dataclass
from pathlib import Path

from connector.reference.storage import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Who may enter, how fast, and what is kept of it."""

    client_id: str = "demo-client"
    client_secret: str = "demo-secret"  # noqa: S105 -- a demonstration's, told in the documentation
    sales_id: str = "demo-sales"
    """Salespeople's own client, which may not change what the integration writes."""
    sales_secret: str = "demo-sales-secret"  # noqa: S105 -- likewise
    api_key: str = "demo-key"
    token_lifetime: int = 3600
    """Seconds until an access token of the CRM expires."""
    rate_limit: int | None = None
    """Requests a second."""
    log_requests: Path | None = None
    strict: bool = False
    """The CRM checks VAT ids that begin with a country."""
    loopback_only: bool = True
    """Webhooks are sent only to this machine."""
    clock: Clock = time.time
