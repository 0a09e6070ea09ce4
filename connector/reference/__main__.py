"""`python -m connector.reference crm|erp`: one of the servers from the command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from connector.reference.serve import SERVERS, parse_seed, run


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m connector.reference", description="A reference CRM or ERP.")
    parser.add_argument("kind", choices=sorted(SERVERS))
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--database", type=Path, required=True, help="the SQLite file")
    parser.add_argument("--seed", default="", help="customers=2000,orders=3000")
    parser.add_argument("--token-lifetime", type=int, default=3600, help="seconds")
    parser.add_argument("--rate-limit", type=int, help="requests a second")
    parser.add_argument("--log-requests", type=Path, help="a file that gets one line a request")
    parser.add_argument("--log-writes", type=Path, help="a file that gets one line a record that was written")
    parser.add_argument("--strict", action="store_true", help="the CRM checks VAT ids")
    parser.add_argument("--faults", action="store_true", help="let faults be set, at _faults")
    given = parser.parse_args(arguments)
    try:
        seed = parse_seed(given.seed)
    except ValueError as error:
        parser.error(str(error))
    run(
        given.kind,
        given.port,
        given.database,
        seed or None,
        host=given.host,
        token_lifetime=given.token_lifetime,
        rate_limit=given.rate_limit,
        log_requests=given.log_requests,
        log_writes=given.log_writes,
        strict=given.strict,
        faults=given.faults,
    )


if __name__ == "__main__":
    main()
