"""Packets of one client and its server, and what the flow table makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from collector.flows.record import Conn, Office, conn_fields
from collector.flows.table import NO_FLOW, Assigned, FlowTable
from collector.headers.parse import parse
from collector.protocols.model import Value
from tests.collector.packets import batch

MAC = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
BACK = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
CLIENT, SERVER = "10.0.0.5", "192.0.2.80"


def tcp(flags: str, payload: bytes = b"", seq: int = 100, port: int = 40000) -> Packet:
    """A packet of the client, or of the server when `flags` begin with `<`."""
    back, flags = flags.startswith("<"), flags.lstrip("<")
    ends: dict[str, Any] = {"src": SERVER, "dst": CLIENT} if back else {"src": CLIENT, "dst": SERVER}
    ports: dict[str, Any] = {"sport": 443, "dport": port} if back else {"sport": port, "dport": 443}
    return (BACK if back else MAC) / IP(**ends) / TCP(**ports, flags=flags, seq=seq) / Raw(payload)


def conns(packets: Sequence[Any], at: Sequence[int] | None = None, table: FlowTable | None = None) -> list[Conn]:
    """All flows of packets that come in one batch."""
    table = FlowTable() if table is None else table
    return take(table, packets, at).ended + table.finish()


def take(table: FlowTable, packets: Sequence[Any], at: Sequence[int] | None = None) -> Assigned:
    """Give the table a batch; return what all its rounds say together."""
    first, *more = table.rounds(parse(batch(packets, at)))
    for other in more:
        mine = other.number != NO_FLOW
        first.number[mine] = other.number[mine]
        first.ended += other.ended
    return first


def told(conn: Conn) -> dict[str, Value]:
    return conn_fields(conn, Office(), "")


def state(*packets: Packet) -> tuple[Value, Value]:
    (conn,) = conns(packets)
    fields = told(conn)
    return fields["conn_state"], fields["history"]


HELLO, HI, FINE = tcp("S"), tcp("<SA", seq=900), tcp("A", seq=101)
