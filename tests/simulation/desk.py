"""People at the connector's own desk: webhooks that come in, conflicts they decide, problems they try again."""

from datetime import timedelta
from itertools import product
from random import Random

from connector.reconcile.guards import EMPTY, digest, digest_empty
from connector.records import Arrival, Base, NewLink, OperationState, Ref, Side, encode
from connector.store import approvals, conflicts, inbox, journal, links, problems
from connector.store.conflicts import OpenConflict
from connector.store.database import Store
from connector.store.problems import OpenProblem
from tests.simulation.tables import Rules, compile_rules
from tests.simulation.world import World

LOST, DOUBLED = 0.3, 0.2
_WORD = timedelta(hours=24)
"""How long an approval is good for."""


def deliver(world: World, store: Store, chance: Random) -> None:
    """Webhooks arrive: some never, some twice, in no order."""
    waiting, world.hooks = world.hooks, []
    arriving = [hook for hook in waiting if chance.random() > LOST]
    arriving += [hook for hook in arriving if chance.random() < DOUBLED]
    chance.shuffle(arriving)
    kept = arriving[: chance.randrange(len(arriving) + 1)]
    world.hooks = arriving[len(kept) :]
    world.counts["webhooks delivered"] += len(kept)
    world.counts["webhooks lost"] += len(waiting) - len(set(arriving) & set(waiting))
    if kept:
        with store.write() as connection:
            inbox.put(connection, [Arrival(entity, side, one, "webhook") for entity, side, one in kept], world.now())


def decide(world: World, store: Store, chance: Random, *, everything: bool = False) -> None:
    """A person settles open conflicts, one way or the other."""
    with store.read() as connection:
        unsettled = [item for item in conflicts.listed(connection) if item.status == "open"]
    for item in unsettled:
        if everything or chance.random() < 0.5:
            _resolve(world, store, item, chance.choice(list(Side)))


def _resolve(world: World, store: Store, item: OpenConflict, take: Side) -> None:
    conflict = item.conflict
    world.counts["conflicts decided"] += 1
    serial = world.name_of(conflict.entity, Side.CRM, conflict.crm_id)
    if serial is not None and conflict.field in {"points", "tags", "status"}:
        world.chronicle.loosen(serial, conflict.field)
    keys = [(Side.CRM, conflict.crm_id), (Side.ERP, conflict.erp_id)]
    if conflict.field == "*":
        # After a merge the two need not be the same thing: who decides has both before them.
        world.chronicle.condemned |= {str(world.name_of(conflict.entity, side, one)) for side, one in keys}
    with store.write() as connection:
        conflicts.resolve(connection, item.id, take, None, "somebody", world.now())
        arrivals = [Arrival(conflict.entity, side, one, "resolved") for side, one in keys]
        inbox.put(connection, arrivals, world.now())


def approve(world: World, store: Store, rules: Rules) -> None:
    """A person lets through all that a guard holds back, and goes by what is shown where that is nothing at all."""
    if not rules.strict:
        return
    at, entities = world.now(), compile_rules(rules)[0]
    with store.write() as connection:
        for held in journal.by_state(connection, [OperationState.HELD]):
            world.counts["deletes approved"] += 1
            word = (held.entity, held.side, held.key, held.kind, digest(held), "somebody")
            approvals.approve(connection, *word, at, at + _WORD)
        for entity, side in product(entities, Side):
            word = (entity, side, "*", EMPTY, digest_empty(entity, side), "somebody")
            approvals.approve(connection, *word, at, at + _WORD)


def retry(world: World, store: Store, rules: Rules) -> None:
    """A person goes through the open problems: what may have been written is looked for, the rest is tried again."""
    with store.read() as connection:
        items = problems.listed(connection)
    for item in items:
        world.counts["problems tried again"] += 1
        if item.problem.cause == "outcome_unknown" and _find(world, store, rules, item):
            continue
        ref = Ref(item.problem.entity, item.problem.side, item.problem.id)
        with store.write() as connection:
            inbox.put(connection, [Arrival(*ref, "retry")], world.now())
            if item.problem.cause != "merged":
                problems.dismiss(connection, item.id, world.now())


def _find(world: World, store: Store, rules: Rules, item: OpenProblem) -> bool:
    """Whether the record that nobody was sure about is there; then it is linked by hand."""
    entity, side, record_id = item.problem.entity, item.problem.side, item.problem.id
    serial = world.name_of(entity, side, record_id)
    if serial is None:
        return False
    if "may or may not have been written" in item.problem.message:
        world.chronicle.loosen(serial, "points")
        return False
    there = [row for row in world.systems[side.other].find(entity, serial) if row.ours]
    if there and world.systems[side].get(entity, record_id) is None:
        # What it was made of is gone, so people take it away again.
        world.chronicle.removed.add((serial, side.other))
        world.systems[side.other].remove(there[0])
    if not there and (serial, side.other) in world.chronicle.removed:
        # People have deleted what was made, and do not want it made again.
        source = world.systems[side].get(entity, record_id)
        if source is not None and not world.systems[side].documents(source):
            world.chronicle.removed.add((serial, side))
            world.systems[side].remove(source)
    if not there or there[0].gone:
        return False
    for name in ("points", "tags"):
        # Who links by hand compares as if for the first time, where an empty value never wins.
        world.chronicle.loosen(serial, name)
    return _link(world, store, rules, item, {side: record_id, side.other: there[0].id})


def _link(world: World, store: Store, rules: Rules, item: OpenProblem, ids: dict[Side, str]) -> bool:
    entity = item.problem.entity
    translators = compile_rules(rules)[1]
    bases = [Base(encode({}), None, translators[side][entity].id) for side in Side]
    with store.write() as connection:
        taken = any(links.find(connection, entity, side, [one]) for side, one in ids.items())
        problems.dismiss(connection, item.id, world.now())
        if not taken:
            links.add(connection, [NewLink(entity, ids[Side.CRM], ids[Side.ERP], *bases)], world.now())
            refs = [Ref(entity, side, one) for side, one in ids.items()]
            inbox.put(connection, [Arrival(*ref, "linked by hand") for ref in refs], world.now())
            inbox.release(connection, refs)
    return True
