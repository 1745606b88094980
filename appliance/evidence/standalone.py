"""The verifier as one file that needs nothing of ours: what every pack of evidence carries."""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r"^from appliance\.evidence\.blocks import .*\n", re.MULTILINE)
_FUTURE = "from __future__ import annotations\n"


def source() -> bytes:
    """Return the program: the source of `verify`, and that of `blocks` where it is imported."""
    folder = Path(__file__).parent
    whole, part = ((folder / name).read_text("utf-8") for name in ("verify.py", "blocks.py"))
    body = part.partition(_FUTURE)[2].strip()
    return _IMPORT.sub(lambda _: f"{body}\n", whole, count=1).encode("utf-8")
