"""One round of delivery: what is due is sent, each try is recorded. No transaction is open while a message travels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiosmtplib
import httpx
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.deliver import mail, webhook
from appliance.deliver.outbox import EMAIL, Due, due, record, target_of
from appliance.deliver.texts import Letter, Writer
from appliance.home import Home
from appliance.settings import Settings
from appliance.state.database import writing
from appliance.state.models import Alert, AlertEvent

AT_ONCE = 8
EVENTS = 5
"""So many of an alert's newest events give the card its values."""
log = structlog.get_logger()


class Undeliverable(RuntimeError):
    """The message has nowhere to go: its target is no longer in the settings."""


@dataclass(frozen=True, slots=True)
class Courier:
    """What delivery needs. `clock` gives microseconds since the epoch."""

    home: Home
    settings: Settings
    sessions: sessionmaker[Session]
    writer: Writer
    clock: Callable[[], int]

    def deliver_due(self) -> int:
        """Send what is due now; return how many messages were tried."""
        with self.sessions() as session:
            messages = due(session, self.clock())
        if messages:
            asyncio.run(self._round(messages))
        return len(messages)

    async def _round(self, messages: list[Due]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)
        async with webhook.open_client() as client:

            async def one(message: Due) -> None:
                async with gate:
                    await self._try(client, message)

            await asyncio.gather(*map(one, messages))

    async def _try(self, client: httpx.AsyncClient, message: Due) -> None:
        fault = None
        try:
            await self._send(client, message)
        except (aiosmtplib.SMTPException, httpx.HTTPError, webhook.WebhookFault, Undeliverable, OSError) as error:
            fault = f"{type(error).__name__}: {error}"
        except Exception as error:  # one message that cannot be made must not hold up the others
            log.exception("delivery_failed", outbox=message.id)
            fault = f"{type(error).__name__}: {error}"
        if fault:
            log.warning(
                "not_delivered", outbox=message.id, channel=message.channel, tries=message.tries + 1, fault=fault
            )
        with writing(self.sessions) as session:
            record(session, message.id, fault, self.clock())

    async def _send(self, client: httpx.AsyncClient, message: Due) -> None:
        if message.letter is not None:
            letter = Letter(message.letter["subject"], message.letter["body"])
            if message.channel == EMAIL:
                await self._mail(message, letter)
            else:
                await self._hook(client, message, self.writer.note(message.letter["name"], letter))
            return
        with self.sessions() as session:
            alert = session.get_one(Alert, message.alert_id)
            newest = select(AlertEvent.event).where(AlertEvent.alert_id == alert.id)
            events = session.scalars(newest.order_by(AlertEvent.event_at.desc()).limit(EVENTS)).all()
        if message.channel == EMAIL:
            await self._mail(message, self.writer.letter(alert, events))
            return
        await self._hook(client, message, self.writer.payload(alert, events))

    async def _hook(self, client: httpx.AsyncClient, message: Due, content: Mapping[str, object]) -> None:
        hook = next((hook for hook in self.settings.webhooks if target_of(str(hook.url)) == message.target), None)
        if hook is None:
            raise Undeliverable("the address is no longer in the settings")
        await webhook.post(client, hook, message.id, content)

    async def _mail(self, message: Due, letter: Letter) -> None:
        settings = self.settings.mail
        made = mail.compose(
            settings.sender,
            message.target,
            message.id,
            subject=letter.subject,
            body=letter.body,
            at=self.clock(),
        )
        if settings.host:
            await mail.send(settings, made)
        else:
            mail.put(self.home.mailbox, made)
