"""Three-way merge of one linked pair: each side is compared with its own base, never CRM with ERP.

Per group of fields (a field without a group is its own): neither side moved: nothing, even where they differ, for each
keeps its normal form. One moved: its value goes across. Both moved to the same: agreed. Both moved apart: the policy.
Without a base it is first contact. Values stay in the ids of the side they come from; `carry` translates them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from connector.entities import Entity, FirstContact, Policy, Type
from connector.reconcile import lifecycle, policies
from connector.reconcile.carry import Unlinked, carry, without_ids
from connector.records import Links, Record, Ref, Side, Value


class Form(Protocol):
    """What merge asks of a side's mapping."""

    @property
    def fields(self) -> frozenset[str]:
        """The canonical fields this side holds."""

    @property
    def writable(self) -> frozenset[str]:
        """The canonical fields an update may change."""

    @property
    def transitions(self) -> Mapping[str, Mapping[str, str]]:
        """For fields changed by named actions: from each canonical value to its action."""

    def stores(self, field: str, value: Value, stored: Value) -> bool:
        """Whether `stored` is what this side makes of a value."""


class Half(NamedTuple):
    """One side of a pair: what it holds now, what it held when the two last agreed, and when it was changed."""

    now: Record
    base: Record
    modified: datetime | None = None


class Resolution(NamedTuple):
    """A person's word on one conflict, valid for exactly the values it was given for; None while it is asked for."""

    take: Side | None
    crm_value: Record
    erp_value: Record
    withheld: str | None = None
    """Why nothing is written of the group until then, though it could be decided."""


class Contest(NamedTuple):
    """A group that waits for a person."""

    group: str
    fields: tuple[str, ...]
    reason: str


class Override(NamedTuple):
    """An edit that a named policy did not let through; it goes to the history."""

    group: str
    loser: Side
    policy: str
    lost: Record


@dataclass(slots=True)
class Merge:
    """What merging one pair came to.

    `writes[side]` are values to write on that side, in the ids of the side across; `settles[side]` are the values
    across that the decision read, and become its base when that write is done. `agreed` fields settle now, on both
    sides.
    """

    writes: dict[Side, Record] = field(default_factory=lambda: {Side.CRM: {}, Side.ERP: {}})
    settles: dict[Side, Record] = field(default_factory=lambda: {Side.CRM: {}, Side.ERP: {}})
    agreed: list[str] = field(default_factory=list)
    contests: list[Contest] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    waits: list[Ref] = field(default_factory=list)
    combined: set[str] = field(default_factory=set)
    """Fields whose new value is made of both sides' movements, and is so far written on one side only."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Both halves of a linked pair, with everything a decision may read."""

    entity: Entity
    forms: Mapping[Side, Form]
    halves: Mapping[Side, Half]
    links: Links
    resolutions: Mapping[str, Resolution] = field(default_factory=dict)

    def same(self, name: str) -> bool:
        """Whether both sides hold the same value, up to reference ids, part ids and declared normal forms."""
        return self.is_same(name, self.halves[Side.CRM].now.get(name), self.halves[Side.ERP].now.get(name))

    def is_same(self, name: str, crm: Value, erp: Value) -> bool:
        """Whether these two values of a field are the same."""
        rule = self.entity.fields[name]
        if rule.type not in (Type.REF, Type.PARTS) and crm == erp:
            return True
        return self._same_across(name, Side.CRM, crm, erp) or self._same_across(name, Side.ERP, erp, crm)

    def is_across(self, name: str, source: Side) -> bool:
        """Whether the other side holds what `source` does.

        References may say the same and still not be across: the counterpart of a record that was merged stands for the
        one that stays, until the reference is moved to that one's own.
        """
        if self.entity.fields[name].type is not Type.REF:
            return self.same(name)
        return self._same_across(
            name, source, self.halves[source].now.get(name), self.halves[source.other].now.get(name)
        )

    def _same_across(self, name: str, source: Side, value: Value, other: Value) -> bool:
        try:
            carried = carry(self.entity.fields[name], value, source, self.links)
        except Unlinked:
            return False
        return self.forms[source.other].stores(name, without_ids(carried), without_ids(other))

    def moved(self, side: Side, name: str) -> bool:
        """Whether a side's value differs from what it held when the two last agreed."""
        half = self.halves[side]
        return half.now.get(name) != half.base.get(name)

    def values(self, side: Side, names: tuple[str, ...]) -> Record:
        """What a side holds now in some fields."""
        now = self.halves[side].now
        return {name: now.get(name) for name in names}


def merge(pair: Pair) -> Merge:
    """Decide every group of a linked pair."""
    result = Merge()
    shared = pair.forms[Side.CRM].fields & pair.forms[Side.ERP].fields
    touched = {name for half in pair.halves.values() for name in _touched(half, shared)}
    for group, names in pair.entity.groups.items():
        if not touched.isdisjoint(names):
            _merge_group(pair, group, tuple(name for name in names if name in shared), result)
    return result


