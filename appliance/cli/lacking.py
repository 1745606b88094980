"""What commands say when files of the store are damaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from appliance.language.dates import short_moment
from appliance.language.numbers import number


def sentence(missing: Mapping[str, Any]) -> str:
    """Return what an answer lacks, from its `missing`."""
    start, end = short_moment(missing["start"], "pl"), short_moment(missing["end"], "pl")
    return (
        f"Uszkodzone pliki magazynu: {missing['segments']}. "
        f"Brakujące zdarzenia: {number(missing['events'], 'pl')}, od {start} do {end}."
    )


def say(missing: Mapping[str, Any] | None) -> None:
    """Tell it beside the answer, where something is missing."""
    if missing is not None:
        typer.echo(sentence(missing), err=True)


def of_header(text: str | None) -> dict[str, int] | None:
    """Return what the header `X-Events-Missing` says."""
    names = ("segments", "events", "start", "end")
    return None if text is None else dict(zip(names, map(int, text.split()), strict=True))
