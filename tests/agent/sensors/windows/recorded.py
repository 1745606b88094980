"""Recorded events of the public corpora, as Windows would render them."""

from __future__ import annotations

import re
from pathlib import Path

from evtx import PyEvtxParser


def rendered(path: Path) -> list[str]:
    """Return a file's events: without a prologue and without line ends between tags; none of a damaged file."""
    try:
        found = [str(item["data"]) for item in PyEvtxParser(str(path), number_of_threads=1).records() if item]
    except RuntimeError:
        return []
    return [re.sub(r"^<\?xml[^>]*>\s*", "", re.sub(r">\s+<", "><", text)).strip() for text in found]
