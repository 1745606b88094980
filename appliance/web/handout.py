"""What page and API share about installing agents: a new token, and the command or the file that uses it."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.clock import HOUR
from appliance.home import Home
from appliance.intake.enrolment import PACKAGE_PATH, create_enrol_token, download_key
from appliance.ops.operations import record
from appliance.packages import handout
from appliance.packages.shelf import Kind, Package, latest
from appliance.state.database import writing
from appliance.web.auth import Principal
from appliance.web.context import Context
from appliance.web.problem import Problem

SYSTEMS = {"linux": Kind.DEB, "windows": Kind.MSI}


@dataclass(frozen=True, slots=True)
class Installation:
    """A token and the command of one line that installs with it; shown once."""

    system: str
    version: str
    token: str
    command: str
    expires_at: int


def package_for(home: Home, system: str) -> Package:
    """Return the latest package for a system; raises Problem 404 when there is none."""
    found = latest(home.agent_packages, SYSTEMS[system])
    if found is None:
        raise Problem(404, "package_absent")
    return found


def installation(context: Context, who: Principal, system: str, uses: int, hours: int) -> Installation:
    """Make a token and the command for a system. Raises Problem 404."""
    package = package_for(context.home, system)
    urls, now = context.settings.gateway_urls(), context.now()
    token = _token(context, who, package, urls, uses, hours)
    if system == "linux":
        command = handout.linux_command(f"{urls[0]}{PACKAGE_PATH}{download_key(token)}", package.sha256(), token)
    else:
        command = handout.windows_command(package.path.name, token)
    return Installation(system, package.version, token, command, now + hours * HOUR)


def installer(context: Context, who: Principal, system: str, uses: int, hours: int) -> tuple[str, bytes]:
    """Return the name and the bytes of a file with the package and a new token inside. Raises Problem 404."""
    package = package_for(context.home, system)
    token = _token(context, who, package, context.settings.gateway_urls(), uses, hours)
    data = package.path.read_bytes()
    if system == "linux":
        return f"czujka-agent-{package.version}-instalacja.sh", handout.linux_script(data, token)
    return f"czujka-agent-{package.version}-instalacja.zip", handout.windows_zip(data, package.path.name, token)


def _token(context: Context, who: Principal, package: Package, urls: list[str], uses: int, hours: int) -> str:
    now = context.now()
    with writing(context.sessions) as session:
        ca = context.home.ca.read_bytes()
        token = create_enrol_token(session, urls, ca, uses=uses, ttl=hours * HOUR, now=now)
        record(session, who.who, "agent.handed_out", package.path.name, now, uses=uses, hours=hours)
    return token
