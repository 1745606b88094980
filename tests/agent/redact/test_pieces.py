"""A script in pieces: wherever it was cut, no secret of it survives, and the harmless stays."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.redact.pieces import KEPT, redact_piece
from tests.agent.redact.harmless import HARMLESS
from tests.agent.redact.textforms import FIXED, LINES, QUOTED

SECRET = "Zz9Zz9Zz9Zz9"
FORMS = [
    *((form.format(f"'{SECRET}'"), SECRET) for form in (*LINES, *QUOTED)),
    *(
        (form.format(secret), secret)
        for form, secret in FIXED
        if "BEGIN" not in secret and '\\"' not in form and "<" not in form
    ),
]


def in_pieces(text: str, *cuts: int) -> list[str]:
    """Return the text cut at these places, each piece redacted with what came before it."""
    ends = [0, *sorted(cuts), len(text)]
    return [
        redact_piece(text[max(0, start - KEPT) : start], text[start:end], last=end == len(text))
        for start, end in pairwise(ends)
    ]


@given(st.sampled_from(FORMS), st.integers(0, 4000))
def test_a_secret_that_was_cut_survives_in_neither_piece(form: tuple[str, str], place: int) -> None:
    line, secret = form
    text = f"Get-Item x\n{line}\n"
    start = text.index(secret)
    cut = start + place % len(secret)
    first, second = in_pieces(text, cut)
    parts = {secret[at : at + 4] for at in range(len(secret) - 3)} - {text[at : at + 4] for at in range(start - 3)}
    assert not [one for one in parts if one in second or (one in first and not one.isalpha())], (first, second)


@given(st.sampled_from(FORMS), st.data())
def test_wherever_it_is_cut_the_last_piece_shows_no_secret(form: tuple[str, str], data: st.DataObject) -> None:
    line, secret = form
    text = f"Get-Item x\n{line}\nGet-Item y\n"
    cut = data.draw(st.integers(0, len(text)))
    shown = in_pieces(text, cut)[1]
    assert secret not in shown
    assert shown.endswith("Get-Item y\n"[-max(0, len(text) - cut) :] if cut < len(text) else "")


@pytest.mark.parametrize("cut", range(len("curl https://jan:Zima2024@srv/x")))
def test_the_word_that_was_cut_is_hidden_in_the_first_piece(cut: int) -> None:
    first, second = in_pieces("curl https://jan:Zima2024@srv/x", cut)
    assert not re.search("[Zima20]{4}", first + second)


@given(st.lists(st.sampled_from(HARMLESS), min_size=2, max_size=40), st.data())
def test_harmless_pieces_stay_byte_for_byte(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines)
    assert in_pieces(text, cut := data.draw(st.integers(0, len(text))))[1] == text[cut:]
    line = text.index("\n", len(lines[0])) + 1
    assert in_pieces(text, line) == [text[:line], text[line:]]


def test_two_secrets_on_both_sides_of_a_cut() -> None:
    text = "net user jan Zima2024 /add\nGet-Item x\nnet user ola Lato2024 /add\n"
    cut = text.index("Item")
    assert in_pieces(text, cut) == ["net user jan *** /add\n***", "Item x\nnet user ola *** /add\n"]


def test_of_a_piece_whose_beginning_is_not_known_the_first_line_is_hidden() -> None:
    assert redact_piece(None, "word Zima2024\nGet-Item x", last=True) == "***\nGet-Item x"
    assert redact_piece(None, "Zima2024", last=True) == "***"
    assert redact_piece(None, "x" * 300, last=True) == "***" + "x" * 44


def test_secrets_of_a_long_script_are_hidden_to_its_end() -> None:
    script = "Get-Item x\n" * 5000 + "net user jan Zima2024\n"
    assert redact_piece("", script, last=True) == script.replace("Zima2024", "***")