def _touched(half: Half, names: Iterable[str]) -> list[str]:
    """The fields that a side moved, or never settled; asked in one go, as every field of every pair is."""
    if half.now is half.base:
        return []
    base, now = half.base, half.now.get
    return [name for name in names if name not in base or now(name) != base[name]]


def _merge_group(pair: Pair, group: str, names: tuple[str, ...], result: Merge) -> None:
    known = all(name in pair.halves[side].base for name in names for side in Side)
    movers = [side for side in Side if any(pair.moved(side, name) for name in names)] if known else list(Side)
    if not movers:
        return
    owner = _owner(pair, names)
    sources = movers if owner is None else [owner]
    if all(pair.same(name) for name in names) and (
        not known or all(pair.is_across(name, source) for name in names for source in sources)
    ):
        result.agreed.extend(names)
        return
    if not known:
        _first_contact(pair, group, names, result)
        return
    if _is_as_asked(pair, group, names, result):
        return
    if owner is not None:
        _give_to(pair, group, names, owner, result, f"owner is {owner}")
    elif pair.entity.fields[names[0]].policy is Policy.LIFECYCLE:
        _lifecycle(pair, group, names, movers, result)
    elif len(movers) == 1:
        _propagate(pair, group, names, movers[0], result)
    else:
        _contested(pair, group, names, result)


def _is_as_asked(pair: Pair, group: str, names: tuple[str, ...], result: Merge) -> bool:
    """Whether a person has decided about a group, or it stays withheld until one does."""
    given = _resolution(pair, group, names)
    if given is not None and given.take is not None:
        _give_to(pair, group, names, given.take, result, "a person's decision")
        return True
    if given is not None and given.withheld:
        result.contests.append(Contest(group, names, given.withheld))
        return True
    return False


def _owner(pair: Pair, names: tuple[str, ...]) -> Side | None:
    """The side whose word counts for a group now; a locked document belongs to the lock's owner."""
    lock = pair.entity.lock
    if lock is not None and any(name in pair.entity.locked_fields for name in names):
        if any(pair.halves[side].base.get(lock.field) in lock.states for side in Side):
            return lock.owner
        if pair.halves[lock.owner].now.get(lock.field) in lock.states:
            return lock.owner
    return pair.entity.fields[names[0]].owner


def _propagate(pair: Pair, group: str, names: tuple[str, ...], source: Side, result: Merge) -> None:
    """Write a group's changed fields across; nothing is written while one of its references has no counterpart."""
    target = source.other
    changed = tuple(name for name in names if not pair.is_across(name, source))
    blocked = [name for name in changed if not _can_take(pair, target, name)]
    if blocked:
        result.contests.append(Contest(group, names, f"{target} does not let {', '.join(blocked)} be changed"))
        return
    try:
        for name in changed:
            carry(pair.entity.fields[name], pair.halves[source].now.get(name), source, pair.links)
    except Unlinked as unlinked:
        result.waits.append(unlinked.ref)
        return
    result.writes[target].update(pair.values(source, changed))
    result.settles[target].update(pair.values(source, names))


def _can_take(pair: Pair, target: Side, name: str) -> bool:
    form = pair.forms[target]
    return name in form.writable or name in form.transitions


def _give_to(pair: Pair, group: str, names: tuple[str, ...], winner: Side, result: Merge, policy: str) -> None:
    """Let one side's values win, and remember what the other side had edited."""
    loser = winner.other
    lost = {name: pair.halves[loser].now.get(name) for name in names if pair.moved(loser, name)}
    if lost and not all(pair.same(name) for name in lost):
        result.overrides.append(Override(group, loser, policy, lost))
    _propagate(pair, group, names, winner, result)


def _first_contact(pair: Pair, group: str, names: tuple[str, ...], result: Merge) -> None:
    """Two values that were never compared: an empty one never wins over a filled one, then the group's rule decides."""
    filled = [side for side in Side if any(value not in (None, "", []) for value in pair.values(side, names).values())]
    owner = _owner(pair, names)
    asked = group in pair.resolutions
    if len(filled) == 1 and not asked:
        _fill(pair, group, names, filled[0], result)
        return
    # What waits for a person goes on waiting, whatever the rule for values that were never compared.
    given = _resolution(pair, group, names)
    winner = (given and given.take) if asked else _first_winner(pair, names, owner)
    if winner is None:
        result.contests.append(
            Contest(group, names, "first contact: both sides hold a value, and nothing says whose counts")
        )
    else:
        _give_to(pair, group, names, winner, result, "first contact")


