"""Ways to prove who is calling: an API key in a header, or OAuth2 client credentials."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from typing_extensions import override

from connector.errors import AuthenticationFailed, ProtocolError

Secret: TypeAlias = Callable[[], str]
"""Gives the secret when it is needed (`SecretStr.get_secret_value`), so that no object shows it by accident."""


class Ask(Protocol):
    """Posts a form, or JSON, to a path of the same system, without credentials in the headers."""

    def __call__(self, path: str, form: Mapping[str, str] | None, json: Any = None, /) -> Any:
        """The answer's JSON."""


EARLY = 0.1
"""The share of a token's life in which it is renewed before it ends."""


class Authentication(Protocol):
    """Gives every request its credentials."""

    def headers(self, ask: Ask) -> Mapping[str, str]:
        """The headers that prove who is calling, as of now."""

    def renew(self, refused: Mapping[str, str], ask: Ask) -> bool:
        """After a 401: whether there are other credentials now than those that were refused."""


class ApiKey(Authentication):
    """One long-lived key in a header of its own."""

    def __init__(self, header: str, secret: Secret) -> None:
        self._header = header
        self._secret = secret

    @override
    def headers(self, ask: Ask) -> Mapping[str, str]:
        return {self._header: self._secret()}

    @override
    def renew(self, refused: Mapping[str, str], ask: Ask) -> bool:
        # The key may have been rotated where it is kept.
        return refused.get(self._header) != self._secret()


class ClientCredentials(Authentication):
    """OAuth2 client credentials: one token for all threads, renewed before it ends and once when it is refused."""

    def __init__(
        self, token_path: str, client_id: str, client_secret: Secret, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._token_path = token_path
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._lock = threading.Lock()
        self._headers: Mapping[str, str] = {}
        self._renew_at = 0.0

    @override
    def headers(self, ask: Ask) -> Mapping[str, str]:
        with self._lock:
            if not self._headers or self._clock() >= self._renew_at:
                self._obtain(ask)
            return self._headers

    @override
    def renew(self, refused: Mapping[str, str], ask: Ask) -> bool:
        with self._lock:
            # Another thread may have renewed the token while this one's request was under way.
            if self._headers == refused:
                self._obtain(ask)
            return True

    def _obtain(self, ask: Ask) -> None:
        asked_at = self._clock()
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret(),
        }
        answer = ask(self._token_path, form)
        try:
            token, life = answer["access_token"], float(answer.get("expires_in", 3600))
        except (TypeError, KeyError, ValueError, AttributeError):
            raise ProtocolError(f"{self._token_path}: the answer holds no token; check `url`") from None
        if not isinstance(token, str) or not token:
            raise AuthenticationFailed(
                f"{self._token_path}: the answer holds an empty token; check the client's rights"
            )
        self._headers = {"Authorization": f"Bearer {token}"}
        self._renew_at = asked_at + life * (1 - EARLY)
