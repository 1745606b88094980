"""Cards that claim addresses of several others while those still claim them, too: who stands between computers does so.

One address that two cards claim is a mistake, a team of cards or a repeater of the wireless network. Several ones, of
different cards that go on to speak, are none of these.
"""

from __future__ import annotations

from collector.analysers.bounded import HOUR, MINUTE, Recent

MOST, MOST_EACH = 256, 64
"""Cards that claim what others have, and addresses of each."""
ROUNDS, WITHIN = 2, 10 * MINUTE
"""Claims of the one card that follow one of the other within this time. A telephone that goes from one transmitter to
the next and back needs as many minutes; tools that poison repeat themselves every few seconds, neighbours every one."""
TOGETHER = HOUR
"""The time in which the addresses are counted."""
OWNERS = 2
"""Cards whose addresses are claimed: the gateway's and a station's, between which somebody stands."""
_TEAM = 8
_Dispute = tuple[int, int, int, str]
"""When it began, when it last went on, rounds, whose the address is."""


def is_team(one: str, other: str) -> bool:
    """Tell whether two cards are of one device, by neighbouring addresses; a device with several answers by any."""
    return one[:14] == other[:14] and abs(int(one[15:], 16) - int(other[15:], 16)) <= _TEAM


class Disputes:
    """Remembers who claims which addresses beside their owners."""

    def __init__(self) -> None:
        self._claimed: Recent[str, Recent[str, _Dispute]] = Recent(MOST)

    def claimed(self, at: int, ip: str, mac: str, owner: tuple[str, int]) -> list[str]:
        """Take a claim to an address whose owner's card last spoke at a time; return what the card disputes by now.

        The list is empty until the addresses are those of several owners.
        """
        card, spoke = owner
        if is_team(mac, card):
            return []
        rows = self._claimed.get(mac)
        if rows is None:
            self._claimed[mac] = rows = Recent(MOST_EACH)
        began, last, rounds, _ = rows.get(ip) or (at, at, 0, card)
        if at - began > WITHIN and rounds < ROUNDS:
            began, rounds = at, 0
        rows[ip] = (began, at, rounds + (rounds == 0 or spoke > last), card)
        lively = [
            (one, dispute) for one, dispute in rows.items() if dispute[2] >= ROUNDS and at - dispute[1] <= TOGETHER
        ]
        return [one for one, _ in lively] if len({dispute[3] for _, dispute in lively}) >= OWNERS else []
