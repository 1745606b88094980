"""Local accounts and who has administrative power. Of a password only whether there is one, never its hash."""

from __future__ import annotations

from collections.abc import Iterator

from agent.inventory.linux import sudoers
from agent.inventory.raw import File, Files, Raws, Source
from agent.inventory.section import HOUR, Item, Section
from agent.redact import redact_text

POWERFUL = frozenset({"root", "sudo", "wheel", "admin", "adm", "disk", "shadow", "docker", "lxd", "libvirt", "kvm"})
"""Groups whose members are, or can become, root."""
_NO_SHELL = ("/nologin", "/false", "/sync", "/halt", "/shutdown")
SOURCES: dict[str, Source] = {"passwd": File("/etc/passwd"), "shadow": File("/etc/shadow"), "group": File("/etc/group")}
SUDOERS: dict[str, Source] = {"sudoers": File("/etc/sudoers"), "sudoers_d": Files("/etc/sudoers.d/*")}


def passwords(shadow: str) -> dict[str, str]:
    """Return per account "set", "locked" or "empty" (shadow(5))."""
    states: dict[str, str] = {}
    for line in shadow.splitlines():
        name, _, rest = line.partition(":")
        field = rest.partition(":")[0]
        states[name] = "empty" if not field else "locked" if field[0] in "!*" else "set"
    return states


def accounts(raws: Raws) -> Iterator[Item]:
    """Return the accounts of /etc/passwd; names of people (the GECOS field) are left out."""
    states = passwords(raws.text("shadow"))
    for line in raws.text("passwd").splitlines():
        fields = line.split(":")
        if len(fields) != 7:
            continue
        name, _, number, group, _, home, shell = fields
        yield (
            name,
            {
                "user.name": name,
                "user.id": number,
                "user.group.id": group,
                "inventory.home": home,
                "inventory.shell": shell,
                "inventory.interactive": not shell.endswith(_NO_SHELL),
                "inventory.password": states.get(name, "unknown"),
            },
        )


def members(raws: Raws) -> Iterator[Item]:
    """Return the members of powerful groups, also by primary group, and the grants of sudoers."""
    primary: dict[str, list[str]] = {}
    for line in raws.text("passwd").splitlines():
        fields = line.split(":")
        if len(fields) == 7:
            primary.setdefault(fields[3], []).append(fields[0])
    for line in raws.text("group").splitlines():
        fields = line.split(":")
        if len(fields) != 4 or fields[0] not in POWERFUL:
            continue
        for name in [*primary.get(fields[2], ()), *filter(None, fields[3].split(","))]:
            yield f"{fields[0]}:{name}", {"group.name": fields[0], "group.id": fields[2], "user.name": name}
    texts = {"/etc/sudoers": raws.text_or("sudoers"), **raws.files("sudoers_d")}
    for path, text in texts.items():
        for grant in sudoers.grants(text):
            yield (
                f"{path}:{grant.who}:{redact_text(grant.commands)}",
                {
                    "user.name": grant.who,
                    "inventory.commands": redact_text(grant.commands),
                    "file.path": path,
                    "inventory.no_password": grant.no_password,
                },
            )


ACCOUNTS = Section("account", SOURCES, accounts, 2 * HOUR)
MEMBERS = Section("group_member", {**SOURCES, **SUDOERS}, members, 2 * HOUR)
