"""Programs that take a secret by an option of their own, or by its place; data, and how places are found.

Sources of facts: the programs' manual pages and Microsoft's command reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from agent.redact.names import is_secret

Places = Callable[[Sequence[str]], Iterable[int]]
"""Returns which of a program's arguments are secrets."""


class Rule(NamedTuple):
    """How one program takes secrets."""

    options: tuple[str, ...] = ()
    """The value is the next argument, or joined after `:`, `=` or, for one letter after a dash, nothing."""
    joined: tuple[str, ...] = ()
    """The value is always joined; the option alone asks for it."""
    accounts: tuple[str, ...] = ()
    """The value is an account and, after one of `between`, its secret; the account is kept."""
    between: str = ":"
    flags: str = ""
    """Letters of options without a value, which may stand before the option's own in one argument."""
    needs: str = ""
    """An argument without which the options mean something else."""
    places: Places | None = None
    wraps: bool = False
    """Its options end where the command begins that it starts."""
    windows: bool = False
    """Options in any case, and with a slash."""


def _positional(arguments: Sequence[str], marks: str = "-") -> list[int]:
    return [place for place, one in enumerate(arguments) if not one.startswith(tuple(marks))]


_DEVICE = re.compile(r"[A-Za-z]:|(?:LPT|COM)\d:?", re.IGNORECASE)


def _net(arguments: Sequence[str]) -> Iterable[int]:
    """`net user NAME SECRET`, `net use [X:] [\\\\server\\share] [SECRET] [/user:NAME]`."""
    kind = arguments[0].lower() if arguments else ""
    free = [place for place in _positional(arguments, "-/") if place and arguments[place] != "*"]
    if kind == "user":
        return free[1:]
    shares = [
        place for place in free if not _DEVICE.fullmatch(arguments[place]) and not arguments[place].startswith("\\\\")
    ]
    return shares if kind == "use" else ()


def _last_with(letter: str, before: int) -> Places:
    """The last free argument, when a bundle of options has the letter and so many stand before it."""

    def places(arguments: Sequence[str]) -> Iterable[int]:
        free = _positional(arguments)
        given = any(one.startswith("-") and letter in one for one in arguments)
        names_file = not any(one.startswith("-") and "n" in one for one in arguments)
        return free[-1:] if given and len(free) > before + names_file else ()

    return places


def _after_name(arguments: Sequence[str]) -> Iterable[int]:
    """`configure set aws_secret_access_key SECRET`: the argument after one that is a secret's name."""
    return [
        place + 1
        for place, one in enumerate(arguments[:-1])
        if (one.startswith("//") or not one.startswith(("-", "/")))
        and "=" not in one
        and is_secret(one, arguments[place + 1])
    ]


def _reg(arguments: Sequence[str]) -> Iterable[int]:
    """`reg add KEY /v DefaultPassword /d SECRET`."""
    folded = [one.lower() for one in arguments]
    name = folded[folded.index("/v") + 1] if "/v" in folded[:-1] else ""
    named = is_secret(name) or name == "passwordviewonly"
    return [folded.index("/d") + 1] if named and "/d" in folded[:-1] else ()


def _from(number: int, *verbs: str) -> Places:
    """The free arguments from a number on, after one of the verbs."""

    def places(arguments: Sequence[str]) -> Iterable[int]:
        free = _positional(arguments)
        verb = next((at for at, place in enumerate(free) if arguments[place] in verbs), None)
        return free[verb + number :] if verb is not None else ()

    return places


def _numbered(number: int, *others: int, marks: str = "-/") -> Places:
    """The free arguments of these numbers; a star asks for the secret."""

    def places(arguments: Sequence[str]) -> Iterable[int]:
        free = _positional(arguments, marks)
        return [free[at] for at in (number, *others) if at < len(free) and arguments[free[at]] != "*"]

    return places


def _behind(option: str, first: int, last: int | None = None) -> Places:
    """The arguments at these distances from an option or verb, in any case."""

    def places(arguments: Sequence[str]) -> Iterable[int]:
        folded = [one.lower() for one in arguments]
        if option not in folded:
            return ()
        at = folded.index(option)
        return range(min(at + first, len(folded)), min(at + (last or first) + 1, len(folded)))

    return places


