"""What a station tells of itself and asks for: heartbeats, commands, updates, packets that it was asked for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import structlog

from agent.wire.clocks import CLOCK_HEADER, parse_measured
from agent.wire.commands import REFRESH
from agent.wire.limits import MAX_COMMANDS, MAX_SLICE
from appliance.intake.desk import FAULT_WAIT, Desk, address_of, json_of, within
from appliance.intake.heartbeat import Heartbeat, parse_heartbeat, save_heartbeat
from appliance.intake.identity import Peer
from appliance.intake.reading import header
from appliance.intake.replies import Receive, Refused, Reply, Scope
from appliance.intake.slices import answered, take
from appliance.slices.asked import waiting_for
from appliance.slices.orders import order, orders
from appliance.state.database import writing
from appliance.stations.asked import ask, orders_for, told
from appliance.stations.collecting import policy_answer, policy_for
from appliance.stations.sink import refresh_wanted
from appliance.updates import rollouts

log = structlog.get_logger()


async def heartbeat(desk: Desk, peer: Peer, scope: Scope, receive: Receive) -> Reply:
    """Keep a heartbeat; the reply brings the time, commands, and what the station may send."""
    within(desk.limits.heartbeats, peer.id)
    desk.agents_only(peer)
    beat = parse_heartbeat(await json_of(scope, receive))
    beat = replace(beat, measured=parse_measured(header(scope, CLOCK_HEADER)))
    return Reply(200, await asyncio.to_thread(_beaten, desk, peer.id, beat, address_of(scope)))


def _beaten(desk: Desk, agent: str, beat: Heartbeat, address: str) -> dict[str, object]:
    """Keep a heartbeat; return what is said to its sender."""
    moment = desk.clock()
    with writing(desk.sessions) as session:
        save_heartbeat(session, agent, beat, address, moment)
        told(session, agent, beat.outcomes, moment)
        if beat.update_failed:
            rollouts.note_failure(session, agent, beat.update_failed, moment)
        rollouts.note_wait(session, agent, beat.update_waits, moment)
        if refresh_wanted(session, agent, moment):
            ask(session, "czujka", agent, REFRESH, argument="inventory", now=moment)
        newer = rollouts.commands(session, agent, beat.version, moment)
        wanted = orders_for(session, desk.authority, agent, moment)
        waiting = waiting_for(session, agent)
        holds = policy_for(session, agent, beat.policy_number, moment)
    policy = policy_answer(desk.authority, holds, beat.policy)
    updates = (order(desk.authority, one) for one in newer)
    commands = [*orders(desk.authority, waiting), *wanted, *updates][:MAX_COMMANDS]
    return {"time": desk.clock(), "commands": commands, **policy}


async def packets(desk: Desk, peer: Peer, scope: Scope, receive: Receive) -> Reply:
    """Take packets that this sensor was asked for."""
    within(desk.limits.heartbeats, peer.id)
    desk.agents_only(peer)
    answer = answered(scope)
    async with desk.body(scope, receive, MAX_SLICE) as body:
        try:
            await asyncio.to_thread(take, desk.sessions, desk.packets, peer, answer, body, desk.clock())
        except OSError as error:
            log.warning("slice_not_kept", reason=str(error))
            raise Refused(503, "the box cannot write now", FAULT_WAIT) from error
        return Reply(200, {"taken": len(body)})


async def update(desk: Desk, peer: Peer, scope: Scope, receive: Receive) -> Reply:
    """Give a piece of a newer version."""
    within(desk.limits.updates, peer.id)
    desk.agents_only(peer)
    asked = await json_of(scope, receive)
    return Reply(200, await asyncio.to_thread(desk.updates.answer, peer.id, asked, desk.clock()))


async def wait(desk: Desk, peer: Peer, scope: Scope, receive: Receive) -> Reply:
    """Hold the request until there is something for this station to come for."""
    within(desk.limits.heartbeats, peer.id)
    desk.agents_only(peer)
    await json_of(scope, receive)
    return Reply(200, {"waiting": await desk.calls.hold(peer.id, receive)})
