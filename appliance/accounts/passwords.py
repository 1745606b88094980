"""Passwords: argon2id, and what may be one."""

from __future__ import annotations

from threading import BoundedSemaphore

from pwdlib import PasswordHash

LEAST = 10
MOST = 128
_COMMON = ("password", "haslo", "hasło", "qwerty", "123456", "urzad", "urząd", "czujka", "admin", "zaq12wsx")
_HASHER = PasswordHash.recommended()
# One hash takes 64 MiB and 0.2 s of a core: two at a time leave the box its memory and its second core.
_TURNS = BoundedSemaphore(2)
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$YWJjZGVmZ2hpamtsbW5vcA$ZQo0Y0X0h4l0yqk0m0g5X6o2m9aXn2v9Q3v1m3c6e1A"
"""A well-formed hash of no password: checking an unknown login takes as long as checking a known one."""


class WeakPassword(ValueError):
    """The password is too short, too long, or among the first that anybody would try."""


def check_strength(password: str, login: str = "") -> None:
    """Raise WeakPassword for a password that is out of bounds or easy to guess."""
    rest = password.casefold()
    for word in (*_COMMON, login.casefold()):
        rest = rest.replace(word, "") if word else rest
    if not LEAST <= len(password) <= MOST or len(set(rest)) < 4:
        raise WeakPassword


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password. Takes about 0.2 s; never call it while holding a transaction."""
    with _TURNS:
        return _HASHER.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Say whether a password fits its hash; without a hash, take as long and say no."""
    if len(password) > MOST:
        return False
    with _TURNS:
        return _HASHER.verify(password, password_hash or _NOBODY) and password_hash is not None
