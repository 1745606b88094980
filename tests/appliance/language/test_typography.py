"""Non-breaking spaces: where they belong, and where nothing may change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.language.typography import bind_spaces, without_code


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("O świcie i w nocy", "O~świcie i~w~nocy"),
        ("Zrób to w 5 min z {stacja}", "Zrób to w~5~min z~{stacja}"),
        ("od {n} min, {n} godz. temu", "od {n}~min, {n}~godz. temu"),
        ("7 listopada 2026 r. o 14:03", "7 listopada 2026~r. o~14:03"),
        ("nr 7, art. 11, § 20, ust. 2, pkt 3, godz. 5", "nr~7, art.~11, §~20, ust.~2, pkt~3, godz.~5"),
        ("1,4 GB z 12 345 zdarzeń", "1,4~GB z~12~345 zdarzeń"),
        ("(a potem) „z domu”", "(a~potem) „z~domu”"),
        ("Ala ma kota", "Ala ma kota"),
        ("5 minut, 3 dniówki", "5 minut, 3 dniówki"),
    ],
)
def test_polish_text(text: str, bound: str) -> None:
    assert bind_spaces(text).replace("\u00a0", "~") == bound


@pytest.mark.parametrize(
    "code",
    [
        "`cat a i w 5 min`",
        "<code>sc stop w 5 min</code>",
        '<a title="a w 5 min">',
        "https://urzad.example/a?w=5",
        "C:\\Users\\a",
        "<pre>o 5 s\ni 6 s</pre>",
    ],
)
def test_code_stays_as_it_is(code: str) -> None:
    assert bind_spaces(code) == code
    assert code in bind_spaces(f"To {code} i nic")


def test_english_binds_only_numbers() -> None:
    assert bind_spaces("a file i saw for 5 min", "en") == "a file i saw for 5\u00a0min"


@given(st.text(alphabet="aiouwz 5mingodz.<>`/{}Żx\u00a0\n", max_size=200))
def test_only_spaces_change_and_twice_is_once(text: str) -> None:
    once = bind_spaces(text)
    assert once.replace("\u00a0", " ") == text.replace("\u00a0", " ")
    assert len(once) == len(text)
    assert bind_spaces(once) == once


def test_without_code_leaves_the_words() -> None:
    assert without_code("Uruchom `rm -rf` teraz") == "Uruchom □ teraz"
