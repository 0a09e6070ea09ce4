"""The same worlds under Hypothesis: it chooses every step, and makes what breaks a law as short as it can be."""

from random import Random

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from connector.records import Side
from tests.simulation import desk, people
from tests.simulation.life import Life, Script, rights
from tests.simulation.tables import Rules
from tests.simulation.traits import SAFETIES, Traits
from tests.simulation.trial import be_quiet, judge
from tests.simulation.wire import WRITE_FAULTS, Trouble

CHANCE = st.integers(0, 2**16).map(Random)
FAULTS = st.lists(st.sampled_from(WRITE_FAULTS), max_size=2)
TROUBLE = st.builds(
    Trouble, moves=st.just(0.02), crash=st.integers(0, 120), near=st.sampled_from(["", "writes", "scans"])
)
SYSTEMS = st.builds(
    Traits.good,
    safety=st.sampled_from(SAFETIES),
    answers=st.booleans(),
    tombstones=st.booleans(),
    counts=st.booleans(),
)


class Lives(RuleBasedStateMachine):
    """One life: people and the connector in turn, and in the end the laws."""

    @initialize(crm=SYSTEMS, erp=SYSTEMS, removal=st.sampled_from(["archive", "delete", "ignore"]), first=CHANCE)
    def begin(self, crm: Traits, erp: Traits, removal: str, first: Random) -> None:
        be_quiet()
        rules = Rules(crm_deletes=removal, erp_deletes=removal)
        self.life = Life(Script(0, {Side.CRM: crm, Side.ERP: erp}, rules, [], decisive=False))
        people.do(self.life.world, first, "create customer")

    @rule(deed=st.sampled_from(list(people.DEEDS)), chance=CHANCE)
    def somebody_does_something(self, deed: str, chance: Random) -> None:
        people.do(self.life.world, chance, deed)

    @rule(chance=CHANCE, trouble=TROUBLE, creates=FAULTS, updates=FAULTS)
    def the_connector_runs(self, chance: Random, trouble: Trouble, creates: list[str], updates: list[str]) -> None:
        wire = self.life.running(chance).wire
        wire.planned = {"create": creates, "update": updates}
        self.life.sync(chance, trouble)
        wire.planned = {}

    @rule(seconds=st.sampled_from([1, 400, 4000, 90000]))
    def time_passes(self, seconds: int) -> None:
        self.life.world.wait(seconds)

    @rule(chance=CHANCE)
    def webhooks_arrive(self, chance: Random) -> None:
        desk.deliver(self.life.world, self.life.desk, chance)

    @rule(chance=CHANCE)
    def conflicts_are_decided(self, chance: Random) -> None:
        desk.decide(self.life.world, self.life.desk, chance)

    @rule(chance=CHANCE)
    def rights_change(self, chance: Random) -> None:
        rights(self.life, chance)

    def teardown(self) -> None:
        if not hasattr(self, "life"):
            return
        try:
            self.life.settle()
            verdict = judge(self.life)
            assert verdict.violations == [], "\n".join(verdict.story)
        finally:
            self.life.close()


TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=15,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
