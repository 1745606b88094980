"""What browsers make of the text of a form."""

from __future__ import annotations

from pydantic import AfterValidator


def unix(text: str) -> str:
    """Return a text with line ends of one sign: browsers send two (WHATWG HTML, multipart and urlencoded forms)."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


Lines = AfterValidator(unix)
"""Makes a text of a form one with line ends of one sign."""