def _samba(arguments: Sequence[str]) -> Iterable[int]:
    """`samba-tool user create NAME SECRET`."""
    free = _positional(arguments)
    words = [arguments[place] for place in free]
    at = words.index("user") if "user" in words else len(words)
    return free[at + 3 : at + 4] if words[at + 1 : at + 2] in (["create"], ["add"]) else ()


def _vault(arguments: Sequence[str]) -> Iterable[int]:
    """`vault login SECRET`; `NAME=SECRET` shows itself."""
    return [place for place in _from(1, "login")(arguments) if "=" not in arguments[place]]


def _rclone(arguments: Sequence[str]) -> Iterable[int]:
    """`rclone obscure SECRET`, `rclone config create NAME KIND pass SECRET`."""
    return [*_from(1, "obscure")(arguments), *_after_name(arguments)]


def _after_share(arguments: Sequence[str]) -> Iterable[int]:
    """`smbclient //server/share SECRET`."""
    free = _positional(arguments)
    return free[1:2] if free and arguments[free[0]].startswith(("//", "\\\\")) else ()


def _set(arguments: Sequence[str]) -> Iterable[int]:
    """`set NAME=a secret with blanks`: cmd.exe takes all of the line."""
    name, equals, value = arguments[0].partition("=") if arguments else ("", "", "")
    return range(1, len(arguments)) if equals and is_secret(name, value) else ()


