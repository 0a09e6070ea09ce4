"""An adapter that reaches its system through a misbehaving proxy, and the steps that tests of failures share."""

import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from connector.adapters.base import Adapter
from connector.adapters.testing_faults import PLANTED
from connector.adapters.testing_proxy import Proxy, Request, Where
from connector.adapters.testing_system import SystemUnderTest
from connector.errors import ConnectorError
from connector.records import Draft, Outcome, Patch, Remote, Removal, Transition

Error = TypeVar("Error", bound=ConnectorError)

READS = frozenset(("GET", "HEAD", "OPTIONS"))
SHORTEST_TRACE = 5
"""Shorter values turn up by chance."""


class Write:
    """One write that a test makes: how to make it, and the texts by which its request is known."""

    def __init__(
        self, verb: str, make: Callable[[], list[Outcome]], traces: Sequence[str], draft: Draft | None
    ) -> None:
        self.verb, self.make, self.traces, self.draft = verb, make, traces, draft


class Trial:
    """What happens to `adapter` happens through `proxy`; what became of it is seen through `system`."""

    def __init__(self, system: SystemUnderTest, proxy: Proxy, adapter: Adapter) -> None:
        self.system, self.proxy, self.adapter = system, proxy, adapter
        self.personal: set[str] = set()
        """Values of records that no error may show."""

    def draft(self) -> Draft:
        """A new record's draft whose own values are looked for in every error."""
        made = self.system.draft()
        if self.system.text:
            made.body[self.system.text] = f"private-{uuid.uuid4()}"
        another = self.system.make_body(0)
        own = (value for name, value in made.body.items() if isinstance(value, str) and value != another.get(name))
        self.personal.update(value for value in own if len(value) >= SHORTEST_TRACE)
        return made

    def create(self) -> Write:
        """The creation of one new record."""
        self.system.need(self.system.claims.can_create, "cannot create")
        draft = self.draft()
        known = [draft.key, *([draft.marker] if draft.marker else []), *self.personal]
        return Write("create", lambda: self.adapter.create(self.system.resource, [draft]), known, draft)

    def update(self) -> Write:
        """A change of one record."""
        self.system.need(self.system.claims.can_update, "cannot update")
        before, (name, value) = self.system.create()[0], self._change()
        patch = Patch(str(uuid.uuid4()), before.id, before.version, {name: value})
        return Write("update", lambda: self.adapter.update(self.system.resource, [patch]), [str(value)], None)

    def delete(self) -> Write:
        """The removal of one record."""
        self.system.need(self.system.claims.can_delete, "cannot delete")
        before = self.system.create()[0]
        removal = Removal(str(uuid.uuid4()), before.id, before.version)
        return Write("delete", lambda: self.adapter.delete(self.system.resource, [removal]), [before.id], None)

    def perform(self) -> Write:
        """A named action on one record."""
        self.system.need(self.system.transition, "has no transitions")
        before = self.system.create()[0]
        step = Transition(str(uuid.uuid4()), before.id, before.version, str(self.system.transition))
        return Write("perform", lambda: self.adapter.perform(self.system.resource, [step]), [before.id], None)

    def write(self, verb: str) -> Write:
        """A write by its verb; skips where the resource does not claim it."""
        verbs = {"create": self.create, "update": self.update, "delete": self.delete, "perform": self.perform}
        return verbs[verb]()

    def sends(self, write: Write) -> Where:
        """Whether a request is the one that makes the write."""
        return lambda request: self.carries(request, write.traces)

    def carries(self, request: Request, traces: Sequence[str]) -> bool:
        """Whether a request writes something that is known by one of these texts."""
        if self.system.is_write is not None:
            return self.system.is_write(request)
        return request.method not in READS and any(trace in request.text for trace in traces)

    def passed(self, write: Write) -> int:
        """How many requests that make the write reached the system."""
        return sum(self.carries(each, write.traces) for each in self.proxy.passed)

    def asked(self, write: Write) -> list[Request]:
        """The requests that were to make the write, whether they reached the system or not."""
        return [each for each in self.proxy.asked if self.carries(each, write.traces)]

    def made(self, draft: Draft) -> list[Remote]:
        """The records that came of a draft."""
        marker = self.system.claims.marker_field
        self.system.need(marker, "has no marker field to count records by")
        time.sleep(self.system.claims.lookup_lag.total_seconds())
        return self.system.adapter.find(self.system.resource, str(marker), [str(draft.marker)])

    def fails(self, kind: type[Error], act: Callable[[], object]) -> Error:
        """The error that an act must end with; it names the system and shows nothing that is nobody's business."""
        with pytest.raises(kind) as caught:
            act()
        self.check_discretion(caught.value)
        name = self.system.name or self.system.adapter.identify().system
        assert name in str(caught.value), f"{kind.__name__} does not name the system"
        return caught.value

    def check_discretion(self, error: ConnectorError) -> None:
        """Fail where an error or its traceback shows a secret, a record's value or another system's page."""
        shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        what = type(error).__name__
        # Not told by assert, which would print what is not to be shown.
        if any(secret in shown for secret in self.system.secrets):
            pytest.fail(f"{what} shows a secret")
        if any(value in shown for value in self.personal):
            pytest.fail(f"{what} shows a record's value")
        if PLANTED in shown:
            pytest.fail(f"{what} quotes the answer")

    def check_log(self, text: str) -> None:
        """Fail where what was logged shows a secret or a record's value."""
        if any(each in text for each in (*self.system.secrets, *self.personal)):
            pytest.fail("a secret or a record's value was logged")

    def _change(self) -> tuple[str, Any]:
        if not self.system.text:
            return self.system.field, self.system.values[0]
        value = f"private-{uuid.uuid4()}"
        self.personal.add(value)
        return self.system.text, value


@contextmanager
def on_trial(system: SystemUnderTest) -> Iterator[Trial]:
    """A trial whose adapter has already spoken with the system once, so that it holds its credentials."""
    system.need(system.url and system.connect_at, "no address was given, so no proxy can stand in between")
    assert system.url is not None
    assert system.connect_at is not None
    with Proxy(system.url) as proxy:
        adapter = system.connect_at(proxy.url)
        try:
            adapter.identify()
            yield Trial(system, proxy, adapter)
        finally:
            adapter.close()
