"""The faults in force on one server: which rule strikes when, and what stored records they hide."""

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from connector.reference.faults import calls, rules
from connector.reference.faults.exchange import Habits
from connector.reference.faults.rules import CallRule, Rule
from connector.reference.outbox import Outbox
from connector.reference.storage import Change, Clock, Condition, Store

AnyRule = Annotated[
    calls.Latency
    | calls.ErrorAnswer
    | calls.Reset
    | calls.LostResponse
    | calls.Truncated
    | calls.Html
    | calls.PartialBatch
    | calls.CutResults
    | calls.ExpiredToken
    | calls.Forbidden
    | calls.NoRights
    | calls.OtherTenant
    | rules.LookupLag
    | rules.ReadLag
    | rules.WrongClock
    | rules.OneTimestamp
    | rules.WebhookDrop
    | rules.WebhookDuplicate
    | rules.WebhookDelay
    | rules.WebhookReorder,
    Field(discriminator="fault"),
]
RULES: TypeAdapter[list[AnyRule]] = TypeAdapter(list[AnyRule])
MOST_REMEMBERED = 100_000
"""Writes whose times are kept for the lags."""


class Armed:
    """A rule with what it has seen."""

    def __init__(self, rule: Rule, clock: Clock) -> None:
        self.rule = rule
        self.seen = self.struck = 0
        self._began = 0
        self._clock, self._until = clock, 0.0

    def strikes(self, random: Random) -> bool:
        """Whether it strikes this call, which it fits."""
        self.seen += 1
        strikes = self._clock() < self._until or self._begins(random)
        self.struck += strikes
        return strikes

    def _begins(self, random: Random) -> bool:
        rule = self.rule
        turn = self.seen - rule.skip
        if turn <= 0 or turn % rule.every or (rule.times and self._began >= rule.times):
            return False
        if rule.probability < 1 and random.random() >= rule.probability:
            return False
        self._began += 1
        self._until = self._clock() + rule.lasting
        return True


class Plane:
    """All faults of one server."""

    base: str
    habits: Habits

    def __init__(self, clock: Clock = time.time, steady: Clock = time.monotonic) -> None:
        """`clock` is the right time; `steady` measures how long a fault or a lag lasts."""
        self.random = Random(0)  # noqa: S311 -- chance that can be repeated
        self.expired: set[str] = set()
        self._right, self._steady = clock, steady
        self._armed: list[Armed] = []
        self._stopped = 0.0
        self._born: dict[tuple[str, Any], float] = {}
        self._touched: dict[tuple[str, Any], float] = {}

    def attach(self, store: Store, outbox: Outbox, base: str, habits: Habits) -> None:
        """Spoil what this store shows and this outbox sends."""
        self._store, self._outbox, self.base, self.habits = store, outbox, base, habits
        store.veil = self
        store.add_function("is_hidden", self._is_hidden)
        store.listen(self._remember)
        outbox.fate = self.fate

    def put(self, given: Sequence[Rule], seed: int) -> None:
        """Let these rules be the only ones in force."""
        self.random = Random(seed)  # noqa: S311 -- chance that can be repeated
        self._armed = [Armed(each, self._steady) for each in given]
        self._stopped = self._right()
        self.expired.clear()
        # A clock that is set back gives earlier stamps from now on.
        self._store.rewind()
        if any(isinstance(each, rules.OneTimestamp) for each in given):
            self._store.restamp(self.habits.stamp, self.habits.write_stamp)

    def report(self) -> list[dict[str, Any]]:
        """The rules in force, and how often each struck."""
        return [
            {**each.rule.model_dump(mode="json", exclude_defaults=True), "seen": each.seen, "struck": each.struck}
            for each in self._armed
        ]

    def clock(self) -> float:
        """The time as this server has it."""
        now = self._right()
        for each in self._armed:
            if isinstance(each.rule, rules.OneTimestamp):
                now = self._stopped
            elif isinstance(each.rule, rules.WrongClock):
                now = (self._stopped if each.rule.stopped else now) + each.rule.skew
                now -= now % each.rule.coarse if each.rule.coarse else 0
        return now

    def struck(self, method: str, path: str) -> list[CallRule]:
        """The faults that strike this call."""
        found: list[CallRule] = []
        for each in self._armed:
            rule = each.rule
            if isinstance(rule, CallRule) and rule.fits(method, path) and each.strikes(self.random):
                found.append(rule)
        return found

    def fate(self, topic: str) -> tuple[float, ...]:
        """After how many seconds each copy of a message about this collection leaves."""
        copies: tuple[float, ...] = (0.0,)
        for each in self._armed:
            rule = each.rule
            if isinstance(rule, rules.WebhookRule) and rule.fits("*", topic) and each.strikes(self.random):
                copies = self._spoil(rule, copies)
        return copies

    def _spoil(self, rule: rules.WebhookRule, copies: tuple[float, ...]) -> tuple[float, ...]:
        if isinstance(rule, rules.WebhookDuplicate):
            return copies * rule.copies
        if isinstance(rule, rules.WebhookDelay):
            return tuple(each + rule.seconds for each in copies)
        if isinstance(rule, rules.WebhookReorder):
            return tuple(each + self.random.random() * rule.seconds for each in copies)
        return ()

    def condition(self, table: str, *, by_time: bool) -> Condition | None:
        """What of a collection a list does not show."""
        if not any(self._concerns(each.rule, table) for each in self._armed):
            return None
        return Condition("NOT is_hidden(?, json_extract(CAST(body AS TEXT), '$.id'), ?)", (table, int(by_time)))

    def hides(self, table: str, record_id: object) -> bool:
        """Whether a search by ids does not find this record."""
        return bool(self._is_hidden(table, record_id, 0))

    def _concerns(self, rule: Rule, table: str) -> bool:
        kinds = (rules.LookupLag, rules.ReadLag, calls.Forbidden)
        return isinstance(rule, kinds) and rule.fits("*", f"{self.base}/{table}")

    def _is_hidden(self, table: str, record_id: object, by_time: int) -> int:
        now, key = self._steady(), (table, record_id)
        for each in self._armed:
            rule = each.rule
            if not self._concerns(rule, table):
                continue
            if isinstance(rule, rules.LookupLag) and now - self._born.get(key, -rule.seconds) < rule.seconds:
                return 1
            if by_time and isinstance(rule, rules.ReadLag):
                hidden = now - self._touched.get(key, -rule.seconds) < rule.seconds
            else:
                hidden = isinstance(rule, calls.Forbidden) and rule.hides(record_id)
            if hidden:
                return 1
        return 0

    def _remember(self, changes: Sequence[Change]) -> None:
        now = self._steady()
        for change in changes:
            key = (change.table, change.record_id)
            if change.kind == "created":
                self._born[key] = now
            self._touched[key] = now
        for times in (self._born, self._touched):
            if len(times) > MOST_REMEMBERED:
                times.clear()

    def snapshot(self) -> None:
        """Keep the server's file as it is now."""
        self._store.copy_to(self._copy)

    def restore(self) -> bool:
        """Bring the file back as it was kept; False where none was."""
        if not self._copy.exists():
            return False
        self._store.restore_from(self._copy)
        self._outbox.reload()
        return True

    @property
    def _copy(self) -> Path:
        return self._store.path.with_name(f"{self._store.path.name}.snapshot")
