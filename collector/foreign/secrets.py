"""Secrets that other sensors write into their logs, left out as our own parsers leave them out."""

from __future__ import annotations

from agent.wire.parameters import without_secret
from collector.protocols.ftp import without_secret as argument_without_secret
from collector.protocols.model import Value


def leave_out(path: str, fields: dict[str, Value]) -> None:
    """Take the secrets out of a log's fields; `cleartext_password` says that one was sent."""
    secret = fields.pop("password", "") not in {"", "-", "<hidden>"} if path in {"http", "ftp"} else False
    if path == "http":
        for name in ("uri", "referrer"):
            if isinstance(address := fields.get(name), str):
                fields[name], found = without_secret(address)
                secret = secret or found
    elif path == "ftp" and isinstance(argument := fields.pop("arg", ""), str):
        kept, found = argument_without_secret(str(fields.get("command", "")).upper(), argument)
        secret = secret or found
        if kept:
            fields["arg"] = kept
    if secret:
        fields["cleartext_password"] = True
