"""The gateway's process: listens for agents, and writes how it fares every two seconds."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from dataclasses import dataclass

import structlog
import uvicorn
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from appliance.clock import now
from appliance.home import Home
from appliance.intake.app import Gateway
from appliance.intake.chain import break_told
from appliance.intake.desk import Desk
from appliance.intake.identity import Directory
from appliance.intake.protocol import GatewayProtocol
from appliance.intake.tls import Renewal, server_context
from appliance.intake.updates import Updates
from appliance.intake.writer import GroupWriter
from appliance.journal import DeadLetters, Journal, JournalUnavailable
from appliance.ops.health import beat
from appliance.pki import PkiError, load_authority
from appliance.roles.ending import in_time
from appliance.roles.server import Server
from appliance.settings import Settings
from appliance.state.database import open_sessions, open_state
from appliance.updates.signing import ensure_key

BEAT_SECONDS = 2.0
CONNECTIONS = 1000
KEEP_ALIVE_SECONDS = 75
STOP_SECONDS = 5
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """What the process holds open."""

    app: Gateway
    journal: Journal
    engine: Engine
    tls: ssl.SSLContext
    renewal: Renewal


def run(home: Home, settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Return 0, or 1 when the port or a file cannot be used."""
    try:
        parts = _open(home, settings)
        listener = listen(settings.gateway_host, settings.gateway_port)
    except (JournalUnavailable, PkiError, OSError) as error:
        log.critical("gateway_cannot_start", reason=str(error))
        return 1
    try:
        asyncio.run(_serve(parts, listener))
    finally:
        parts.app.desk.writer.close()
        parts.journal.close()
        parts.engine.dispose()
    return 0


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket; raises OSError that says in Polish what to do when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        text = (
            f"Nie można słuchać na {host}, port {port}: {error.strerror}. Zwolnij port albo podaj inny: --gateway-port."
        )
        raise OSError(text) from error


def _open(home: Home, settings: Settings) -> Parts:
    engine = open_state(settings.database(home))
    journal = Journal(home.journal, settings.journal.max_bytes, break_told)
    authority, sessions = load_authority(home), open_sessions(engine)
    desk = Desk(
        writer=GroupWriter(journal),
        dead_letters=DeadLetters(home.dead_letters),
        directory=Directory(engine, home),
        sessions=sessions,
        authority=authority,
        clock=now,
        packets=home.packets,
        updates=Updates(sessions, home.agent_packages, authority, ensure_key(home)),
    )
    app = Gateway(desk)
    tls = server_context(home, app.certificate_refused)
    return Parts(app, journal, engine, tls, Renewal(tls, home))


async def _serve(parts: Parts, listener: socket.socket) -> None:
    config = uvicorn.Config(
        parts.app,
        http=GatewayProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        loop="asyncio",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        ssl_context_factory=lambda _config, _default: parts.tls,
    )
    server = Server(config)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        in_time()
        server.should_exit = True
        parts.app.desk.calls.end()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    heart = asyncio.create_task(_beat_forever(parts))
    try:
        await server.serve(sockets=[listener])
    finally:
        heart.cancel()
        await asyncio.to_thread(_beat, parts)


async def _beat_forever(parts: Parts) -> None:
    while True:
        await asyncio.to_thread(_beat, parts)
        await asyncio.sleep(BEAT_SECONDS)


def _beat(parts: Parts) -> None:
    """Write counters and activity, and load a renewed certificate; what fails is tried again at the next beat."""
    try:
        depth, counters = parts.journal.depth(), parts.app.desk.counters
        detail = {
            "batches": counters.batches,
            "records": counters.records,
            "duplicates": counters.duplicates,
            "refused": counters.refused,
            "journal_bytes": depth.bytes,
            "journal_batches": depth.batches,
        }
        beat(parts.app.desk.sessions, "gateway", detail, now())
        parts.app.desk.activity.write(parts.engine)
        if parts.renewal.look():
            log.info("server_certificate_loaded")
    except (DBAPIError, JournalUnavailable, OSError) as error:
        log.warning("beat_failed", reason=str(error))
