"""Recorded events of the public corpora, as Windows would render them."""

from __future__ import annotations

import re
from pathlib import Path

from evtx import PyEvtxParser


def rendered(path: Path) -> list[str]:
    """Return a file's events, none of a damaged one."""
    try:
        found = [str(item["data"]) for item in PyEvtxParser(str(path), number_of_threads=1).records() if item]
    except RuntimeError:
        return []
    return [_as_rendered(text) for text in found]


def _as_rendered(text: str) -> str:
    """Return XML of the library as Windows writes it: no prologue, no line ends between tags, short empty elements."""
    text = re.sub(r"^<\?xml[^>]*>\s*", "", re.sub(r">\s+<", "><", text)).strip()
    text = re.sub(r"<(?!Data)(\w+)((?: [^<>]*)?)></\1>", r"<\1\2/>", text)
    return re.sub(r'(?<=\w)="([^"\'<>]*)"(?=[^<>]*>)', r"='\1'", text)
