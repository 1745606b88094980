"""The daily anchor leaves the box: as a file, by mail, and it is what the verifier reads."""

from __future__ import annotations

import mailbox
import shutil
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest
from sqlalchemy import select

from appliance.clock import DAY, HOUR
from appliance.deliver.round import Courier
from appliance.deliver.texts import Writer, load_catalogue
from appliance.evidence import anchors
from appliance.evidence.verify import seal_of
from appliance.state.models import Outbox
from tests.appliance.evidence.conftest import Box


def share(box: Box) -> Path:
    folder = box.settings.evidence.folder
    assert folder is not None
    return folder


def test_an_anchor_is_made_once_a_day_from_the_second_day_on(box: Box) -> None:
    box.append(3)
    box.keeper.round()
    assert anchors.make(box.keeper) is None
    box.now += 2 * HOUR
    assert anchors.make(box.keeper) is None
    for day in (1, 2):
        box.now += DAY
        box.append(3)
        box.keeper.round()
        made = anchors.make(box.keeper)
        assert made is not None
        assert anchors.make(box.keeper) is None
        assert len(list(share(box).iterdir())) == day
    assert box.kinds().count("anchor") == 2
    assert box.faults(anchors=anchors_in(box)) == []


def anchors_in(box: Box) -> list[Path]:
    return sorted(share(box).glob("czujka-kotwica-*.json"))


def test_an_anchor_travels_by_mail_through_the_outbox(box: Box) -> None:
    box.keeper.round()
    anchors.make(box.keeper)
    box.now += DAY
    made = anchors.make(box.keeper)
    assert made is not None
    writer = Writer(load_catalogue(), box.settings, lambda _alert, _events: None)
    assert Courier(box.home, box.settings, box.sessions, writer, lambda: box.now).deliver_due() == 1
    with box.sessions() as session:
        assert session.scalars(select(Outbox.state)).all() == ["delivered"]
    kept = mailbox.Maildir(box.home.mailbox, create=False)
    (letter,) = (BytesParser(policy=policy.default).parsebytes(bytes(one)) for one in kept)
    kept.close()
    body = letter.get_body()
    assert body is not None
    text = body.get_content()
    assert letter["Subject"].startswith("Kotwica dowodów Czujki: wpis ")
    (line,) = (line for line in text.splitlines() if line.startswith("{"))
    assert seal_of(line.encode())["number"] == made.seal["number"]
    assert " ".join(box.key[at : at + 4] for at in range(0, 64, 4)) in text


def test_an_anchor_that_cannot_be_written_is_tried_again_and_mailed_once(box: Box) -> None:
    box.keeper.round()
    anchors.make(box.keeper)
    box.now += DAY
    shutil.rmtree(share(box))
    for _ in range(2):
        with pytest.raises(OSError, match=r"czujka-kotwica"):
            anchors.make(box.keeper)
    share(box).mkdir()
    assert anchors.make(box.keeper) is not None
    with box.sessions() as session:
        assert len(session.scalars(select(Outbox.id)).all()) == 1


def test_a_box_without_a_chain_has_no_anchor(box: Box) -> None:
    assert anchors.latest(box.home) is None
