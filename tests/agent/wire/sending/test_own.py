"""What the agent says of its end."""

from __future__ import annotations

import pytest

from agent.wire.sending import own
from appliance.stations.silence import Silence, stop_of


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "eof"), (b"stop\n", "stop"), (b"shutdown\n", "shutdown"), (b"uninstall\n", "uninstall"),
        (b"shut", "eof"), (b"\xff\0stop", "eof"), (b"SIGTERM\n", "eof"),
    ],
)  # fmt: skip
def test_only_known_words_are_reasons(said: bytes, reason: str) -> None:
    assert own.told_reason(said) == reason


@pytest.mark.parametrize(
    ("reason", "silence"),
    [("shutdown", Silence.OFF), ("stop", Silence.STOPPED), ("uninstall", Silence.UNINSTALLED)],
)
def test_the_box_explains_a_silence_by_the_word_that_was_told(reason: str, silence: Silence) -> None:
    stop = stop_of(own.stopping("b", reason))
    assert stop is not None
    assert stop.kind is silence
