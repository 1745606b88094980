"""What an agent may collect, as a closed list that people can read, and which category each record belongs to.

Both ends use it: the agent to filter and to tell (`co-zbieram`), the box to let an administrator switch. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from types import MappingProxyType
from typing import NamedTuple

from agent.wire.event import MODULE, Record
from agent.wire.inventory import SECTION_FIELD
from agent.wire.narrowed import without_commands, without_hosts


class Category(NamedTuple):
    """One category: its key, what it is in Polish and English, whether it is collected when nobody has decided."""

    key: str
    pl: str
    en: str
    on: bool = True


PROGRAMS, COMMAND_LINES, LOGONS, ACCOUNTS = "programs", "command_lines", "logons", "accounts"
NETWORK, DNS, FILES, SCRIPTS = "network", "dns", "files", "scripts"
USB, SECURITY, LOGS, INVENTORY, POSTURE = "usb", "security", "logs", "inventory", "posture"
_LIST = (
    Category(PROGRAMS, "uruchamiane programy: plik, użytkownik, program nadrzędny",
             "programs that start: file, user, parent program"),
    Category(COMMAND_LINES, "polecenia, czyli argumenty uruchamianych programów; hasła i tokeny zastępuje ***",
             "commands: the arguments of programs that start, passwords and tokens replaced by ***"),
    Category(LOGONS, "logowania, wylogowania, blokady ekranu i użycie uprawnień administratora",
             "logons, logoffs, screen locks and the use of administrators' rights"),
    Category(ACCOUNTS, "zmiany kont, grup i haseł, bez samych haseł",
             "changes of accounts, groups and passwords, never the passwords themselves"),
    Category(NETWORK, "połączenia sieciowe programów: adres i port",
             "programs' network connections: address and port"),
    Category(DNS, "zapytania DNS, czyli nazwy, z którymi łączą się programy",
             "DNS queries: the names that programs connect to", on=False),
    Category(FILES, "zmiany plików systemowych i ustawień, bez treści plików",
             "changes of system files and settings, never the contents of files"),
    Category(SCRIPTS, "treść uruchamianych skryptów PowerShell; hasła i tokeny zastępuje ***",
             "the text of PowerShell scripts that run, passwords and tokens replaced by ***"),
    Category(USB, "podłączane urządzenia USB: nazwa i numer seryjny",
             "USB devices that are plugged in: name and serial number"),
    Category(SECURITY, "zabezpieczenia: antywirus, zapora, usługi, zadania, dziennik zdarzeń",
             "protection: antivirus, firewall, services, tasks, the event log"),
    Category(LOGS, "pozostałe wpisy dzienników systemu i usług",
             "other entries of the system's and services' logs"),
    Category(INVENTORY, "spis sprzętu, programów, kont i usług tego komputera",
             "the inventory of this computer: hardware, software, accounts, services"),
    Category(POSTURE, "wyniki sprawdzenia ustawień bezpieczeństwa",
             "the results of checks of security settings"),
)  # fmt: skip
CATEGORIES: Mapping[str, Category] = MappingProxyType({one.key: one for one in _LIST})
"""The closed list, in the order in which people read it."""
OFF_AT_FIRST = frozenset(one.key for one in _LIST if not one.on)
NEVER = "never"
"""The category of what is dropped whatever anybody has decided: the clipboard (Sysmon 24)."""
OWN = ""
"""The category of the agent's own events, which tell that it runs and what is missing; it has no switch."""

SENSORS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "audit": frozenset({PROGRAMS, LOGONS, ACCOUNTS, NETWORK, FILES, SECURITY, LOGS}),
        "journald": frozenset({LOGONS, ACCOUNTS, SECURITY, LOGS}),
        "logfile": frozenset({LOGONS, ACCOUNTS, SECURITY, LOGS}),
        "eventlog": frozenset(CATEGORIES) - {COMMAND_LINES, INVENTORY, POSTURE},
        "fim": frozenset({FILES}),
        "inventory": frozenset({INVENTORY, POSTURE, USB}),
    }
)
"""What a sensor of this name can bring; one whose categories are all off is not even opened."""


