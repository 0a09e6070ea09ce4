"""Who sent a webhook: published examples of each scheme, and everything that must be refused."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from connector.errors import ConfigError
from connector.signatures import Refused, Request, Scheme, Terms, check_secret, find

HUBSPOT_BODY = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
    b'"changeFlag":"NEW","appId":54321}]'
)
EXAMPLES = {
    "standard": (
        Request(
            "POST",
            "https://erp.example/hooks",
            {
                "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "webhook-timestamp": "1614265330",
                "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            },
            b'{"test": 2432232314}',
        ),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        datetime.fromtimestamp(1614265330, UTC),
    ),
    "hubspot-v3": (
        Request(
            "POST",
            "https://www.example.com/webhook_uri",
            {
                "x-hubspot-signature-v3": "DxmVAjFNa2xfF3YgQjdZP6TNcok9k1oaH7UXombPtvw=",
                "x-hubspot-request-timestamp": "1564113600000",
            },
            HUBSPOT_BODY,
        ),
        "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
        datetime.fromtimestamp(1564113600, UTC),
    ),
    "frappe": (
        Request(
            "POST",
            "https://erp.example/hooks",
            {"x-frappe-webhook-signature": "E9dqDHhXa5g2UX7soIRRz9WDydSWMlqSOAdk1qsj7+8="},
            b'{"name": "ACME", "customer_name": "Acm\\u00e9 GmbH", "modified": "2026-01-01 10:00:00.000001"}',
        ),
        "topsecret",
        datetime(2026, 1, 1, 10, tzinfo=UTC),
    ),
}
OTHER = {"standard": "whsec_b3RoZXJvdGhlcm90aGVy", "hubspot-v3": "other", "frappe": "other"}
every_scheme = pytest.mark.parametrize("name", list(EXAMPLES))
timed_scheme = pytest.mark.parametrize("name", ["standard", "hubspot-v3"])


def terms(now: datetime, *secrets: str) -> Terms:
    return Terms(secrets, now, timedelta(minutes=5))


def refusal(scheme: Scheme, request: Request, wanted: Terms) -> str:
    with pytest.raises(Refused) as caught:
        scheme(request, wanted)
    return caught.value.reason


@every_scheme
def test_the_published_example_is_taken(name: str) -> None:
    request, secret, now = EXAMPLES[name]

    find(name)(request, terms(now, secret))


@every_scheme
def test_any_of_several_secrets_will_do_while_one_is_replaced(name: str) -> None:
    request, secret, now = EXAMPLES[name]

    find(name)(request, terms(now, OTHER[name], secret))


@every_scheme
def test_another_secret_is_refused(name: str) -> None:
    request, _, now = EXAMPLES[name]

    assert refusal(find(name), request, terms(now, OTHER[name])) == "bad signature"


@every_scheme
def test_a_body_that_was_touched_is_refused(name: str) -> None:
    request, secret, now = EXAMPLES[name]

    assert refusal(find(name), request._replace(body=request.body + b" "), terms(now, secret)) == "bad signature"


@every_scheme
def test_without_a_signature_nothing_is_taken(name: str) -> None:
    request, secret, now = EXAMPLES[name]

    assert refusal(find(name), request._replace(headers={}), terms(now, secret)) == "no signature"


@timed_scheme
@pytest.mark.parametrize("minutes", [-6, 6], ids=["too new", "too old"])
def test_a_replay_is_refused(name: str, minutes: int) -> None:
    request, secret, now = EXAMPLES[name]

    assert refusal(find(name), request, terms(now + timedelta(minutes=minutes), secret)) == "stale timestamp"


@pytest.mark.parametrize("stamp", ["soon", "-1", "1e9", "٣", "9" * 15, "9" * 40, "1614265330.5"])
def test_a_timestamp_that_is_none_is_refused(stamp: str) -> None:
    request, secret, now = EXAMPLES["standard"]
    forged = request._replace(headers={**request.headers, "webhook-timestamp": stamp})

    assert refusal(find("standard"), forged, terms(now, secret)) == "stale timestamp"


@pytest.mark.parametrize("given", ["v1,", "v1,a,b", "v1", ",", "v2,AAAA", "v1,é", "v1a,g0hM9SsE"])
def test_a_signature_that_is_none_is_refused(given: str) -> None:
    request, secret, now = EXAMPLES["standard"]
    forged = request._replace(headers={**request.headers, "webhook-signature": given})

    assert refusal(find("standard"), forged, terms(now, secret)) == "bad signature"


def test_a_body_that_is_no_text_is_refused() -> None:
    request, secret, now = EXAMPLES["standard"]

    assert refusal(find("standard"), request._replace(body=b"\xff\xfe"), terms(now, secret)) == "bad signature"


def test_a_sender_that_replaces_its_secret_signs_with_both() -> None:
    request, secret, now = EXAMPLES["standard"]
    foreign = Webhook(OTHER["standard"]).sign(request.headers["webhook-id"], now, request.body.decode())
    both = f"{foreign} {request.headers['webhook-signature']}"

    taken = find("standard")(
        request._replace(headers={**request.headers, "webhook-signature": both}), terms(now, secret)
    )

    assert taken == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_hubspot_signs_its_address_with_some_signs_in_plain() -> None:
    request, secret, now = EXAMPLES["hubspot-v3"]
    stamp = request.headers["x-hubspot-request-timestamp"]
    signed = f"POSThttps://www.example.com/hooks?to=a:b/c%20d[]{stamp}".encode()
    given = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    headers = {**request.headers, "x-hubspot-signature-v3": given}

    escaped = Request("POST", "https://www.example.com/hooks?to=a%3Ab%2fc%20d", headers, b"[]")

    assert find("hubspot-v3")(escaped, terms(now, secret))


def test_a_scheme_that_there_is_not_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="standard"):
        find("standart")


@pytest.mark.parametrize("secret", ["whsec_", "whsec_ä", "whsec_=", ""])
def test_a_secret_that_cannot_be_one_is_refused_before_the_first_webhook(secret: str) -> None:
    with pytest.raises(ConfigError, match="base64"):
        check_secret("standard", secret)
