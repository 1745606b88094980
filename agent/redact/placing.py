"""Which of a program's arguments are secrets by their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from agent.redact.names import is_secret

Places = Callable[[Sequence[str]], Iterable[int]]
"""Returns the places."""


def positional(arguments: Sequence[str], marks: str = "-") -> list[int]:
    """Return where the arguments are that are no options."""
    return [place for place, one in enumerate(arguments) if not one.startswith(tuple(marks))]


_DEVICE = re.compile(r"[A-Za-z]:|(?:LPT|COM)\d:?", re.IGNORECASE)


def net(arguments: Sequence[str]) -> Iterable[int]:
    """`net user NAME SECRET`, `net use [X:] [\\\\server\\share] [SECRET] [/user:NAME]`."""
    kind = arguments[0].lower() if arguments else ""
    free = [place for place in positional(arguments, "-/") if place and arguments[place] != "*"]
    if kind == "user":
        return free[1:]
    if kind != "use":
        return ()
    rest = [place for place in free if not _DEVICE.fullmatch(arguments[place])]
    share = next((place for place in rest if arguments[place].startswith("\\\\")), -1)
    return [place for place in rest if place != share]


def last_with(letter: str, before: int) -> Places:
    """The last free argument, when a bundle of options has the letter and so many stand before it."""

    def places(arguments: Sequence[str]) -> Iterable[int]:
        free = positional(arguments)
        given = any(one.startswith("-") and letter in one for one in arguments)
        names_file = not any(one.startswith("-") and "n" in one for one in arguments)
        return free[-1:] if given and len(free) > before + names_file else ()

    return places


def named(arguments: Sequence[str]) -> Iterable[int]:
    """`configure set aws_secret_access_key SECRET`: the argument after one that is a secret's name."""
    return [
        place + 1
        for place, one in enumerate(arguments[:-1])
        if (one.startswith("//") or not one.startswith(("-", "/")))
        and "=" not in one
        and not arguments[place + 1].startswith("-")
        and is_secret(one, arguments[place + 1])
    ]


_VERB = re.compile(r"(?:[a-z]+-)*(?:secrets?|tokens?|credentials?)")


def after_name(arguments: Sequence[str]) -> Iterable[int]:
    """As `named`, where bare words as `secret` are what is worked on: `gh secret set NAME`."""
    return [place for place in named(arguments) if not _VERB.fullmatch(arguments[place - 1])]


def all_of(*ways: Places) -> Places:
    """What several ways find."""

    def places(arguments: Sequence[str]) -> Iterable[int]:
        return sorted({place for way in ways for place in way(arguments)})

    return places


def last_but(*valued: str) -> Places:
    """The last free argument; these options take a value."""

    def places(arguments: Sequence[str]) -> Iterable[int]:
        free = [place for place in positional(arguments) if not place or arguments[place - 1] not in valued]
        return free[-1:]

    return places


def after_account(arguments: Sequence[str]) -> Iterable[int]:
    """`-u NAME SECRET`; a star asks for the secret."""
    at = next((place for place, one in enumerate(arguments) if one.lower() in {"-u", "/u"}), len(arguments))
    given = arguments[at + 2 : at + 3]
    return [at + 2] if given and given[0] != "*" and not given[0].startswith(("-", "/")) else ()


def registry(arguments: Sequence[str]) -> Iterable[int]:
    """`reg add KEY /v DefaultPassword /d SECRET`."""
    folded = [one.lower() for one in arguments]
    name = folded[folded.index("/v") + 1] if "/v" in folded[:-1] else ""
    named = is_secret(name) or name == "passwordviewonly"
    return [folded.index("/d") + 1] if named and "/d" in folded[:-1] else ()


def behind_verb(number: int, *verbs: str) -> Places:
    """The free arguments from a number on, after one of the verbs."""

    def places(arguments: Sequence[str]) -> Iterable[int]:
        free = positional(arguments)
        verb = next((at for at, place in enumerate(free) if arguments[place] in verbs), None)
        return free[verb + number :] if verb is not None else ()

    return places


def numbered(number: int, *others: int, marks: str = "-/") -> Places:
    """The free arguments of these numbers; a star asks for the secret."""

    def places(arguments: Sequence[str]) -> Iterable[int]:
        free = positional(arguments, marks)
        return [free[at] for at in (number, *others) if at < len(free) and arguments[free[at]] != "*"]

    return places


def behind(option: str, first: int, last: int | None = None) -> Places:
    """The arguments at these distances from an option or verb, in any case."""

    def places(arguments: Sequence[str]) -> Iterable[int]:
        folded = [one.lower() for one in arguments]
        if option not in folded:
            return ()
        at = folded.index(option)
        return range(min(at + first, len(folded)), min(at + (last or first) + 1, len(folded)))

    return places


def samba(arguments: Sequence[str]) -> Iterable[int]:
    """`samba-tool user create NAME SECRET`."""
    free = positional(arguments)
    words = [arguments[place] for place in free]
    at = words.index("user") if "user" in words else len(words)
    return free[at + 3 : at + 4] if words[at + 1 : at + 2] in (["create"], ["add"]) else ()


def vault(arguments: Sequence[str]) -> Iterable[int]:
    """`vault login SECRET`; `NAME=SECRET` shows itself."""
    return [place for place in behind_verb(1, "login")(arguments) if not _OF_VAULT.match(arguments[place])]


_OF_VAULT = re.compile(r"(?:username|password|passcode|role|mount|method|token|jwt)=")


def rclone(arguments: Sequence[str]) -> Iterable[int]:
    """`rclone obscure SECRET`, `rclone config create NAME KIND pass SECRET`."""
    return [*behind_verb(1, "obscure")(arguments), *after_name(arguments)]


def poetry(arguments: Sequence[str]) -> Iterable[int]:
    """`poetry config http-basic.NAME ACCOUNT SECRET`, `poetry config pypi-token.NAME SECRET`."""
    basic = [place + 2 for place, one in enumerate(arguments[:-2]) if one.startswith("http-basic.")]
    return [*basic, *(place + 1 for place, one in enumerate(arguments[:-1]) if one.startswith("pypi-token."))]


def after_share(arguments: Sequence[str]) -> Iterable[int]:
    """`smbclient //server/share SECRET`; all but the share and the secret stand behind options."""
    free = [place for place in positional(arguments) if not place or not _TAKES_MORE.fullmatch(arguments[place - 1])]
    return free[1:2] if free and _SHARE.match(arguments[free[0]]) else ()


_SHARE = re.compile(r"(?://|\\\\)[^/\\]+[/\\]")
_TAKES_MORE = re.compile(r"-[A-Za-z]*[DILMOQRTUWbcdilmnpst]|--[\w-]+")
"""Options of smbclient whose value follows, also at the end of a bundle."""


def assigned_line(arguments: Sequence[str]) -> Iterable[int]:
    """`set NAME=a secret with blanks`: cmd.exe takes all of the line."""
    name, equals, value = arguments[0].partition("=") if arguments else ("", "", "")
    return range(1, len(arguments)) if equals and is_secret(name, value) else ()
