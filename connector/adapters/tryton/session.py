"""Logging in: one session for all threads, made by one request and renewed when it has run out."""

import threading
from base64 import b64encode
from collections.abc import Mapping

from typing_extensions import override

from connector.adapters.authentication import Ask, Authentication, Secret
from connector.errors import AuthenticationFailed, ProtocolError


class Session(Authentication):
    """A user's session. Proving the password with each call would cost the server a tenth of a second each time."""

    def __init__(self, path: str, login: str, password: Secret) -> None:
        self._path, self._login, self._password = path, login, password
        self._lock = threading.Lock()
        self._headers: Mapping[str, str] = {}
        self.user_id = 0
        """Who is logged in; 0 before the first call."""

    @override
    def headers(self, ask: Ask) -> Mapping[str, str]:
        with self._lock:
            if not self._headers:
                self._obtain(ask)
            return self._headers

    @override
    def renew(self, refused: Mapping[str, str], ask: Ask) -> bool:
        with self._lock:
            # Another thread may have logged in while this one's request was under way.
            if self._headers == refused:
                self._obtain(ask)
            return True

    def _obtain(self, ask: Ask) -> None:
        content = {"id": 1, "method": "common.db.login", "params": [self._login, {"password": self._password()}]}
        answer = ask(self._path, None, content)
        if isinstance(answer, dict) and answer.get("error"):
            raise AuthenticationFailed("tryton: the login asks for more than a password; check `login` and its user")
        try:
            user_id, token = answer["result"][:2]
            self.user_id = int(user_id)
        except (TypeError, KeyError, ValueError):
            raise ProtocolError(
                f"tryton: {self._path}: the answer to the login holds no session; check `url`"
            ) from None
        words = b64encode(f"{self._login}:{user_id}:{token}".encode()).decode()
        self._headers = {"Authorization": f"Session {words}"}
