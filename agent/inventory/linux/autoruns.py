"""What runs by itself: cron, systemd timers, the shell's start files, the desktop's autostart, preloaded libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b

from agent.inventory.raw import Command, File, Files, Names, Raws, Source
from agent.inventory.section import HOUR, Item, Section
from agent.redact import redact_text
from agent.wire.event import Record

SOURCES: dict[str, Source] = {
    "crontab": File("/etc/crontab"),
    "cron_d": Files("/etc/cron.d/*"),
    "user_crontabs": Files("/var/spool/cron/crontabs/*"),
    "user_crontabs_rpm": Files("/var/spool/cron/*"),
    "cron_folders": Names("/etc/cron.*ly/*"),
    "profile_d": Files("/etc/profile.d/*"),
    "rc_local": File("/etc/rc.local"),
    "preload": File("/etc/ld.so.preload"),
    "autostart": Files("/etc/xdg/autostart/*.desktop"),
    "autostart_users": Files("/home/*/.config/autostart/*.desktop"),
    "timers": Command(("systemctl", "list-unit-files", "--type=timer", "--no-legend", "--no-pager", "--plain")),
}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\s*=")
_EXEC = re.compile(r"^Exec\s*=\s*(.+)$", re.MULTILINE)


def parse(raws: Raws) -> Iterator[Item]:
    """Return what runs by itself; secrets in commands are replaced, of scripts only a digest is told."""
    yield from _crontab("/etc/crontab", raws.text_or("crontab"), user=None)
    for path, text in raws.files("cron_d").items():
        yield from _crontab(path, text, user=None)
    for name in ("user_crontabs", "user_crontabs_rpm"):
        for path, text in raws.files(name).items():
            yield from _crontab(path, text, user=path.rpartition("/")[2])
    for path in raws.value("cron_folders") if raws.there("cron_folders") else ():
        yield path, {"inventory.kind": "cron", "file.path": path}
    scripts = {**raws.files("profile_d"), "/etc/rc.local": raws.text_or("rc_local")}
    for path, text in {**scripts, "/etc/ld.so.preload": raws.text_or("preload")}.items():
        if text.strip():
            yield path, {"inventory.kind": "script", "file.path": path, "inventory.digest_of_text": _digest(text)}
    for path, text in {**raws.files("autostart"), **raws.files("autostart_users")}.items():
        command = _EXEC.search(text)
        if command is not None:
            yield path, _item("desktop", path, command[1])
    yield from _timers(raws)


def _crontab(path: str, text: str, user: str | None) -> Iterator[Item]:
    """Read a crontab (crontab(5)); the system's own name the account in the sixth column."""
    for line in text.splitlines():
        plain = line.strip()
        if not plain or plain.startswith("#") or _ASSIGNMENT.match(plain):
            continue
        when = 1 if plain.startswith("@") else 5
        parts = plain.split(None, when if user is not None else when + 1)
        if len(parts) <= (when if user is not None else when + 1):
            continue
        who = user if user is not None else parts[when]
        schedule = " ".join(parts[:when])
        yield (
            f"{path} {_digest(redact_text(plain))}",
            {**_item("cron", path, parts[-1]), "user.name": who, "inventory.schedule": schedule},
        )


def _timers(raws: Raws) -> Iterator[Item]:
    if not raws.there("timers"):
        return
    for line in raws.output("timers").splitlines():
        name, state, *_ = line.split()
        if state.startswith("enabled"):
            yield name, {"inventory.kind": "timer", "service.name": name, "service.state": state}


def _item(kind: str, path: str, command: str) -> Record:
    return {"inventory.kind": kind, "file.path": path, "process.command_line": redact_text(command.strip())}


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


SECTION = Section("autorun", SOURCES, parse, 2 * HOUR)
