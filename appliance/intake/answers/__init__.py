"""What the gateway answers, one function a path. Each takes the desk, who asks, and the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from agent.wire.envelope import BATCH_PATH, HEARTBEAT_PATH, RENEW_PATH, SLICE_PATH, UPDATE_PATH, WAIT_PATH
from appliance.intake.answers import batch, joining, station
from appliance.intake.desk import Desk
from appliance.intake.identity import Peer
from appliance.intake.replies import Receive, Reply, Scope

Answer = Callable[[Desk, Peer, Scope, Receive], Awaitable[Reply]]
ROUTES: Mapping[str, Answer] = MappingProxyType(
    {
        BATCH_PATH: batch.answer,
        RENEW_PATH: joining.renewal,
        HEARTBEAT_PATH: station.heartbeat,
        SLICE_PATH: station.packets,
        UPDATE_PATH: station.update,
        WAIT_PATH: station.wait,
    }
)
"""Paths to which those with a certificate may POST."""
