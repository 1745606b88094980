"""Programs of Windows: what is installed, what waits to be updated, services, what runs by itself, extensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.inventory.extensions import chromium, firefox
from agent.inventory.raw import Files, Names, Raws, Registry, Script, Source
from agent.inventory.section import HOUR, Item, Section
from agent.inventory.windows.keys import CURRENT, CURRENT_32, OF_USERS, SERVICES
from agent.inventory.windows.people import PEOPLE, of_absent_people
from agent.redact import redact_text

SECURITY_CLASSES = frozenset({"0fa1201d-4330-4fa8-8ae9-b877473b6441", "e6cf1350-c01b-414d-a61f-263d14d133b4"})
"""Security updates and critical updates; their ids are the same in every language."""
_STARTS = {0: "boot", 1: "system", 2: "auto", 3: "manual", 4: "disabled"}
_PROGRAM = 0x30
"""`Type` of a service that is a program of its own or shares one; others are drivers."""
_PROFILE = r"C:\Users\*\AppData"
SOFTWARE: dict[str, Source] = {
    "machine": Registry(CURRENT + r"\Uninstall", 1),
    "machine_32": Registry(CURRENT_32 + r"\Uninstall", 1),
    "users": Registry(OF_USERS + r"\Uninstall", 1),
    **PEOPLE,
}
AUTORUNS: dict[str, Source] = {
    "run": Registry(CURRENT + r"\Run"),
    "run_once": Registry(CURRENT + r"\RunOnce"),
    "run_32": Registry(CURRENT_32 + r"\Run"),
    "run_users": Registry(OF_USERS + r"\Run"),
    "startup": Names(r"C:\ProgramData\Microsoft\Windows\Start Menu\Programs\StartUp\*"),
    "startup_users": Names(_PROFILE + r"\Roaming\Microsoft\Windows\Start Menu\Programs\Startup\*"),
    "tasks": Script("tasks"),
    **PEOPLE,
}
EXTENSIONS: dict[str, Source] = {
    "firefox": Files(_PROFILE + r"\Roaming\Mozilla\Firefox\Profiles\*\extensions.json", 2 << 20),
    "chrome": Files(_PROFILE + r"\Local\Google\Chrome\User Data\*\Extensions\*\*\manifest.json"),
    "edge": Files(_PROFILE + r"\Local\Microsoft\Edge\User Data\*\Extensions\*\*\manifest.json"),
}


def is_security(update: Mapping[str, Any]) -> bool:
    """Say whether an update of the script's list is for security."""
    return not SECURITY_CLASSES.isdisjoint(str(each).lower() for each in update["classes"])


def software(raws: Raws) -> Iterator[Item]:
    """Return installed programs from the keys of their uninstallers; parts of Windows and patches are left out."""
    for place, owner in (("machine", ""), ("machine_32", "")):
        for name, values in raws.keys(place).items():
            yield from _program(f"{place}:{name}", owner, values)
    for user, content in raws.value("users")["keys"].items() if raws.there("users") else ():
        for name, entry in content.get("keys", {}).items():
            values = {str(key).lower(): value for key, value in entry["values"].items()}
            yield from _program(f"{user}:{name}", user, values)


def _program(key: str, owner: str, values: Mapping[str, Any]) -> Iterator[Item]:
    name = values.get("displayname")
    if not isinstance(name, str) or not name.strip() or values.get("systemcomponent") == 1 or "parentkeyname" in values:
        return
    yield (
        key,
        {
            "package.name": name.strip(),
            "package.version": str(values.get("displayversion") or ""),
            "package.type": "msi" if values.get("windowsinstaller") == 1 else "exe",
            "inventory.publisher": str(values.get("publisher") or ""),
            "inventory.installed_at": str(values.get("installdate") or ""),
            "user.id": owner,
        },
    )


def apps(raws: Raws) -> Iterator[Item]:
    """Return the packages of the Store's kind."""
    for each in raws.value("apps"):
        yield (
            f"{each['name']}_{each['architecture']}_{each['publisher']}",
            {
                "package.name": each["name"],
                "package.version": each["version"],
                "package.architecture": each["architecture"],
                "package.type": "appx",
            },
        )


def updates(raws: Raws) -> Iterator[Item]:
    """Return the updates that the update agent would install."""
    for each in raws.value("updates"):
        yield (
            str(each["title"]),
            {
                "package.name": each["title"],
                "inventory.kb": [str(number) for number in each["kb"]],
                "inventory.security": is_security(each),
                "inventory.severity": each.get("severity"),
            },
        )


def services(raws: Raws) -> Iterator[Item]:
    """Return services that are programs, with how they start and as whom."""
    for name, values in raws.keys("services").items():
        if not int(values.get("type", 0)) & _PROGRAM:
            continue
        yield (
            name,
            {
                "service.name": name,
                "service.state": _STARTS.get(int(values.get("start", -1)), "unknown"),
                "user.name": str(values.get("objectname") or ""),
                "process.command_line": redact_text(str(values.get("imagepath") or "")),
            },
        )


def autoruns(raws: Raws) -> Iterator[Item]:
    """Return what runs by itself: Run keys, start folders, scheduled tasks outside Microsoft's own folder."""
    for place in ("run", "run_once", "run_32"):
        for name, command in raws.key(place).items():
            yield f"{place}:{name}", _autorun("registry", str(command))
    for user, values in raws.keys("run_users").items():
        for name, command in values.items():
            yield f"{user}:{name}", {**_autorun("registry", str(command)), "user.id": user}
    for place in ("startup", "startup_users"):
        for path in raws.value(place) if raws.there(place) else ():
            if not path.lower().endswith("desktop.ini"):
                yield path, {"inventory.kind": "folder", "file.path": path}
    for task in raws.value("tasks"):
        yield f"task:{task['path']}", {**_autorun("task", str(task["command"])), "user.name": str(task["user"])}


def _autorun(kind: str, command: str) -> dict[str, Any]:
    return {"inventory.kind": kind, "process.command_line": redact_text(command)}


def extensions(raws: Raws) -> Iterator[Item]:
    """Return the extensions of all accounts' browsers."""
    yield from firefox(raws.files("firefox"))
    yield from chromium({**raws.files("chrome"), **raws.files("edge")})


SECTIONS = (
    Section("software", SOFTWARE, software, 4 * HOUR, of_absent_people),
    Section("package", {"apps": Script("apps")}, apps, 6 * HOUR),
    Section("update", {"updates": Script("updates")}, updates, 6 * HOUR),
    Section("service", {"services": Registry(SERVICES, 1)}, services, 2 * HOUR),
    Section("autorun", AUTORUNS, autoruns, 6 * HOUR, of_absent_people),
    Section("extension", EXTENSIONS, extensions, 4 * HOUR),
)