def _numbers(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


_SECURITY_LOG = (
    (PROGRAMS, _numbers("4688 4689")),
    (LOGONS, _numbers("4624-4627 4634 4646-4648 4672 4675 4768-4777 4778 4779 4800-4803 4964 5378 5632 5633")),
    (ACCOUNTS, _numbers("4720-4767 4780-4782 4793 4794 4798 4799 5376 5377")),
    (NETWORK, _numbers("5031 5148-5159")),
    (FILES, _numbers("4656-4663 4670 4985 5140-5145 5168")),
    (USB, _numbers("6416 6419-6424")),
)
_SYSMON = (
    (PROGRAMS, _numbers("1 5-8 10 17 18 25")),
    (NETWORK, _numbers("3")),
    (DNS, _numbers("22")),
    (FILES, _numbers("2 9 11 15 23 26-29")),
    (NEVER, _numbers("24")),
)
_CHANNELS: Mapping[str, tuple[tuple[tuple[str, frozenset[int]], ...], str]] = {
    "security": (_SECURITY_LOG, SECURITY),
    "microsoft-windows-sysmon/operational": (_SYSMON, SECURITY),
}
_PREFIXES = (
    ("microsoft-windows-powershell", SCRIPTS),
    ("powershellcore", SCRIPTS),
    ("windows powershell", SCRIPTS),
    ("microsoft-windows-dns-client", DNS),
    ("microsoft-windows-driverframeworks", USB),
    ("microsoft-windows-kernel-pnp", USB),
    ("microsoft-windows-partition", USB),
    ("microsoft-windows-terminalservices", LOGONS),
    ("microsoft-windows-remotedesktopservices", LOGONS),
    ("microsoft-windows-winlogon", LOGONS),
    ("microsoft-windows-user profile", LOGONS),
    ("openssh", LOGONS),
    ("application", LOGS),
    ("setup", LOGS),
)
_AUDIT = {
    **dict.fromkeys(("EXECVE", "PROCTITLE", "ANOM_ABEND"), PROGRAMS),
    **dict.fromkeys(("USER_LOGIN", "USER_LOGOUT", "USER_AUTH", "USER_ACCT", "USER_START", "USER_END", "USER_ERR",
                     "LOGIN", "CRED_ACQ", "CRED_DISP", "CRED_REFR", "USER_CMD", "ANOM_LOGIN_FAILURES"), LOGONS),
    **dict.fromkeys(("ADD_USER", "DEL_USER", "ADD_GROUP", "DEL_GROUP", "USER_MGMT", "GRP_MGMT", "USER_CHAUTHTOK",
                     "GRP_CHAUTHTOK", "ACCT_LOCK", "ACCT_UNLOCK", "USER_ACCT_CHANGE"), ACCOUNTS),
    **dict.fromkeys(("SOCKADDR",), NETWORK),
    **dict.fromkeys(("PATH", "CWD"), FILES),
    **dict.fromkeys(("USER_TTY", "TTY"), NEVER),
}  # fmt: skip
"""Categories of audit's record types; TTY records are keys pressed."""
_CALLS = {"connect": NETWORK, "accept": NETWORK, "accept4": NETWORK, "bind": NETWORK, "execve": PROGRAMS,
          "execveat": PROGRAMS}  # fmt: skip
_FILE_CALLS = re.compile(r"open|creat|rename|unlink|link|chmod|chown|truncate|mkdir|rmdir|mknod|xattr|utime")
_LINES = {
    **dict.fromkeys(("sshd", "sshd-session", "sshd-auth", "login", "su", "sudo", "systemd-logind", "gdm-password",
                     "polkitd", "xrdp"), LOGONS),
    **dict.fromkeys(("useradd", "userdel", "usermod", "groupadd", "groupdel", "groupmod", "passwd", "chpasswd", "chage",
                     "gpasswd"), ACCOUNTS),
}  # fmt: skip
_SECTIONS = {"usb_device": USB}
"""Sections of the inventory that tell what a category of its own promises."""
_CHANNEL = re.compile(r"<Channel>([^<]{1,200})</Channel>")
_CODE = re.compile(r"<EventID(?:\s[^<>]{0,40})?>\s{0,8}(\d{1,6})\s{0,8}</EventID>")


def category_of(record: Record) -> str:
    """Return a record's category: a key of CATEGORIES, OWN or NEVER. What nothing knows is of the other logs."""
    module = record.get(MODULE)
    if module == "czujka.agent":
        return _own(str(record.get("event.action", "")), str(record.get(SECTION_FIELD, "")))
    if module == "linux.audit":
        return _audit(record)
    if module == "linux.syslog":
        return _LINES.get(str(record.get("log.syslog.appname", "")).lower(), LOGS)
    if module == "czujka.fim" or str(record.get("event.category", "")) == "file":
        return FILES
    known = module == "windows.eventlog" or "xml" in record or "winlog.channel" in record or "Channel" in record
    return _windows(record) if known else LOGS


def section_category(section: str) -> str:
    """Return the category of a section of the inventory."""
    return _SECTIONS.get(section, INVENTORY)


def _own(action: str, section: str) -> str:
    if action.startswith("inventory_"):
        return section_category(section)
    return POSTURE if action == "posture_finding" else OWN


def _audit(record: Record) -> str:
    kind = str(record.get("audit.type", ""))
    if kind in _AUDIT:
        return _AUDIT[kind]
    if kind != "SYSCALL":
        return SECURITY
    call = str(record.get("audit.syscall", ""))
    return _CALLS.get(call) or (FILES if _FILE_CALLS.search(call) else SECURITY)


def _windows(record: Record) -> str:
    xml = record.get("xml")
    text = xml if isinstance(xml, str) else ""
    channel = _CHANNEL.search(text)
    name = str(record.get("Channel") or record.get("winlog.channel") or (channel[1] if channel else "")).strip().lower()
    code = _CODE.search(text)
    number = str(record.get("EventID") or record.get("event.code") or (code[1] if code else ""))
    listed, other = _CHANNELS.get(name, ((), ""))
    if number.isdigit():
        for category, numbers in listed:
            if int(number) in numbers:
                return category
    return other or next((category for prefix, category in _PREFIXES if name.startswith(prefix)), SECURITY)


def wanted(sensor: str, off: Set[str]) -> bool:
    """Tell whether anything that a sensor brings is on."""
    brings = SENSORS.get(sensor)
    return brings is None or not brings <= off


def permitted(record: Record, off: Set[str]) -> Record | None:
    """Return what of a record may be kept when these categories are off; None for nothing."""
    category = category_of(record)
    if category == NEVER or category in off:
        return None
    kept = without_hosts(record) if DNS in off else record
    return without_commands(kept) if COMMAND_LINES in off else kept
