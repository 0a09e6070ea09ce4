"""The contract of reading from a system that fails: passing trouble is outlived, lasting trouble has its type."""

# ruff: noqa: D102 -- the name of a test is its sentence

from collections.abc import Iterator

import pytest

from connector.adapters.testing_faults import blur, break_off, cut, decline, lose, mask, redirect, reset, stall
from connector.adapters.testing_proxy import ALWAYS, Fault, Proxy
from connector.adapters.testing_system import SystemUnderTest
from connector.adapters.testing_trial import Trial, on_trial
from connector.errors import AuthenticationFailed, RateLimited, RunError, Sent, SystemDown, UnreadableAnswer
from connector.records import Presence

MOST_ATTEMPTS = 10
RENEWAL = 3
"""The call, the renewal, and the call with what was renewed."""
REST_SECONDS, SHORTEST_PAUSE_SECONDS = 1, 0.1
LONG_REST_SECONDS = 3000
UNREADABLE = {"an answer that breaks off": break_off, "half an answer": cut, "a page for people": mask(200)}
DOWN = {
    "a lost answer": lose,
    "a reset connection": reset,
    "no answer in time": stall,
    "a 500": decline(500),
    "a 502 with a page for people": mask(502),
    "a 503": decline(503),
}
PASSING = {
    **UNREADABLE,
    "a lost answer": lose,
    "a reset connection": reset,
    "no answer in time": stall,
    "a 502 with a page for people": mask(502),
    "a 503": blur(503),
}


class TrialContract:
    """What tests against a misbehaving proxy start from."""

    @pytest.fixture
    def trial(self, system: SystemUnderTest, caplog: pytest.LogCaptureFixture) -> Iterator[Trial]:
        """An adapter behind a proxy; whatever a test does with it, no secret and no value may be logged."""
        with on_trial(system) as trial:
            yield trial
        trial.check_log(caplog.text)


class FailingReadContract(TrialContract):
    """What an adapter promises about reading when the system or the network fails."""

    @pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
    def test_a_read_outlives_passing_trouble(self, trial: Trial, fault: Fault) -> None:
        remote = trial.system.create()[0]
        trial.proxy.disturb(fault)

        fetched = trial.adapter.fetch(trial.system.resource, [remote.id])

        assert [(each.presence, each.remote) for each in fetched] == [(Presence.PRESENT, remote)]

    @pytest.mark.parametrize("fault", DOWN.values(), ids=DOWN)
    def test_a_system_that_stays_away_is_down(self, trial: Trial, fault: Fault) -> None:
        remote = trial.system.create()[0]
        before = len(trial.proxy.asked)
        trial.proxy.disturb(fault, times=ALWAYS)

        trial.fails(SystemDown, lambda: trial.adapter.fetch(trial.system.resource, [remote.id]))

        assert len(trial.proxy.asked) - before <= MOST_ATTEMPTS

    @pytest.mark.parametrize("fault", UNREADABLE.values(), ids=UNREADABLE)
    def test_an_answer_that_cannot_be_read_says_what_to_check(self, trial: Trial, fault: Fault) -> None:
        # Its values stand in the answer that is spoilt.
        trial.system.adapter.create(trial.system.resource, [trial.draft()])
        before = len(trial.proxy.asked)
        trial.proxy.disturb(fault, times=ALWAYS)

        error = trial.fails(UnreadableAnswer, lambda: trial.adapter.scan(trial.system.resource, None))

        assert "check" in str(error)
        assert len(trial.proxy.asked) - before <= MOST_ATTEMPTS

    def test_a_rest_that_is_asked_for_is_taken(self, trial: Trial) -> None:
        before = len(trial.proxy.asked)
        trial.proxy.disturb(decline(429, rest=REST_SECONDS))

        trial.adapter.scan(trial.system.resource, None)

        declined, following = trial.proxy.asked[before:][:2]
        assert following.at - declined.at >= REST_SECONDS

    def test_without_a_time_the_adapter_pauses_by_itself(self, trial: Trial) -> None:
        before = len(trial.proxy.asked)
        trial.proxy.disturb(decline(429))

        trial.adapter.scan(trial.system.resource, None)

        declined, following = trial.proxy.asked[before:][:2]
        assert following.at - declined.at >= SHORTEST_PAUSE_SECONDS

    def test_a_long_rest_is_told_at_once_and_kept(self, trial: Trial) -> None:
        trial.proxy.disturb(decline(429, rest=LONG_REST_SECONDS))
        error = trial.fails(RateLimited, lambda: trial.adapter.scan(trial.system.resource, None))
        before = len(trial.proxy.asked)

        again = trial.fails(RateLimited, lambda: trial.adapter.scan(trial.system.resource, None))

        assert error.retry_after == LONG_REST_SECONDS
        assert again.sent is Sent.NO
        assert len(trial.proxy.asked) == before

    def test_a_system_that_keeps_failing_is_left_alone(self, trial: Trial) -> None:
        trial.proxy.disturb(decline(500), times=ALWAYS)
        for _ in range(MOST_ATTEMPTS):
            trial.fails(SystemDown, lambda: trial.adapter.scan(trial.system.resource, None))
        before = len(trial.proxy.asked)

        error = trial.fails(SystemDown, lambda: trial.adapter.scan(trial.system.resource, None))

        assert error.sent is Sent.NO
        assert len(trial.proxy.asked) == before

    def test_credentials_that_ran_out_are_renewed_once(self, trial: Trial) -> None:
        trial.system.need(trial.system.renews, "has no credentials that are renewed")
        remote = trial.system.create()[0]
        before = len(trial.proxy.asked)
        trial.proxy.disturb(decline(401))

        fetched = trial.adapter.fetch(trial.system.resource, [remote.id])

        assert [each.remote for each in fetched] == [remote]
        assert len(trial.proxy.asked) - before <= RENEWAL

    def test_credentials_that_are_refused_for_good_end_the_run(self, trial: Trial) -> None:
        before = len(trial.proxy.asked)
        trial.proxy.disturb(decline(401), times=ALWAYS)

        trial.fails(AuthenticationFailed, lambda: trial.adapter.scan(trial.system.resource, None))

        assert len(trial.proxy.asked) - before <= (RENEWAL if trial.system.renews else 1)

    def test_no_credentials_follow_a_redirect(self, trial: Trial) -> None:
        with Proxy(str(trial.system.url)) as elsewhere:
            # Another name, as clients take another port of one name for the same house.
            address = elsewhere.origin.replace("127.0.0.1", "localhost")
            elsewhere.disturb(decline(404), times=ALWAYS)
            trial.proxy.disturb(redirect(address), times=ALWAYS)

            trial.fails(RunError, lambda: trial.adapter.scan(trial.system.resource, None))

        told = "\n".join(each.text for each in elsewhere.asked)
        assert not any(secret in told for secret in trial.system.secrets), "a secret went to another host"
