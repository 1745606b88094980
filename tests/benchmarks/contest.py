"""Our engine and rsigma side by side: the same rules, the same events, one core, chunk by chunk in turn.

Both are child processes that read flat Windows records as JSON lines and write a JSON line for each match. A chunk's
processor time is read from the kernel's account once the child waits for input again, so that only work counts, and
what the machine does beside it hits neighbouring chunks alike: the ratio of neighbours is the figure. rsigma is given
its best lane: events already tagged with their log source, and routing by these tags.
"""

from __future__ import annotations

EVENTS, WARM, CHUNK = 150_000, 20_000, 2_500
