"""The console's process: the app behind TLS, and its heartbeat."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

import structlog
import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from appliance.clock import now
from appliance.detect import RuleSet, load_rules
from appliance.detect.lists import read_lists
from appliance.home import Home
from appliance.intake.protocol import GatewayProtocol
from appliance.journal import DeadLetters, Journal
from appliance.ops.disk import why
from appliance.ops.health import beat
from appliance.roles.pipeline import rule_paths
from appliance.settings import Settings
from appliance.state.database import open_sessions, open_state
from appliance.store import EmbeddedReader
from appliance.web.app import create_app
from appliance.web.context import Context

BEAT_SECONDS = 2.0
IDLE_SECONDS = 15
"""How long a kept-alive connection may be silent."""
CONNECTIONS = 1000
_log = structlog.get_logger()


class Once:
    """The rules in force, loaded at the first question and kept."""

    def __init__(self, load: Callable[[], RuleSet]) -> None:
        self._load, self._lock = load, threading.Lock()
        self._rules: RuleSet | None = None

    def __call__(self) -> RuleSet:
        """Return the rules."""
        with self._lock:
            if self._rules is None:
                self._rules = self._load()
            return self._rules


def make_context(home: Home, settings: Settings) -> Context:
    """Open everything that the console reads."""
    return Context(
        home=home,
        settings=settings,
        sessions=open_sessions(open_state(settings.database(home))),
        store=EmbeddedReader(home.store),
        journal=Journal(home.journal, settings.journal.max_bytes),
        dead_letters=DeadLetters(home.dead_letters),
        rules=Once(lambda: load_rules(rule_paths(home, settings), home.cache, lists=read_lists(home.lists)[0])),
    )


def tls(home: Home) -> ssl.SSLContext:
    """Return the server's TLS: 1.2 and newer, with the certificate of the box's own CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(home.pki / "server.pem", home.pki / "server.key")
    return context


def make_server(context: Context) -> uvicorn.Server:
    """Return the server over a context; it stops on SIGTERM and SIGINT, and does not wait for open streams."""
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
    return uvicorn.Server(config)


def run(home: Home, settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT."""
    context = make_context(home, settings)
    server = make_server(context)
    stop = threading.Event()

    def report() -> None:
        while not stop.is_set():
            try:
                beat(context.sessions, "web", {"requests": server.server_state.total_requests}, now())
            except SQLAlchemyError as error:
                _log.warning("beat_failed", reason=why(home.root, error))
            stop.wait(BEAT_SECONDS)

    heart = threading.Thread(target=report, name="heartbeat", daemon=True)
    heart.start()
    _log.info("web_listening", host=settings.host, port=settings.port)
    server.run()
    stop.set()
    heart.join(timeout=BEAT_SECONDS * 2)
    return 0 if server.started else 1
