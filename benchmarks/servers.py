"""Two bare servers to measure against: the reference systems' wire, from memory, at some 10 us of CPU a written record.

    python -m benchmarks.servers crm --customers 50000
    python -m benchmarks.servers erp
    python -m benchmarks.servers --measure

Each listens on a free port of 127.0.0.1 and prints its address as its first line. `POST /_bench/touch {"count": 100}`
changes records as a person would; `GET /_bench/stats` tells what was asked and what it cost.
"""

import argparse
import gc
import socket
import sys

from benchmarks.asgi import Application
from benchmarks.crm import Crm
from benchmarks.erp import Erp


def serve(application: Application, latency: float = 0.0) -> None:
    """Listen on a free loopback port until the process is ended; every answer waits for the latency."""
    import uvicorn

    application.latency = latency
    gc.collect()
    gc.freeze()
    # Records are no cycles, and looking through all of them again and again would be most of the server's work.
    gc.set_threshold(200_000, 50, 1000)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(
            application, loop="uvloop", http="httptools", lifespan="off", log_level="warning", access_log=False
        )
        uvicorn.Server(config).run(sockets=[listener])


def main(arguments: list[str]) -> None:
    """Serve one side, or measure both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.servers", description="The servers to measure against.")
    parser.add_argument("side", nargs="?", choices=("crm", "erp"))
    parser.add_argument("--customers", type=int, default=0, help="accounts in the CRM")
    parser.add_argument("--orders", type=int, default=0, help="orders in the CRM, three lines each")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that every answer waits besides")
    parser.add_argument("--measure", action="store_true", help="print the CPU both servers need for a record")
    chosen = parser.parse_args(arguments)
    if chosen.measure:
        from benchmarks.floor import measure_servers

        measure_servers(chosen.customers or 20_000)
    elif chosen.side == "crm":
        serve(Crm(customer_count=chosen.customers, order_count=chosen.orders), chosen.latency)
    elif chosen.side == "erp":
        serve(Erp(), chosen.latency)
    else:
        parser.error("name a side, crm or erp, or --measure")


if __name__ == "__main__":
    main(sys.argv[1:])