def _each(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


_LDAP = Rule(("-w",), flags="xLvZcnMC")
_MYSQL = Rule(("-p",), flags="BNsvtreCfhV")
_SQLSERVER = Rule(("-P",), flags="EIeqSbcntkrN")
_PSTOOLS = Rule(("-p",), windows=True)
_LOGIN = Rule(("-p",), needs="login")
_PACKED = Rule(joined=("-p", "-hp"))
_ADDUSER = Rule(("-p",), flags="mMrnoNlU")
_NAMED = Rule(places=_after_name)
_ACCOUNT = Rule(accounts=("-U", "--user"), between="%", flags="NkgLEPcs", places=_after_share)

PROGRAMS: Mapping[str, Rule] = {
    "mysqladmin": _MYSQL._replace(places=_from(1, "password")),
    **_each("mysql mysqldump mysqlimport mysqlsh mysqlcheck mysqlshow mysqlbinlog", _MYSQL),
    **_each("mariadb mariadb-dump mariadb-admin mariadb-import mariadb-check mariadb-show mariadb-binlog", _MYSQL),
    **_each("sqlcmd osql isql bcp tsql fisql", _SQLSERVER),
    **_each("mongo mongosh mongodump mongorestore mongoexport mongoimport cqlsh", Rule(("-p",))),
    **_each("sqlplus sqlldr expdp impdp exp imp rman", Rule(accounts=("",), between="/")),
    "redis-cli": Rule(("-a", "--pass")),
    **_each("rabbitmqctl", Rule(places=_from(2, "add_user", "change_password", "authenticate_user"))),
    **_each("curl", Rule(("-b",), accounts=("-u", "--user", "-U", "--proxy-user"), flags="sSkLfvigOIGNj#")),
    **_each("lftp", Rule(accounts=("-u",), between=",")),
    **_each("smbclient rpcclient smbget smbcacls smbtree", _ACCOUNT),
    **_each("xfreerdp wfreerdp sdl-freerdp xfreerdp3", Rule(("/p", "/gp"), windows=True)),
    **_each("rdesktop evil-winrm crackmapexec netexec nxc hydra medusa smbmap racadm ncftpput ncftpget", Rule(("-p",))),
    **_each("sshpass", Rule(("-p",), flags="ev", wraps=True)),
    **_each("plink pscp psftp putty kitty puttygen", Rule(("-pw",))),
    **_each("ldapsearch ldapmodify ldapadd ldapdelete ldapcompare ldapwhoami ldapmodrdn", _LDAP),
    "ldappasswd": Rule(("-w", "-s", "-a"), flags="xLvZcnMSA"),
    "htpasswd": Rule(places=_last_with("b", 1)),
    **_each("useradd usermod groupadd groupmod", _ADDUSER),
    **_each("openssl", Rule(("-k", "-K"), joined=("pass:",))),
    **_each("7z 7za 7zr 7zz rar unrar winrar", _PACKED),
    **_each("zip unzip zipcloak", Rule(("-P",), flags="rqjvo")),
    **_each("snmpwalk snmpget snmpset snmpgetnext snmpbulkwalk snmptrap", Rule(("-A", "-X", "-c"))),
    "ipmitool": Rule(("-P",)),
    **_each("docker podman nerdctl helm oc buildah buildctl az", _LOGIN),
    "skopeo": Rule(("-p",), accounts=("--src-creds", "--dest-creds", "--creds")),
    "kubectl": Rule(accounts=("--from-literal",), between="=", needs="secret"),
    **_each("aws git npm yarn gcloud gh setx pip nmcli", _NAMED),
    "rclone": Rule(places=_rclone),
    "vault": Rule(places=_vault),
    "etcdctl": Rule(accounts=("--user",)),
    "doctl": Rule(("-t",)),
    **_each("gbak gsec nbackup gfix", Rule(("-pa", "-pas", "-pass", "-pw"), windows=True)),
    **_each("isql-fb", Rule(("-p", "-pa", "-pas", "-pass"), windows=True)),
    "samba-tool": Rule(places=_samba),
    "ssh-keygen": Rule(("-N", "-P"), flags="qpvyBl"),
    "wpa_passphrase": Rule(places=_numbered(1)),
    "radtest": Rule(places=_numbered(1, 4)),
    **_each("ipa-client-install dsconf dsctl dsidm", Rule(("-w",))),
    "qpdf": Rule(places=_behind("--encrypt", 1, 2)),
    "pdftk": Rule(("input_pw", "user_pw", "owner_pw")),
    "virsh": Rule(("--base64",), needs="secret-set-value"),
    "sendemail": Rule(("-xp",)),
    "swaks": Rule(("-ap",)),
    **_each("veracrypt truecrypt teamviewer", Rule(("-p",), windows=True)),
    "keepass": Rule(("-pw",), windows=True),
    **_each("mimikatz rubeus", Rule(("/ntlm", "/rc4", "/aes128", "/aes256", "/des"), windows=True)),
    **_each("net net1", Rule(places=_net, windows=True)),
    **_each("psexec psexec64 paexec psloggedon pskill pslist psservice psinfo pspasswd psloglist psshutdown cpau",
            _PSTOOLS),
    "schtasks": Rule(("/rp", "/p"), windows=True),
    **_each("tasklist taskkill systeminfo eventcreate gpresult driverquery getmac openfiles",
            Rule(("/p",), windows=True)),
    "wevtutil": Rule(("/p", "/up"), windows=True),
    "manage-bde": Rule(("-rp", "-pw"), windows=True),
    "netdom": Rule(("/pd", "/po", "/pm", "/passwordd", "/passwordo", "/passwordm"), windows=True),
    "netsh": Rule(("key=", "keymaterial="), windows=True),
    "rasdial": Rule(places=_numbered(2), windows=True),
    "bitsadmin": Rule(places=_behind("/setcredentials", 5), windows=True),
    "vaultcmd": Rule(("/authenticator",), windows=True),
    **_each("ldifde csvde", Rule(places=_behind("-b", 3), windows=True)),
    "winrs": Rule(("-p", "/p"), windows=True),
    "signtool": Rule(("/p",), windows=True),
    "certutil": Rule(("-p",), windows=True),
    "wbadmin": Rule(("-password",), windows=True),
    "cmdkey": Rule(("/pass",), windows=True),
    "sc": Rule(("password=",), windows=True),
    "reg": Rule(places=_reg, windows=True),
    "set": Rule(places=_set, windows=True),
    **_each("secretsdump.py psexec.py wmiexec.py smbexec.py atexec.py dcomexec.py mssqlclient.py getuserspns.py",
            Rule(accounts=("",), between=":")),
}  # fmt: skip
"""The rules by program, in small letters, without path and `.exe`."""


SHELLS = frozenset(
    {
        "sh", "bash", "dash", "zsh", "ksh", "fish", "cmd", "powershell", "pwsh", "ssh", "su", "runuser", "wsl", "eval",
        "xargs", "watch", "systemd-run", "nsenter",
    }
)  # fmt: skip
"""Programs to which a command line is given in one argument."""


def program_of(word: str) -> str:
    """Return the name under which a word may be found among the programs."""
    name = word.replace("\\", "/").rpartition("/")[2].lower()
    return name[:-4] if name.endswith((".exe", ".com", ".bat", ".cmd")) else name
