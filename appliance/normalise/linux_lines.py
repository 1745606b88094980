"""What the messages of sshd, sudo, su, cron and the account tools say. One table: program, pattern, meaning.

Texts: OpenSSH auth.c/packet.c, sudo's logging.c, Linux-PAM pam_unix, Vixie cron, shadow-utils. User names in them are
the attacker's to choose, so each pattern takes the longest name and anchors what follows at the end of the line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from appliance.normalise.common import Meaning

_FROM = r" from (?P<ip>\S{1,64})(?: port (?P<port>\d{1,5}))?(?: ssh2)?(?:: .{0,300})?"
_END = r"(?: \[preauth\])?$"

_LOGIN_FAILED = Meaning("authentication", "start", "ssh_login_failed", "failure")
_OPENED = Meaning("session", "start", "session_opened", "success")
_CLOSED = Meaning("session", "end", "session_closed", "success")


@dataclass(frozen=True, slots=True)
class Line:
    """A pattern for the messages of some programs; its named groups are the keys of GROUPS."""

    programs: frozenset[str]
    pattern: re.Pattern[str]
    meaning: Meaning


GROUPS = {
    "user": "user.name",
    "uid": "user.id",
    "target": "user.target.name",
    "by": "user.name",
    "group": "group.name",
    "ip": "source.address",
    "port": "source.port",
    "method": "czujka.auth.method",
    "key": "czujka.auth.key_fingerprint",
    "tty": "czujka.auth.tty",
    "cwd": "process.working_directory",
    "command": "process.command_line",
    "reason": "event.reason",
    "home": "czujka.account.home",
    "shell": "czujka.account.shell",
}
"""Named group of a pattern to event key."""


def _line(programs: str, pattern: str, meaning: Meaning) -> Line:
    return Line(frozenset(programs.split()), re.compile(pattern, re.ASCII), meaning)


_SSHD = "sshd sshd-session sshd-auth"
_PAM = f"{_SSHD} sudo su su-l login cron systemd-user gdm-password lightdm passwd polkit-1"
_SUDO_REST = (
    r"(?:TTY=(?P<tty>[^; ]{0,64}+) ; )?PWD=(?P<cwd>.{0,4096}?) ; USER=(?P<target>[^;]{0,256}?) ; "
    r"(?>(?:[A-Z]++=[^;]{0,512}+; )*)COMMAND=(?P<command>.*)$"
)

LINES: tuple[Line, ...] = (
    _line(
        _SSHD,
        rf"Accepted (?P<method>\S{{1,64}}) for (?P<user>.{{0,256}}){_FROM}$",
        Meaning("authentication", "start", "ssh_login", "success"),
    ),
    _line(
        _SSHD,
        rf"Failed (?P<method>\S{{1,64}}) for (?:invalid user )?(?P<user>.{{0,256}}){_FROM}{_END}",
        _LOGIN_FAILED,
    ),
    _line(
        _SSHD,
        rf"Invalid user (?P<user>.{{0,256}}){_FROM}{_END}",
        Meaning("authentication", "start", "ssh_invalid_user", "failure"),
    ),
    _line(
        _SSHD,
        rf"error: maximum authentication attempts exceeded for (?:invalid user )?(?P<user>.{{0,256}}){_FROM}{_END}",
        Meaning("authentication", "start", "ssh_attempts_exceeded", "failure"),
    ),
    _line(
        _SSHD,
        r"User (?P<user>.{0,256}) from (?P<ip>\S{1,256}) not allowed because (?P<reason>.{1,300})$",
        Meaning("authentication", "start", "ssh_user_not_allowed", "failure"),
    ),
    _line(
        _SSHD,
        rf"(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting) (?:authenticating |invalid"
        rf" )?user (?P<user>.{{0,256}}) (?P<ip>\S{{1,64}}) port (?P<port>\d{{1,5}})(?:: .{{0,300}})?{_END}",
        Meaning("session", "end", "ssh_disconnected"),
    ),
    _line(
        _SSHD,
        rf"(?:Connection (?:closed|reset) by|Disconnected from|Received disconnect from)"
        rf" (?P<ip>\S{{1,64}}) port (?P<port>\d{{1,5}})(?::.{{0,300}})?{_END}",
        Meaning("session", "end", "ssh_disconnected"),
    ),
    _line(
        _SSHD,
        rf"(?:Did not receive identification string|Bad protocol version identification .{{0,300}}|Unable"
        rf" to negotiate with)(?: from)? (?P<ip>\S{{1,64}}) port (?P<port>\d{{1,5}})(?::.{{0,300}})?{_END}",
        Meaning("network", "denied", "ssh_no_handshake"),
    ),
    _line("sudo", rf"\s*(?P<by>\S{{1,256}}) : {_SUDO_REST}", Meaning("process", "start", "sudo_command", "success")),
    _line(
        "sudo",
        rf"\s*(?P<by>\S{{1,256}}) : (?P<reason>\d{{1,4}} incorrect password attempts?) ; {_SUDO_REST}",
        Meaning("authentication", "start", "sudo_wrong_password", "failure"),
    ),
    _line(
        "sudo",
        rf"\s*(?P<by>\S{{1,256}}) : (?P<reason>user NOT in sudoers|user NOT authorized on host|command"
        rf" not allowed) ; {_SUDO_REST}",
        Meaning("authentication", "denied", "sudo_not_allowed", "failure"),
    ),
    _line(
        "sudo",
        rf"\s*(?P<by>\S{{1,256}}) : (?P<reason>[a-z][^;]{{1,200}}) ; {_SUDO_REST}",
        Meaning("authentication", "denied", "sudo_refused", "failure"),
    ),
    _line(
        _PAM,
        r"pam_\w+\([\w.-]+:session\): session opened for user (?P<target>[^ (]{1,256})(?:\(uid=\d+\))?"
        r" by (?P<by>[^ (]{0,256})(?:\(uid=(?P<uid>\d+)\))?$",
        _OPENED,
    ),
    _line(_PAM, r"pam_\w+\([\w.-]+:session\): session closed for user (?P<user>\S{1,256})$", _CLOSED),
    _line(
        _PAM,
        r"pam_\w+\([\w.-]+:auth\): authentication failure; .*?tty=(?P<tty>\S{0,64}) ruser=\S{0,256}"
        r" rhost=(?P<ip>\S{0,256})(?:\s+user=(?P<user>\S{1,256}))?$",
        Meaning("authentication", "start", "authentication_failed", "failure"),
    ),
    _line(
        "passwd chpasswd",
        r"pam_\w+\([\w.-]+:chauthtok\): password changed for (?P<target>\S{1,256})$",
        Meaning("iam", ("user", "change"), "password_changed", "success"),
    ),
    _line(
        "su su-l",
        r"FAILED SU \(to (?P<target>[^)]{1,256})\) (?P<by>\S{1,256}) on (?P<tty>\S{1,64})$",
        Meaning("authentication", "start", "su_failed", "failure"),
    ),
    _line(
        "su su-l",
        r"\(to (?P<target>[^)]{1,256})\) (?P<by>\S{1,256}) on (?P<tty>\S{1,64})$",
        Meaning("authentication", "start", "su", "success"),
    ),
    _line(
        "su su-l",
        r"Successful su for (?P<target>\S{1,256}) by (?P<by>\S{1,256})$",
        Meaning("authentication", "start", "su", "success"),
    ),
    _line(
        "su su-l",
        r"FAILED su for (?P<target>\S{1,256}) by (?P<by>\S{1,256})$",
        Meaning("authentication", "start", "su_failed", "failure"),
    ),
    _line(
        "cron crond anacron",
        r"\((?P<user>[^)]{1,256})\) CMD \((?P<command>.*)\)$",
        Meaning("process", "start", "cron_command"),
    ),
    _line(
        "crontab",
        r"\((?P<user>[^)]{1,256})\) (?:REPLACE|END EDIT) \((?P<target>[^)]{1,256})\)$",
        Meaning("configuration", "change", "crontab_changed"),
    ),
    _line(
        "crontab",
        r"\((?P<user>[^)]{1,256})\) DELETE \((?P<target>[^)]{1,256})\)$",
        Meaning("configuration", "deletion", "crontab_deleted"),
    ),
    _line(
        "crontab",
        r"\((?P<user>[^)]{1,256})\) (?:LIST|BEGIN EDIT) \((?P<target>[^)]{1,256})\)$",
        Meaning("configuration", "access", "crontab_read"),
    ),
    _line(
        "cron crond",
        r"\((?P<user>[^)]{1,256})\) RELOAD \(.{0,300}\)$",
        Meaning("configuration", "change", "crontab_reloaded"),
    ),
    _line(
        "useradd adduser",
        r"new user: name=(?P<target>[^,]{1,256}), UID=\d+, GID=\d+, home=(?P<home>.{0,1024}?),"
        r" shell=(?P<shell>[^,]{0,256})(?:, from=.{0,256})?$",
        Meaning("iam", ("user", "creation"), "account_created", "success"),
    ),
    _line(
        "userdel",
        r"delete user '(?P<target>[^']{1,256})'$",
        Meaning("iam", ("user", "deletion"), "account_deleted", "success"),
    ),
    _line(
        "useradd groupadd addgroup",
        r"(?:new group: name=|group added to /etc/group: name=)(?P<group>[^,]{1,256}), GID=\d+$",
        Meaning("iam", ("group", "creation"), "group_created", "success"),
    ),
    _line(
        "usermod useradd gpasswd adduser",
        r"add '(?P<target>[^']{1,256})' to (?:shadow )?group '(?P<group>[^']{1,256})'$",
        Meaning("iam", ("group", "change"), "group_member_added", "success"),
    ),
    _line(
        "gpasswd",
        r"user (?P<target>\S{1,256}) added by (?P<by>\S{1,256}) to group (?P<group>\S{1,256})$",
        Meaning("iam", ("group", "change"), "group_member_added", "success"),
    ),
    _line(
        "usermod gpasswd deluser",
        r"(?:delete|remove)d? '?(?P<target>[^' ]{1,256})'? from (?:shadow )?group '?(?P<group>[^' ]{1,256})'?$",
        Meaning("iam", ("group", "change"), "group_member_removed", "success"),
    ),
    _line(
        "usermod chage chpasswd passwd",
        r"change user '(?P<target>[^']{1,256})' .{1,300}$",
        Meaning("iam", ("user", "change"), "account_changed", "success"),
    ),
    _line(
        "systemd-logind",
        r"New session '?\S{1,64}?'? of user '?(?P<user>[^' ]{1,256}?)'?(?: with .{0,200})?\.$",
        _OPENED,
    ),
)  # fmt: skip
"""The first pattern that matches decides."""

BY_PROGRAM: Mapping[str, tuple[Line, ...]] = MappingProxyType(
    {
        program: tuple(line for line in LINES if program in line.programs)
        for program in {program for line in LINES for program in line.programs}
    }
)
