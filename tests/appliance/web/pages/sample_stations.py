"""What two stations of the sample office have: inventory, settings, and what changed in them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from agent.wire.event import event_id
from appliance.clock import DAY, HOUR, MINUTE
from appliance.ops.losses import record_gap
from appliance.state.models import Agent, AgentState
from appliance.stations import sink
from appliance.stations.quarantine import Reason, hold
from tests.appliance.stations.telling import Machine, event

NASTY = "<script>alert(4)</script> \u202egpj.exe"
PACKAGES = {
    f"package-{number}": {"package.name": f"package-{number}", "package.version": f"1.{number}", "package.type": "deb"}
    for number in range(60)
}
BASH = {"package.name": "bash", "package.version": "5.2.15-2", "inventory.source": "bash"}
SOFTWARE = {
    "7-zip": {"package.name": "7-Zip 22.01 (x64)", "package.version": "22.01", "inventory.vendor": "Igor Pavlov"},
    "winrar": {"package.name": "WinRAR 6.02 (64-bit)", "package.version": "6.02.0"},
    "nasty": {"package.name": NASTY, "package.version": "javascript:alert(5)"},
}
CHECKS = {"disk_encryption": ("fail", "not_encrypted"), "firewall": ("pass", ""), "antivirus": ("unknown", "no_source")}


def fill(session: Session, linux: str, windows: str, moment: int) -> None:
    """Let two agents tell of their stations; the second one's name is hostile."""
    packages = Machine("package", linux)
    packages.at = moment - DAY
    sink.take(session, packages.round(bash=BASH, **PACKAGES), moment - DAY)
    newer = BASH | {"package.version": "5.2.15-3"}
    fewer = {key: PACKAGES[key] for key in list(PACKAGES)[30:]}
    sink.take(session, packages.round(bash=newer, vim=BASH | {"package.name": "vim"}, **fewer), moment)
    programs = Machine("software", windows)
    programs.at = moment - HOUR
    sink.take(session, programs.round(**SOFTWARE), moment)
    system = Machine("system", windows)
    system.at = moment - HOUR
    sink.take(session, system.round(os={"os.type": "windows", "os.full": f"Windows 10 Pro {NASTY}",
                                        "os.kernel": "10.0.19045.5000"}), moment)  # fmt: skip
    for agent in (linux, windows):
        for name, (result, reason) in CHECKS.items():
            told = {"event.module": "czujka.agent", "event.action": "posture_finding", "posture.check": name,
                    "posture.result": result, "posture.reason": reason, "posture.revision": 1}  # fmt: skip
            shown = {"posture.value": NASTY if agent == windows else "C: wyłączone"}
            sink.take(session, [event(told | shown, moment - DAY, agent)], moment)
    better = {"event.module": "czujka.agent", "event.action": "posture_finding", "posture.check": "firewall",
              "posture.result": "fail", "posture.reason": "off", "posture.revision": 2}  # fmt: skip
    sink.take(session, [event(better, moment - HOUR, linux)], moment)


def disturb(session: Session, stations: Sequence[str], moment: int) -> None:
    """Let five be as on a bad day: a wrong clock and a broken chain, one that became it, one installed anew and who it
    was before, one that is held.
    """
    one, old, new, silent = (session.get_one(Agent, identity) for identity in stations[:4])
    one.skew_us, one.rtt_us, one.skew_at = -2 * MINUTE, 5000, moment
    old.state, old.replaced_by = AgentState.REPLACED, one.id
    new.enrolled_at, new.machine, silent.machine = moment - 2 * HOUR, "a" * 64, "a" * 64
    hold(session, stations[4], Reason.TWO_MACHINES, moment)
    gap = {"event.id": event_id("gap", 2), "host.name": one.hostname, "@timestamp": moment}
    record_gap(session, gap | {"gap.cause": "chain_forked", "gap.count": 0})
