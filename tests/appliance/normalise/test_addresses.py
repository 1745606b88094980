"""Addresses: what is told quickly is what `ipaddress` says."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.normalise.common import short_address

octets = st.integers(0, 300).map(str) | st.sampled_from(["", "00", "01", "007", "٣", "²", "1 ", "+1", "0x1", "1_0"])
dotted = st.lists(octets, min_size=3, max_size=5).map(".".join)
shapes = st.sampled_from(
    ["{}", "::ffff:{}", "::{}", "64:ff9b::{}", "{}%1", "{}/8", " {}", "{}\n", "{}\0", "[{}]", "{}."]
)
groups = st.lists(st.sampled_from(["", "0", "1", "ffff", "FE80", "00ab", "12345", "g"]), max_size=9).map(":".join)


def plainly(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


@settings(max_examples=500, deadline=None)
@given(
    text=st.ip_addresses().map(str)
    | st.builds(str.format, shapes, dotted | st.ip_addresses(v=4).map(str))
    | groups
    | st.builds("{}%{}".format, groups, st.text(max_size=3))
    | st.text(max_size=20)
)
def test_a_short_address_is_what_ipaddress_says(text: str) -> None:
    assert short_address(text) == (plainly(text) if 2 <= len(text) <= 45 else None)


@pytest.mark.parametrize("text", ["1" * 46, ":" * 46, "", "1", None, 5, ("10.0.0.1",)])
def test_what_cannot_be_an_address_is_none(text: object) -> None:
    assert short_address(text) is None
