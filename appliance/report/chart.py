"""A bar chart as SVG, for print: grey bars, a base line, every second label."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, BASE = 680.0, 150.0, 128.0
_FONT = "IBM Plex Sans"


def bars(values: Sequence[int], labels: Sequence[str]) -> str:
    """Return an SVG of one bar a value; an empty day is a thin open mark, so that it is not overlooked."""
    step = WIDTH / max(len(values), 1)
    top = max(values, default=0) or 1
    parts = []
    for place, (value, label) in enumerate(zip(values, labels, strict=True)):
        left, wide = place * step + step * 0.15, step * 0.7
        tall = max(value / top * (BASE - 8), 1.5) if value else 0
        parts.append(_bar(left, wide, tall))
        if place % 2 == 0:
            parts.append(
                f'<text x="{left + wide / 2:.1f}" y="{HEIGHT - 6:.1f}" text-anchor="middle" font-size="10" '
                f'font-family="{_FONT}" fill="#474d49">{escape(label)}</text>'
            )
    line = f'<line x1="0" y1="{BASE}" x2="{WIDTH}" y2="{BASE}" stroke="#80867f" stroke-width="0.8"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}">'
        + "".join(parts)
        + line
        + "</svg>"
    )


def _bar(left: float, wide: float, tall: float) -> str:
    if not tall:
        return (
            f'<rect x="{left:.1f}" y="{BASE - 4:.1f}" width="{wide:.1f}" height="4" fill="none" '
            'stroke="#b0121c" stroke-width="0.8"/>'
        )
    return f'<rect x="{left:.1f}" y="{BASE - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}" fill="#747e78"/>'
