"""The contract of writing to a system that fails: whether it can have been done is told, and nothing is done twice."""

# ruff: noqa: D102 -- the name of a test is its sentence

import socket
from typing import Any

import pytest

from connector.adapters.base import Adapter
from connector.adapters.testing_failing_reads import (
    MOST_ATTEMPTS,
    REST_SECONDS,
    SHORTEST_PAUSE_SECONDS,
    TrialContract,
)
from connector.adapters.testing_faults import blur, break_off, cut, decline, lose, mask, reset, rewrite, stall
from connector.adapters.testing_proxy import ALWAYS, Fault
from connector.adapters.testing_trial import Trial, Write
from connector.errors import AuthenticationFailed, OutcomeUnknown, Sent, SystemDown, TransportError, UnreadableAnswer
from connector.records import Patch, Presence

VERBS = ("create", "update", "delete", "perform")
UNREADABLE = {"an answer that breaks off": break_off, "half an answer": cut, "a page for people": mask(200)}
SILENT = {
    "no answer in time": stall,
    "a 500": blur(500),
    "a 502 with a page for people": mask(502),
    "a 503": blur(503),
    "a 504 with a page for people": mask(504),
}
RESTS = {"with a time": (REST_SECONDS, REST_SECONDS), "without a time": (None, SHORTEST_PAUSE_SECONDS)}


