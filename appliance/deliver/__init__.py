"""Alerts on their way to people: a durable outbox, senders for e-mail and webhooks, retries, a record of each try."""

from __future__ import annotations

from appliance.deliver.outbox import Due, due, enqueue, record

__all__ = ["Due", "due", "enqueue", "record"]
