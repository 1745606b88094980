"""HTTP/1 of one flow: requests wait for their responses, as one line of Zeek's http.log."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from agent.wire.parameters import without_secret
from collector.protocols import tls
from collector.protocols.http.bodies import Body, kind
from collector.protocols.http.heads import (
    MAX_HEAD,
    METHODS,
    Head,
    basic_user,
    head_end,
    request,
    response,
    text,
)
from collector.protocols.http.proof import Proof
from collector.protocols.model import Conversation, Flow, Log, Malformed, Side, Value

MAX_PENDING = 64
"""Requests of one flow that wait for their responses; past it the oldest is told as unanswered."""
PREFACE = b"PRI * HTTP/2.0\r\n"
_FILE_NAME = re.compile(r'filename\s*=\s*"?([^";]{1,255})', re.IGNORECASE)
_PROXY_FIELDS = frozenset(b"forwarded x-forwarded-for x-forwarded-from client-ip via proxy-connection".split())
#: Header fields of a request that are told as they are.
_TOLD = ((b"host", "host"), (b"user-agent", "user_agent"), (b"origin", "origin"))


def begins(side: Side, data: bytes) -> bool:
    """Tell whether a packet begins with the head of a message."""
    if data.startswith(b"HTTP/1."):
        return True
    first, blank, rest = data[:128].partition(b" ")
    if not blank or first not in METHODS:
        return data.startswith(PREFACE)
    line, end, _ = data[:8192].partition(b"\n")
    # SIP and RTSP have some of these words, too.
    return b" HTTP/1." in line if end else rest[:1] in (b"/", b"*", b"h", b"H") or first == b"CONNECT"


@dataclass(slots=True)
class Exchange:
    """A request and what is known of its response so far."""

    at: int
    method: str
    fields: dict[str, Value]
    sent: Body
    """The body of the request."""
    proof: bool = False
    """Whether somebody signed in with the request, as Windows does."""


class HttpConversation:
    """Reads the heads of both sides, passes over the bodies, and pairs what belongs together."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._over = False
        self._tunnel: Conversation | None = None
        self._tunnelled = False
        self._heads = [bytearray(), bytearray()]
        self._bodies: list[Body | None] = [None, None]
        #: A side of which bytes are missing: nothing is read until a packet begins with a head again.
        self._seeking = [False, False]
        self._pending: deque[Exchange] = deque()
        self._open: Exchange | None = None
        self._first = b""
        self._depth = 0
        self._holed = False
        self._proof = Proof()
        #: Whether it is the originator who answers: a flow that began unseen may be known by an answer first.
        self._turned: bool | None = None

    @property
    def done(self) -> bool:
        """Whether the connection has become something else that is not read, or whose reader is done."""
        return self._over or (self._tunnel is not None and self._tunnel.done)

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        if self._turned is None:
            self._turned = begins(side, data) and data.startswith(b"HTTP/1.") == (side == Side.ORIG)
        side = self._part(side)
        if self._tunnelled:
            return self._through(side, at, data)
        if self._seeking[side]:
            if not begins(side, data):
                return ()
            self._seeking[side] = False
        logs: list[Log] = []
        place = 0
        while place < len(data) and not self._over and not self._tunnelled:
            body = self._bodies[side]
            if body is None:
                place = self._head(side, at, data, place, logs)
                continue
            if side == Side.RESP and not self._first:
                self._first = data[place : place + 16]
            place = body.pass_over(data, place)
            if side == Side.RESP and (body.told or body.over):
                logs += self._tell(body)
            if body.over:
                self._bodies[side] = None
        return logs

    def lost(self, side: Side, at: int) -> Iterable[Log]:
        """After a hole the side is read again where a packet begins with a head."""
        side = self._part(side)
        if self._tunnel:
            return self._tunnel.lost(side, at)
        self._seeking[side] = True
        self._heads[side].clear()
        body, self._bodies[side] = self._bodies[side], None
        if side == Side.ORIG:
            return ()
        self._holed = True
        return self._tell(body)

    def close(self, at: int) -> Iterable[Log]:
        """Tell what is open, and requests that nobody answered."""
        logs = self._tell(self._bodies[Side.RESP])
        while self._pending:
            logs.append(self._unanswered())
        logs += self._proof.close(at)
        return [*logs, *self._tunnel.close(at)] if self._tunnel else logs

    def _part(self, side: Side) -> Side:
        """Return the part that a side plays: ORIG asks."""
        return Side(1 - side) if self._turned else side

    def _through(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take bytes of the tunnel that a CONNECT opened: TLS, as a rule."""
        if self._tunnel is None:
            if not tls.recognises(side, data):
                self._over = True
                return ()
            self._tunnel = tls.PROTOCOL.open(self._flow)
        return self._tunnel.feed(side, at, data)

    def _head(self, side: Side, at: int, data: bytes, place: int, logs: list[Log]) -> int:
        """Take bytes of a head, and return the place after those that were of use."""
        part = self._heads[side]
        if part:
            before = len(part)
            part += data
            end, begin = head_end(part)
            whole, after = bytes(part[:end]), begin - before
        else:
            # Empty lines before a message are to be passed over (RFC 9112, 2.2).
            while place < len(data) and data[place] in b"\r\n":
                place += 1
            end, after = head_end(data, place)
            whole = data[place:end]
            if end < 0:
                part += data[place:]
        if end < 0:
            if len(part) > MAX_HEAD:
                raise Malformed("HTTP_head_too_long")
            return len(data)
        part.clear()
        if side == Side.ORIG:
            self._request(at, whole, logs)
        else:
            self._response(at, whole, logs)
        return after

    def _request(self, at: int, whole: bytes, logs: list[Log]) -> None:
        if whole.startswith(PREFACE.rstrip()):
            self._over = True
            logs.append(Log("http", at, {"trans_depth": self._depth + 1, "method": "PRI", "version": "2"}))
            return
        head = request(whole)
        self._depth += 1
        if self._holed or len(self._pending) >= MAX_PENDING:
            while self._pending and (self._holed or len(self._pending) >= MAX_PENDING):
                logs.append(self._unanswered())
            self._holed = False
        body = Body(head.length, chunked=head.chunked, until_close=False)
        self._bodies[Side.ORIG] = None if body.over else body
        self._pending.append(
            Exchange(at, head.words[0], _request_fields(head, self._depth), body, self._proof.asked(head))
        )

    def _response(self, at: int, whole: bytes, logs: list[Log]) -> None:
        head = response(whole)
        code = int(head.words[1])
        if 100 <= code < 200 and code != 101:
            return
        found = self._pending.popleft() if self._pending else None
        if not found:
            self._depth += 1
            fields: dict[str, Value] = {"trans_depth": self._depth, "version": head.words[0]}
            found = Exchange(at, "", fields, Body(0, chunked=False, until_close=False))
        found.fields |= _response_fields(head)
        logs += self._proof.answered(at, head, code, asked=found.proof)
        none = found.method == "HEAD" or code in {101, 204, 304} or (found.method == "CONNECT" and code // 100 == 2)
        body = Body(0, chunked=False, until_close=False) if none else _body(head)
        self._open, self._first = found, b""
        self._bodies[Side.RESP] = None if body.over else body
        if body.over:
            logs += self._tell(body)
        self._over = code == 101
        self._tunnelled = found.method == "CONNECT" and code // 100 == 2

    def _tell(self, body: Body | None) -> list[Log]:
        """Return the log of the exchange whose response is being read, if there is one."""
        found, self._open = self._open, None
        if not found:
            return []
        found.fields["request_body_len"] = found.sent.size
        found.fields["response_body_len"] = body.size if body else 0
        if shown := kind(self._first):
            found.fields["resp_mime_types"] = [shown]
        return [Log("http", found.at, found.fields)]

    def _unanswered(self) -> Log:
        found = self._pending.popleft()
        found.fields["request_body_len"] = found.sent.size
        return Log("http", found.at, found.fields)


def _body(head: Head) -> Body:
    return Body(head.length, chunked=head.chunked, until_close=True)


def _request_fields(head: Head, depth: int) -> dict[str, Value]:
    method, target, version = head.words
    uri, secret = without_secret(target)
    fields: dict[str, Value] = {"trans_depth": depth, "method": method, "uri": uri, "version": version}
    fields |= {name: text(head.values[key]) for key, name in _TOLD if head.values.get(key)}
    if referrer := head.text(b"referer"):
        fields["referrer"], within = without_secret(referrer)
        secret = secret or within
    if mime_type := head.mime_type:
        fields["orig_mime_types"] = [mime_type]
    if (user := basic_user(head)) is not None:
        fields["username"] = user
    if user is not None or secret:
        fields["cleartext_password"] = True
    if found := _PROXY_FIELDS & head.values.keys():
        fields["proxied"] = [f"{name.decode('ascii').upper()} -> {head.text(name)}" for name in sorted(found)]
    return fields


def _response_fields(head: Head) -> dict[str, Value]:
    fields: dict[str, Value] = {"status_code": int(head.words[1])}
    if head.words[2]:
        fields["status_msg"] = head.words[2]
    if mime_type := head.mime_type:
        fields["resp_mime_types"] = [mime_type]
    said = head.text(b"content-disposition")
    if said and (name := _FILE_NAME.search(said)):
        fields["resp_filenames"] = [name[1].strip()]
    return fields
