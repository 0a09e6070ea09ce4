"""What people do in the two systems, at any moment: each deed is written down in the chronicle."""

from collections.abc import Callable
from random import Random

from connector.records import Side
from tests.simulation import sales
from tests.simulation.chronicle import UNIQUE
from tests.simulation.forms import Fields
from tests.simulation.system import Row
from tests.simulation.world import World

Deed = Callable[[World, Random], bool]


def act(world: World, chance: Random) -> str:
    """Somebody does something, told in words; nothing where nobody could."""
    return do(world, chance, chance.choices(list(DEEDS), weights=[weight for weight, _ in DEEDS.values()])[0])


def do(world: World, chance: Random, name: str) -> str:
    """Somebody does this, to whatever chance picks."""
    before = len(world.deeds)
    if not DEEDS[name][1](world, chance):
        return ""
    world.counts[f"deed: {name}"] += 1
    return f"{name}: {'; '.join(world.deeds[before:])}"


def touch(world: World, chance: Random) -> str:
    """Somebody goes on with the record that the connector wrote last."""
    written = [(side, row) for side in Side if (row := world.systems[side].last) is not None and not row.gone]
    if not written:
        return ""
    world.focus = chance.choice(written)
    try:
        return do(world, chance, chance.choice(["edit", "move points", "tag"]))
    finally:
        world.focus = None


def _pick(world: World, chance: Random, *entities: str) -> tuple[Side, Row] | None:
    """Some record on some side, or the one that people are busy with."""
    if world.focus is not None and world.focus[1].entity in entities:
        return world.focus
    rows = [(side, row) for side in Side for entity in entities for row in world.live(side, entity)]
    return chance.choice(rows) if rows else None


def _value(world: World, chance: Random, name: str) -> str:
    """Something nobody typed before, written the way people write."""
    number = world.number()
    space = chance.choice([" ", "  "])
    written = {
        "name": f"n{number}{space}Anna {chance.choice(['Lind', 'Marquardt '])}",
        "phone": f"+49 30{space}{1000 + number}-{chance.randrange(10)}",
        "credit": f"{number * 10}{chance.choice(['', '.5', '.37'])}",
        "city": f"{space}town {number}",
        "zip": f"z-{number}",
        "note": f"note{space}{number} ",
        "email": f"Mail{number}@Example.com{chance.choice(['', ' '])}",
    }
    return written[name]


def _new_fields(world: World, chance: Random, entity: str) -> Fields:
    names = [name for name in UNIQUE[entity] if name == "name" or chance.random() < 0.7]
    return {name: _value(world, chance, name) for name in names}


def _insert(world: World, side: Side, entity: str, serial: str, fields: Fields, parent: Row | None = None) -> Row:
    """Store a record that a person typed, and remember every value of it."""
    system, chronicle = world.systems[side], world.chronicle
    chronicle.entities[serial] = entity
    _notice_twins(world, side, entity, serial)
    chronicle.typed[serial, side] += 1
    reference = {} if parent is None else {"customer": parent.id}
    row = system.insert(entity, {"serial": serial, "status": "active", **reference, **fields}, ours=False)
    world.deeds.append(f"{serial} on {side} {row.fields}")
    for name, value in fields.items():
        if name in UNIQUE.get(entity, ()):
            chronicle.type(serial, side, name, value, None, creating=True)
    if parent is not None:
        chronicle.type(serial, side, "customer", parent.serial, None, creating=True)
    return row


def _notice_twins(world: World, side: Side, entity: str, serial: str) -> None:
    """Whether it is typed a second time before the connector can have seen the first."""
    if not world.systems[side].find(entity, serial):
        world.typed_at[serial, side] = None if world.busy else world.now()
    elif (
        not world.busy
        and not world.systems[side].traits.visibility_lag
        and world.typed_at.get((serial, side)) == world.now()
    ):
        world.chronicle.twins.add(serial)