def _fill(pair: Pair, group: str, names: tuple[str, ...], filled: Side, result: Merge) -> None:
    """Only one side holds a value: it goes across; where the other side cannot take it, both stay as they are."""
    if all(_can_take(pair, filled.other, name) for name in names):
        _propagate(pair, group, names, filled, result)
    else:
        result.agreed.extend(names)


def _first_winner(pair: Pair, names: tuple[str, ...], owner: Side | None) -> Side | None:
    rule = pair.entity.fields[names[0]]
    if rule.policy is Policy.LIFECYCLE:
        states = _states(pair, names[0])
        return lifecycle.later(pair.entity.lifecycle, states[Side.CRM], states[Side.ERP])
    chosen = {FirstContact.CRM: Side.CRM, FirstContact.ERP: Side.ERP, FirstContact.OWNER: owner, FirstContact.ASK: None}
    return chosen[rule.first_contact]


def _lifecycle(pair: Pair, group: str, names: tuple[str, ...], movers: list[Side], result: Merge) -> None:
    """A legal move goes across; of two, the one that may follow the other; what nobody may do is for a person."""
    graph, now, name = pair.entity.lifecycle, _states(pair, names[0]), names[0]
    was = {side: str(pair.halves[side].base.get(name)) for side in Side}
    illegal = [side for side in movers if not lifecycle.may_lead(graph, side, was[side], now[side])]
    winner = movers[0] if len(movers) == 1 else lifecycle.later(graph, now[Side.CRM], now[Side.ERP])
    if illegal:
        reason = "; ".join(lifecycle.why_not(graph, side, was[side], now[side]) for side in illegal)
        result.contests.append(Contest(group, names, reason))
    elif winner is None:
        states = " and ".join(f"{side}: {was[side]} to {now[side]}" for side in Side)
        result.contests.append(Contest(group, names, f"neither state may follow the other ({states})"))
    elif movers == [winner]:
        _propagate(pair, group, names, winner, result)
    else:
        _give_to(pair, group, names, winner, result, "lifecycle")


def _states(pair: Pair, name: str) -> dict[Side, str]:
    return {side: str(pair.halves[side].now.get(name)) for side in Side}


def _contested(pair: Pair, group: str, names: tuple[str, ...], result: Merge) -> None:
    """Both sides moved a group apart: its policy, or a conflict."""
    policy = pair.entity.fields[names[0]].policy
    if policy in _COMBINED and len(names) == 1 and _COMBINED[policy](pair, names[0], result):
        return
    times = {side: pair.halves[side].modified for side in Side}
    winner = policies.winner(policy, times)
    if winner is None:
        result.contests.append(Contest(group, names, "both sides changed it"))
    else:
        _give_to(pair, group, names, winner, result, f"policy {policy}")


def _resolution(pair: Pair, group: str, names: tuple[str, ...]) -> Resolution | None:
    """What a person said or is asked, if both sides still hold the values that it is about."""
    given = pair.resolutions.get(group)
    if given is None:
        return None
    still = given.crm_value == pair.values(Side.CRM, names) and given.erp_value == pair.values(Side.ERP, names)
    return given if still else None


def _delta(pair: Pair, name: str, result: Merge) -> bool:
    """Both movements count: a side's value plus what the other side moved, written on one side at a time."""
    halves = pair.halves
    if any(value is None for half in halves.values() for value in (half.now.get(name), half.base.get(name))):
        return False
    target = _first_to_combine(pair, name)
    here, there = halves[target], halves[target.other]
    _combine(pair, name, target, policies.absorb(here.now[name], there.base[name], there.now[name]), result)
    return True


def _union(pair: Pair, name: str, result: Merge) -> bool:
    """Sets: everything either side added, less what either side took away; written on one side at a time."""
    crm, erp = pair.halves[Side.CRM], pair.halves[Side.ERP]
    value = policies.united(crm.base.get(name), crm.now.get(name), erp.base.get(name), erp.now.get(name))
    lacking = [side for side in Side if pair.halves[side].now.get(name) != value]
    if len(lacking) == 1:
        _propagate(pair, name, (name,), lacking[0].other, result)
    else:
        _combine(pair, name, _first_to_combine(pair, name), value, result)
    return True


def _first_to_combine(pair: Pair, name: str) -> Side:
    return Side.ERP if name in pair.forms[Side.ERP].writable else Side.CRM


def _combine(pair: Pair, name: str, target: Side, value: Value, result: Merge) -> None:
    """Write a value made of both movements on one side.

    Then both bases become the value of the side across: what that one moved is absorbed, and what this one moved goes
    across in the next look. Each step settles for itself, so that a crash between them counts nothing twice.
    """
    result.writes[target][name] = value
    result.settles[target][name] = pair.halves[target.other].now.get(name)
    result.combined.add(name)


_COMBINED: Mapping[Policy, Callable[[Pair, str, Merge], bool]] = {Policy.DELTA: _delta, Policy.UNION: _union}
