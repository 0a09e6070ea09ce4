"""Pairs compared many at once, as columns: most of them are alike, and only the rest is looked at one by one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, cast

from connector.context import Work
from connector.entities import Entity
from connector.mappings.pages import Columns
from connector.mappings.unfit import UNTRANSLATABLE
from connector.reconcile.merge import Pair
from connector.records import Body, Side, Value
from connector.store import links

Bodies: TypeAlias = Mapping[Side, Sequence[Body | None]]
"""Both records of each pair at the same place; None is one that its side does not show."""

_UNLINKED: Final = object()
"""Stands for a reference without a counterpart: nothing is like it."""


class Likeness(NamedTuple):
    """Fields of pairs that are alike, counted, and the places of the pairs that are not, or of which it is not known.

    The fields of the rest are not among those that are counted.
    """

    equal: int
    in_normal_form: int
    rest: list[int]


def compare(work: Work, bodies: Bodies) -> Likeness:
    """Compare what both sides hold, pair by pair at the same places; what one of them does not show is of the rest."""
    count = len(bodies[Side.CRM])
    columns = _columns(work, bodies) if count else None
    if columns is not None:
        return _Pairs(work, columns, count).likeness()
    if count <= 1:
        return Likeness(0, 0, list(range(count)))
    # Somewhere in it is one that is not shown, or cannot be translated: the halves without it still go together.
    half = count // 2
    front = compare(work, {side: held[:half] for side, held in bodies.items()})
    back = compare(work, {side: held[half:] for side, held in bodies.items()})
    rest = front.rest + [half + place for place in back.rest]
    return Likeness(front.equal + back.equal, front.in_normal_form + back.in_normal_form, rest)


def _columns(work: Work, bodies: Bodies) -> Mapping[Side, Columns] | None:
    if not all(map(all, bodies.values())):
        return None
    try:
        return {side: work.translator(side).read_page(cast("Sequence[Body]", bodies[side])) for side in Side}
    except UNTRANSLATABLE:
        return None


def is_equal_as_held(entity: Entity, name: str, crm: Value, erp: Value) -> bool:
    """Whether the very same value is the same on both sides: ids say nothing about each other, empty fields do."""
    return bool(crm == erp) and (not crm or not (entity.references.get(name) or entity.part_references.get(name)))


class _Pairs:
    """Pairs as columns."""

    def __init__(self, work: Work, columns: Mapping[Side, Columns], count: int) -> None:
        self._work, self._entity, self._columns, self._count = work, work.entity, columns, count
        self._names = sorted(work.shared)
        self._across = self._counterparts()
        refs = {
            (entity, Side.CRM, own): other for entity, known in self._across.items() for own, other in known.items()
        }
        self._pair = Pair(work.entity, {side: work.translator(side) for side in Side}, {}, refs)

    def likeness(self) -> Likeness:
        """Field by field: one that differs nowhere costs one comparison of two lists."""
        rest: set[int] = set()
        normal: list[int] = []
        for name in self._names:
            for place in self._unequal(name):
                if place not in rest:
                    (normal.append if self._is_normal(name, place) else rest.add)(place)
        in_normal_form = sum(place not in rest for place in normal)
        told = (self._count - len(rest)) * len(self._names)
        return Likeness(told - in_normal_form, in_normal_form, sorted(rest))

    def _unequal(self, name: str) -> list[int]:
        """The places at which the values are not the same as they are held."""
        crm, erp = (self._columns[side][name] for side in Side)
        if target := self._entity.references.get(name):
            known = self._across[target]
            crm = [value if value is None else known.get(value, _UNLINKED) for value in crm]
        elif self._entity.part_references.get(name):
            return [place for place, values in enumerate(zip(crm, erp, strict=True)) if any(values)]
        if list(crm) == list(erp):
            return []
        return [place for place, (one, other) in enumerate(zip(crm, erp, strict=True)) if one != other]

    def _is_normal(self, name: str, place: int) -> bool:
        """Whether two values are the same in a normal form; references are followed across from the CRM only."""
        if name in self._entity.references:
            return False
        crm, erp = (self._columns[side][name][place] for side in Side)
        return self._pair.is_same(name, crm, erp)

    def _counterparts(self) -> dict[str, dict[str, str]]:
        """What stands across for everything that the CRM's records refer to, by entity."""
        wanted: dict[str, set[str]] = {}
        for name in self._names:
            for target, values in _referred(self._entity, name, self._columns[Side.CRM][name]):
                wanted.setdefault(target, set()).update(values)
        if not wanted:
            return {}
        with self._work.store.read() as connection:
            return {
                target: links.counterparts(connection, target, Side.CRM, sorted(ids)) for target, ids in wanted.items()
            }


def _referred(entity: Entity, name: str, column: Sequence[Any]) -> list[tuple[str, set[str]]]:
    """The entities that a column refers to, each with the ids in it."""
    if target := entity.references.get(name):
        return [(target, set(filter(None, column)))]
    inner = entity.part_references.get(name, {})
    return [
        (target, {part[key] for parts in column for part in parts or () if part.get(key)})
        for key, target in inner.items()
    ]
