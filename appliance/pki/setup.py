"""Making and renewing what lies in the state folder: the CA, the server's certificate, the importer's."""

from __future__ import annotations

import ipaddress
import re
import socket
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.clock import to_datetime
from appliance.home import Home
from appliance.pki import files
from appliance.pki.authority import Authority, ensure_authority
from appliance.pki.identity import PREFIX, agent_id_of
from appliance.pki.leaves import CLIENT, SERVER, sign_leaf, worn

DAYS = 365
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    names: Sequence[x509.GeneralName]
    purpose: x509.ObjectIdentifier


def ensure_pki(home: Home, names: list[str], now: int) -> None:
    """Make what is missing in the state folder and renew what is worn; safe to repeat.

    The server's certificate is for this machine's own names and addresses and for `names`. It is made anew when
    less than a third of its life is left or when the names changed. Raises PkiError when the CA cannot be used.
    """
    home.create()
    authority = ensure_authority(home, now)
    _ensure_server(home, authority, _alternatives([*own_names(), *names]), now)
    _ensure_importer(home, authority, now)


def renew_pki(home: Home, now: int) -> None:
    """Renew worn certificates, keeping the server's names."""
    certificate = files.load_certificate(home.pki / "server.pem")
    authority = ensure_authority(home, now)
    _ensure_server(home, authority, list(_names_of(certificate)), now)
    _ensure_importer(home, authority, now)


def importer_id(home: Home) -> str:
    """Return the UUID of the local importer, fixed for this state folder."""
    path = home.pki / "importer.id"
    if not path.exists():
        files.write(path, str(uuid.uuid4()).encode("ascii"), files.KEY_MODE)
    return str(uuid.UUID(path.read_text("ascii").strip()))


def own_names() -> list[str]:
    """Return this machine's names and addresses; addresses of the link only are left out."""
    addresses = {
        address.address
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family in (socket.AF_INET, socket.AF_INET6) and "%" not in address.address
    }
    name = socket.gethostname()
    return ["localhost", "127.0.0.1", "::1", name, socket.getfqdn(name), *sorted(addresses)]


def _alternatives(names: Iterable[str]) -> list[x509.GeneralName]:
    found: dict[x509.GeneralName, None] = {}
    for name in names:
        try:
            found[x509.IPAddress(ipaddress.ip_address(name))] = None
        except ValueError:
            if len(name) <= 253 and all(_LABEL.fullmatch(label) for label in name.split(".")):
                found[x509.DNSName(name.lower())] = None
    return list(found)


def _names_of(certificate: x509.Certificate) -> Iterable[x509.GeneralName]:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def _ensure_server(home: Home, authority: Authority, names: list[x509.GeneralName], now: int) -> None:
    path = home.pki / "server"
    current = _usable(path, authority)
    if current is None or worn(current, now) or set(_names_of(current)) != set(names):
        wanted = _Wanted("Czujka", names, SERVER)
        _issue(path, authority, wanted, now)


def _ensure_importer(home: Home, authority: Authority, now: int) -> None:
    path, identity = home.pki / "importer", importer_id(home)
    current = _usable(path, authority)
    named = current is not None and agent_id_of(current.public_bytes(serialization.Encoding.DER)) == identity
    if current is None or worn(current, now) or not named:
        wanted = _Wanted(identity, [x509.UniformResourceIdentifier(PREFIX + identity)], CLIENT)
        _issue(path, authority, wanted, now)


def _usable(path: Path, authority: Authority) -> x509.Certificate | None:
    """Return the certificate when it, its key and the CA belong together."""
    try:
        certificate = files.load_certificate(path.with_suffix(".pem"))
        key = files.load_key(path.with_suffix(".key"))
        certificate.verify_directly_issued_by(authority.certificate)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is made anew
        return None
    return certificate if certificate.public_key() == key.public_key() else None


def _issue(path: Path, authority: Authority, wanted: _Wanted, now: int) -> None:
    """Write the pair; the key stays when there is one, so that a crash between the two files leaves them a pair."""
    try:
        key = files.load_key(path.with_suffix(".key"))
    except (OSError, ValueError, TypeError):
        key = ec.generate_private_key(ec.SECP256R1())
        files.write(path.with_suffix(".key"), files.key_pem(key), files.KEY_MODE)
    expires = (to_datetime(now) + timedelta(days=DAYS)).replace(microsecond=0)
    certificate = sign_leaf(
        authority,
        key.public_key(),
        name=wanted.name,
        alternatives=wanted.names,
        purpose=wanted.purpose,
        now=now,
        expires=expires,
    )
    files.write(path.with_suffix(".pem"), certificate.public_bytes(serialization.Encoding.PEM), files.CERTIFICATE_MODE)
