"""Alerts as JSON to an address of the office's choice."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from hashlib import sha256

import httpx

from appliance.settings import Webhook

SIGNATURE = "X-Czujka-Signature"
"""`sha256=` and the HMAC-SHA256 of the body under the webhook's secret, hex; only when it has one."""
MESSAGE = "X-Czujka-Message"
"""The message's number; the same when a message is sent again."""
SECONDS = 10.0
MAX_ANSWER = 4096


class WebhookFault(RuntimeError):
    """The address did not take the message."""


async def post(client: httpx.AsyncClient, webhook: Webhook, number: int, content: Mapping[str, object]) -> None:
    """Send one message; raises WebhookFault or httpx.HTTPError. Redirects are not followed: they are a fault."""
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    headers = {"Content-Type": "application/json", MESSAGE: str(number)}
    secret = webhook.secret.get_secret_value()
    if secret:
        headers[SIGNATURE] = "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()
    async with client.stream("POST", str(webhook.url), content=body, headers=headers) as answer:
        read = 0
        async for part in answer.aiter_raw():
            read += len(part)
            if read > MAX_ANSWER:
                break
        if not answer.is_success:
            raise WebhookFault(f"HTTP {answer.status_code}")


def open_client() -> httpx.AsyncClient:
    """Return a client with bounded times that follows no redirect and asks no environment for a proxy."""
    return httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False)
