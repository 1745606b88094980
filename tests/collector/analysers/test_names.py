"""Labels that people chose are told from labels of machines."""

from __future__ import annotations

import random
import string
from collections import Counter

import pytest

from collector.analysers.names import EDGE, GENERATED, SIGNS, entropy, model, surprise
from tests.collector.analysers.train_names import held_back, words

CHOICE = random.Random(20_261_122)
COUNT = 2000


@pytest.fixture(scope="module")
def unseen() -> list[str]:
    """Words that the model was not made of."""
    return [word for word in words() if held_back(word)]


def generated(signs: str, length: int) -> list[str]:
    return ["".join(CHOICE.choice(signs) for _ in range(length)) for _ in range(COUNT)]


def share(labels: list[str]) -> float:
    """The part of labels that looks made by a machine."""
    return sum(surprise(label) >= GENERATED for label in labels) / len(labels)


def test_words_and_names_look_chosen(unseen: list[str]) -> None:
    assert len(unseen) > 1000
    assert share([word for word in unseen if len(word) >= 8]) < 0.01
    assert share([CHOICE.choice(unseen) + CHOICE.choice(unseen) for _ in range(COUNT)]) < 0.01
    assert (
        share([f"{CHOICE.choice(unseen)}-{CHOICE.choice(unseen)}{CHOICE.randint(1, 99)}" for _ in range(COUNT)]) < 0.1
    )


@pytest.mark.parametrize(
    ("signs", "length", "least"),
    [
        (string.ascii_lowercase, 12, 0.95),
        (string.ascii_lowercase, 8, 0.90),
        (string.ascii_lowercase + string.digits, 12, 0.97),
        ("0123456789abcdef", 18, 0.97),
        ("abcdefghijklmnopqrstuvwxyz234567", 32, 0.99),
    ],
)
def test_random_letters_and_encoded_data_look_generated(signs: str, length: int, least: float) -> None:
    assert share(generated(signs, length)) >= least


def test_the_model_is_one_of_chances() -> None:
    rows = model()
    assert len(rows) == len(SIGNS + EDGE)
    assert all(len(row) == len(rows) for row in rows)
    assert all(0.98 < sum(2 ** (-bits / 100) for bits in row) < 1.02 for row in rows)


def test_any_text_has_a_surprise() -> None:
    assert surprise("") == 0
    assert surprise("ż ó\x00" * 50) > 0


def test_entropy_is_that_of_the_signs() -> None:
    assert entropy(Counter("01" * 8)) == 1
    assert entropy(Counter()) == 0
