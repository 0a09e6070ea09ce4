"""HTTP as uvicorn speaks it, with the connection in reach of the faults."""

from typing import Any, cast

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TRANSPORT = "reference.transport"
"""Where a request's scope holds its connection."""


class ReachableProtocol(HttpToolsProtocol):
    """Tells every request which connection it came by."""

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)[TRANSPORT] = self.transport
