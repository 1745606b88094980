"""What of the frames nobody reads: broken or too deep headers, and EtherTypes."""

from __future__ import annotations

from collections import Counter

import numpy as np

from collector.headers.link import ARP, IPV4, IPV6, LENGTHS, NOTHING, TAGS
from collector.headers.parse import Headers

LLC = 0
"""What stands for all frames that have a length in the place of an EtherType."""
_LLDP = 0x88CC


class Unread:
    """Counts frames: `broken` of IP whose headers are cut, broken or too many, `kinds` others by their EtherType."""

    def __init__(self) -> None:
        self.broken = 0
        self.kinds: Counter[int] = Counter()

    def look(self, headers: Headers) -> None:
        """Count the frames of a batch that belong to no flow."""
        network = headers.network
        rows = np.flatnonzero(~headers.flowing & ~network.fragment & (headers.links.kind != ARP))
        if not len(rows):
            return
        kind = headers.links.kind[rows]
        broken = (network.version[rows] > 0) | np.isin(kind, (IPV4, IPV6, *TAGS))
        self.broken += int(broken.sum())
        others = kind[~broken & (kind != NOTHING) & (kind != _LLDP)]
        self.kinds.update(np.where(others <= LENGTHS, LLC, others).tolist())
