"""What the kernel says of a network card (sysfs-class-net): what it lost, and whether a cable is in it."""

from __future__ import annotations

from pathlib import Path

CARDS = Path("/sys/class/net")
_LOST = ("rx_missed_errors", "rx_dropped")
"""Frames for which the card had no room, and those that the kernel let fall before anybody could read them."""


def exists(name: str, cards: Path = CARDS) -> bool:
    """Tell whether a card is there."""
    return (cards / name).exists()


def missed(name: str, cards: Path = CARDS) -> int:
    """Return how many frames a card has lost since it is there; 0 where it does not say."""
    return sum(_number(cards / name / "statistics" / counter) for counter in _LOST)


def carrier(name: str, cards: Path = CARDS) -> bool:
    """Tell whether a card is up and has a link; a card that cannot say has one."""
    try:
        return (cards / name / "carrier").read_text("ascii").strip() != "0"
    except FileNotFoundError:
        return True
    except OSError:  # a card that is not up does not answer
        return False


def _number(path: Path) -> int:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return 0
