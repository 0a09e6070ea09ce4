"""What one simulated system is like, drawn from a seed: what it can do, how late and how coarse it is."""

from datetime import timedelta
from random import Random
from typing import Any, NamedTuple

from connector.adapters.base import Capabilities
from connector.records import Side

SAFETIES = ("key", "marker", "search", "unique", "none")
"""How a create can be made safe: idempotency key, unique marker, marker that can only be searched, unique number."""

MARKERS = {Side.CRM: "externalId", Side.ERP: "external_ref"}
SERIALS = {Side.CRM: "serialNo", Side.ERP: "serial"}


class Traits(NamedTuple):
    """One system."""

    safety: str
    exact: bool
    """It refuses stale writes."""
    versions: bool
    ordered: bool
    """A later version is a larger one."""
    answers: bool
    """A write is answered with the record as it is now."""
    tombstones: bool
    counts: bool
    knows_gone: bool
    """It tells a deleted record from one that never was."""
    tells_holder: bool
    """It says who holds a unique value."""
    timed: bool
    granularity: timedelta
    skew: timedelta
    visibility_lag: timedelta
    lookup_lag: timedelta
    sizes: tuple[int, int, int, int]
    """Records on a page, on a page of ids, in a fetch, in a write."""

    @classmethod
    def good(cls, **changes: Any) -> "Traits":
        """A system as one would wish it, but for some changes."""
        sizes, now = (50, 50, 50, 50), timedelta(0)
        return cls("key", *[True] * 9, now, now, now, now, sizes)._replace(**changes)

    @classmethod
    def draw(cls, chance: Random) -> "Traits":
        """A system from a seed."""
        exact = chance.random() < 0.8
        drawn = cls(
            safety=chance.choice(SAFETIES),
            exact=exact,
            versions=exact or chance.random() < 0.5,
            ordered=True,
            answers=chance.random() < 0.7,
            tombstones=chance.random() < 0.5,
            counts=chance.random() < 0.7,
            knows_gone=chance.random() < 0.5,
            tells_holder=chance.random() < 0.5,
            timed=chance.random() < 0.5,
            granularity=timedelta(seconds=chance.choice([0, 0, 1, 2, 60])),
            skew=timedelta(seconds=chance.choice([0, 0, 3, -40, 3600, -7200])),
            visibility_lag=timedelta(seconds=chance.choice([0, 0, 2, 30])),
            lookup_lag=timedelta(seconds=chance.choice([0, 0, 5, 60])),
            sizes=(
                chance.choice([1, 2, 3, 50]),
                chance.choice([2, 4, 50]),
                chance.choice([2, 50]),
                chance.choice([1, 2, 3, 50]),
            ),
        )
        # Drawn apart, so that the rest of a life stays what it was.
        return drawn._replace(ordered=Random(repr(drawn)).random() < 0.6)

    def capabilities(self, side: Side) -> Capabilities:
        """The same, as an adapter declares it."""
        page, keys_page, fetch, write = self.sizes
        return Capabilities(
            page_size=page,
            keys_page_size=keys_page,
            fetch_size=fetch,
            write_size=write,
            idempotency_key=self.safety == "key",
            marker_field=MARKERS[side] if self.safety in {"marker", "search"} else None,
            marker_unique=self.safety == "marker",
            unique_fields=(SERIALS[side],) if self.safety == "unique" else (),
            conditional_write=self.exact,
            ordered_versions=self.versions and self.ordered,
            trustworthy_times=self.timed and not self.granularity and not self.skew,
            tombstones=self.tombstones,
            parallel=2 if self.answers else 1,
            ranges=self.counts,
            counts=self.counts,
            can_archive=True,
            granularity=self.granularity,
            visibility_lag=self.visibility_lag,
            lookup_lag=self.lookup_lag,
        )
