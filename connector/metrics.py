"""Figures for Prometheus: what this process did, and how the store stands at the moment of asking."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from connector.errors import StoreError
from connector.records import Side
from connector.report import Report, Tally
from connector.standing import Status, read_status
from connector.store import figures
from connector.store.database import Store

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OUTCOMES = ("linked", "agreed", "ambiguous", "waiting", "conflicts", "problems", "overridden", "unlinked", "ignored")
_MOST_TIMED = 2000
_SERVER_ERROR, _TOO_MANY = 500, 429
_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)


class Metrics:
    """Counts what happens in this process; threads may share it."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._store: Store | None = None
        self._registry = CollectorRegistry()
        self._runs = self._counter("runs", "Runs that ended, by kind and outcome", "kind", "outcome")
        self._run_seconds = self._histogram("run_seconds", "How long runs took", "kind")
        self._records = self._counter("records", "Records by what became of them", "entity", "outcome")
        self._read = self._counter("records_read", "Records that were read", "entity", "side")
        self._written = self._counter("records_written", "Records that were written", "entity", "side", "kind")
        self._operations = self._histogram("operation_seconds", "From plan to done", "side", "kind")
        self._requests = self._counter("requests", "Requests by answer; 0 is none", "system", "method", "status")
        self._failed = self._counter("retries", "Requests that called for another attempt", "system", "status")
        self._request_seconds = self._histogram("request_seconds", "How long answers took", "system", "method")
        self._webhooks = self._counter("webhooks", "Webhooks by what became of them", "side", "outcome")
        self._alerts = self._counter("alerts", "Alerts by what became of them", "outcome")

    def attach(self, store: Store, standing: Collector) -> None:
        """Show how a store stands, too."""
        self._store = store
        self._registry.register(standing)

    def render(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)

    def request(self, system: str, method: str, status: int, seconds: float) -> None:
        """One attempt at a request has ended."""
        self._requests.labels(system, method, status).inc()
        self._request_seconds.labels(system, method).observe(seconds)
        if not status or status == _TOO_MANY or status >= _SERVER_ERROR:
            self._failed.labels(system, status).inc()

    def webhook(self, side: str, outcome: str) -> None:
        """One webhook was answered."""
        self._webhooks.labels(side, outcome).inc()

    def alert(self, outcome: str) -> None:
        """One alert was told, held back, or could not be told."""
        self._alerts.labels(outcome).inc()

    def run_ended(self, report: Report | None, kind: str, seconds: float) -> None:
        """A run has ended; without a report where it could not."""
        self._runs.labels(kind, "failed" if report is None else report.exit.name.lower()).inc()
        self._run_seconds.labels(kind).observe(seconds)
        if report is None:
            return
        for tally in report.tallies.values():
            self._count(tally)
        if report.writes and self._store is not None:
            with self._store.read() as connection:
                for side, operation, taken in figures.latencies(connection, report.run, _MOST_TIMED):
                    self._operations.labels(side, operation).observe(taken)

    def _count(self, tally: Tally) -> None:
        for outcome in _OUTCOMES:
            self._records.labels(tally.entity, outcome).inc(getattr(tally, outcome))
        for side, number in tally.read.items():
            self._read.labels(tally.entity, side).inc(number)
        for (side, kind), number in tally.written.items():
            self._written.labels(tally.entity, side, kind).inc(number)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"connector_{name}", what, labels, registry=self._registry)

    def _histogram(self, name: str, what: str, *labels: str) -> Histogram:
        return Histogram(f"connector_{name}", what, labels, registry=self._registry, buckets=_SECONDS)


class Standings(Collector):
    """How the store stands, read when it is asked for."""

    def __init__(
        self, store: Store, entities: Sequence[str], clock: Callable[[], datetime], stale_after: timedelta
    ) -> None:
        self._store, self._entities, self._clock, self._stale_after = store, entities, clock, stale_after

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing in advance: what there is depends on the store."""
        return []

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Every gauge; where the store cannot be read, only that."""
        now = self._clock()
        try:
            with self._store.read() as connection:
                status = read_status(connection, self._entities, self._stale_after, now)
                queues = figures.queues(connection)
                problems = figures.open_problems(connection)
        except StoreError:
            yield _gauge("store_up", "Whether the state database can be read", [], {(): 0.0})
            return
        yield _gauge("store_up", "Whether the state database can be read", [], {(): 1.0})
        waits = {(one.entity, str(one.side)): one for one in queues}
        places = [(name, str(side)) for name in self._entities for side in Side]
        depth = {place: float(waits[place].depth if place in waits else 0) for place in places}
        since = {place: waits[place].oldest if place in waits else None for place in places}
        lag = {place: (now - oldest).total_seconds() if oldest else 0.0 for place, oldest in since.items()}
        yield _gauge("inbox_depth", "Keys that need a look", ["entity", "side"], depth)
        yield _gauge("lag_seconds", "Age of the oldest key that nothing holds up", ["entity", "side"], lag)
        yield _gauge("problems_open", "Open problems", ["entity", "cause"], problems)
        yield from self._by_entity(status, now)

    def _by_entity(self, status: Status, now: datetime) -> Iterable[GaugeMetricFamily]:
        stale = set(status.stale(now)) | (set(self._entities) if status.last_good is None else set())
        shown: dict[str, tuple[str, dict[tuple[str, ...], float]]] = {
            "links": ("Pairs of records that are the same", {}),
            "conflicts_open": ("Open conflicts", {}),
            "operations_held": ("Changes that a guard holds back", {}),
            "halted": ("1 while the entity is halted", {}),
            "stale": ("1 while the entity has not gone through for too long", {}),
            "paused": ("1 while a person has paused the entity", {}),
            "last_good_timestamp_seconds": ("When the entity last went through", {}),
        }
        for one in status.standings:
            good = one.good_at.timestamp() if one.good_at else 0.0
            values = (one.links, one.conflicts, one.held, bool(one.halted), one.entity in stale, one.paused, good)
            for (_, found), value in zip(shown.values(), values, strict=True):
                found[one.entity,] = float(value)
        for name, (what, found) in shown.items():
            yield _gauge(name, what, ["entity"], found)


def _gauge(name: str, what: str, labels: Sequence[str], values: Mapping[Any, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"connector_{name}", what, labels=labels)
    for place, value in values.items():
        family.add_metric(place, value)
    return family
