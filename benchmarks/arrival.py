"""How long a webhook's news takes to be written in the other system, apart from what the systems themselves take."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import orjson
import requests
from standardwebhooks.webhooks import Webhook

from benchmarks.cases import CUSTOMERS, Connector, Pair, bench_pair
from benchmarks.floor import sign_in
from benchmarks.office import going_on
from benchmarks.processes import await_up

WEBHOOK = "from a webhook to the write on the other side"
SECRET = "whsec_ZGVtby1kZW1vLWRlbW8tZGVtbw=="  # noqa: S105 -- of a server that holds made-up records
CUSTOMERS_ENOUGH, WARM, LOOK, PATIENCE = 1000, 5, 0.002, 30
ALWAYS = """\
serve: {{port: {port}}}
daemon: {{every: 1h}}
webhooks: {{crm: {{secrets: ["{secret}"]}}}}
"""


def webhook_seconds(number: int, folder: Path) -> float:
    """The median over so many webhooks, one after the other; the servers' own `Server-Timing` is taken off."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    with bench_pair(CUSTOMERS_ENOUGH) as pair:
        more = ALWAYS.format(port=port, secret=SECRET)
        product = Connector(pair, folder, one_way=True, more=more)
        product.run("", 0, "sync", *CUSTOMERS)
        with going_on(product.config, "serve"):
            await_up(
                f"http://127.0.0.1:{port}/readyz",
                "the connector did not become ready; its log is in the benchmark's folder",
            )
            seconds = list(_arrivals(pair, port, number + WARM))
    return median(seconds[WARM:])


def _arrivals(pair: Pair, port: int, number: int) -> Iterator[float]:
    """Somebody changes a customer, the CRM tells, and the ERP is looked at until it has been written to."""
    record, tenant = _first_customer(pair)
    for place in range(number):
        pair.crm.touch(1)
        before = pair.stats()
        sent_at = time.time()
        _deliver(port, f"msg_{place}", {"organizationId": tenant, "type": "accounts.updated", "data": {"id": record}})
        deadline = sent_at + PATIENCE
        while pair.erp.stats().written == before[1].written:
            if time.time() > deadline:
                raise RuntimeError("a webhook led to no write; the connector's log is in the benchmark's folder")
            time.sleep(LOOK)
        spent = [now.since(then) for now, then in zip(pair.stats(), before, strict=True)]
        yield spent[1].written_at - sent_at - sum(each.busy_seconds for each in spent)
        time.sleep(0.3)  # what follows the write, such as looking for its echo, is not the next webhook's


def _first_customer(pair: Pair) -> tuple[str, str]:
    """The record that is touched when one is, and the tenant that tells of it."""
    session = requests.Session()
    sign_in(session, pair.crm.url)
    found = session.get(f"{pair.crm.url}/api/v1/accounts", params={"limit": 1}, timeout=10).json()["records"]
    return found[0]["id"], session.get(f"{pair.crm.url}/api/v1/organization", timeout=10).json()["id"]


def _deliver(port: int, delivery: str, content: dict[str, object]) -> None:
    at, body = datetime.fromtimestamp(int(time.time()), UTC), orjson.dumps(content).decode()
    headers = {
        "webhook-id": delivery,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(delivery, at, body),
    }
    requests.post(f"http://127.0.0.1:{port}/webhooks/crm", data=body, headers=headers, timeout=10).raise_for_status()
