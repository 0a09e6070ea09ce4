"""Tells an address something, where all that matters is whether it took it: the hooks of chats and pagers."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import override

from connector.adapters.authentication import Ask, Authentication
from connector.adapters.http import Answer, HttpClient
from connector.errors import ProtocolError

_OK, _REDIRECTS, _BAD = 200, 300, 400


class Announcer(HttpClient):
    """Posts JSON to one address; its path is a secret, so that no error names more than the host."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.netloc}"
        super().__init__(host, name=parts.hostname or "", auth=_Nobody(), timeout=(5, 10), max_attempts=2)
        self._path = parts.path + (f"?{parts.query}" if parts.query else "")

    def tell(self, content: Mapping[str, Any]) -> None:
        """Post it; raises `TransportError` or `ProtocolError` where it was not taken."""
        answer = self.request("POST", self._path or "/", json=content, safe=False)
        if answer.status >= _BAD:
            raise ProtocolError(f"{self.name}: did not take it ({answer.status}); check the address")

    @override
    def _answer(self, call: Any, response: Any, content: bytes | None) -> Answer:
        """Whatever is said with a status of success is fine: many say `ok`, which is no JSON."""
        if _OK <= response.status_code < _REDIRECTS:
            return Answer(response.status_code, response.headers, None)
        return super()._answer(call, response, content)

    @override
    def _at(self, call: Any) -> str:
        return self.name


class _Nobody(Authentication):
    """The address itself is the secret."""

    @override
    def headers(self, ask: Ask) -> Mapping[str, str]:
        return {}

    @override
    def renew(self, refused: Mapping[str, str], ask: Ask) -> bool:
        return False
