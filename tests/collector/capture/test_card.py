"""What the kernel says of a card."""

from __future__ import annotations

from pathlib import Path

from collector.capture import card


def test_the_loopback_card_is_there_and_has_a_link() -> None:
    assert (card.exists("lo"), card.carrier("lo")) == (True, True)
    assert card.missed("lo") >= 0


def test_what_a_card_lost_is_the_sum_of_its_counters(tmp_path: Path) -> None:
    counters = tmp_path / "eth1" / "statistics"
    counters.mkdir(parents=True)
    (counters / "rx_missed_errors").write_text("7\n")
    assert card.missed("eth1", tmp_path) == 7
    (counters / "rx_dropped").write_text("5\n")
    assert card.missed("eth1", tmp_path) == 12
    (counters / "rx_dropped").write_text("?")
    assert card.missed("eth1", tmp_path) == 7
    assert card.missed("eth2", tmp_path) == 0


def test_a_card_without_a_cable_says_so(tmp_path: Path) -> None:
    (tmp_path / "eth1").mkdir()
    assert card.carrier("eth1", tmp_path)
    (tmp_path / "eth1" / "carrier").write_text("0\n")
    assert not card.carrier("eth1", tmp_path)
    (tmp_path / "eth1" / "carrier").unlink()
    (tmp_path / "eth1" / "carrier").mkdir()  # reading fails, as with a card that is not up
    assert not card.carrier("eth1", tmp_path)
