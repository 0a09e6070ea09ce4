"""Calls to a Tryton server: exactly three keys in the body, the context last, errors within a 200."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from connector.adapters.http import Answer, HttpClient
from connector.adapters.tryton.refusals import WARNING, Refused
from connector.adapters.tryton.session import Session
from connector.adapters.wire import accepted
from connector.errors import AuthenticationFailed, Forbidden, ProtocolError, Sent, UnreadableAnswer

NAME = "tryton"
MOST_WARNINGS = 10
"""Warnings that one call may raise, one after the other, before it counts as refused."""
ROLLED_BACK = (b"could not serialize access", b"deadlock detected", b"database is locked")
"""What a 503 of Tryton quotes when the database has taken a transaction back: then nothing of it was done."""
UNAVAILABLE = 503
ENGLISH = "en"
"""The language of all calls: errors are texts without codes."""
ONLY_CONTEXT = (True,)
"""Of a user's preferences only what belongs into every call."""


def is_undone(status: int, body: bytes) -> bool:
    """Whether an answer proves that nothing was done, so that the call may be sent again."""
    return status == UNAVAILABLE and any(each in body for each in ROLLED_BACK)


class Rpc:
    """Speaks with one database as one user in one company."""

    def __init__(
        self, client: HttpClient, session: Session, database: str, *, company: int | None, acknowledge: bool
    ) -> None:
        self._client, self._session = client, session
        self._path = f"/{database}/rpc/"
        self._company, self._acknowledge = company, acknowledge
        self.database = database

    @property
    def user_id(self) -> int:
        """Who is logged in, once a call was made."""
        return self._session.user_id

    @property
    def company(self) -> int:
        """The company that is worked in: the one configured, else the user's own."""
        if self._company is None:
            told = self.read("model.res.user.get_preferences", *ONLY_CONTEXT, context={"language": ENGLISH})
            self._company = told.get("company") if isinstance(told, dict) else None
        if self._company is None:
            raise AuthenticationFailed(f"{NAME}: the user works in no company; give it one, or name it as `company`")
        return self._company

    def context(self, **more: Any) -> dict[str, Any]:
        """What every call on records says: the company, English for errors, and that archived records count."""
        return {"company": self.company, "language": ENGLISH, "active_test": False, **more}

    def ask(self, model: str, method: str, *params: Any, **more: Any) -> Any:
        """What a model answers to a call that only reads."""
        return self.read(f"model.{model}.{method}", *params, context=self.context(**more))

    def dated(self, model: str, method: str, *params: Any, **more: Any) -> tuple[Any, datetime | None]:
        """The same, with the server's time when it answered."""
        answer = self._send(f"model.{model}.{method}", params, self.context(**more), safe=True)
        return self._told(answer, f"model.{model}.{method}"), told_time(answer)

    def probe(self, model: str, record_id: int) -> None:
        """Ask for one record, to hear why it cannot be seen: that is raised as `Refused`."""
        answer = self._send(f"model.{model}.read", ([record_id], ["id"]), self.context(), safe=True)
        self._result(answer)

    def read(self, method: str, *params: Any, context: Mapping[str, Any]) -> Any:
        """The result of a call that only reads; what the server refuses ends the run."""
        return self._told(self._send(method, params, context, safe=True), method)

    def write(self, model: str, method: str, *params: Any, stamps: Mapping[str, str] | None = None) -> Any:
        """Have something done, as a whole or not at all: then `Refused` is raised.

        `stamps` are what records had when they were read: where one is no longer so, all of it is refused. Warnings
        are what a person clicks away; they are acknowledged one by one, by their names.
        """
        context = self.context(**({"_timestamp": stamps} if stamps else {}))
        for _ in range(MOST_WARNINGS):
            try:
                return self._result(self._send(f"model.{model}.{method}", params, context, safe=False))
            except Refused as refusal:
                if refusal.kind != WARNING or not self._acknowledge:
                    raise
                self._result(self._send("model.res.user.warning.skip", (refusal.name, False), context, safe=False))
        raise Refused(WARNING, "it warns of too much at once; do it in Tryton itself")

    def close(self) -> None:
        """Give back connections."""
        self._client.close()

    def _told(self, answer: Answer, method: str) -> Any:
        try:
            return self._result(answer)
        except Refused as refusal:
            place = f"{NAME}: {method.removeprefix('model.')}"
            if issubclass(refusal.meaning, Forbidden):
                reason = "the user may not do that; check its groups"
                raise AuthenticationFailed(f"{place}: {reason}") from None
            raise ProtocolError(f"{place}: refused; check the server's version and modules") from None

    def _result(self, answer: Answer) -> Any:
        data = accepted(answer, NAME).data
        if isinstance(data, dict) and "result" in data:
            return data["result"]
        if isinstance(data, dict) and "error" in data:
            raise Refused.of(data["error"])
        raise UnreadableAnswer(f"{NAME}: the answer holds no `result`; check `url` and the version", sent=Sent.MAYBE)

    def _send(self, method: str, params: Sequence[Any], context: Mapping[str, Any] | None, *, safe: bool) -> Answer:
        """Anything else than these three keys makes the server speak another protocol."""
        given = [*params, context] if context is not None else list(params)
        content = {"id": 1, "method": method, "params": given}
        return self._client.request("POST", self._path, json=content, safe=safe)


def no_time() -> UnreadableAnswer:
    """What to raise where an answer had to tell the server's time and did not."""
    return UnreadableAnswer(f"{NAME}: the answer tells no time; check what stands in between", sent=Sent.MAYBE)


def told_time(answer: Answer) -> datetime | None:
    """The time in an answer's head, where it has one."""
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except (TypeError, ValueError):
        return None
