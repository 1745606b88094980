"""Zeek's history of a flow (a letter for what a side did first) and its conn_state, which follows from it.

Source: Zeek's base/protocols/conn/main.zeek. Letters are capital when the originator did it; `^` marks a flow whose
first packet came from the responder. `t` (data that came again) stands once more at 10 such packets, 100 and so on; `g`
(bytes that never came) stands at the end, since it is not known before. Zeek's `c` is not told.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from collector.arrays import Ints
from collector.headers.transport import ACK, FIN, RST, SYN, TCP, UDP

LETTERS = "shqifrwtda"
"""In the order in which they are noted when one packet does several things."""
BITS = {letter: 1 << place for place, letter in enumerate(LETTERS)}
FLIPPED, GAP = "^", "g"
_DECADES: Ints = 10 ** np.arange(18)


@lru_cache(maxsize=4096)
def longer(history: str, letter: str) -> str:
    """Return a history with one letter more: flows of the same history have the same object."""
    return history + letter


def bits_of(proto: Ints, flags: Ints, window: Ints, length: Ints) -> Ints:
    """Return what each packet does, as BITS."""
    tcp, data = proto == TCP, length > 0
    syn, ack, fin, rst = ((flags & flag) != 0 for flag in (SYN, ACK, FIN, RST))
    plain = tcp & ~(syn | fin | rst)
    done = (
        (tcp & syn & ~ack, "s"),
        (tcp & syn & ack, "h"),
        (tcp & syn & (fin | rst), "q"),
        (tcp & fin & rst, "i"),
        (tcp & fin, "f"),
        (tcp & rst, "r"),
        (plain & (window == 0), "w"),
        ((tcp | (proto == UDP)) & data, "d"),
        (plain & ack & ~data, "a"),
    )
    return sum((where * BITS[letter] for where, letter in done), np.zeros(len(proto), np.int64))


def instances(count: Ints) -> Ints:
    """Return how often a letter stands for so many packets: at 1, 10, 100 …"""
    return np.searchsorted(_DECADES, count, side="right")


def ended(history: str, missed: tuple[int, int]) -> str:
    """Return the history of a flow that is over and misses so many bytes of the originator and the responder."""
    for letter, count in zip((GAP.upper(), GAP), missed, strict=True):
        if count > 0:
            history = longer(history, letter)
    return history


@lru_cache(maxsize=8192)
def conn_state(proto: int, history: str, *, bytes_seen: bool, orig: bool, resp: bool) -> str:
    """Return Zeek's name of how a flow went; `orig` and `resp` tell whether a side sent anything."""
    if proto == UDP:
        return {(True, True): "SF", (True, False): "S0", (False, True): "SHR"}.get((orig, resp), "OTH")
    if proto != TCP:
        return "OTH"
    ends = _end(history.translate(_SWAPPED)), _end(history)
    if "r" in ends:
        return _reset(history, ends, bytes_seen=bytes_seen)
    if "f" in ends:
        return _closed(history, ends)
    if "S" not in history:
        return "OTH"
    return "S1" if "h" in history else "OTH" if resp else "S0"


def _reset(history: str, ends: tuple[str, str], *, bytes_seen: bool) -> str:
    turned = history.translate(_SWAPPED)
    if ends[1] == "r":
        unanswered = "S" in history and "h" not in history and not ends[0]
        if unanswered or (ends[0] == "r" and not bytes_seen):
            return "REJ"
        return "RSTR" if _began(turned) else "RSTRH"
    return "RSTO" if _began(history) else "RSTOS0"


def _closed(history: str, ends: tuple[str, str]) -> str:
    if ends[0] == ends[1]:
        return "SF"
    if ends[0] == "f":
        return "S2" if _began(history) else "SH"
    return "S3" if _began(history.translate(_SWAPPED)) else "SHR"


_SWAPPED = {**{ord(x): x.upper() for x in LETTERS}, **{ord(x.upper()): x for x in LETTERS}}


def _end(history: str) -> str:
    """Return how the responder ended: f, r, or nothing, whichever came first."""
    return next((letter for letter in history if letter in "fr"), "")


def _began(history: str) -> bool:
    """Tell whether the responder's own beginning was seen."""
    return "s" in history or "h" in history
