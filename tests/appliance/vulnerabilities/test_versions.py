"""Our order of versions is dpkg's own."""

from __future__ import annotations

import random
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.vulnerabilities.versions import BadVersion, dotted, dpkg_compare

KNOWN = [
    ("1.0", "1.0", 0), ("1.0~rc1", "1.0", -1), ("1.0~~", "1.0~", -1), ("1:0.1", "9.9", 1), ("0:1.0", "1.0", 0),
    ("1.0-1", "1.0-1+deb12u1", -1), ("1.0-1", "1.0", 1), ("1.0-0", "1.0", 0), ("1.2.10", "1.2.9", 1),
    ("1.a", "1.+", -1),
    ("1.0a", "1.0+", -1), ("2.36-9+deb12u10", "2.36-9+deb12u9", 1), ("1.0-1~bpo12+1", "1.0-1", -1), ("007", "7", 0),
]  # fmt: skip
SIGNS = st.text("0123456789abzAZ.+~", min_size=1, max_size=12)
VERSIONS = st.builds(
    lambda epoch, upstream, revision: f"{epoch}1{upstream}{revision}",
    st.sampled_from(["", "0:", "2:"]),
    SIGNS,
    st.one_of(st.just(""), SIGNS.map("-{}".format)),
)


@pytest.mark.parametrize(("first", "second", "order"), KNOWN)
def test_known_pairs(first: str, second: str, order: int) -> None:
    assert dpkg_compare(first, second) == order
    assert dpkg_compare(second, first) == -order


@given(VERSIONS, VERSIONS, VERSIONS)
def test_it_is_an_order(first: str, second: str, third: str) -> None:
    assert dpkg_compare(first, first) == 0
    assert dpkg_compare(first, second) == -dpkg_compare(second, first)
    if dpkg_compare(first, second) <= 0 and dpkg_compare(second, third) <= 0:
        assert dpkg_compare(first, third) <= 0


def test_dpkg_says_the_same() -> None:
    program = shutil.which("dpkg")
    assert program is not None
    dice = random.Random(11)
    signs = "0011223459abzAZ.+~"

    def version() -> str:
        text = "".join(dice.choice(signs) for _ in range(dice.randint(1, 6)))
        revision = "-" + "".join(dice.choice(signs) for _ in range(dice.randint(1, 4))) if dice.random() < 0.5 else ""
        return f"{dice.choice(['', '1:'])}1{text}{revision}"

    pairs = [(version(), version()) for _ in range(150)] + [(first, second) for first, second, _ in KNOWN]
    asked = "\n".join(
        f'if {program} --compare-versions "{first}" lt "{second}"; then echo -1; '
        f'elif {program} --compare-versions "{first}" gt "{second}"; then echo 1; else echo 0; fi'
        for first, second in pairs
    )
    answer = subprocess.run(["sh", "-s"], input=asked, capture_output=True, text=True, check=True)
    assert [dpkg_compare(first, second) for first, second in pairs] == [int(line) for line in answer.stdout.split()]


@pytest.mark.parametrize("nonsense", ["", "1" * 200, "zażółć", "1 2", "a:1", ":1", "1:", "-1", "1;rm", "1\n", "١"])
def test_nonsense_is_no_debian_version(nonsense: str) -> None:
    with pytest.raises(BadVersion):
        dpkg_compare(nonsense, "1")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("24.09", (24, 9)), ("24.09 beta", (24, 9)), ("v1.2.0", (1, 2)), ("142.0.7444.175", (142, 0, 7444, 175)),
     ("8.0_391", (8, 0, 391)), ("0", (0,)), (" 7.13.0 ", (7, 13))],
)  # fmt: skip
def test_dotted_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert dotted(text) == numbers


@pytest.mark.parametrize("nonsense", ["", "beta", "-1", "x24", "."])
def test_nonsense_has_no_numbers(nonsense: str) -> None:
    with pytest.raises(BadVersion):
        dotted(nonsense)