def _create_customer(world: World, chance: Random) -> bool:
    serial, side = f"K{world.number()}", chance.choice(list(Side))
    points = chance.randrange(10**6)
    tags = [f"t{world.number()}" for _ in range(chance.randrange(3))]
    fields = {**_new_fields(world, chance, "customer"), "points": str(points), "tags": tags}
    _insert(world, side, "customer", serial, fields)
    world.chronicle.moved[serial] += points
    world.chronicle.added[serial] |= set(tags)
    return True


def _create_twins(world: World, chance: Random) -> bool:
    """Two people type the same customer into one system."""
    serial, side = f"K{world.number()}", chance.choice(list(Side))
    for _ in range(2):
        _insert(world, side, "customer", serial, _new_fields(world, chance, "customer"))
    return True


def _create_contact(world: World, chance: Random) -> bool:
    found = _pick(world, chance, "customer")
    if found is None:
        return False
    side, parent = found
    _insert(world, side, "contact", f"P{world.number()}", _new_fields(world, chance, "contact"), parent)
    return True


def _create_adjustment(world: World, chance: Random) -> bool:
    side = Side.CRM if chance.random() < 0.9 else Side.ERP
    parents = world.live(side, "customer")
    if not parents:
        return False
    fields = {"quantity": str(chance.choice([-5, -2, 3, 7, 11]))}
    _insert(world, side, "adjustment", f"M{world.number()}", fields, chance.choice(parents))
    return True


def _create_sale(world: World, chance: Random) -> bool:
    side = chance.choice(list(Side))
    parents = world.live(side, "customer")
    if not parents:
        return False
    lines = [sales.new_line(world.number(), chance) for _ in range(chance.randrange(1, 4))]
    fields = {"note": _value(world, chance, "note"), "status": sales.OPEN, "lines": lines}
    _insert(world, side, "sale", f"S{world.number()}", fields, chance.choice(parents))
    return True


def _change_lines(world: World, chance: Random) -> bool:
    """Lines are changed while the document is open, in the ERP also later; who looks on sees that it is not."""
    found = _pick(world, chance, "sale")
    if found is None or (found[1].fields["status"] != sales.OPEN and found[0] is Side.CRM):
        return False
    side, row = found
    lines = sales.changed(row.fields["lines"], world.number(), chance)
    world.chronicle.type(row.serial, side, "lines", lines, row.fields["lines"])
    _change(world, side, row, {"lines": lines})
    return True


def _lead(world: World, chance: Random) -> bool:
    """A document goes on to its next state."""
    found = _pick(world, chance, "sale")
    if found is None:
        return False
    side, row = found
    following = sales.followers(side, row.fields["status"])
    if not following:
        return False
    _change(world, side, row, {"status": chance.choice(following)})
    return True


def _type_again(world: World, chance: Random) -> bool:
    """The same thing typed into the other system too, or, rarely, twice into one."""
    found = _pick(world, chance, "customer", "contact")
    if found is None:
        return False
    side, row = found
    target = side if chance.random() < 0.15 else side.other
    typed = world.chronicle.typed[row.serial, target]
    if (row.serial, target) in world.chronicle.removed or typed > 1 or (typed and target is not side):
        return False
    parent = None
    if row.entity == "contact":
        parent = _same(world, row, side, target)
        if parent is None:
            return False
    _insert(world, target, row.entity, row.serial, _new_fields(world, chance, row.entity), parent)
    return True


def _same(world: World, contact: Row, side: Side, target: Side) -> Row | None:
    """The contact's customer, on another side."""
    parent = world.systems[side].rows["customer", contact.fields["customer"]]
    found = world.systems[target].find("customer", parent.serial)
    return found[0] if found else None


def _edit(world: World, chance: Random) -> bool:
    found = _pick(world, chance, "customer", "contact", "sale")
    if found is None:
        return False
    side, row = found
    name = "note" if row.entity == "sale" else chance.choice(UNIQUE[row.entity])
    names = ["city", "zip"] if name in {"city", "zip"} and chance.random() < 0.5 else [name]
    values = {one: _value(world, chance, one) for one in names}
    for one, value in values.items():
        world.chronicle.type(row.serial, side, one, value, row.fields.get(one))
    _change(world, side, row, values)
    return True


