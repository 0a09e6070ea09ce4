"""Puts together what listens: the receiver, health and figures, each alone or all beside the daemon."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from connector import signatures, systems
from connector.always import alerting, build_daemon, renewing
from connector.arrivals import Arrivals
from connector.context import Context
from connector.daemon import Doors
from connector.errors import ConfigError, ConfigIssue, RunError
from connector.health import Doors as HealthDoors, Health
from connector.metrics import CONTENT_TYPE, Metrics, Standings
from connector.records import Side
from connector.settings import Settings
from connector.standing import reader
from connector.stops import Stop
from connector.webhooks import Limits, Port, Receiver

BACKLOG = 1024
_END_SECONDS = 5
_MOST_CONNECTIONS = 1000
_STARTED_WITHIN = 10.0


class Listener:
    """A server in a thread of its own."""

    def __init__(self, server: uvicorn.Server, thread: threading.Thread, url: str) -> None:
        self._server, self._thread, self.url = server, thread, url

    def is_alive(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()


def serve(settings: Settings, context: Context, stop: Stop, metrics: Metrics, say: Callable[[str], None]) -> None:
    """Daemon, receiver, health and figures in one process, until told to stop."""
    receiver = build_receiver(settings, context, stop.wake, metrics)
    health = build_health(settings, context, metrics)
    watching = alerting(settings, context, metrics.alert)
    with watching, listening(settings, receiver, health) as listener, renewing(settings, context):
        say(f"listening at {listener.url}")
        doors = Doors(stop.wait, lambda: stop.is_requested() or not listener.is_alive())
        build_daemon(settings, context, doors, [metrics]).run()
        _refuse_to_limp(stop, listener)


def receive(settings: Settings, context: Context, stop: Stop, metrics: Metrics, say: Callable[[str], None]) -> None:
    """The receiver, health and figures alone; a daemon on the same store does what they bring about."""
    receiver, health = (
        build_receiver(settings, context, lambda: None, metrics),
        build_health(settings, context, metrics),
    )
    with listening(settings, receiver, health) as listener, renewing(settings, context):
        say(f"listening at {listener.url}")
        while not stop.is_requested() and listener.is_alive():
            stop.wait(1)
        _refuse_to_limp(stop, listener)


def _refuse_to_limp(stop: Stop, listener: Listener) -> None:
    if not stop.is_requested() and not listener.is_alive():
        raise RunError(
            "nothing listens any more, for a reason that the log tells; the process ends, to be started anew"
        )


def build_receiver(settings: Settings, context: Context, wake: Callable[[], None], metrics: Metrics) -> Receiver:
    """The receiver of a configuration; raises `ConfigError` where a secret or scheme cannot be used."""
    limits = Limits(settings.webhooks.tolerance, settings.webhooks.body_limit)
    arrivals = Arrivals(context, wake, settings.webhooks.high_water)
    return Receiver(read_ports(settings), arrivals, limits, context.clock, metrics.webhook)


def read_ports(settings: Settings) -> dict[Side, Port]:
    """How each side's webhooks are proved and read; a side whose system sends none is left out."""
    ports: dict[Side, Port] = {}
    issues: list[ConfigIssue] = []
    for side in Side:
        kind, _ = systems.read_options(settings, side)
        if kind.hooks is None:
            continue
        given = settings.webhooks.on(side)
        name = given.scheme or kind.hooks.scheme
        secrets = tuple(one.get_secret_value() for one in given.secrets)
        try:
            for secret in secrets:
                signatures.check_secret(name, secret)
            ports[side] = Port(signatures.find(name), secrets, kind.hooks.read, settings.webhooks.address(side))
        except ConfigError as error:
            issues += [settings.document.issue(("webhooks", str(side)), issue.message) for issue in error.issues]
    if issues:
        raise ConfigError(issues)
    return ports


def build_health(settings: Settings, context: Context, metrics: Metrics) -> Health:
    """Health and figures of a configuration; what others can reach must ask for a token."""
    given, names = settings.serve, tuple(context.entities)
    if given.token is None and not _is_loopback(given.host):
        message = "whoever can reach this address may read the figures: give `serve.token`, or listen on 127.0.0.1"
        raise ConfigError([settings.document.issue(("serve", "host"), message)])
    stale_after = settings.daemon.stale_after
    metrics.attach(context.store, Standings(context.store, names, context.clock, stale_after))
    doors = HealthDoors(
        reader(context.store, names, stale_after, context.clock), lambda: (metrics.render(), CONTENT_TYPE), lambda: True
    )
    return Health(doors, context.clock, given.token.get_secret_value() if given.token else None)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def listening(settings: Settings, receiver: Receiver, health: Health) -> Iterator[Listener]:
    """Listen as long as the block lasts; requests in hand are answered before it ends."""
    routes: list[Route] = [*receiver.routes, *health.routes]
    config = uvicorn.Config(
        Starlette(routes=routes, lifespan=receiver.running),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_END_SECONDS,
        limit_concurrency=_MOST_CONNECTIONS,
        ws="none",
    )
    with _open(settings) as bound:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=partial(server.run, sockets=[bound]), name="listener", daemon=True)
        thread.start()
        try:
            _await_start(server, thread)
            yield Listener(server, thread, _address(bound))
        finally:
            server.should_exit = True
            thread.join(_END_SECONDS + 1)


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    waited = threading.Event()
    for _ in range(int(_STARTED_WITHIN / 0.01)):
        if server.started:
            return
        if not thread.is_alive():
            break
        waited.wait(0.01)
    raise RunError("the listener could not start; its log says why")


def _open(settings: Settings) -> socket.socket:
    given = settings.serve
    family = socket.AF_INET6 if ":" in given.host else socket.AF_INET
    try:
        return socket.create_server((given.host, given.port), family=family, backlog=BACKLOG)
    except OSError as error:
        message = f"cannot listen on {given.host} port {given.port}: {error.strerror or error}; choose another one"
        raise ConfigError([settings.document.issue(("serve", "port"), message)]) from error


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
