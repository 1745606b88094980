"""HTTP/1.1 of the gateway: shows the app the client's certificate, and lets no request take its time.

uvicorn bounds neither the size of headers nor the time a request may take to arrive; this class does.
"""

from __future__ import annotations

import asyncio
import ssl

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from appliance.intake.identity import Peer, peer_of

MAX_HEAD = 32 << 10
HEAD_SECONDS = 15.0
"""From the first byte of a request, or from the connection's start, to the end of its headers."""
REQUEST_SECONDS = 120.0
"""To the end of its body."""
PEER = "peer"


class GatewayProtocol(HttpToolsProtocol):
    """`scope["state"]["peer"]` is the verified client certificate's `Peer`, or None."""

    _deadline: asyncio.TimerHandle | None = None
    _head: int | None = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Read the certificate once for the connection."""
        super().connection_made(transport)
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        peer: Peer | None = peer_of(tls.getpeercert(binary_form=True)) if tls else None
        self.app_state = {**self.app_state, PEER: peer}
        self._arm(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Disarm."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of headers; whatever comes between two requests must become a request in time too."""
        if self._head is not None:
            if self._deadline is None:
                self._arm(HEAD_SECONDS)
            self._head += len(data)
        super().data_received(data)
        if self._head is not None and self._head > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("Request headers are too long.")

    def on_message_begin(self) -> None:
        """Give the headers their time; a request may begin in the same bytes that end another."""
        self._arm(HEAD_SECONDS)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Give the body its time."""
        self._head = None
        self._arm(REQUEST_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._head = 0
        self._disarm()
        super().on_message_complete()

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self._expire)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._deadline = None
        self.transport.abort()
