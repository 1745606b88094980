"""Text as it stands in XML and as it is meant. The standard library's way to this loads a megabyte of other things."""

from __future__ import annotations

_MEANT = {
    "&gt;": ">", "&lt;": "<", "&quot;": '"', "&apos;": "'", "&#39;": "'", "&#34;": '"', "&#10;": "\n", "&#13;": "\r",
    "&#9;": "\t", "&amp;": "&",
}  # fmt: skip
"""The references that Windows writes; the sign of references itself is last, so that nothing is meant twice."""


def plain(text: str) -> str:
    """Return what a text in XML means."""
    if "&" in text:
        for reference, sign in _MEANT.items():
            text = text.replace(reference, sign)
    return text


def escaped(text: str) -> str:
    """Return a text as XML can hold it between tags."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
