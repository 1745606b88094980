"""The gateway's ASGI app: who may send what, within which bounds.

Records are framed, never read: what is inside them, their depth included, is the normaliser's to judge, where a bad
one costs itself and not its batch.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import DBAPIError

from agent.wire.envelope import ENROL_PATH, RENEW_PATH
from appliance.clock import DAY
from appliance.intake.answers import ROUTES, joining
from appliance.intake.desk import FAULT_WAIT, FULL_WAIT, Desk, address_of
from appliance.intake.enrolment import PACKAGE_PATH
from appliance.intake.identity import Peer
from appliance.intake.protocol import PEER
from appliance.intake.replies import Gone, Receive, Refused, Reply, Scope, Send
from appliance.journal import JournalFull, JournalUnavailable

CA_PATH = "/v1/ca"
GRACE = 180 * DAY
"""How long after its end a certificate can be renewed, for a laptop that lay in a drawer; a person then decides."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Gateway:
    """The app."""

    desk: Desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            reply = await self._answer(scope, receive)
        except Gone:
            return
        except Refused as refused:
            self.desk.counters.refused += 1
            self._tell(scope, refused)
            reply = refused.reply()
        except JournalFull:
            reply = Refused(503, "the journal is full", FULL_WAIT).reply()
        except (JournalUnavailable, DBAPIError) as error:
            log.warning("cannot_write", reason=str(error))
            reply = Refused(503, "the box cannot write now", FAULT_WAIT).reply()
        except Exception:
            log.exception("request_failed", path=scope["path"])
            reply = Refused(500, "the box failed on this request").reply()
        await reply.timed(self.desk.clock()).send(send)

    def certificate_refused(self, reason: str) -> None:
        """Count and tell a handshake that ended with a client's certificate."""
        self.desk.counters.refused += 1
        if not self.desk.limits.lines.take("handshake"):
            log.warning("certificate_refused", reason=reason)

    def _tell(self, scope: Scope, refused: Refused) -> None:
        """Tell of who may not come in; without an end to the tries, not of each."""
        peer: Peer | None = scope["state"].get(PEER)
        address = address_of(scope)
        if refused.status in (401, 403) and not self.desk.limits.lines.take(peer.id if peer else address):
            agent = peer.id if peer else None
            log.warning("request_refused", agent=agent, address=address, status=refused.status, reason=str(refused))

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        path, method = scope["path"], scope["method"]
        if path == CA_PATH and method == "GET":
            return Reply(200, self.desk.authority.pem, media=b"application/x-pem-file")
        if path == ENROL_PATH and method == "POST":
            return await joining.enrolment(self.desk, scope, receive)
        if path.startswith(PACKAGE_PATH) and method == "GET":
            return await joining.package(self.desk, scope, path.removeprefix(PACKAGE_PATH))
        peer = await self._authenticated(scope)
        answer = ROUTES.get(path)
        if answer is None:
            raise Refused(404, "there is nothing here")
        if method != "POST":
            raise Refused(405, "only POST is taken here")
        return await answer(self.desk, peer, scope, receive)

    async def _authenticated(self, scope: Scope) -> Peer:
        peer: Peer | None = scope["state"].get(PEER)
        if peer is None:
            raise Refused(401, "a client certificate of this box is needed")
        over = self.desk.clock() - peer.expires_at
        if over >= 0 and (scope["path"] != RENEW_PATH or over > GRACE):
            raise Refused(403, "this certificate has expired")
        return await asyncio.to_thread(self.desk.directory.check, peer)
