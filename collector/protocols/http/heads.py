"""Heads of HTTP/1 messages (RFC 9112): the first line and the header fields that are told; never a secret."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from dataclasses import dataclass, field

from collector.protocols.model import Malformed

MAX_HEAD = 65_536
"""Bytes of one head."""
MAX_TEXT = 4096
"""Characters of one value that are kept."""
METHODS = frozenset(
    b"GET POST HEAD PUT DELETE OPTIONS PATCH CONNECT TRACE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK SEARCH "
    b"REPORT BITS_POST CCM_POST RPC_IN_DATA RPC_OUT_DATA SUBSCRIBE UNSUBSCRIBE NOTIFY POLL BCOPY BDELETE BMOVE "
    b"BPROPFIND BPROPPATCH MERGE CHECKOUT MKACTIVITY VERSION-CONTROL PURGE LINK UNLINK".split()
)
#: Header fields that are looked at.
_WANTED = frozenset(
    b"host user-agent referer origin content-length content-type content-disposition transfer-encoding authorization "
    b"proxy-authorization www-authenticate proxy-authenticate "
    b"upgrade forwarded x-forwarded-for x-forwarded-from client-ip via proxy-connection".split()
)
_SIGN_IN = frozenset((b"authorization", b"proxy-authorization"))
_BLANKS = b" \t"
_METHOD = re.compile(rb"([!-~]{1,32})[ \t]+(?=\S)")
#: The end of a request's line, which has a blank before it; what stands before that is the target.
_VERSION = re.compile(rb"[ \t]HTTP/(\d\.\d)")
_VERSION_SIZE = len(b" HTTP/1.1")
_RESPONSE = re.compile(rb"HTTP/(\d\.\d)[ \t]+(\d{3})(?:[ \t]+(.*))?")


@dataclass(slots=True)
class Head:
    """One head. For a request `words` are method, target and version; for a response version, code and reason."""

    words: tuple[str, str, str]
    values: dict[bytes, bytes] = field(default_factory=dict)

    def text(self, name: bytes) -> str:
        """Return a header field as text; empty when it is not there."""
        value = self.values.get(name)
        return text(value) if value else ""

    @property
    def length(self) -> int | None:
        """The length of the body that the head announces; None where it says none."""
        value = self.values.get(b"content-length", b"").strip()
        if not value:
            return None
        if not value.isdigit() or len(value) > 18:
            raise Malformed("HTTP_bad_content_length")
        return int(value)

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return b"chunked" in self.values.get(b"transfer-encoding", b"").lower()

    @property
    def mime_type(self) -> str:
        """The type of the body without its parameters."""
        value = self.values.get(b"content-type")
        return text(value.partition(b";")[0]).strip().lower() if value else ""


def text(raw: bytes) -> str:
    """Return a value as text: UTF-8 or escaped bytes, control characters escaped, cut to MAX_TEXT."""
    found = raw[:MAX_TEXT].decode("utf-8", "backslashreplace")
    return found if found.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in found)


def head_end(data: bytes | bytearray, at: int = 0) -> tuple[int, int]:
    """Return where the head that begins at a place ends, and where its body begins; (-1, -1) while it is not whole."""
    end = data.find(b"\r\n\r\n", at)
    bare = data.find(b"\n\n", at, end if end >= 0 else len(data))
    if bare >= 0:
        return bare, bare + 2
    return (end, end + 4) if end >= 0 else (-1, -1)


def request(head: bytes) -> Head:
    """Return the head of a request. Raises Malformed."""
    first, values = _lines(head)
    method = _METHOD.match(first)
    if not method:
        raise Malformed("HTTP_bad_request_line")
    rest = first[method.end() :].rstrip(_BLANKS)
    version = _VERSION.fullmatch(rest, max(0, len(rest) - _VERSION_SIZE))
    target = rest[:-_VERSION_SIZE].rstrip(_BLANKS) if version else rest
    return Head((method[1].decode("ascii"), text(target), version[1].decode("ascii") if version else "0.9"), values)


def response(head: bytes) -> Head:
    """Return the head of a response. Raises Malformed."""
    first, values = _lines(head)
    found = _RESPONSE.fullmatch(first)
    if not found:
        raise Malformed("HTTP_bad_status_line")
    version, code, reason = found.groups()
    return Head((version.decode("ascii"), code.decode("ascii"), text((reason or b"").strip())), values)


def _lines(head: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    first, *rest = head.split(b"\n")
    values: dict[bytes, bytes] = {}
    for line in rest:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if colon and name in _WANTED and name not in values:
            # What stands behind a bare CR may be another field, and another field's secret.
            values[name] = value.partition(b"\r")[0].strip()
    return first.partition(b"\r")[0], values


def basic_user(head: Head) -> str | None:
    """Return who signs in with a password in clear (RFC 7617); None where nobody does. The password is not kept."""
    for name in _SIGN_IN & head.values.keys():
        scheme, _, token = head.values[name].partition(b" ")
        if scheme.lower() == b"basic" and len(token) <= MAX_TEXT:
            try:
                user, colon, _ = b64decode(token.strip()).partition(b":")
            except (Error, ValueError):
                continue
            if colon:
                return text(user)
    return None
