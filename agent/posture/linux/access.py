"""Who gets in and who gets power: the SSH server's settings, sudo without a password."""

from __future__ import annotations

from agent.inventory.linux import sudoers
from agent.inventory.linux.accounts import SUDOERS
from agent.inventory.raw import Command, Raws, Source, Unknown
from agent.posture.check import Check, Finding, bad, good
from agent.posture.shown import listed

SSHD: dict[str, Source] = {"sshd": Command(("sshd", "-T"))}
_FOLDER = "/etc/sudoers.d"
_NO_SERVER = Finding("pass", "no_server")


def _settings(raws: Raws) -> dict[str, str]:
    """Return the settings that the SSH server itself says it has."""
    return dict(line.partition(" ")[::2] for line in raws.output("sshd").splitlines())


def _root(raws: Raws, _now: float) -> Finding:
    if not raws.there("sshd"):
        return _NO_SERVER
    setting = _settings(raws)["permitrootlogin"]
    shown = f"PermitRootLogin {setting}"
    return bad("allowed", shown) if setting == "yes" else good(shown)


def _passwords(raws: Raws, _now: float) -> Finding:
    if not raws.there("sshd"):
        return _NO_SERVER
    settings = _settings(raws)
    if "passwordauthentication" not in settings:
        raise Unknown("unreadable")
    names = ("passwordauthentication", "kbdinteractiveauthentication")
    on = [name for name in names if settings.get(name) == "yes"]
    return bad("allowed", listed(on)) if on else good()


def _sudo(raws: Raws, _now: float) -> Finding:
    texts = [raws.text_or("sudoers"), *raws.files("sudoers_d").values()]
    unasked = [who for text in texts for who in sudoers.unasked(text)]
    if unasked:
        return bad("not_asked", listed(unasked))
    free = [grant.who for text in texts for grant in sudoers.grants(text) if grant.no_password]
    if free:
        return bad("without_password", listed(free))
    elsewhere = [path for text in texts for path in sudoers.includes(text) if path.rstrip("/") != _FOLDER]
    if elsewhere:
        raise Unknown("elsewhere", listed(elsewhere))
    return good()


CHECKS = (
    Check("ssh_root_login", SSHD, _root, ("allowed", "no_server")),
    Check("ssh_password_login", SSHD, _passwords, ("allowed", "no_server")),
    Check("sudo_nopasswd", SUDOERS, _sudo, ("without_password", "not_asked", "elsewhere")),
)
