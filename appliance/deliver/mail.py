"""Alerts by e-mail: through the office's mail server, or into a Maildir while none is set."""

from __future__ import annotations

import mailbox
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

import aiosmtplib

from appliance.clock import to_datetime
from appliance.settings import Mail

SECONDS = 20.0
IMPLICIT_TLS_PORT = 465


def compose(sender: str, recipient: str, number: int, *, subject: str, body: str, at: int) -> EmailMessage:
    """Return the message. Its Message-ID is made of the outbox number alone, so a second sending is recognisable.

    Control characters, line breaks among them, cannot get into a header.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = _line(sender)
    message["To"] = _line(recipient)
    message["Subject"] = _line(subject)
    message["Date"] = format_datetime(to_datetime(at))
    message["Message-ID"] = f"<czujka-{number}@{_domain(sender)}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body.encode("utf-8", "replace").decode(), charset="utf-8", cte="quoted-printable")
    return message


async def send(mail: Mail, message: EmailMessage) -> None:
    """Send through the mail server; raises aiosmtplib.SMTPException and OSError.

    Port 465 speaks TLS from the start; else STARTTLS is demanded when the settings say so.
    """
    implicit = mail.port == IMPLICIT_TLS_PORT
    await aiosmtplib.send(
        message,
        hostname=mail.host,
        port=mail.port,
        use_tls=implicit,
        start_tls=False if implicit else mail.starttls,
        username=mail.user or None,
        password=mail.password.get_secret_value() or None,
        timeout=SECONDS,
    )


def put(folder: Path, message: EmailMessage) -> None:
    """Put into a Maildir, on disk at return; one that lies there already is not put again."""
    box = mailbox.Maildir(folder, create=True)
    try:
        if not any(kept["Message-ID"] == message["Message-ID"] for kept in _recent(box)):
            box.add(mailbox.MaildirMessage(message))
            box.flush()
    finally:
        box.close()


def _recent(box: mailbox.Maildir, limit: int = 200) -> list[mailbox.MaildirMessage]:
    # Maildir names begin with the second of arrival; a message that was put but not recorded is among the newest.
    return [box[key] for key in sorted(box.keys())[-limit:]]


def _line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text.encode("utf-8", "replace").decode())


def _domain(sender: str) -> str:
    domain = sender.rpartition("@")[2].strip("> ")
    return domain if domain.isascii() and domain.replace("-", "").replace(".", "").isalnum() else "localhost"