def _move_points(world: World, chance: Random) -> bool:
    found = _pick(world, chance, "customer")
    if found is None or found[1].fields.get("points") is None:
        return False
    side, row = found
    step = chance.choice([-1, 1]) * chance.randrange(1, 10**6)
    world.chronicle.moved[row.serial] += step
    world.chronicle.moves[row.serial].append((side, step))
    _change(world, side, row, {"points": str(int(row.fields["points"]) + step)})
    return True


def _tag(world: World, chance: Random) -> bool:
    found = _pick(world, chance, "customer")
    if found is None:
        return False
    side, row = found
    tags = list(row.fields.get("tags") or [])
    if tags and chance.random() < 0.4:
        gone = chance.choice(tags)
        tags.remove(gone)
        world.chronicle.dropped[row.serial].add(gone)
    else:
        tags.append(f"t{world.number()}")
        world.chronicle.added[row.serial].add(tags[-1])
    _change(world, side, row, {"tags": tags})
    return True


def _archive(world: World, chance: Random) -> bool:
    found = _pick(world, chance, "customer", "contact")
    if found is None or found[1].fields["status"] == "inactive":
        return False
    side, row = found
    world.chronicle.archived.add(row.serial)
    _change(world, side, row, {"status": "inactive"})
    return True


def _move_contact(world: World, chance: Random) -> bool:
    """A contact changes to a company it never was with."""
    found = _pick(world, chance, "contact")
    if found is None:
        return False
    side, row = found
    known = {edit.value for edit in world.chronicle.edits if edit.serial == row.serial and edit.name == "customer"}
    companies = [one for one in world.live(side, "customer") if one.serial not in known]
    if not companies:
        return False
    _refer(world, side, row, chance.choice(companies))
    return True


def _refer(world: World, side: Side, row: Row, parent: Row) -> None:
    before = world.systems[side].rows["customer", row.fields["customer"]].serial
    world.chronicle.type(row.serial, side, "customer", parent.serial, before)
    _change(world, side, row, {"customer": parent.id})


def _change(world: World, side: Side, row: Row, fields: Fields) -> None:
    world.systems[side].change(row, fields)
    world.deeds.append(f"{row.serial} on {side} {fields}")


def _remove(world: World, side: Side, row: Row, kept: Row | None = None) -> None:
    world.chronicle.removed.add((row.serial, side))
    world.systems[side].remove(row, moved_to=None if kept is None else kept.id)
    world.deeds.append(f"{row.serial} on {side}{'' if kept is None else f' into {kept.serial}'}")


def _merge(world: World, chance: Random) -> bool:
    """Two customers become one: what belonged to the second belongs to the first."""
    found = _pick(world, chance, "customer")
    if found is None:
        return False
    side, row = found
    system = world.systems[side]
    others = [one for one in system.of("customer") if one.serial != row.serial]
    if not others or system.documents(row):
        return False
    kept = chance.choice(others)
    for contact in system.children(row, "contact"):
        _refer(world, side, contact, kept)
    # Whose record goes into one of two twins has said which of them is meant.
    world.chronicle.twins.discard(kept.serial)
    _remove(world, side, row, kept)
    return True


def _delete(world: World, chance: Random) -> bool:
    found = _pick(world, chance, "customer", "contact")
    if found is None:
        return False
    side, row = found
    system = world.systems[side]
    if system.documents(row):
        return False
    swept = [one for one in world.live(side, "customer") if one is not row and not system.documents(one)]
    for each in [row, *(swept[:3] if world.sweeping else ())]:
        for one in [*system.children(each, "contact"), each]:
            _remove(world, side, one)
    return True


DEEDS: dict[str, tuple[int, Deed]] = {
    "create customer": (14, _create_customer),
    "create twins": (2, _create_twins),
    "create contact": (10, _create_contact),
    "create adjustment": (8, _create_adjustment),
    "create sale": (8, _create_sale),
    "change lines": (10, _change_lines),
    "lead": (8, _lead),
    "type again": (7, _type_again),
    "edit": (30, _edit),
    "move points": (12, _move_points),
    "tag": (8, _tag),
    "archive": (2, _archive),
    "move contact": (4, _move_contact),
    "merge": (2, _merge),
    "delete": (4, _delete),
}
