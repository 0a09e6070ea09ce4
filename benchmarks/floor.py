"""The bare floor: read pages on one side, write batches on the other, and nothing else.

Requests and orjson, no mapping, no state, no look at the results: what any connector with these libraries
has to spend. Prints its figures as JSON; the seconds are those of the loop, without the start of the interpreter.
With `--mapped` a hand-written function translates every record, for an ERP that does not take just anything. With
`--threads 4` one thread reads and three write.

    python -m benchmarks.floor http://127.0.0.1:8101 http://127.0.0.1:8102 [--mapped] [--threads 4]
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import orjson
import requests
from rich.console import Console
from rich.table import Table

from benchmarks.processes import BenchServer, Stats, server
from benchmarks.synthetic import Body

PAGE, BATCH = 1000, 200
CREDENTIALS = {"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": "demo-secret"}
TERMS = {"IMMEDIATE": "0D", "NET_14": "14D", "NET_30": "30D", "NET_60": "60D"}
COUNTRIES = {"DE": "DEU", "AT": "AUT", "CH": "CHE", "FR": "FRA", "NL": "NLD", "GB": "GBR", "US": "USA"}
KEY = {"X-API-Key": "demo-key", "Content-Type": "application/json"}


class Floor(NamedTuple):
    """What the bare loop cost."""

    records: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


def copy(crm: str, erp: str, translate: Callable[[Body], Body] | None = None) -> Floor:
    """Copy every account of one server into partners of the other, in batches as the pages come."""
    source, target = requests.Session(), requests.Session()
    source.trust_env = target.trust_env = False
    sign_in(source, crm)
    target.headers.update(KEY)
    records, begun, cpu = 0, time.perf_counter(), time.process_time()
    for page in _pages(source, f"{crm}/api/v1/accounts"):
        ready = list(map(translate, page)) if translate else page
        for start in range(0, len(ready), BATCH):
            records += _write(target, f"{erp}/api/partners/bulk", ready[start : start + BATCH])
    return Floor(records, time.perf_counter() - begun, time.process_time() - cpu)


def copy_together(crm: str, erp: str, threads: int) -> Floor:
    """The same in so many threads: one reads, the others write; never more than two batches a writer wait."""
    source, local = requests.Session(), threading.local()
    source.trust_env = False
    sign_in(source, crm)
    room = threading.Semaphore(2 * threads)

    def write(batch: list[Any]) -> int:
        if not hasattr(local, "target"):
            local.target = requests.Session()
            local.target.trust_env = False
            local.target.headers.update(KEY)
        try:
            return _write(local.target, f"{erp}/api/partners/bulk", batch)
        finally:
            room.release()

    begun, cpu, written = time.perf_counter(), time.process_time(), []
    with ThreadPoolExecutor(threads - 1) as writers:
        for page in _pages(source, f"{crm}/api/v1/accounts"):
            for start in range(0, len(page), BATCH):
                room.acquire()
                written.append(writers.submit(write, page[start : start + BATCH]))
    records = sum(each.result() for each in written)
    return Floor(records, time.perf_counter() - begun, time.process_time() - cpu)


def translated(account: Body) -> Body:
    """An account as a partner, the shortest way."""
    billing, shipping = account["billingAddress"] or {}, account["shippingAddress"] or {}
    return {
        "is_company": True,
        "external_ref": account["id"],
        "name": account["name"],
        "vat": account["vatId"],
        "email": account["email"],
        "phone": account["phone"],
        "website": account["website"],
        "currency_code": account["currency"],
        "payment_term": TERMS.get(account["paymentTerms"]),
        "active": account["status"] == "ACTIVE",
        "comment": account["notes"],
        "street": billing.get("street"),
        "zip": billing.get("postalCode"),
        "city": billing.get("city"),
        "country_code": COUNTRIES.get(str(billing.get("country"))),
        "ship_street": shipping.get("street"),
        "ship_zip": shipping.get("postalCode"),
        "ship_city": shipping.get("city"),
        "ship_country_code": COUNTRIES.get(str(shipping.get("country"))),
    }


def read(url: str, headers: dict[str, str], size: int) -> Floor:
    """Only read the pages of one collection."""
    source = requests.Session()
    source.trust_env = False
    source.headers.update(headers)
    if not headers:
        sign_in(source, url.partition("/api")[0])
    begun, cpu = time.perf_counter(), time.process_time()
    records = sum(map(len, _pages(source, url) if not headers else _numbered(source, url, size)))
    return Floor(records, time.perf_counter() - begun, time.process_time() - cpu)


def read_both(crm: str, erp: str) -> Floor:
    """Read every customer of both sides, and do nothing with them; counts each pair once."""
    accounts = read(f"{crm}/api/v1/accounts", {}, PAGE)
    partners = read(f"{erp}/api/partners", KEY, PAGE // 2)
    return Floor(accounts.records, accounts.seconds + partners.seconds, accounts.cpu_seconds + partners.cpu_seconds)


def measure_servers(count: int) -> None:
    """Print what a record costs the servers themselves."""
    table = Table("server", "what", "records", "us of CPU a record", title="The servers themselves")
    with server("crm", "--customers", str(count)) as crm, server("erp") as erp:
        for told, side, what in _measured(crm, erp):
            records = told.written or told.read
            table.add_row(side, what, f"{records:,}", f"{told.cpu_seconds / records * 1e6:.1f}")
    Console().print(table)


def _measured(crm: BenchServer, erp: BenchServer) -> Iterator[tuple[Stats, str, str]]:
    befores = crm.stats(), erp.stats()
    copy(crm.url, erp.url)
    yield crm.stats().since(befores[0]), "crm", "read, in pages of 1000"
    yield erp.stats().since(befores[1]), "erp", "written, in batches of 200"
    before = erp.stats()
    read(f"{erp.url}/api/partners", KEY, PAGE // 2)
    yield erp.stats().since(before), "erp", "read, in pages of 500"


def sign_in(session: requests.Session, crm: str) -> None:
    """Give a session the CRM's token."""
    token = session.post(f"{crm}/oauth/token", data=CREDENTIALS, timeout=60).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"


