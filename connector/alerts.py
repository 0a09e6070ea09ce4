"""Alerts: what a person must know at once, told once, and again only after a while; and that it is over."""

import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from connector.adapters.announce import Announcer
from connector.errors import ConnectorError
from connector.logs import get_logger, hide
from connector.services import AlertSettings
from connector.standing import Standing, Status
from connector.store import alerts
from connector.store.alerts import Known
from connector.store.database import Store

_HOUR = timedelta(hours=1)
_REST = timedelta(minutes=1)
"""After an alert that nobody could be told of."""
_COMMAND_SECONDS = 30


class Alert(NamedTuple):
    """Something a person must know: what it is about, which kind, and what to do."""

    name: str
    kind: str
    message: str


Send = Callable[[Mapping[str, str]], None]
"""Tells somebody; raises what goes wrong."""


class Alerts:
    """Looks how things stand, and tells what is new, what goes on for long, and what is over."""

    def __init__(
        self,
        settings: AlertSettings,
        read: Callable[[], Status],
        store: Store,
        senders: Sequence[Send],
        clock: Callable[[], datetime],
        count: Callable[[str], None] = lambda outcome: None,  # noqa: ARG005 -- nobody counts
    ) -> None:
        self._settings, self._read, self._store, self._senders = settings, read, store, senders
        self._clock, self._count = clock, count
        self._sent: deque[datetime] = deque()
        self._failed_at = datetime.min.replace(tzinfo=UTC)

    def look(self) -> None:
        """Tell what there is to tell now; what could not be told is tried at the next look."""
        now = self._clock()
        wrong = {alert.name: alert for alert in found(self._read(), now, self._settings)}
        with self._store.read() as connection:
            known = alerts.listed(connection)
        for name, alert in wrong.items():
            before = known.get(name)
            if before is None or before.told_at is None or now - before.told_at >= self._settings.repeat_after:
                self._raise(alert, before, now)
        for name, before in known.items():
            if name not in wrong:
                self._end(name, before, now)

    def _raise(self, alert: Alert, before: Known | None, now: datetime) -> None:
        since = before.since if before else now
        told = self._tell(alert.kind, alert.name, alert.message, since, now)
        with self._store.write() as connection:
            alerts.keep(connection, Known(alert.name, alert.message, since, now if told else None))

    def _end(self, name: str, before: Known, now: datetime) -> None:
        """What nobody was told of needs no end."""
        message = f"over since {now:%Y-%m-%d %H:%M} UTC: {before.message}"
        if before.told_at is None or self._tell("recovered", name, message, before.since, now):
            with self._store.write() as connection:
                alerts.forget(connection, name)

    def _tell(self, kind: str, name: str, message: str, since: datetime, now: datetime) -> bool:
        """Whether somebody was told; beyond the hour's measure nobody is."""
        while self._sent and not timedelta(0) <= now - self._sent[0] < _HOUR:
            self._sent.popleft()
        if len(self._sent) >= self._settings.most_per_hour:
            self._count("held back")
            return False
        if timedelta(0) <= now - self._failed_at < _REST:
            return False
        text = f"connector: {message}"
        content = {"text": text, "kind": kind, "about": name, "since": since.isoformat(), "at": now.isoformat()}
        get_logger().warning("alert", kind=kind, about=name, message=message)
        told = [self._send(send, content) for send in self._senders]
        if any(told):
            self._sent.append(now)
        else:
            self._failed_at = now
        return any(told)

    def _send(self, send: Send, content: Mapping[str, str]) -> bool:
        try:
            send(content)
        except (ConnectorError, OSError, subprocess.SubprocessError) as error:
            self._count("failed")
            get_logger().error("alert_not_sent", error=type(error).__name__, reason=hide(str(error)))
            return False
        self._count("sent")
        return True


def found(status: Status, now: datetime, settings: AlertSettings) -> Iterator[Alert]:
    """Everything that is wrong now."""
    for one in status.standings:
        if one.paused:
            continue
        if one.halted is not None:
            yield Alert(f"halted {one.entity}", "halted", f"{one.entity} is halted: {one.halted}")
        elif one.held:
            what = f"{one.held} changes of {one.entity} are held by a guard"
            yield Alert(f"held {one.entity}", "held", f"{what}; look at them: connector approve {one.entity}")
        if _fails_often(one, settings):
            what = f"{one.problems} records of {one.entity} have open problems; look at them: connector problems list"
            yield Alert(f"problems {one.entity}", "problems", what)
    stale = status.stale(now)
    if stale:
        what = f"no sync of {', '.join(stale)} has gone through for {status.stale_after}; look: connector status"
        yield Alert("stale", "stale", what)


def _fails_often(one: Standing, settings: AlertSettings) -> bool:
    share = one.problems / max(one.links + one.problems, 1)
    return one.problems >= settings.problem_count and share > settings.problem_rate


def senders(settings: AlertSettings) -> list[Send]:
    """Everybody who is to be told."""
    made: list[Send] = []
    if settings.url is not None:
        made.append(Announcer(settings.url.get_secret_value()).tell)
    if settings.command:
        made.append(runner(settings.command))
    return made


def runner(command: Sequence[str]) -> Send:
    """Runs a command with the text as its last argument and all of the alert as JSON on its input."""

    def run(content: Mapping[str, str]) -> None:
        subprocess.run(  # noqa: S603 -- the operator's own command, run without a shell
            [*command, content["text"]],
            input=orjson.dumps(content),
            capture_output=True,
            timeout=_COMMAND_SECONDS,
            check=True,
        )

    return run
