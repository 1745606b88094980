"""Bounds of the wire. Both ends use these; whoever receives enforces them."""

from __future__ import annotations

MAX_RECORDS = 2000
"""Records in one batch."""
MAX_RECORD = 1 << 20
"""Bytes of one encoded record."""
MAX_BODY = 2 << 20
"""Bytes of one deflated batch."""
MAX_INFLATED = 16 << 20
"""Bytes of one batch after inflation."""
MAX_DEPTH = 32
"""Nesting of one record's JSON."""
MAX_SLICE = 16 << 20
"""Bytes of one flow's packets."""
MAX_COMMANDS = 4
"""Commands in one answer."""
MAX_WAIT = 50.0
"""Seconds for which the box holds a request that waits for commands."""
