"""One round of delivery: what is due is sent, each try is recorded. No transaction is open while a message travels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiosmtplib
import httpx
import structlog
from sqlalchemy.orm import Session, sessionmaker

from appliance.deliver import mail, webhook
from appliance.deliver.outbox import EMAIL, Due, due, record, target_of
from appliance.deliver.texts import Writer
from appliance.home import Home
from appliance.settings import Settings
from appliance.state.database import writing
from appliance.state.models import Alert

AT_ONCE = 8
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
        with self.sessions() as session:
            alert = session.get_one(Alert, message.alert_id)
        if message.channel == EMAIL:
            await self._mail(message, alert)
            return
        hook = next((hook for hook in self.settings.webhooks if target_of(str(hook.url)) == message.target), None)
        if hook is None:
            raise Undeliverable("the address is no longer in the settings")
        await webhook.post(client, hook, message.id, self.writer.payload(alert))

    async def _mail(self, message: Due, alert: Alert) -> None:
        settings = self.settings.mail
        letter = mail.compose(
            settings.sender,
            message.target,
            message.id,
            subject=self.writer.subject(alert),
            body=self.writer.body(alert),
            at=self.clock(),
        )
        if settings.host:
            await mail.send(settings, letter)
        else:
            mail.put(self.home.mailbox, letter)
