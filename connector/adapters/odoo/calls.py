"""Calling methods of Odoo's models, by JSON-2 or by JSON-RPC, and what the server says when it refuses."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import orjson
from typing_extensions import override

from connector.adapters.authentication import ApiKey, Ask, Authentication, Secret
from connector.adapters.http import Answer, HttpClient
from connector.adapters.wire import BAD_REQUEST
from connector.errors import AuthenticationFailed, ProtocolError, Sent, SystemDown, UnreadableAnswer

NAME = "odoo"
JSON2, JSONRPC = "json2", "jsonrpc"
PASSING = ("SerializationFailure", "DeadlockDetected", "OperationalError", "LockNotAvailable", "InterfaceError")
"""Errors of the database that say nothing about the request; any other named error does, whatever its status."""
UNKNOWN = ("NotFound", "UserError", "KeyError")
"""What says that a model is not there, by JSON-2, by JSON-RPC, and by older versions."""
DENIED = ("AccessDenied", "SessionExpiredException", "Unauthorized")


class Fault(Exception):
    """What Odoo refused, by the name of its error; the message may quote the record, and is never shown as it is."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(name)
        self.name, self.message = name, message

    @property
    def kind(self) -> str:
        """The name without its module: `AccessError`, `MissingError`, `ValidationError`, `ValueError`."""
        return self.name.rpartition(".")[2]


class Reply(NamedTuple):
    """What a method returned, and the server's time when it did."""

    value: Any
    at: datetime


class Calls(ABC):
    """A way to call methods."""

    @abstractmethod
    def call(self, model: str, method: str, arguments: Mapping[str, Any], *, safe: bool = False) -> Reply:
        """Call a method with keyword arguments, of which `ids` names the records; raises `Fault` where it is refused.

        `safe` says that calling twice is harmless.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back connections."""


def make_calls(settings: Mapping[str, Any]) -> Calls:
    """The way to call that the options ask for."""
    key = settings["api_key"]

    def secret() -> str:
        return str(key)

    if settings.get("protocol", JSON2) == JSONRPC:
        client = HttpClient.of(settings, name=NAME, auth=_InTheBody(), explains=is_explained)
        return JsonRpc(client, settings["database"], settings["login"], secret)
    auth = ApiKey("Authorization", lambda: f"bearer {key}")
    return Json2(HttpClient.of(settings, name=NAME, auth=auth, explains=is_explained), settings.get("database"))


def is_explained(content: bytes) -> bool:
    """Whether a 500 names an error of the request: Odoo answers so to an unknown field or a wrong choice."""
    try:
        name = orjson.loads(content)["name"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False
    return isinstance(name, str) and "." in name and not name.endswith(PASSING)


class Json2(Calls):
    """`POST /json/2/<model>/<method>`, since Odoo 19."""

    def __init__(self, client: HttpClient, database: str | None) -> None:
        self._client = client
        self._headers = {"X-Odoo-Database": database} if database else {}

    @override
    def call(self, model: str, method: str, arguments: Mapping[str, Any], *, safe: bool = False) -> Reply:
        path = f"/json/2/{model}/{method}"
        answer = self._client.request("POST", path, json=arguments, headers=self._headers, safe=safe)
        if answer.status >= BAD_REQUEST:
            raise _fault(answer.data, f"{NAME}: {model}.{method}", answer.status)
        return Reply(answer.data, _clock(answer))

    @override
    def close(self) -> None:
        self._client.close()


class JsonRpc(Calls):
    """`POST /jsonrpc`, which Odoo knows since long and will forget with 20; a user's key or password goes along."""

    def __init__(self, client: HttpClient, database: str, login: str, secret: Secret) -> None:
        self._client, self._database, self._login, self._secret = client, database, login, secret
        self._user: int | None = None

    @override
    def call(self, model: str, method: str, arguments: Mapping[str, Any], *, safe: bool = False) -> Reply:
        keywords = dict(arguments)
        # A method of the model itself takes its arguments by name alone.
        positional = [keywords.pop("ids")] if "ids" in keywords else []
        values = [self._database, self._signed_in(), self._secret(), model, method, positional, keywords]
        return self._ask("object", "execute_kw", values, f"{NAME}: {model}.{method}", safe=safe)

    @override
    def close(self) -> None:
        self._client.close()

    def _signed_in(self) -> int:
        """The user's number, asked for once: a password costs the server half a second."""
        if self._user is None:
            values = [self._database, self._login, self._secret(), {}]
            user = self._ask("common", "authenticate", values, f"{NAME}: authenticate", safe=True).value
            if not isinstance(user, int) or isinstance(user, bool):
                raise AuthenticationFailed(f"{NAME}: the credentials were refused; check login, api_key and database")
            self._user = user
        return self._user

    def _ask(self, service: str, method: str, values: list[Any], place: str, *, safe: bool) -> Reply:
        asked = {"service": service, "method": method, "args": values}
        content = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": asked}
        answer = self._client.request("POST", "/jsonrpc", json=content, safe=safe)
        told = answer.data if isinstance(answer.data, dict) else {}
        if "error" in told:
            raise _fault((told["error"] or {}).get("data"), place, answer.status)
        if "result" not in told:
            raise UnreadableAnswer(f"{place}: the answer holds no result; check `url`", sent=Sent.MAYBE)
        return Reply(told["result"], _clock(answer))


class _InTheBody(Authentication):
    """JSON-RPC carries its credentials in the body, so no header does."""

    @override
    def headers(self, ask: Ask) -> Mapping[str, str]:
        return {}

    @override
    def renew(self, refused: Mapping[str, str], ask: Ask) -> bool:
        return False


def _fault(told: Any, place: str, status: int) -> Exception:
    """The refusal as an exception: by its name, as statuses say little."""
    name = told.get("name") if isinstance(told, dict) else None
    if not isinstance(name, str):
        return ProtocolError(f"{place}: refused ({status}); check `url`, `database` and the version")
    if name.endswith(DENIED):
        return AuthenticationFailed(f"{place}: the credentials were refused; check api_key and its expiry")
    if name.endswith(PASSING):
        return SystemDown(f"{place}: the database is busy; it is tried again later", sent=Sent.MAYBE)
    return Fault(name, str(told.get("message", "")))


def _clock(answer: Answer) -> datetime:
    """The server's time by the answer's own head."""
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except (TypeError, ValueError):
        raise ProtocolError(f"{NAME}: the answer tells no time (Date); check what stands in between") from None
