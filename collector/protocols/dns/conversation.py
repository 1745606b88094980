"""The DNS talk of one flow: questions are kept until their answers come, as one line of Zeek's dns.log."""

from __future__ import annotations

from collections.abc import Iterable
from struct import unpack_from

from collector.protocols.dns import codes
from collector.protocols.dns.message import HEADER, Message, header, read
from collector.protocols.model import Flow, Log, Malformed, Side, Value

MAX_PENDING = 64
"""Questions of one flow that wait for their answers; past it the oldest is told as unanswered."""
PATIENCE = 30_000_000
"""Microseconds after which a question counts as unanswered."""
MDNS, NETBIOS = 5353, 137


class DnsConversation:
    """Pairs questions and answers of a flow. Multicast DNS, where anyone may answer, is told message by message."""

    def __init__(self, flow: Flow) -> None:
        self.done = False
        ports = (flow.orig_p, flow.resp_p)
        self._netbios = NETBIOS in ports
        self._unpaired = MDNS in ports
        self._transport = flow.transport
        self._pending: dict[int, tuple[int, list[tuple[str, int, int]], Message]] = {}
        self._rest = [b"", b""]

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take a datagram, or the next bytes of a stream of messages with their lengths before them."""
        if self._transport == "udp":
            return self._take(at, data)
        data = self._rest[side] + data
        logs: list[Log] = []
        place = 0
        while len(data) - place >= 2:
            (size,) = unpack_from("!H", data, place)
            if size < HEADER:
                raise Malformed("DNS_truncated_len_lt_hdr_len")
            if len(data) - place - 2 < size:
                if len(data) - place - 2 >= HEADER:
                    header(data[place + 2 : place + 2 + HEADER], size)
                break
            logs += self._take(at, data[place + 2 : place + 2 + size])
            place += 2 + size
        self._rest[side] = data[place:]
        return logs

    def lost(self, side: Side, at: int) -> Iterable[Log]:
        """After a hole a stream has no known beginning of a message; datagrams need none."""
        self.done = self._transport != "udp"
        return self.close(at) if self.done else ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell the questions that nobody answered."""
        logs = [log for entry in self._pending.values() for log in self._tell(*entry, None, None)]
        self._pending.clear()
        return logs

    def _take(self, at: int, data: bytes) -> list[Log]:
        message = read(data, of_netbios=self._netbios)
        if self._unpaired:
            return self._tell(at, message.questions, message, message if message.response else None, None)
        logs = self._give_up(at)
        if message.response:
            asked = self._pending.pop(message.ident, None)
            if asked and message.questions in ([], asked[1]):
                return [*logs, *self._tell(*asked, message, at)]
            if asked:
                self._pending[message.ident] = asked
            return [*logs, *self._tell(at, message.questions, message, message, None)]
        waiting = self._pending.get(message.ident)
        if waiting and waiting[1] != message.questions:
            logs += self._tell(*self._pending.pop(message.ident), None, None)
        self._pending.setdefault(message.ident, (at, message.questions, message))
        return logs

    def _give_up(self, at: int) -> list[Log]:
        """Tell what waits too long; what waits longest stands first."""
        logs: list[Log] = []
        while self._pending:
            ident = next(iter(self._pending))
            if len(self._pending) < MAX_PENDING and at - self._pending[ident][0] < PATIENCE:
                break
            logs += self._tell(*self._pending.pop(ident), None, None)
        return logs

    def _tell(
        self,
        at: int,
        questions: list[tuple[str, int, int]],
        asked: Message,
        answer: Message | None,
        answered: int | None,
    ) -> list[Log]:
        common = self._common(asked, answer)
        if answered is not None:
            common["rtt"] = (answered - at) / 1e6
        subjects: list[tuple[str, int, int] | None] = [*questions]
        if not subjects:
            subjects = [answer.first if answer else None]
        return [Log("dns", at, {**self._question(subject), **common}) for subject in subjects]

    def _question(self, subject: tuple[str, int, int] | None) -> dict[str, Value]:
        if subject is None:
            return {}
        name, kind, class_ = subject
        known = (codes.NETBIOS_TYPES.get(kind) if self._netbios else None) or codes.TYPES.get(kind, f"query-{kind}")
        return {
            "query": name or ".",
            "qclass": class_,
            "qclass_name": codes.CLASSES.get(class_, f"qclass-{class_}"),
            "qtype": kind,
            "qtype_name": known,
        }

    def _common(self, asked: Message, answer: Message | None) -> dict[str, Value]:
        flags = (answer or asked).flags
        fields: dict[str, Value] = {
            "proto": self._transport,
            "trans_id": asked.ident,
            "AA": flags & 0x400 != 0,
            "TC": flags & 0x200 != 0,
            "RD": asked.flags & 0x100 != 0,
            "RA": answer is not None and flags & 0x80 != 0,
            # The reserved bit alone: the two beside it have been DNSSEC's for long (RFC 4035, 3.2).
            "Z": (asked.flags | flags) >> 6 & 1 if not self._netbios else 0,
            "rejected": answer is not None and answer.records == 0 and answer.rcode != 0,
        }
        if answer:
            fields["rcode"] = answer.rcode
            fields["rcode_name"] = codes.RCODES.get(answer.rcode, f"rcode-{answer.rcode}")
            if answer.answers:
                fields["answers"], fields["TTLs"] = answer.answers, answer.ttls
        if asked.opcode:
            names = codes.NETBIOS_OPCODES if self._netbios else codes.OPCODES
            fields["opcode_name"] = names.get(asked.opcode, f"opcode-{asked.opcode}")
        return fields
