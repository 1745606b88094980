"""Enrolment and renewal: how an agent gets its certificate."""

from __future__ import annotations

import json
import logging
import ssl
import sys
import time
from pathlib import Path
from typing import Any

from agent import __version__
from agent.wire.envelope import ENROL_PATH, RENEW_PATH
from agent.wire.sending import hostinfo
from agent.wire.sending.enrol_token import EnrolToken
from agent.wire.sending.files import write_private
from agent.wire.sending.home import AgentHome, Identity
from agent.wire.sending.kept_policy import keep
from agent.wire.transport import Box, Permanent, RetryLater, Untrusted, client_context

LOG = logging.getLogger(__name__)
CA_PATH = "/v1/ca"
_HELPER_SECONDS = 60.0


class EnrolmentFailed(Exception):
    """Enrolment did not happen; says in Polish why, and what to do. `code` is the exit code.

    `final` when this box has refused the token itself: the same token will be refused again.
    """

    def __init__(self, text: str, code: int = 1, *, final: bool = False) -> None:
        super().__init__(text)
        self.code, self.final = code, final


def enrol(token: EnrolToken, home: AgentHome) -> Identity:
    """Get a certificate with a token and keep it; raises EnrolmentFailed."""
    try:
        home.create()
        ca = _pinned_ca(token)
        write_private(home.ca, ca)
        csr = helper(["csr", str(home.key)], b"")["csr"]
        identity = _ask(token, home, csr)
        home.save_identity(identity)
    except OSError as error:
        raise EnrolmentFailed(f"Nie można zapisać w folderze {home.folder}: {error.strerror or error}.") from error
    return identity


def renew(home: AgentHome, box: Box, now: int, *, asked: bool = False) -> bool:
    """Renew the certificate when two thirds of its life are over or it was asked for; True when there is a new one.

    Raises RetryLater and Permanent of the exchange; the old certificate then stays in use.
    """
    identity = home.identity()
    if identity is None or not (asked or now >= identity.renew_at):
        return False
    answer = box.post_json(RENEW_PATH, {"csr": helper(["csr", str(home.key)], b"")["csr"]})
    certificate, expires_at = _certificate(answer)
    write_private(home.certificate, certificate)
    home.save_identity(Identity(identity.agent_id, identity.urls, now, expires_at))
    LOG.info("certificate_renewed expires_at=%d", expires_at)
    return True


def _pinned_ca(token: EnrolToken) -> bytes:
    """Fetch the CA from whoever answers; only the pin, which came with the token, makes it ours."""
    faults: list[str] = []
    for url in token.urls:
        try:
            with Box([url], _trusting_nobody()) as box:
                answer = box.fetch(CA_PATH)
        except (RetryLater, Permanent) as error:
            faults.append(f"{url}: {error}")
            continue
        if _pin(answer) != token.pin:
            raise EnrolmentFailed(
                f"Serwer {url} nie jest tą Czujką, która wydała token: odcisk jego klucza jest inny. "
                "Nie wysłano niczego. Sprawdź adres albo utwórz nowy token."
            )
        return answer
    raise EnrolmentFailed(f"Nie można połączyć się z Czujką ({'; '.join(faults)}). Sprawdź adres, port i zaporę.", 3)


def _trusting_nobody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _pin(certificate: bytes) -> str:
    try:
        return str(helper(["pin"], certificate)["spki"])
    except EnrolmentFailed:
        return ""


def _ask(token: EnrolToken, home: AgentHome, csr: str) -> Identity:
    facts = {
        "secret": token.secret,
        "csr": csr,
        "hostname": hostinfo.hostname(),
        "os": hostinfo.system(),
        "version": __version__,
        "machine": hostinfo.machine(),
    }
    try:
        with Box(token.urls, client_context(home.ca), timeout=30.0) as box:
            answer = box.post_json(ENROL_PATH, facts)
        certificate, expires_at = _certificate(answer)
    except Untrusted as error:
        raise EnrolmentFailed(
            f"Certyfikat serwera nie pochodzi od tej Czujki albo nie obejmuje tego adresu: {error}."
        ) from error
    except RetryLater as error:
        raise EnrolmentFailed(f"Czujka nie przyjęła rejestracji: {error}. Spróbuj ponownie za chwilę.", 3) from error
    except Permanent as error:
        raise EnrolmentFailed(
            f"Czujka odrzuciła token ({error}). Utwórz nowy token i spróbuj jeszcze raz.", final=True
        ) from error
    write_private(home.certificate, certificate)
    policy = answer.get("policy")
    keep(home, policy if isinstance(policy, dict) else {})  # before there is an identity that could collect without it
    return Identity(str(answer.get("agent_id", ""))[:64], token.urls, time.time_ns() // 1000, expires_at)


def _certificate(answer: dict[str, Any]) -> tuple[bytes, int]:
    certificate, expires_at = answer.get("certificate"), answer.get("expires_at")
    if not isinstance(certificate, str) or "BEGIN CERTIFICATE" not in certificate:
        raise RetryLater("the answer has no certificate")
    if isinstance(expires_at, bool) or not isinstance(expires_at, int):
        raise RetryLater("the answer has no expiry")
    return certificate.encode(), expires_at


def helper(arguments: list[str], data: bytes) -> dict[str, Any]:
    """Ask `agent.identity_request`, in a process of its own; raises EnrolmentFailed and OSError."""
    command = [sys.executable, "-m", "agent.identity_request", *arguments]
    import subprocess  # noqa: PLC0415 (once in many days)

    root = Path(__file__).resolve().parents[3]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_HELPER_SECONDS, check=False, cwd=root)
        if done.returncode:
            raise EnrolmentFailed(
                f"Nie udało się przygotować klucza: {done.stderr.decode(errors='replace').strip()[-300:]}", 69
            )
        value = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise EnrolmentFailed(f"Nie udało się przygotować klucza: {error}", 69) from error
    return dict(value)
