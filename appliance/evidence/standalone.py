"""The verifier as one file that needs nothing of ours: what every pack of evidence carries."""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r"^from appliance\.evidence\.(\w+) import .*\n", re.MULTILINE)
_FUTURE = "from __future__ import annotations\n"


def source() -> bytes:
    """Return the program: the source of `verify`, and that of the modules of this folder where they are imported."""
    folder, taken = Path(__file__).parent, set[str]()

    def body(found: re.Match[str]) -> str:
        if found[1] in taken:
            return ""
        taken.add(found[1])
        part = (folder / f"{found[1]}.py").read_text("utf-8")
        return _IMPORT.sub(body, f"{part.partition(_FUTURE)[2].strip()}\n")

    return _IMPORT.sub(body, (folder / "verify.py").read_text("utf-8")).encode("utf-8")
