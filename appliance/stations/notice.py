"""The template of the notice for staff, filled with what stations really collect.

Legal statements carry marks: [P] the act itself was read, [W] two independent secondary sources agree,
[N] not verified. It is a template for the office's lawyer and data protection officer, not advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agent.wire.categories import CATEGORIES
from appliance.stations.collecting import Held

TEMPLATE = Path(__file__).with_name("notice.txt")


def notice(office: str, held: Mapping[str, Held]) -> str:
    """Return the notice in Polish; `held` is what is decided for all stations."""
    collected = [f"– {one.pl};" for key, one in CATEGORIES.items() if held[key].collected]
    left = [f"– {one.pl};" for key, one in CATEGORIES.items() if not held[key].collected]
    return TEMPLATE.read_text("utf-8").format(
        office=office or "[nazwa urzędu]",
        collected="\n".join(collected) or "– nic poza stanem programu Czujka;",
        left="\n".join(left) or "– nie ma takich danych;",
    )
