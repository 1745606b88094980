"""What the sensor and its dissecting worker say to each other: kinds of frames, and what stands before one."""

from __future__ import annotations

from struct import Struct
from types import MappingProxyType

LLDP, CDP = 1, 2
"""Kinds (IEEE 802.1AB; Cisco's)."""
NAMES = MappingProxyType({LLDP: "lldp", CDP: "cdp"})
HEAD = Struct(">HB")
"""A frame's length and kind."""
TEXT, LIST = 256, 16
"""Characters of a text, entries of a list."""
