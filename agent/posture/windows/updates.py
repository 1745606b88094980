"""Updates of a Windows host, as the update agent itself says it, and how long the system is supported."""

from __future__ import annotations

from typing import Any

from agent.inventory.raw import Raws, Registry, Script, Unknown
from agent.inventory.section import DAY
from agent.inventory.windows.keys import CURRENT, DISABLED, POLICIES, SERVICES, VERSION
from agent.inventory.windows.programs import is_security
from agent.posture import lifecycle
from agent.posture.check import Check, Finding, bad, good
from agent.posture.shown import day, listed
from agent.posture.windows.keys import sure
from agent.wire.editions import line

OLD = 7 * DAY
_ASKS = frozenset({2, 3})
"""AUOptions by which somebody must agree before an update is fetched (2) or installed (3)."""
_USER_DECIDES = 5
"""AUOptions that leaves it to the administrators of the computer; a server that has none only fetches updates, or not,
as was once chosen on it."""


def name_of(update: dict[str, Any]) -> str:
    """Return an update's number, else its title."""
    return ", ".join(f"KB{number}" for number in update["kb"]) or str(update["title"])


def _security(raws: Raws, _now: float) -> Finding:
    failure = raws.failure("updates")
    if failure:
        raise Unknown("not_searched", failure)
    waiting = [name_of(each) for each in raws.value("updates") if is_security(each)]
    return bad("security_pending", listed(waiting)) if waiting else good()


def _fresh(raws: Raws, now: float) -> Finding:
    searched = raws.value("times")["searched"]
    if not searched:
        raise Unknown("no_source")
    return bad("lists_old", day(searched)) if now - searched > OLD else good(day(searched))


def _automatic(raws: Raws, _now: float) -> Finding:
    sure(raws)
    policy = raws.key("policy")
    if raws.key("service").get("start") == DISABLED or policy.get("noautoupdate") == 1:
        return bad("disabled")
    option = policy.get("auoptions")
    if option in _ASKS:
        return bad("asks", f"AUOptions {option}")
    server = line(str(raws.key("windows").get("editionid", ""))) == "server"
    if option == _USER_DECIDES or (option is None and server):
        raise Unknown("user_decides", "" if option is None else f"AUOptions {option}")
    return good()


def _restart(raws: Raws, _now: float) -> Finding:
    sure(raws)
    waiting = [name for name in ("updates", "components") if raws.there(name)]
    return bad("restart") if waiting else good()


def _supported(raws: Raws, now: float) -> Finding:
    told = raws.key("windows")
    build, edition = int(told["currentbuild"]), str(told["editionid"])
    shown = f"{edition} {told.get('displayversion') or told.get('releaseid') or ''} ({build}.{told.get('ubr', '?')})"
    return lifecycle.windows(build, edition, shown, now)


CHECKS = (
    Check("security_updates", {"updates": Script("updates")}, _security, ("security_pending", "not_searched")),
    Check("update_freshness", {"times": Script("update_times")}, _fresh, ("lists_old",)),
    Check(
        "automatic_updates",
        {
            "windows": VERSION,
            "policy": Registry(POLICIES + r"\Windows\WindowsUpdate\AU"),
            "service": Registry(SERVICES + r"\wuauserv"),
        },
        _automatic,
        ("disabled", "asks", "user_decides"),
    ),
    Check(
        "reboot_pending",
        {
            "windows": VERSION,
            "updates": Registry(CURRENT + r"\WindowsUpdate\Auto Update\RebootRequired"),
            "components": Registry(CURRENT + r"\Component Based Servicing\RebootPending"),
        },
        _restart,
        ("restart",),
    ),
    Check("system_supported", {"windows": VERSION}, _supported, ("ended", "ends_soon", "not_in_table")),
)