def _pages(session: requests.Session, url: str) -> Iterator[list[Any]]:
    cursor: str | None = ""
    while cursor is not None:
        params = {"limit": PAGE} | ({"cursor": cursor} if cursor else {})
        answer = orjson.loads(_checked(session.get(url, params=params, timeout=60)))
        yield answer["records"]
        cursor = answer["nextCursor"]


def _numbered(session: requests.Session, url: str, size: int) -> Iterator[list[Any]]:
    page, total = 1, 1
    while (page - 1) * size < total:
        params = {"page": page, "per_page": size}
        answer = orjson.loads(_checked(session.get(url, params=params, timeout=60)))
        yield answer["items"]
        page, total = page + 1, answer["total"]


def _write(session: requests.Session, url: str, records: list[Any]) -> int:
    content = orjson.dumps({"create": [{"values": record} for record in records]})
    return len(orjson.loads(_checked(session.post(url, data=content, timeout=60)))["results"])


def _checked(answer: requests.Response) -> bytes:
    answer.raise_for_status()
    return answer.content


def main(arguments: list[str]) -> None:
    """Copy from the first address to the second, or only read both, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor", description="What nobody can be quicker than.")
    parser.add_argument("crm")
    parser.add_argument("erp")
    parser.add_argument("--mapped", action="store_true", help="translate every record")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--read", action="store_true", help="only read every customer of both sides, one side at a time"
    )
    chosen = parser.parse_args(arguments)
    if chosen.read:
        floor = read_both(chosen.crm, chosen.erp)
    elif chosen.threads > 1:
        floor = copy_together(chosen.crm, chosen.erp, chosen.threads)
    else:
        floor = copy(chosen.crm, chosen.erp, translated if chosen.mapped else None)
    print(orjson.dumps(floor._asdict()).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
