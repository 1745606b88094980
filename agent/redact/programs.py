"""Programs that take a secret by an option of their own, or by its place (placing.py); data.

Sources of facts: the programs' manual pages and Microsoft's command reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from agent.redact.pairs import setting
from agent.redact.placing import (
    Places,
    after_account,
    after_name,
    after_share,
    all_of,
    assigned_line,
    behind,
    behind_verb,
    last_but,
    last_with,
    named,
    net,
    numbered,
    poetry,
    rclone,
    registry,
    samba,
    vault,
)


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
    first: bool = False
    """Only as the first word of a command: elsewhere its name is a word like others."""
    windows: bool = False
    """Options in any case, and with a slash."""


def _each(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


_LDAP = Rule(("-w",), flags="xLvZcnMC")
_MYSQL = Rule(("-p",), flags="BNsvtreCfhV")
_SQLSERVER = Rule(("-P", "/P"), flags="EIeqSbcntkrN")
_PSTOOLS = Rule(("-p",), windows=True)
_LOGIN = Rule(("-p",), needs="login")
_PACKED = Rule(joined=("-p", "-hp"))
_ADDUSER = Rule(("-p",), flags="mMrnoNlU")
_NAMED = Rule(places=after_name)
_CURL = Rule(
    ("-b",), accounts=("-u", "--user", "-U", "--proxy-user", "-E", "--cert", "--proxy-cert"), flags="sSkLfvigOIGNj#"
)
_FIREBIRD = Rule(("-p", "-pa", "-pas", "-pass", "-password"), windows=True)
_IMPACKET = Rule(("-hashes", "-aeskey", "-nthash", "-newpass", "-newhashes"), accounts=("",), between=":", windows=True)
_IMPACKETS = (
    "secretsdump psexec wmiexec smbexec atexec dcomexec mssqlclient getuserspns smbclient lookupsid services "
    "getnpusers gettgt getst ticketer addcomputer changepasswd smbpasswd rbcd dacledit owneredit reg rpcdump "
    "samrdump getadusers finddelegation getpac goldenpac raisechild netview ntlmrelayx dpapi keylistattack "
    "wmipersist wmiquery smbserver"
)
_TICKETS = Rule(("/ntlm", "/rc4", "/aes128", "/aes256", "/des", "/krbtgt", "/hash", "/ticket", "/pth"), windows=True)
_BY_HASH = Rule(("-p", "-H", "--hash", "--hashes"))
_ACCOUNT = Rule(accounts=("-U", "--user"), between="%", flags="NkgLEPcs", places=after_share)

PROGRAMS: Mapping[str, Rule] = {
    "mysqladmin": _MYSQL._replace(places=behind_verb(1, "password")),
    **_each("mysql mysqldump mysqlimport mysqlsh mysqlcheck mysqlshow mysqlbinlog", _MYSQL),
    **_each("mariadb mariadb-dump mariadb-admin mariadb-import mariadb-check mariadb-show mariadb-binlog", _MYSQL),
    **_each("sqlcmd osql bcp tsql fisql sqlmaint", _SQLSERVER),
    **_each("dtexec dtutil", Rule(("/de", "/decr", "/decrypt"), windows=True)),
    "sqlpackage": Rule(("/tp", "/sp"), windows=True),
    **_each("mongo mongosh mongodump mongorestore mongoexport mongoimport cqlsh", Rule(("-p",))),
    **_each("sqlplus sqlldr expdp impdp exp imp rman", Rule(accounts=("",), between="/")),
    "redis-cli": Rule(("-a", "--pass"), places=all_of(behind("auth", 1, 2), named)),
    **_each("rabbitmqctl", Rule(places=behind_verb(2, "add_user", "change_password", "authenticate_user"))),
    **_each("curl", _CURL),
    **_each("lftp", Rule(accounts=("-u",), between=",")),
    "open": Rule(accounts=("-u",), between=","),
    **_each("smbclient rpcclient smbget smbcacls smbtree", _ACCOUNT),
    **_each("winexe wmic cupsaddsmb", Rule(accounts=("-U", "--user"), between="%")),
    "wbinfo": Rule(accounts=("-a", "--authenticate", "-K", "--krb5auth"), between="%"),
    **_each("xfreerdp wfreerdp sdl-freerdp xfreerdp3", Rule(("-p", "-gp", "/pth"), windows=True)),
    **_each("rdesktop hydra medusa ncftpput ncftpget bloodhound-python certipy certipy-ad", Rule(("-p",))),
    **_each("evil-winrm crackmapexec netexec nxc lsassy donpapi sprayhound coercer", _BY_HASH),
    **_each("smbmap enum4linux enum4linux-ng ldapdomaindump bloodyad windapsearch adidnsdump", Rule(("-p",))),
    "runascs": Rule(places=numbered(1)),
    "kerbrute": Rule(places=last_but("-d", "--domain", "--dc", "-t", "-o"), needs="passwordspray"),
    "check_snmp": Rule(("-C", "-A", "-X")),
    "check_ldap": Rule(("-P",)),
    **_each("check_pgsql check_mysql_query check_radius check_ldaps", Rule(("-p", "-P"))),
    "check_nt": Rule(("-s",)),
    "onesixtyone": Rule(places=numbered(1)),
    **_each("http https xh", Rule(accounts=("-a", "--auth"))),
    "nuget": Rule(places=behind("setapikey", 1)),
    "ngrok": Rule(places=behind_verb(1, "authtoken", "add-authtoken")),
    "poetry": Rule(places=all_of(after_name, poetry)),
    "cargo": Rule(places=behind_verb(1, "login")),
    "mc": Rule(places=behind("set", 4)),
    **_each("p4 knife", Rule(("-P",))),
    "oathtool": Rule(places=last_but("-d", "--digits", "-c", "--counter", "-s", "-N", "-S", "-w")),
    "iwconfig": Rule(places=behind("key", 1)),
    "choco": Rule(("-k", "-p"), needs="apikey"),
    **_each("set-itemproperty new-itemproperty set-variable new-variable set-item new-item", Rule(places=setting)),
    **_each("sp sv nv si ni", Rule(places=setting, first=True)),
    **_each("tabcmd tsm twine esxcli nextcloudcmd owncloudcmd openfortivpn netextender check_mysql", Rule(("-p",))),
    **_each("check_wmi_plus.pl testsaslauthd steghide aescrypt mutool pkcs11-tool pkcs15-tool", Rule(("-p",))),
    "ykman": Rule(("-P", "-p", "-n")),
    "fortisslvpnclient": Rule(("-p",), accounts=("-u",)),
    **_each("tpm2_create tpm2_createprimary tpm2_unseal tpm2_nvread tpm2_nvwrite", Rule(("-p",))),
    "add-user.sh": Rule(("-p",), places=numbered(1)),
    "racadm": Rule(("-p",), places=named),
    "vmrun": Rule(("-p", "-gp", "-vp")),
    "check_http": Rule(accounts=("-a", "--authorization", "-b", "--proxy-authorization")),
    **_each("sshpass", Rule(("-p",), flags="ev", wraps=True)),
    **_each("plink pscp psftp putty kitty puttygen", Rule(("-pw",))),
    **_each("ldapsearch ldapmodify ldapadd ldapdelete ldapcompare ldapwhoami ldapmodrdn", _LDAP),
    "ldappasswd": Rule(("-w", "-s", "-a"), flags="xLvZcnMSA"),
    "htpasswd": Rule(places=last_with("b", 1)),
    **_each("useradd usermod groupadd groupmod", _ADDUSER),
    "openssl": Rule(("-k", "-K", "-hmac"), joined=("pass:",), places=behind_verb(1, "passwd")),
    "mkpasswd": Rule(places=last_but("-m", "--method", "-S", "--salt", "-R", "--rounds", "-P", "--password-fd")),
    "ansible-vault": Rule(places=behind_verb(1, "encrypt_string")),
    **_each("ccrypt ccencrypt ccdecrypt", Rule(("-K",))),
    **_each("mcrypt axcrypt", Rule(("-k",), windows=True)),
    **_each("pdftotext pdfinfo pdftoppm pdfimages pdftocairo pdftohtml pdftops pdffonts", Rule(("-upw", "-opw"))),
    **_each("winzip32 winzip64 wzzip wzunzip", Rule(joined=("-s",))),
    "arj": Rule(joined=("-g",)),
    **_each("7z 7za 7zr 7zz rar unrar winrar", _PACKED),
    **_each("zip unzip zipcloak", Rule(("-P",), flags="rqjvo")),
    **_each("snmpwalk snmpget snmpset snmpgetnext snmpbulkwalk snmptrap", Rule(("-A", "-X", "-c"))),
    "ipmitool": Rule(("-P",)),
    **_each("docker podman nerdctl helm oc buildah buildctl az", _LOGIN),
    "secret": Rule(("--value", "--body"), needs="set"),
    "ssm": Rule(("--value",), needs="SecureString"),
    "secretsmanager": Rule(("--secret-string",)),
    "skopeo": Rule(("-p",), accounts=("--src-creds", "--dest-creds", "--creds")),
    "kubectl": Rule(accounts=("--from-literal",), between="=", needs="secret"),
    **_each("aws git npm yarn gh pip nmcli pppd fbsvcmgr wpa_cli", _NAMED),
    "setx": Rule(places=named),
    "gcloud": Rule(places=all_of(behind_verb(2, "activate-refresh-token"), after_name)),
    "pulumi": Rule(places=numbered(3), needs="--secret"),
    "dotnet": Rule(places=numbered(3), needs="user-secrets"),
    "drush": Rule(places=behind_verb(2, "upwd", "user:password", "user-password")),
    "ejabberdctl": Rule(places=behind_verb(3, "register", "change_password")),
    "doveadm": Rule(("-p",), places=behind_verb(3, "auth")),
    "db2": Rule(places=behind("using", 1)),
    "mega-login": Rule(places=numbered(1)),
    "bw": Rule(places=all_of(behind_verb(2, "login"), behind_verb(1, "unlock"))),
    "rclone": Rule(places=rclone),
    "vault": Rule(places=vault),
    "etcdctl": Rule(accounts=("--user",), places=behind_verb(2, "user")),
    "doctl": Rule(("-t",)),
    **_each("gbak gsec gfix", Rule(("-pa", "-pas", "-pass", "-pw"), windows=True)),
    **_each("isql isql-fb gstat nbackup", _FIREBIRD),
    **_each("dbeng11 dbeng12 dbeng16 dbeng17 dbsrv11 dbsrv12 dbsrv16 dbsrv17 dbinit", Rule(("-ek",), windows=True)),
    "samba-tool": Rule(places=samba),
    "ssh-keygen": Rule(("-N", "-P"), flags="qpvyBl"),
    "wpa_passphrase": Rule(places=numbered(1)),
    "radtest": Rule(places=numbered(1, 4)),
    "ipa-server-install": Rule(("-p", "-a")),
    "slappasswd": Rule(("-s",)),
    **_each("kadmin ipa-client-install dsconf dsctl dsidm", Rule(("-w",))),
    "qpdf": Rule(places=behind("--encrypt", 1, 2)),
    "pdftk": Rule(("input_pw", "user_pw", "owner_pw")),
    "virsh": Rule(("--base64",), needs="secret-set-value"),
    "sendemail": Rule(("-xp",)),
    "swaks": Rule(("-ap",)),
    **_each("veracrypt truecrypt teamviewer", Rule(("-p",), windows=True)),
    "keepass": Rule(("-pw",), windows=True),
    **_each("mimikatz rubeus", _TICKETS),
    **_each("net net1", Rule(accounts=("-u",), between="%", places=net, windows=True)),
    **_each("dsadd dsmod dsmove dsrm dsget dsquery", Rule(("-p",), windows=True)),
    "logman": Rule(places=after_account, windows=True),
    "ksetup": Rule(places=behind("/changepassword", 1, 2), windows=True),
    **_each("slmgr slmgr.vbs", Rule(("-ipk",), places=numbered(2), windows=True)),
    **_each("prncnfg.vbs prnmngr.vbs prnport.vbs prnqctl.vbs prndrvr.vbs prnjobs.vbs", Rule(("-w",), windows=True)),
    **_each("autologon autologon64", Rule(places=numbered(2), windows=True)),
    "nssm": Rule(places=behind("objectname", 2), windows=True),
    "setpasswd": Rule(places=numbered(0, 1), windows=True),
    "convertto-securestring": Rule(("-string",), places=numbered(0), windows=True),
    **_each("psexec psexec64 paexec psloggedon pskill pslist psservice psinfo pspasswd psloglist psshutdown cpau",
            _PSTOOLS),
    "schtasks": Rule(("/rp", "/p"), windows=True),
    **_each("tasklist taskkill systeminfo eventcreate gpresult driverquery getmac openfiles",
            Rule(("/p",), windows=True)),
    "wevtutil": Rule(("/p", "/up"), windows=True),
    "wecutil": Rule(("/cup",), windows=True),
    "eventquery.vbs": Rule(("/p",), windows=True),
    "manage-bde": Rule(("-rp", "-pw"), windows=True),
    "netdom": Rule(("/pd", "/po", "/pm", "/passwordd", "/passwordo", "/passwordm"), windows=True),
    "netsh": Rule(("key=", "keymaterial="), windows=True),
    "rasdial": Rule(places=numbered(2), windows=True),
    "bitsadmin": Rule(places=behind("/setcredentials", 5), windows=True),
    "vaultcmd": Rule(("/authenticator",), windows=True),
    **_each("ldifde csvde", Rule(places=behind("-b", 3), windows=True)),
    "winrs": Rule(("-p", "/p"), windows=True),
    **_each("signtool certutil certreq instsrv", Rule(("-p",), windows=True)),
    "wbadmin": Rule(("-password",), windows=True),
    "cmdkey": Rule(("/pass",), windows=True),
    "sc": Rule(("password=",), windows=True),
    "reg": Rule(places=registry, windows=True),
    "set": Rule(places=assigned_line, windows=True),
    **_each(" ".join(f"{one}.py impacket-{one}" for one in _IMPACKETS.split()), _IMPACKET),
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
    name = word.lstrip("($@&[{").replace("\\", "/").rpartition("/")[2].lower()
    return name[:-4] if name.endswith((".exe", ".com", ".bat", ".cmd")) else name
