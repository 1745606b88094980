"""A document of blocks as an accessible PDF: PDF/UA-1 and PDF/A-2a in one file, made by typst."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from typing import Any, Literal

import typst

_REGION = {"pl": "PL", "en": "GB"}


@dataclass(frozen=True, slots=True)
class Heading:
    """A numbered heading."""

    text: str
    kind: Literal["heading"] = "heading"


@dataclass(frozen=True, slots=True)
class Para:
    """A paragraph; `lead` is set larger."""

    text: str
    kind: Literal["para", "lead"] = "para"


@dataclass(frozen=True, slots=True)
class Facts:
    """Two columns: what, and how much."""

    head: list[str]
    rows: list[list[str]]
    caption: str
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a repeated head. `widths` are shares, 0 = by content; `align` is `l` or `r` a column.

    A line feed in a cell begins a new line. In the columns `code`, what stands between grave accents is a command; in
    the columns `lead` the first line is what the row is called.
    """

    head: list[str]
    rows: list[list[str]]
    caption: str
    widths: list[int]
    align: list[str]
    code: list[int] = field(default_factory=list)
    lead: list[int] = field(default_factory=list)
    kind: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture with the sentence that says what it shows."""

    svg: str
    alt: str
    caption: str
    kind: Literal["chart"] = "chart"


Block = Heading | Para | Facts | Table | Chart


@dataclass(frozen=True, slots=True)
class Document:
    """What a PDF is made of. All texts are final: translated, counted, dated."""

    language: str
    author: str
    title: str
    subtitle: str
    footer: str
    page: str
    blocks: list[Block]


def pdf(document: Document) -> bytes:
    """Return the document as PDF."""
    values: dict[str, Any] = {
        "lang": document.language,
        "region": _REGION[document.language],
        "author": document.author,
        "title": document.title,
        "subtitle": document.subtitle,
        "footer": document.footer,
        "page": document.page,
        "blocks": [_values(block) for block in document.blocks],
    }
    here = files("appliance.report")
    with as_file(here / "fonts") as fonts, as_file(here / "document.typ") as template:
        made: bytes = typst.compile(
            str(template),
            sys_inputs={"document": json.dumps(values)},
            font_paths=[str(fonts)],
            ignore_system_fonts=True,
            pdf_standards=["ua-1", "a-2a"],
        )
    return made


def _values(block: Block) -> dict[str, Any]:
    return {name: getattr(block, name) for name in block.__slots__}
