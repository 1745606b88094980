"""`python -m tests.collector.office [DAYS]`: which rules speak of an ordinary office's traffic, the loudest first."""

from __future__ import annotations

import sys

from appliance.detect.model import LEVELS
from tests.collector.office.day import Office
from tests.collector.office.frames import batches
from tests.collector.office.loud import told

found = told(batches(Office().days(int((sys.argv[1:] or ["1"])[0]))))
total = found.logs.total()
print(f"{total} logs: " + ", ".join(f"{path} {count}" for path, count in found.logs.most_common()))
for (level, name), count in sorted(found.hits.items(), reverse=True):
    print(f"{LEVELS[level]:14} {count / total:9.4%} {count:7} {name}")
