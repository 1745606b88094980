"""What the parser of a protocol is told, and what it tells.

A parser is a `Conversation`: one object a flow, made when the flow's first payload is recognised. It reads bytes and
returns logs; it knows no sockets, files, clocks or other flows. Logs carry Zeek's names; what all logs of a flow
have in common (`ts`, `uid`, `id.orig_h` …) is added by whoever asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol as Interface

Scalar = str | int | float | bool
Value = Scalar | Sequence[Scalar]


class Side(IntEnum):
    """Who sent: the originator of the flow (a client, as a rule) or the one who responds."""

    ORIG = 0
    RESP = 1


@dataclass(slots=True)
class Log:
    """One line of one of Zeek's logs: `path` names the log (`dns`, `ssl` …); `at` is in microseconds of Unix time.

    Fields without a value are left out. Secrets and contents of messages never get into one. Nobody changes one that
    was told; it is not frozen because that makes it three times as slow to make.
    """

    path: str
    at: int
    fields: Mapping[str, Value]


class Malformed(ValueError):
    """The bytes break the protocol's rules; `name` is that of Zeek's weird (`dns_label_len_gt_pkt` …).

    The parser of a TCP flow is not asked again after it, that of datagrams is; the sensor tells it as a log `weird` and
    counts it by name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(slots=True, unsafe_hash=True)
class Flow:
    """What a parser may know of its flow: addresses as text, ports, and the transport (`tcp`, `udp`).

    Nobody changes one; as `Log`, it is not frozen for the time that this takes.
    """

    orig_h: str
    orig_p: int
    resp_h: str
    resp_p: int
    transport: str


class Conversation(Interface):
    """The parser of one flow. It keeps bounded state, whatever it is told.

    Raises Malformed, and besides it only IndexError, struct.error, UnicodeError and ValueError, which the sensor
    takes as a Malformed named after the protocol.
    """

    @property
    def done(self) -> bool:
        """Whether nothing more is wanted: the rest of the flow is counted, not read."""

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of one side: in order and without holes for TCP, one datagram at a time for UDP."""

    def lost(self, side: Side, at: int) -> Iterable[Log]:
        """Take it that bytes of a side were not seen: what is fed next begins where a packet begins.

        The sensor also skips on purpose: of what comes after the head of a flow it feeds only packets whose first
        bytes satisfy `Protocol.resumes`.
        """

    def close(self, at: int) -> Iterable[Log]:
        """Tell what is still to be told: the flow has ended."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A TCP flow that a conversation announces: at which of the addresses and port it will be accepted.

    `protocol` returns how it is read, given the uid of the flow that announces it.
    """

    hosts: tuple[str, ...]
    port: int
    protocol: Callable[[str], Protocol]


@dataclass(frozen=True, slots=True)
class Landmark:
    """What every packet has that a protocol resumes at: one of these big-endian words of 32 bits at an offset."""

    offset: int
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol that the sensor reads. `name` is Zeek's name of the service (`dns`, `ssl`, `dce_rpc` …).

    `recognises` looks at the first payload of a flow and who sent it; it decides before any port does. `ports` are
    those on which the first payload is given to this parser when nobody recognised it. `resumes` tells packets worth
    reading after the head of a flow, by their first bytes; None = none. `expects` is asked after each feeding what the
    conversation has announced since; None = such conversations announce nothing. `landmark` is for protocols that
    carry bulk: packets without it are not even shown to `resumes`; None = all are.
    """

    name: str
    transports: frozenset[str]
    ports: frozenset[int]
    recognises: Callable[[Side, bytes], bool]
    open: Callable[[Flow], Conversation]
    resumes: Callable[[bytes], bool] | None = None
    expects: Callable[[Conversation], Expected | None] | None = None
    landmark: Landmark | None = None
