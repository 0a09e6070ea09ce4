"""The failing half of the contract itself: adapters that break a promise when the network fails are caught."""

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
import requests
from typing_extensions import override

from connector.adapters.authentication import ApiKey, ClientCredentials
from connector.adapters.base import Capabilities
from connector.adapters.http import HttpClient
from connector.adapters.reference_crm import ReferenceCrm
from connector.adapters.reference_erp import ReferenceErp
from connector.adapters.testing import AdapterContract, SystemUnderTest
from connector.adapters.testing_faults import break_off, decline, lose, mask
from connector.adapters.testing_trial import on_trial
from connector.errors import Rejected, RunError, Sent, SystemDown, TransportError, UnreadableAnswer
from connector.records import Cursor, Draft, Outcome, Page, Patch, Remote, Resource
from tests.adapters.memory import THINGS, Memory, Shelf
from tests.adapters.servers import Faults

SECRET, KEY = "demo-secret", "demo-key"
LAG_SECONDS = 0.5
CAUGHT = (AssertionError, pytest.fail.Exception)


class Crm(ReferenceCrm):
    """An honest adapter whose creates can be spoilt."""

    def __init__(self, url: str, **options: Any) -> None:
        auth = ClientCredentials("/oauth/token", "demo-client", lambda: SECRET)
        self.url = url
        given = {"auth": auth, "timeout": (1, 1), "max_attempts": 2, **options}
        super().__init__(HttpClient(url, name="crm", **given), page_size=7)

    @override
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        try:
            return self.made(resource, drafts)
        except TransportError as error:
            return self.failed(error, resource, drafts)

    def made(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        return super().create(resource, drafts)

    def failed(self, error: TransportError, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        raise error


class RetriesCreatesBlindly(Crm):
    @override
    def failed(self, error: TransportError, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        return super().made(resource, drafts)


class SaysThatNothingWasSent(Crm):
    @override
    def failed(self, error: TransportError, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        raise SystemDown(str(error), sent=Sent.NO)


class SaysThatAllMayBeDone(Crm):
    @override
    def failed(self, error: TransportError, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        raise SystemDown(str(error), sent=Sent.MAYBE)


class TakesSilenceForSuccess(Crm):
    @override
    def failed(self, error: TransportError, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        return [Outcome(None) for _ in drafts]


class ShowsItsSecret(Crm):
    @override
    def failed(self, error: TransportError, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        raise SystemDown(f"crm: no answer to {SECRET}", sent=error.sent)


class ShowsARecord(Crm):
    @override
    def failed(self, error: TransportError, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        raise SystemDown(f"crm: no answer to {drafts[0].body}", sent=error.sent)


class ShowsARecordInItsTraceback(Crm):
    @override
    def failed(self, error: TransportError, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        raise SystemDown("crm: no answer", sent=error.sent) from ValueError(str(drafts[0].body))


class HidesWhoFailed(Crm):
    @override
    def failed(self, error: TransportError, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        raise SystemDown("something went wrong", sent=error.sent)


class SwallowsAPartialBatch(Crm):
    @override
    def made(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        return [each._replace(error=None) for each in super().made(resource, drafts)]

    @override
    def update(self, resource: Resource, patches: Sequence[Patch]) -> list[Outcome]:
        return [each._replace(error=None) for each in super().update(resource, patches)]


class QuotesWhatIsRefused(Crm):
    @override
    def made(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        outcomes = super().made(resource, drafts)
        return [Outcome(None, error=Rejected(f"{drafts[0].body}")) if each.error else each for each in outcomes]


class TakesAPageForAnEmptyList(Crm):
    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        try:
            return super().scan(resource, cursor, keys_only=keys_only)
        except UnreadableAnswer:
            return Page([], Cursor("end"), more=False)


class QuotesWhatItReads(Crm):
    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        try:
            return super().scan(resource, cursor, keys_only=keys_only)
        except UnreadableAnswer as error:
            error.args = (f"{error}: {self.newest(resource)}",)
            raise

    def newest(self, resource: Resource) -> list[Remote]:
        honest = Crm(CRM[0])
        page = honest.scan(resource, None)
        while page.more:
            page = honest.scan(resource, page.cursor)
        return page.remotes


class LogsARecord(Crm):
    @override
    def made(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        logging.getLogger("crm").warning("creating %s", drafts[0].body)
        return super().made(resource, drafts)


class FollowsEverybody(Crm):
    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        requests.get(f"{self.url}/api/v1/accounts", headers={"X-API-Key": SECRET}, timeout=5)
        return super().scan(resource, cursor, keys_only=keys_only)


class ForgetsThatItWasToldToRest(Crm):
    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        return Crm(self.url).scan(resource, cursor, keys_only=keys_only)


class FixedToken(ClientCredentials):
    @override
    def renew(self, refused: Any, ask: Any) -> bool:
        return False


def never_renews(url: str) -> Crm:
    return Crm(url, auth=FixedToken("/oauth/token", "demo-client", lambda: SECRET))


def never_rests(url: str) -> Crm:
    return Crm(url, sleep=lambda _: None)


def gives_up_at_once(url: str) -> Crm:
    return Crm(url, max_attempts=1)


def never_gives_up(url: str) -> Crm:
    return Crm(url, max_attempts=12, sleep=lambda _: None)


def never_trips(url: str) -> Crm:
    return Crm(url, trip_after=1000)


class InventsANewKeyEachTime(ReferenceErp):
    def __init__(self, url: str) -> None:
        super().__init__(HttpClient(url, name="erp", auth=ApiKey("X-API-Key", lambda: KEY), timeout=(1, 5)))

    @override
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        return super().create(resource, [each._replace(key=str(uuid.uuid4())) for each in drafts])


CRM: list[str] = []
"""The address of the CRM, for the one liar that goes round the proxy."""


def accounts(url: str, connect_at: Callable[[str], Crm]) -> SystemUnderTest:
    return SystemUnderTest(
        connect=lambda: Crm(url),
        resource=Resource("accounts"),
        make_body=lambda n: {"name": f"Contract {n}", "email": f"contract-{n}@example.org"},
        field="name",
        values=("First", "Second"),
        missing_id="none-1",
        wrong={"name": None},
        text="notes",
        url=url,
        connect_at=connect_at,
        renews=True,
        name="crm",
        secrets=(SECRET,),
    )


def partners(url: str, connect_at: Callable[[str], ReferenceErp]) -> SystemUnderTest:
    return SystemUnderTest(
        connect=lambda: connect_at(url),
        resource=Resource("partners"),
        make_body=lambda n: {"is_company": True, "name": f"Contract {n}"},
        field="city",
        values=("Bonn", "Kiel"),
        missing_id="987654321",
        url=url,
        connect_at=connect_at,
        name="erp",
        secrets=(KEY,),
    )


class Lie(NamedTuple):
    """An adapter that breaks a promise, and the test that is about it."""

    connect_at: Callable[[str], Crm]
    test: Callable[..., None]
    arguments: tuple[Any, ...]
    says: str | None = None


LOST = AdapterContract.test_a_write_whose_answer_is_lost_may_have_been_done
UNREAD = AdapterContract.test_an_answer_that_cannot_be_read_says_what_to_check
LIES = [
    Lie(RetriesCreatesBlindly, LOST, ("create",), "2 <= 1"),
    Lie(SaysThatNothingWasSent, LOST, ("create",), "MAYBE"),
    Lie(SaysThatNothingWasSent, AdapterContract.test_a_create_that_was_reset_on_its_way_is_not_told_as_done, ()),
    Lie(SaysThatAllMayBeDone, AdapterContract.test_a_create_that_found_nobody_was_not_sent, ()),
    Lie(
        SaysThatAllMayBeDone, AdapterContract.test_a_create_whose_answer_cannot_be_read_may_have_been_done, (mask(200),)
    ),
    Lie(TakesSilenceForSuccess, LOST, ("create",), "DID NOT RAISE"),
    Lie(ShowsItsSecret, LOST, ("create",), "shows a secret"),
    Lie(ShowsARecord, LOST, ("create",), "shows a record's value"),
    Lie(ShowsARecordInItsTraceback, LOST, ("create",), "shows a record's value"),
    Lie(HidesWhoFailed, LOST, ("create",), "does not name the system"),
    Lie(SwallowsAPartialBatch, AdapterContract.test_creates_that_are_not_reported_are_unknown, ()),
    Lie(SwallowsAPartialBatch, AdapterContract.test_updates_that_are_not_reported_are_unknown, ()),
    Lie(QuotesWhatIsRefused, AdapterContract.test_a_refusal_of_one_record_shows_none_of_its_values, ()),
    Lie(TakesAPageForAnEmptyList, UNREAD, (mask(200),), "DID NOT RAISE"),
    Lie(QuotesWhatItReads, UNREAD, (break_off,), "shows a record's value"),
    Lie(FollowsEverybody, AdapterContract.test_no_credentials_follow_a_redirect, ()),
    Lie(ForgetsThatItWasToldToRest, AdapterContract.test_a_long_rest_is_told_at_once_and_kept, ()),
    Lie(never_renews, AdapterContract.test_credentials_that_ran_out_are_renewed_once, ()),
    Lie(never_rests, AdapterContract.test_a_rest_that_is_asked_for_is_taken, ()),
    Lie(never_rests, AdapterContract.test_without_a_time_the_adapter_pauses_by_itself, ()),
    Lie(gives_up_at_once, AdapterContract.test_a_read_outlives_passing_trouble, (lose,)),
    Lie(never_trips, AdapterContract.test_a_system_that_keeps_failing_is_left_alone, ()),
    Lie(never_gives_up, AdapterContract.test_a_system_that_stays_away_is_down, (decline(503),)),
]


@pytest.mark.parametrize("lie", LIES, ids=[f"{lie.connect_at.__name__}: {lie.test.__name__}" for lie in LIES])
def test_a_lie_about_failures_is_caught(crm_url: str, lie: Lie) -> None:
    CRM[:] = [crm_url]

    with on_trial(accounts(crm_url, lie.connect_at)) as trial, pytest.raises((*CAUGHT, RunError), match=lie.says):
        lie.test(AdapterContract(), trial, *lie.arguments)


def test_a_key_that_changes_is_caught_where_keys_are_claimed(erp_url: str) -> None:
    with on_trial(partners(erp_url, InventsANewKeyEachTime)) as trial, pytest.raises(CAUGHT):
        AdapterContract().test_a_lost_create_is_repeated_under_its_key_or_not_at_all(trial)


def test_a_record_in_the_log_is_caught(crm_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with on_trial(accounts(crm_url, LogsARecord)) as trial:
        trial.create().make()

        with pytest.raises(CAUGHT, match="logged"):
            trial.check_log(caplog.text)


@pytest.fixture
def late(crm_url: str) -> Iterator[None]:
    """New accounts are found by nobody for half a second."""
    honest = Crm(crm_url)
    honest.identify()
    person = requests.Session()
    person.headers.update(honest._client._auth.headers(honest._client._ask))
    faults = Faults(person, f"{crm_url}/api/v1")
    faults.set(fault="lookup_lag", seconds=LAG_SECONDS)
    yield
    faults.end()
    person.close()


class Patient(Crm):
    @override
    def capabilities(self, resource: str) -> Capabilities:
        return replace(super().capabilities(resource), lookup_lag=timedelta(seconds=LAG_SECONDS))


FOUND = AdapterContract.test_a_new_record_is_found_by_its_marker_within_the_declared_lag


def test_a_declared_look_up_lag_is_granted(crm_url: str, late: None) -> None:
    FOUND(AdapterContract(), replace(accounts(crm_url, Patient), connect=lambda: Patient(crm_url)))


def test_a_look_up_lag_that_is_not_declared_is_caught(crm_url: str, late: None) -> None:
    with pytest.raises(CAUGHT):
        FOUND(AdapterContract(), accounts(crm_url, Crm))


def test_without_an_address_the_failing_half_is_skipped_with_its_reason() -> None:
    shelf = Shelf()
    system = SystemUnderTest(
        connect=lambda: Memory(shelf),
        resource=THINGS,
        make_body=lambda n: {"name": f"Thing {n}"},
        field="name",
        values=("First", "Second"),
        missing_id="987654",
    )

    with pytest.raises(pytest.skip.Exception, match="no proxy can stand in between"), on_trial(system):
        pass
