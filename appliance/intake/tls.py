"""TLS of the gateway: 1.3 only, client certificates of our CA asked for but not demanded by the handshake."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from appliance.home import Home

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME, X509_VERIFY_PARAM_set_flags(3)."""


def server_context(home: Home, refused: Callable[[str], None]) -> ssl.SSLContext:
    """Return the context for the state folder's server certificate.

    A foreign or server's certificate fails the handshake, and `refused` is told why. None at all passes, and
    so does one whose time is over: the app decides, since it may renew.
    """

    class Telling(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except ssl.SSLCertVerificationError as error:
                # asyncio closes the connection without a word.
                refused(error.verify_message)
                raise

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = Telling
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # Every connection shows its certificate anew; nothing rests on a resumed session.
    context.num_tickets = 0
    context.load_verify_locations(home.ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= _NO_CHECK_TIME
    context.load_cert_chain(*_pair(home))
    return context


class Renewal:
    """Loads a renewed server certificate into a context in use; new connections then get it."""

    def __init__(self, context: ssl.SSLContext, home: Home) -> None:
        self._context, self._home, self._loaded = context, home, _stamp(home)

    def look(self) -> bool:
        """Load the certificate when its file has changed; say whether it had. Raises OSError, ssl.SSLError."""
        stamp = _stamp(self._home)
        if stamp == self._loaded:
            return False
        self._context.load_cert_chain(*_pair(self._home))
        self._loaded = stamp
        return True


def _pair(home: Home) -> tuple[Path, Path]:
    return home.pki / "server.pem", home.pki / "server.key"


def _stamp(home: Home) -> tuple[int, int]:
    state = _pair(home)[0].stat()
    return state.st_mtime_ns, state.st_ino
