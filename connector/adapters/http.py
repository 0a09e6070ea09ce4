"""The only door to `requests`: sends, repeats what is safe to repeat, and turns every failure into one of our errors.

A request goes straight to the transport of `requests` as a prepared request, past `Session.send`, whose cookie,
redirect, hook and environment handling nobody here needs: that halves the CPU of a call (430 us instead of 790 us,
measured side by side over keep-alive on loopback with answers of 1 KB).
"""

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlencode

import orjson
import requests
import tenacity
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies
from typing_extensions import override

from connector.adapters.addresses import bare, checked, media_type
from connector.adapters.authentication import Authentication
from connector.adapters.pacing import Circuit, Pace, Pacing, Rest
from connector.errors import (
    AuthenticationFailed,
    ProtocolError,
    RateLimited,
    Sent,
    SystemDown,
    TransportError,
    UnreadableAnswer,
)

ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of one answer, unpacked; a page that is larger is a fault or an attack."""

REQUEST_LIMIT = 64 * 1024 * 1024
"""Bytes of one request; a batch that is larger is a fault of ours or of what a system let people enter."""

IN_BETWEEN = "check the network and what stands in between"
POOL_SIZE = 32
CONNECT_SECONDS = 5
BAD_REQUEST, UNAUTHORISED, NOT_FOUND, TOO_MANY, SERVER_ERROR, UNAVAILABLE = 400, 401, 404, 429, 500, 503
PASSING = frozenset((TOO_MANY, 502, UNAVAILABLE, 504))
"""Statuses that another attempt may spare us."""

STANDARD_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "crm-erp-connector"}
_backoff = tenacity.wait_exponential(multiplier=0.5, max=30) + tenacity.wait_random(0, 0.5)


class Answer(NamedTuple):
    """A status, below 500 or an explained 500, with its JSON; `data` is None where the answer has no body."""

    status: int
    headers: Mapping[str, str]
    data: Any


class HttpClient:
    """Speaks JSON with one system; threads may share it.

    `timeout` is (connect, read) in seconds, `rest_limit` the longest Retry-After that is waited for, `rate` the most
    requests a second (of all that share a `pacing`), `verify` False or the path of a CA bundle where the certificate
    needs it. `on_request` is told method, status (0 without an answer) and seconds of every attempt. `explains` knows
    by its body a 500 that says what was wrong with the request, in systems that answer so: it is given back like any
    refusal. `is_undone` knows by status and body an answer which says that nothing was done: it may be repeated.

    Nothing is sent before a Retry-After is over, whichever call or thread was told it. After `trip_after` calls in a
    row that failed as a whole, further ones fail at once for `cool_down` seconds; then one of them is tried, once.
    """

    def __init__(  # noqa: PLR0913 -- settings with defaults, given by name
        self,
        base_url: str,
        *,
        name: str,
        auth: Authentication,
        timeout: tuple[float, float] = (CONNECT_SECONDS, 60),
        max_attempts: int = 5,
        rest_limit: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        trip_after: int = 3,
        cool_down: float = 30.0,
        rate: float | None = None,
        pacing: Pacing = Pace,
        verify: bool | str = True,
        trust_env: bool = False,
        on_request: Callable[[str, int, float], None] | None = None,
        explains: Callable[[bytes], bool] = lambda _: False,
        is_undone: Callable[[int, bytes], bool] = lambda *_: False,
    ) -> None:
        self.name = name
        self._base_url = checked(base_url, name)
        self._auth, self._timeout = auth, timeout
        self._rest_limit, self._verify = rest_limit, verify
        self._proxies = get_environ_proxies(self._base_url) if trust_env else {}
        self._on_request = on_request
        self._explains, self._is_undone = explains, is_undone
        self._sleep, self._clock = sleep, clock
        self._pace = pacing(rate, sleep, clock) if rate else None
        self._rest = Rest(clock)
        self._circuit = Circuit(trip_after, cool_down, clock)
        self._transport = HTTPAdapter(pool_connections=1, pool_maxsize=POOL_SIZE)
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again),
            stop=lambda state: state.attempt_number >= max_attempts or self._circuit.is_open,
            wait=_pause,
            sleep=lambda seconds: sleep(seconds) if seconds else None,
            reraise=True,
        )

    @classmethod
    def of(cls, options: Mapping[str, Any], *, name: str, auth: Authentication, **more: Any) -> Self:
        """The client for a system's options, as its `Options` in `connector.systems` give them."""
        return cls(
            options["url"],
            name=name,
            auth=auth,
            timeout=(CONNECT_SECONDS, options.get("timeout", 60)),
            max_attempts=options.get("max_attempts", 5),
            rate=options.get("requests_per_second"),
            pacing=options.get("pacing", Pace),
            verify=options.get("ca_bundle", True),
            on_request=options.get("on_request"),
            **more,
        )

    @override
    def __repr__(self) -> str:
        return f"HttpClient({self.name!r}, {self._base_url!r})"

    def request(  # noqa: PLR0913 -- the parts of an HTTP request, given by name
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        safe: bool,
    ) -> Answer:
        """Send and answer with any status below 500 but 401, 429 and redirects.

        `safe` says that repeating is harmless: then answers and silence alike are tried again. Without it only what
        provably was not processed is: no connection, 429, and 503 with Retry-After. Raises `TransportError` (with
        `sent`), `ProtocolError` or `AuthenticationFailed`; an answer that cannot be read is an `UnreadableAnswer`.
        """
        call = _call(method, path, params, headers, _encoded(json, form), safe=safe)
        if call.body is not None and len(call.body) > REQUEST_LIMIT:
            reason = f"not sent, as it is larger than {REQUEST_LIMIT >> 20} MB; make batches smaller"
            raise TransportError(f"{self._at(call)}: {reason}", sent=Sent.NO)
        credentials = self._auth.headers(self._ask)
        answer = self._send(call, credentials)
        if answer.status == UNAUTHORISED and self._auth.renew(credentials, self._ask):
            answer = self._send(call, self._auth.headers(self._ask))
        if answer.status == UNAUTHORISED:
            raise AuthenticationFailed(
                f"{self._at(call)}: the credentials were refused (401); check them and their rights"
            )
        return answer

    def close(self) -> None:
        """Give back all connections."""
        self._transport.close()

    def _ask(self, path: str, form: Mapping[str, str] | None, json: Any = None, /) -> Any:
        """The token endpoint's answer: asked without credentials in the headers, and safe to repeat."""
        call = _call("POST", path, None, None, _encoded(json, form), safe=True)
        answer = self._send(call, {})
        if answer.status >= BAD_REQUEST:
            what = "client_id and client_secret" if form else "login and password"
            why = f"the credentials were refused ({answer.status}); check {what}"
            if answer.status == NOT_FOUND:
                why = "there is nobody who gives out tokens (404); check that the url is this system's"
            raise AuthenticationFailed(f"{self._at(call)}: {why}")
        return answer.data

    def _send(self, call: "_Call", credentials: Mapping[str, str]) -> Answer:
        self._stay_away(call)
        try:
            answer: Answer = self._retrying(self._attempt, call, credentials)
        except _Again as again:
            self._circuit.fail(str(again.error))
            # The foreign error stays out of the traceback: its text quotes the URL, query values included.
            raise again.error from None
        except TransportError as error:
            self._circuit.fail(str(error))
            raise
        self._circuit.succeed()
        return answer

    def _stay_away(self, call: "_Call") -> None:
        """Refuse a call that the system should be spared."""
        self._refuse_long_rest(call, self._rest.left())
        left = self._circuit.left()
        if left:
            reason = f"not sent, as the last calls failed; the next try is in {left:.0f} s"
            raise SystemDown(f"{self._at(call)}: {reason} ({self._circuit.reason})", sent=Sent.NO, retry_after=left)

    def _refuse_long_rest(self, call: "_Call", left: float) -> None:
        if left > self._rest_limit:
            reason = f"not sent, as the system asked for rest; {left:.0f} s are left"
            raise RateLimited(f"{self._at(call)}: {reason}", sent=Sent.NO, retry_after=left)

    def _await_rest(self, call: "_Call") -> None:
        """Return when no rest is left, also not one that another thread was told meanwhile."""
        waited = None
        while (until := self._rest.until) != waited and (left := self._rest.left()):
            self._refuse_long_rest(call, left)
            self._sleep(left)
            waited = until

    def _attempt(self, call: "_Call", credentials: Mapping[str, str]) -> Answer:
        if self._rest.until is not None:
            self._await_rest(call)
        if self._pace:
            self._pace.wait()
        request = requests.PreparedRequest()
        request.method, request.url, request.body = call.method, self._base_url + call.target, call.body
        request.headers = CaseInsensitiveDict({**call.headers, **credentials})
        started, status = time.perf_counter(), 0
        try:
            response = self._transport.send(
                request, timeout=self._timeout, verify=self._verify, proxies=self._proxies, stream=True
            )
            status = response.status_code
            content = self._content(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._no_answer(call, error, status) from None
        except ValueError:
            # The foreign error quotes the header.
            reason = "the credentials cannot be sent; check that they are plain characters without a line break"
            raise AuthenticationFailed(f"{self._at(call)}: {reason}") from None
        finally:
            if self._on_request:
                self._on_request(call.method, status, time.perf_counter() - started)
        return self._answer(call, response, content)

    def _content(self, response: requests.Response) -> bytes | None:
        """The whole body, or None when it is larger than any answer may be."""
        content: bytes = response.raw.read(ANSWER_LIMIT + 1, decode_content=True)
        if len(content) <= ANSWER_LIMIT:
            return content
        response.close()
        return None

    def _answer(self, call: "_Call", response: requests.Response, content: bytes | None) -> Answer:
        status, headers = response.status_code, response.headers
        if 300 <= status < BAD_REQUEST:  # noqa: PLR2004 -- the redirects
            raise ProtocolError(
                f"{self._at(call)}: redirected to {bare(headers.get('Location'))}; set `url` accordingly"
            )
        if status == SERVER_ERROR and content and self._explains(content):
            return Answer(status, headers, orjson.loads(content))
        if status == TOO_MANY or status >= SERVER_ERROR:
            undone = self._is_undone(status, content or b"")
            raise self._refusal(call, status, _retry_after(headers), undone=undone)
        if status == UNAUTHORISED or (status == 204 and not content):  # noqa: PLR2004 -- No Content
            return Answer(status, headers, None)
        if content is None:
            raise self._unreadable(call, f"more than {ANSWER_LIMIT >> 20} MB came; ask for smaller pages")
        try:
            return Answer(status, headers, orjson.loads(content))
        except orjson.JSONDecodeError:
            kind = media_type(headers.get("Content-Type"))
            reason = f"status {status} came with {kind} instead of JSON; check `url` and what stands in between"
            # The decode error quotes the body, so it stays out of the traceback.
            raise self._again(call, self._unreadable(call, reason)) from None

    def _refusal(self, call: "_Call", status: int, rest: float | None, *, undone: bool) -> Exception:
        """429 and 5xx as errors. A 429, and a 503 that names a time, were not processed."""
        declined = undone or status == TOO_MANY or (status == UNAVAILABLE and rest is not None)
        if rest:
            self._rest.ask(rest)
            if self._pace:
                self._pace.ask(rest)
        kind = RateLimited if status == TOO_MANY else SystemDown
        sent = Sent.NO if declined else Sent.MAYBE
        wait = "" if rest is None else f" for {rest:.0f} s"
        what = f"asks for rest{wait}" if kind is RateLimited else f"server error{wait}"
        error = kind(f"{self._at(call)}: {what} ({status}); it is tried again later", sent=sent, retry_after=rest)
        passing = status in PASSING and (rest or 0) <= self._rest_limit
        return self._again(call, error) if passing else error

    def _no_answer(self, call: "_Call", error: Exception, status: int) -> Exception:
        """What a failure of the transport means; `status` is 0 unless the answer broke off after its head."""
        if status:
            return self._again(
                call, self._unreadable(call, f"the answer broke off after status {status}; {IN_BETWEEN}")
            )
        if _caused_by(error, ssl.SSLCertVerificationError):
            reason = "the certificate cannot be verified; renew it or name its CA bundle"
            return TransportError(f"{self._at(call)}: {reason}", sent=Sent.NO)
        if _caused_by(
            error, urllib3.exceptions.NewConnectionError, requests.ConnectTimeout, requests.exceptions.InvalidURL
        ):
            reason, sent = "no connection; check that the system runs and that `url` is right", Sent.NO
        elif _caused_by(error, requests.Timeout, urllib3.exceptions.TimeoutError):
            reason, sent = f"no answer within {self._timeout[1]:g} s; check the system, or raise `timeout`", Sent.MAYBE
        else:
            reason, sent = f"the connection broke before an answer came; {IN_BETWEEN}", Sent.MAYBE
        return self._again(call, SystemDown(f"{self._at(call)}: {reason}", sent=sent))

    def _again(self, call: "_Call", error: TransportError) -> Exception:
        """The error, marked as worth another attempt where repeating is harmless or nothing was done."""
        return _Again(error) if call.safe or error.sent is Sent.NO else error

    def _unreadable(self, call: "_Call", reason: str) -> UnreadableAnswer:
        return UnreadableAnswer(f"{self._at(call)}: {reason}", sent=Sent.MAYBE)

    def _at(self, call: "_Call") -> str:
        return f"{self.name}: {call.method} {call.path}"


class _Call(NamedTuple):
    """One request, encoded once for all its attempts; `target` is the path with its query, which no message shows."""

    method: str
    path: str
    target: str
    body: bytes | None
    headers: Mapping[str, str]
    safe: bool


class _Again(Exception):
    """Carries an error that another attempt may spare us."""

    def __init__(self, error: TransportError) -> None:
        super().__init__(str(error))
        self.error = error


def _call(
    method: str,
    path: str,
    params: Mapping[str, Any] | None,
    headers: Mapping[str, str] | None,
    content: tuple[bytes | None, str],
    *,
    safe: bool,
) -> _Call:
    target = f"{path}?{urlencode(params, quote_via=quote, safe=',:')}" if params else path
    body, kind = content
    described = {"Content-Type": kind, "Content-Length": str(len(body))} if body is not None else {}
    return _Call(method, path, target, body, {**STANDARD_HEADERS, **described, **(headers or {})}, safe)


def _encoded(json: Any, form: Mapping[str, str] | None) -> tuple[bytes | None, str]:
    """The body and its content type."""
    if form is not None:
        return urlencode(form).encode(), "application/x-www-form-urlencoded"
    if json is not None:
        return orjson.dumps(json, default=_number), "application/json"
    return None, ""


def _number(value: object) -> orjson.Fragment:
    """A decimal as a JSON number with all its digits, where a float could lose some."""
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(f"{value:f}")
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _pause(state: tenacity.RetryCallState) -> float:
    """Seconds until the next attempt, exponential with jitter; none where the system named a time, which is awaited."""
    failure = state.outcome.exception() if state.outcome else None
    asked = failure.error.retry_after if isinstance(failure, _Again) else None
    return 0 if asked else _backoff(state)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by the answer's own clock; None where it does not say, or not legibly."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    try:
        until, now = parsedate_to_datetime(asked), parsedate_to_datetime(headers.get("Date", ""))
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError):
        return None


def _caused_by(error: BaseException, *kinds: type[BaseException]) -> bool:
    """Whether the error, or one it wraps, is of these kinds: `requests` and urllib3 nest what went wrong."""
    return any(isinstance(each, kinds) for each in _nested(error, depth=8))


def _nested(error: BaseException, depth: int) -> Iterator[BaseException]:
    yield error
    inner = [getattr(error, "reason", None), error.__cause__, error.__context__, *error.args]
    for each in inner if depth else []:
        if isinstance(each, BaseException):
            yield from _nested(each, depth - 1)
