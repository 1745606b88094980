"""The console's process: the app behind TLS, and its heartbeat."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

import structlog
import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from appliance.clock import now
from appliance.detect import RuleSet
from appliance.home import Home
from appliance.intake.protocol import GatewayProtocol
from appliance.journal import DeadLetters, Journal
from appliance.ops.disk import why
from appliance.ops.health import beat
from appliance.roles.content import LOOK_SECONDS, fresh
from appliance.roles.ending import when_asked
from appliance.roles.server import Server
from appliance.rulesets.fresh import Fresh
from appliance.settings import Settings
from appliance.state.database import open_sessions, open_state
from appliance.store import open_reader
from appliance.web.app import create_app
from appliance.web.context import Context

BEAT_SECONDS = 2.0
AGAIN_SECONDS = 30.0
"""How long the console waits after rules that could not be loaded."""
IDLE_SECONDS = 15
"""How long a kept-alive connection may be silent."""
CONNECTIONS = 1000
_log = structlog.get_logger()


def make_context(home: Home, settings: Settings) -> Context:
    """Open everything that the console reads."""
    sessions = open_sessions(open_state(settings.database(home)))
    return Context(
        home=home,
        settings=settings,
        sessions=sessions,
        store=open_reader(home, settings),
        journal=Journal(home.journal, settings.journal.max_bytes),
        dead_letters=DeadLetters(home.dead_letters),
        rules=fresh(home, settings, sessions),
    )


def tls(home: Home) -> ssl.SSLContext:
    """Return the server's TLS: 1.2 and newer, with the certificate of the box's own CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(home.pki / "server.pem", home.pki / "server.key")
    return context


def make_server(context: Context) -> Server:
    """Return the server over a context; it stops when told by `should_exit`, and does not wait for open streams."""
    config = uvicorn.Config(
        create_app(context),
        host=context.settings.host,
        port=context.settings.port,
        ssl_context_factory=lambda _config, _default: tls(context.home),
        http=GatewayProtocol,
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=3,
        limit_concurrency=CONNECTIONS,
    )
    return Server(config)


def run(home: Home, settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT."""
    context = make_context(home, settings)
    server = make_server(context)
    stop = threading.Event()

    def end() -> None:
        server.should_exit = True

    when_asked(end)

    def report() -> None:
        while not stop.is_set():
            try:
                beat(context.sessions, "web", {"requests": server.server_state.total_requests}, now())
            except SQLAlchemyError as error:
                _log.warning("beat_failed", reason=why(home.root, error))
            stop.wait(BEAT_SECONDS)

    heart = threading.Thread(target=report, name="heartbeat", daemon=True)
    heart.start()
    eye = threading.Thread(target=_keep_fresh, args=(context.rules, stop), name="rules", daemon=True)
    eye.start()
    _log.info("web_listening", host=settings.host, port=settings.port)
    server.run()
    stop.set()
    for thread in (heart, eye):
        thread.join(timeout=BEAT_SECONDS * 2)
    return 0 if server.started else 1


def _keep_fresh(rules: Callable[[], RuleSet], stop: threading.Event) -> None:
    """Follow changes of the rules, once somebody has asked for them."""
    assert isinstance(rules, Fresh)
    wait = LOOK_SECONDS
    while not stop.wait(wait):
        try:
            wait = LOOK_SECONDS
            rules.look()
        except Exception:  # noqa: BLE001 - the console goes on with the rules it has; the next look comes
            _log.exception("rules_not_reloaded")
            wait = AGAIN_SECONDS
