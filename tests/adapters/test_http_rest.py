"""Nothing hammers a system that is down or asks for rest: what one call learns holds for all calls of the client."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses

from connector.adapters.authentication import ApiKey, ClientCredentials
from connector.adapters.http import HttpClient
from connector.adapters.pacing import LONGEST_REST, Circuit, Rest
from connector.errors import RateLimited, Sent, SystemDown, TransportError

URL = "https://crm.test"
SECOND_CHANCE = {"status": 503, "json": {}}
SILENCE = {"body": requests.ReadTimeout("slow")}


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def client(time: Time) -> Iterator[HttpClient]:
    made = HttpClient(
        URL, name="crm", auth=ApiKey("X-API-Key", lambda: "key"), sleep=time.sleep, clock=time, max_attempts=2
    )
    yield made
    made.close()


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def read(client: HttpClient) -> Any:
    return client.request("GET", "/things", safe=True).data


def fail(client: HttpClient, times: int) -> None:
    for _ in range(times):
        with pytest.raises(TransportError):
            read(client)


def test_three_failed_calls_in_a_row_keep_the_next_one_away(client: HttpClient, wire: responses.RequestsMock) -> None:
    wire.get(f"{URL}/things", **SILENCE)
    fail(client, 3)

    with pytest.raises(SystemDown, match=r"not sent, as the last calls failed; the next try is in 30 s") as caught:
        read(client)

    assert len(wire.calls) == 3 * 2
    assert (caught.value.sent, caught.value.retry_after) == (Sent.NO, pytest.approx(30))
    assert "no answer within" in str(caught.value)


@pytest.mark.parametrize("broken", [SILENCE, SECOND_CHANCE, {"status": 500, "json": {}}, {"body": "<html>"}])
def test_whatever_makes_calls_fail_keeps_writes_away(
    client: HttpClient, wire: responses.RequestsMock, broken: dict[str, Any]
) -> None:
    wire.get(f"{URL}/things", **broken)
    fail(client, 3)

    with pytest.raises(SystemDown) as caught:
        client.request("POST", "/things", json={}, safe=False)

    assert caught.value.sent is Sent.NO


def test_one_trial_with_one_attempt_follows_the_cool_down(
    client: HttpClient, wire: responses.RequestsMock, time: Time
) -> None:
    wire.get(f"{URL}/things", **SILENCE)
    fail(client, 3)
    before = len(wire.calls)

    time.now += 30
    fail(client, 5)

    assert len(wire.calls) == before + 1


def test_a_trial_that_is_answered_lets_all_calls_through_again(
    client: HttpClient, wire: responses.RequestsMock, time: Time
) -> None:
    for _ in range(3 * 2):
        wire.get(f"{URL}/things", **SILENCE)
    wire.get(f"{URL}/things", json={"a": 1})
    fail(client, 3)

    time.now += 31

    assert [read(client), read(client)] == [{"a": 1}, {"a": 1}]


def test_an_answered_call_forgets_the_failures_before_it(client: HttpClient, wire: responses.RequestsMock) -> None:
    wire.get(f"{URL}/things", status=500, json={})
    wire.get(f"{URL}/things", status=500, json={})
    wire.get(f"{URL}/things", status=404, json={})
    wire.get(f"{URL}/things", status=500, json={})

    fail(client, 2)
    read(client)
    fail(client, 2)

    assert len(wire.calls) == 5


def test_the_token_is_not_asked_for_either_while_the_system_is_down(time: Time, wire: responses.RequestsMock) -> None:
    auth = ClientCredentials("/oauth/token", "demo", lambda: "secret")
    client = HttpClient(URL, name="crm", auth=auth, sleep=time.sleep, clock=time, max_attempts=1)
    wire.post(f"{URL}/oauth/token", **SILENCE)

    fail(client, 5)

    assert len(wire.calls) == 3


def test_a_trial_that_never_comes_back_keeps_nobody_away_for_ever(time: Time) -> None:
    circuit = Circuit(threshold=1, cool_down=30, clock=time)
    circuit.fail("down")

    time.now += 30
    assert (circuit.left(), circuit.left()) == (0, 30)
    time.now += 30
    assert circuit.left() == 0


def test_a_rest_that_one_call_was_asked_for_is_kept_by_the_next(
    client: HttpClient, wire: responses.RequestsMock, time: Time
) -> None:
    wire.post(f"{URL}/things", status=503, headers={"Retry-After": "20"}, json={})
    wire.post(f"{URL}/things", status=400, json={})
    wire.get(f"{URL}/things", json={})

    client.request("POST", "/things", json={}, safe=False)
    read(client)

    assert time.naps == [20]


def test_the_last_attempt_leaves_its_rest_to_the_next_call(
    client: HttpClient, wire: responses.RequestsMock, time: Time
) -> None:
    wire.get(f"{URL}/things", status=429, headers={"Retry-After": "20"}, json={})
    wire.get(f"{URL}/things", status=429, headers={"Retry-After": "7"}, json={})
    wire.get(f"{URL}/things", json={})

    fail(client, 1)
    read(client)

    assert time.naps == [20, 7]


def test_a_rest_beyond_the_limit_fails_at_once_until_it_is_nearly_over(
    client: HttpClient, wire: responses.RequestsMock, time: Time
) -> None:
    wire.get(f"{URL}/things", status=429, headers={"Retry-After": "600"}, json={})
    wire.get(f"{URL}/things", json={})
    fail(client, 1)

    time.now += 500
    with pytest.raises(RateLimited, match="100 s are left") as caught:
        client.request("POST", "/things", json={}, safe=False)
    time.now += 50
    read(client)

    assert (caught.value.sent, caught.value.retry_after) == (Sent.NO, 100)
    assert len(wire.calls) == 2
    assert time.naps == [50]


def test_being_kept_away_by_a_rest_is_no_sign_that_the_system_is_down(
    client: HttpClient, wire: responses.RequestsMock, time: Time
) -> None:
    wire.get(f"{URL}/things", status=429, headers={"Retry-After": "600"}, json={})
    wire.get(f"{URL}/things", json={"a": 1})

    fail(client, 5)
    time.now += 600

    assert read(client) == {"a": 1}


def test_a_call_rests_as_long_as_another_one_was_told_meanwhile(wire: responses.RequestsMock, time: Time) -> None:
    answers = iter([12.0])

    def told_more_meanwhile(seconds: float) -> None:
        time.sleep(seconds)
        for rest in answers:
            client._rest.ask(rest)

    auth = ApiKey("X-API-Key", lambda: "key")
    client = HttpClient(URL, name="crm", auth=auth, sleep=told_more_meanwhile, clock=time)
    wire.get(f"{URL}/things", status=429, headers={"Retry-After": "5"}, json={})
    wire.get(f"{URL}/things", json={})

    read(client)

    assert time.naps == [5, 12]


def test_a_shorter_rest_does_not_end_a_longer_one(time: Time) -> None:
    rest = Rest(time)

    rest.ask(10)
    rest.ask(1)

    assert rest.left() == 10


def test_no_rest_is_believed_for_ever(time: Time) -> None:
    rest = Rest(time)

    rest.ask(float("1" + "0" * 400))

    assert rest.left() == LONGEST_REST


def test_a_rest_of_no_seconds_is_no_invitation_to_hammer(
    client: HttpClient, wire: responses.RequestsMock, time: Time
) -> None:
    wire.get(f"{URL}/things", status=429, headers={"Retry-After": "0"}, json={})
    wire.get(f"{URL}/things", json={})

    read(client)

    assert time.naps[0] >= 0.5


def test_a_gateway_that_names_a_time_is_given_it(client: HttpClient, wire: responses.RequestsMock, time: Time) -> None:
    wire.get(f"{URL}/things", status=502, headers={"Retry-After": "9"}, body="<html>")
    wire.get(f"{URL}/things", json={})

    read(client)

    assert time.naps == [9]


def test_a_request_that_is_too_large_is_not_sent(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.adapters.http.REQUEST_LIMIT", 1000)

    with pytest.raises(TransportError, match="make batches smaller") as caught:
        client.request("POST", "/things", json={"note": "x" * 1000}, safe=True)

    assert caught.value.sent is Sent.NO
