"""Any bytes are a conversation, and a conversation comes back as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.protocols.model import Side
from tests.fuzz.turns import MOST, decoded, encoded

_TURNS = st.lists(st.tuples(st.sampled_from(Side), st.binary(max_size=300)), max_size=MOST)


@given(turns=_TURNS)
def test_a_conversation_comes_back(turns: list[tuple[Side, bytes]]) -> None:
    assert list(decoded(encoded(turns))) == turns


@given(raw=st.binary(max_size=2000))
def test_any_bytes_are_a_bounded_conversation(raw: bytes) -> None:
    assert sum(len(data) for _, data in decoded(raw)) <= len(raw)
    assert len(list(decoded(bytes(1000)))) == MOST