class FailingWriteContract(TrialContract):
    """What an adapter promises about writing when the system or the network fails."""

    @pytest.mark.parametrize("verb", VERBS)
    def test_a_write_whose_answer_is_lost_may_have_been_done(self, trial: Trial, verb: str) -> None:
        write = trial.write(verb)
        trial.proxy.disturb(lose, trial.sends(write), times=ALWAYS)

        error = trial.fails(TransportError, write.make)

        assert error.sent is Sent.MAYBE
        _check_sent_once(trial, write)

    @pytest.mark.parametrize("fault", SILENT.values(), ids=SILENT)
    def test_a_create_without_a_proper_answer_may_have_been_done(self, trial: Trial, fault: Fault) -> None:
        write = trial.create()
        trial.proxy.disturb(fault, trial.sends(write), times=ALWAYS)

        error = trial.fails(SystemDown, write.make)

        assert error.sent is Sent.MAYBE
        _check_sent_once(trial, write)

    @pytest.mark.parametrize("fault", UNREADABLE.values(), ids=UNREADABLE)
    def test_a_create_whose_answer_cannot_be_read_may_have_been_done(self, trial: Trial, fault: Fault) -> None:
        write = trial.create()
        trial.proxy.disturb(fault, trial.sends(write), times=ALWAYS)

        error = trial.fails(UnreadableAnswer, write.make)

        assert error.sent is Sent.MAYBE
        assert "check" in str(error)
        _check_sent_once(trial, write)

    def test_a_create_that_was_reset_on_its_way_is_not_told_as_done(self, trial: Trial) -> None:
        write = trial.create()
        trial.proxy.disturb(reset, trial.sends(write), times=ALWAYS)

        error = trial.fails(TransportError, write.make)

        # The adapter cannot know that it was not done; to say so would be a guess.
        assert error.sent is Sent.MAYBE
        assert trial.passed(write) == 0

    def test_a_create_that_found_nobody_was_not_sent(self, trial: Trial) -> None:
        draft = trial.draft()
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            lonely = _connected(trial, f"http://127.0.0.1:{unused.getsockname()[1]}")
            error = trial.fails(TransportError, lambda: lonely.create(trial.system.resource, [draft]))
            lonely.close()

        assert error.sent is Sent.NO

    @pytest.mark.parametrize(("rest", "pause"), RESTS.values(), ids=RESTS)
    def test_a_create_that_was_declined_is_made_after_a_rest(
        self, trial: Trial, rest: int | None, pause: float
    ) -> None:
        write = trial.create()
        trial.proxy.disturb(decline(429, rest=rest), trial.sends(write))

        outcome = write.make()[0]

        first, second = trial.asked(write)
        assert second.at - first.at >= pause
        assert outcome.error is None
        assert trial.passed(write) == 1

    def test_a_create_goes_on_with_renewed_credentials(self, trial: Trial) -> None:
        trial.system.need(trial.system.renews, "has no credentials that are renewed")
        write = trial.create()
        trial.proxy.disturb(decline(401), trial.sends(write))

        outcome = write.make()[0]

        assert outcome.error is None
        assert trial.passed(write) == 1

    def test_a_create_with_refused_credentials_ends_the_run(self, trial: Trial) -> None:
        write = trial.create()
        trial.proxy.disturb(decline(401), trial.sends(write), times=ALWAYS)

        trial.fails(AuthenticationFailed, write.make)

        assert trial.passed(write) == 0

    def test_a_lost_create_is_repeated_under_its_key_or_not_at_all(self, trial: Trial) -> None:
        trial.system.need(trial.system.claims.idempotency_key, "takes no idempotency keys")
        write = trial.create()
        trial.proxy.disturb(lose, trial.sends(write), times=ALWAYS)
        trial.fails(TransportError, write.make)
        assert write.draft is not None

        outcome = trial.system.connect().create(trial.system.resource, [write.draft])[0]

        assert outcome.error is None
        assert [each.id for each in trial.made(write.draft)] == [outcome.id]

    def test_a_lost_create_is_found_by_its_marker(self, trial: Trial) -> None:
        trial.system.need(trial.system.claims.marker_field, "has no marker field")
        write = trial.create()
        trial.proxy.disturb(lose, trial.sends(write), times=ALWAYS)

        trial.fails(TransportError, write.make)

        assert write.draft is not None
        assert len(trial.made(write.draft)) == 1

    def test_a_lost_delete_is_done_when_it_is_sent_again(self, trial: Trial) -> None:
        write = trial.delete()
        trial.proxy.disturb(lose, trial.sends(write))
        trial.fails(TransportError, write.make)

        outcome = write.make()[0]

        assert outcome.error is None
        gone = trial.system.adapter.fetch(trial.system.resource, [str(outcome.id)])[0]
        assert gone.presence in {Presence.ABSENT, Presence.GONE}

    def test_creates_that_are_not_reported_are_unknown(self, trial: Trial) -> None:
        trial.system.need(trial.system.claims.can_create, "cannot create")
        drafts = [trial.draft() for _ in range(3)]
        shortening = _Shortening(len(drafts))
        keys = [each.key for each in drafts] + [each.marker for each in drafts if each.marker] + [*trial.personal]
        trial.proxy.disturb(rewrite(shortening), lambda request: trial.carries(request, keys))

        outcomes = trial.adapter.create(trial.system.resource, drafts)

        trial.system.need(shortening.found, "answers no list with an entry for each item")
        assert [each.error for each in outcomes[:-1]] == [None, None]
        assert isinstance(outcomes[-1].error, OutcomeUnknown)

    def test_updates_that_are_not_reported_are_unknown(self, trial: Trial) -> None:
        trial.system.need(trial.system.claims.can_update, "cannot update")
        remotes, value = trial.system.create(3), trial.system.values[0]
        patches = [Patch(f"patch-{each.id}", each.id, each.version, {trial.system.field: value}) for each in remotes]
        shortening = _Shortening(len(patches))
        trial.proxy.disturb(rewrite(shortening), lambda request: trial.carries(request, [str(value)]))

        outcomes = trial.adapter.update(trial.system.resource, patches)

        trial.system.need(shortening.found, "answers no list with an entry for each item")
        assert [(each.id, each.error) for each in outcomes[:-1]] == [(each.id, None) for each in remotes[:-1]]
        assert (outcomes[-1].id, type(outcomes[-1].error)) == (remotes[-1].id, OutcomeUnknown)

    def test_a_refusal_of_one_record_shows_none_of_its_values(self, trial: Trial) -> None:
        trial.system.need(trial.system.wrong is not None, "has no body that is refused")
        draft = trial.draft()
        wrong = draft._replace(body={**draft.body, **(trial.system.wrong or {})})

        error = trial.adapter.create(trial.system.resource, [wrong])[0].error

        assert error is not None
        trial.check_discretion(error)


class _Shortening:
    """Takes the last entry off every list of an answer that has one for each item."""

    def __init__(self, items: int) -> None:
        self.items, self.found = items, False

    def __call__(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self(each) for name, each in value.items()}
        if isinstance(value, list) and len(value) == self.items:
            self.found = True
            return value[:-1]
        return value


def _check_sent_once(trial: Trial, write: Write) -> None:
    """Only what the server itself keeps from being done twice may be sent twice."""
    is_repeatable = write.verb == "create" and trial.system.claims.idempotency_key
    assert 1 <= trial.passed(write) <= (MOST_ATTEMPTS if is_repeatable else 1)
    if write.draft is not None and trial.system.claims.marker_field:
        assert len(trial.made(write.draft)) == 1


def _connected(trial: Trial, url: str) -> Adapter:
    assert trial.system.connect_at is not None
    return trial.system.connect_at(url)
