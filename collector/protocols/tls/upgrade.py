"""TLS that begins within another protocol: after STARTTLS, AUTH TLS, or the negotiation of RDP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from collector.protocols.model import Conversation, Expected, Flow, Log, Protocol, Side
from collector.protocols.tls.conversation import TlsConversation

_HELLO = b"\x16\x03"


class UpgradingConversation:
    """Reads one protocol until its parser wants no more, and goes on with TLS if that is what comes next."""

    def __init__(self, first: Conversation, flow: Flow) -> None:
        self._first = first
        self._flow = flow
        self._tls: TlsConversation | None = None
        self._over = False

    @property
    def done(self) -> bool:
        """Whether neither protocol has more to read."""
        return self._over or (self._tls is not None and self._tls.done)

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        if self._tls is None and self._first.done:
            if not data.startswith(_HELLO):
                self._over = True
                return ()
            self._tls = TlsConversation(self._flow)
        if self._tls:
            return self._tls.feed(side, at, data)
        logs = list(self._first.feed(side, at, data))
        if self._first.done:
            logs += self._first.close(at)
        return logs

    def lost(self, side: Side, at: int) -> Iterable[Log]:
        """Tell the parser of the moment."""
        if self._tls:
            return self._tls.lost(side, at)
        if self._first.done:
            self._over = True
            return ()
        return self._first.lost(side, at)

    def close(self, at: int) -> Iterable[Log]:
        """Tell what is still to be told."""
        if self._tls:
            return self._tls.close(at)
        return () if self._first.done else self._first.close(at)

    @property
    def first(self) -> Conversation:
        """The conversation before TLS."""
        return self._first


def upgrading(protocol: Protocol) -> Protocol:
    """Return a protocol whose flows are read on as TLS where they become that."""
    expects = protocol.expects

    def expected(conversation: Conversation) -> Expected | None:
        assert expects is not None
        assert isinstance(conversation, UpgradingConversation)
        return expects(conversation.first)

    opened = replace(protocol, open=lambda flow: UpgradingConversation(protocol.open(flow), flow))
    return replace(opened, expects=expected) if expects else opened
