"""What a contract test needs to know about the system it runs against, and the steps that many tests share."""

import itertools
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import pytest

from connector.adapters.base import Adapter, Capabilities, Split
from connector.adapters.testing_proxy import Request
from connector.records import Body, Cursor, Draft, Fetched, Page, Patch, Remote, Removal, Resource

T = TypeVar("T")

_numbers = itertools.count(time.time_ns() // 1_000_000)
"""Never the same number twice, in this run or the next against the same sandbox."""

MOST_PAGES = 1000
SETTLED_SECONDS = 5
"""So long after it was made a record is in no system's last moment."""
LOOK_SECONDS = 0.05
"""Between two looks at something that a declared lag allows to be missing."""


class Decimals(NamedTuple):
    """A field with decimals, and values on the wire that must come back digit by digit."""

    field: str
    values: tuple[Any, ...]


@dataclass(kw_only=True)
class SystemUnderTest:
    """One resource of one system, and how to use it.

    `connect` makes an adapter, anew each time; small pages make the suite quick. `make_body(n)` gives a valid wire
    body, another one for each n. `field` can be changed to each of `values` and stores them as they are sent; `text`
    is a free text that may be empty; `wrong` is a body that validation refuses. `edit` and `remove` do what a person
    does in the system itself; without them a second adapter does it. `forbid` takes the right to one record away;
    `create_tied` makes so many records with one and the same time of change, and tells their ids; `move` merges or
    renames a record, and tells the id under which it goes on.

    The failing network needs `url`, where the system answers, and `connect_at`, which makes an adapter for another
    address: that of a proxy in front of it. Its time-out should be about a second, and its attempts few. `renews` says
    that credentials which ran out are renewed; `name` is what errors call the system, where that is not what
    `identify` tells; `is_write` finds the one request that writes, where it is not the first that is more than a read
    and holds what is written.
    """

    connect: Callable[[], Adapter]
    resource: Resource
    make_body: Callable[[int], Body]
    field: str
    values: tuple[Any, Any]
    missing_id: str
    wrong: Body | None = None
    text: str | None = None
    decimals: Decimals | None = None
    transition: str | None = None
    edit: Callable[[str, Body], None] | None = None
    remove: Callable[[str], None] | None = None
    forbid: Callable[[str], None] | None = None
    create_tied: Callable[[int], Sequence[str]] | None = None
    move: Callable[[str], str] | None = None
    url: str | None = None
    connect_at: Callable[[str], Adapter] | None = None
    renews: bool = False
    name: str | None = None
    is_write: Callable[[Request], bool] | None = None
    secrets: Sequence[str] = ()
    stamps: frozenset[str] = frozenset({"id"})
    """What the system writes on every record, and no mapping reads."""

    @cached_property
    def adapter(self) -> Adapter:
        """The adapter that is tested."""
        return self.connect()

    @cached_property
    def claims(self) -> Capabilities:
        """What the adapter says the resource can do."""
        return self.adapter.capabilities(self.resource.name)

    def need(self, claimed: object, what: str) -> None:
        """Skip the test where the resource does not claim what it is about."""
        if not claimed:
            pytest.skip(f"{self.resource.name}: {what}")

    def draft(self, **changes: Any) -> Draft:
        """A new record's draft, with its own key and, where there is a field for it, its own marker."""
        key = str(uuid.uuid4())
        body = {**self.make_body(next(_numbers)), **changes}
        return Draft(key, body, f"contract-{key}" if self.claims.marker_field else None)

    def create(self, count: int = 1, **changes: Any) -> list[Remote]:
        """New records, as they are stored."""
        self.need(self.claims.can_create, "cannot create")
        ids: list[str] = []
        size = self.claims.write_size
        for start in range(0, count, size):
            drafts = [self.draft(**changes) for _ in range(min(size, count - start))]
            outcomes = self.adapter.create(self.resource, drafts)
            assert [each.error for each in outcomes] == [None] * len(drafts)
            ids += [each.id for each in outcomes if each.id is not None]
        return self.stored(ids)

    def stored(self, ids: Sequence[str]) -> list[Remote]:
        """The present state of records that must be there, at the latest when the declared look-up lag has passed."""
        fetched = self.looked_up(
            lambda: self.adapter.fetch(self.resource, ids), lambda answer: all(each.remote for each in answer)
        )
        assert [each.id for each in fetched] == list(ids)
        return [remote_of(each) for each in fetched]

    def looked_up(self, look: Callable[[], T], is_complete: Callable[[T], bool]) -> T:
        """What a look-up answers, at the latest when the declared lag has passed."""
        return _until(look, is_complete, self.claims.lookup_lag.total_seconds())

    def change(self, remote: Remote, **fields: Any) -> None:
        """Change fields of one record as a person would, behind the adapter's back."""
        if self.edit is not None:
            self.edit(remote.id, fields)
            return
        current = self.stored([remote.id])[0]
        patch = Patch(str(uuid.uuid4()), remote.id, current.version, fields)
        assert self.connect().update(self.resource, [patch])[0].error is None

    def take_away(self, remote: Remote) -> None:
        """Delete one record as a person would, behind the adapter's back."""
        if self.remove is not None:
            self.remove(remote.id)
            return
        removal = Removal(str(uuid.uuid4()), remote.id, None)
        assert self.connect().delete(self.resource, [removal])[0].error is None

    def split(self) -> Split:
        """Ranges of about a page each."""
        return self.adapter.split(self.resource, self.claims.page_size)

    def settled_split(self) -> Split:
        """The same, of records that are no longer new to the system."""
        return _until(self.split, lambda found: len(found.ranges) > 1, SETTLED_SECONDS)

    def foretold(self) -> tuple[Page, list[Cursor]]:
        """A scan's first page, and the cursors that it foretells, of records that are no longer new to the system."""
        foretells = type(self.adapter).ahead is not Adapter.ahead
        return _until(self._foretold, lambda found: bool(found[1]), SETTLED_SECONDS if foretells else 0)

    def _foretold(self) -> tuple[Page, list[Cursor]]:
        page = self.adapter.scan(self.resource, None)
        return page, list(self.adapter.ahead(self.resource, page.cursor)) if page.more else []

    def connect_anew(self) -> "SystemUnderTest":
        """The same system, behind another adapter."""
        return replace(self)

    def scan(self, cursor: Cursor | None = None, *, keys_only: bool = False) -> tuple[list[Remote], Cursor]:
        """A whole scan, and the cursor that starts the next one."""
        remotes: list[Remote] = []
        for _ in range(MOST_PAGES):
            page = self.adapter.scan(self.resource, cursor, keys_only=keys_only)
            remotes, cursor = remotes + page.remotes, page.cursor
            if not page.more:
                return remotes, cursor
        raise AssertionError(f"the scan of {self.resource.name} does not end within {MOST_PAGES} pages")


def _until(look: Callable[[], T], is_complete: Callable[[T], bool], seconds: float) -> T:
    """Look until what is found is complete, for so long at most."""
    deadline = time.monotonic() + seconds
    found = look()
    while not is_complete(found) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        found = look()
    return found


def remote_of(fetched: Fetched) -> Remote:
    """The record of an answer that must hold one."""
    assert fetched.remote is not None, f"{fetched.id} is {fetched.presence}"
    return fetched.remote


def body_of(remote: Remote) -> Body:
    """The body of a record that must have one."""
    assert remote.body is not None
    return remote.body
