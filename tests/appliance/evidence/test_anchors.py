"""The daily anchor leaves the box: as a file, by mail, and it is what the verifier reads."""

from __future__ import annotations

import mailbox
import os
import shutil
import threading
from dataclasses import replace
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from sqlalchemy import select

from appliance.clock import DAY, HOUR, MINUTE
from appliance.deliver import outbox
from appliance.deliver.round import Courier
from appliance.deliver.texts import Writer, load_catalogue
from appliance.evidence import anchors
from appliance.evidence.chain import seal_of
from appliance.evidence.departure import FAILED, LEFT, UNSET, Departure, departure
from appliance.evidence.keeper import Keeper
from appliance.evidence.ledger import Ledger
from appliance.language.dates import local
from appliance.settings import EvidenceSettings, Mail
from appliance.state.database import writing
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


def test_a_box_without_a_chain_has_no_anchor(box: Box) -> None:
    assert anchors.latest(box.home) is None


def entries(box: Box) -> list[dict[str, Any]]:
    with Ledger(box.home.evidence) as ledger:
        return [entry["payload"] for entry in ledger.of_kind("anchor")]


def over(box: Box, **changed: object) -> Keeper:
    """The keeper of the same box with other ways for its anchors."""
    mail = Mail(host=str(changed.pop("host", "")))
    settings = box.settings.model_copy(update={"evidence": EvidenceSettings(**changed), "mail": mail})
    return replace(box.keeper, settings=settings)


def left(box: Box, keeper: Keeper) -> Departure:
    with Ledger(box.home.evidence) as ledger, box.sessions() as session:
        return departure(ledger, session, keeper.settings)


def second_day(box: Box) -> None:
    box.keeper.round()
    anchors.make(box.keeper)
    box.now += DAY


def test_an_anchor_that_left_by_no_way_is_told_as_such(box: Box) -> None:
    second_day(box)
    keeper = over(box)
    assert left(box, keeper) == Departure("", "", ())
    assert anchors.make(keeper) is not None
    assert [one["ways"] for one in entries(box)] == [[]]
    found = left(box, keeper)
    assert (found.left, found.missing, found.made) == ("", True, local(box.now).date().isoformat())
    assert [(one.name, one.state) for one in found.ways] == [("folder", UNSET), ("mail", UNSET)]


def test_a_way_that_is_set_later_takes_the_anchor_of_the_day(box: Box) -> None:
    second_day(box)
    assert anchors.make(over(box)) is not None
    box.now += HOUR
    assert anchors.make(box.keeper) is not None
    assert [one["ways"] for one in entries(box)] == [[], ["folder"]]
    assert len({one["hash"] for one in entries(box)}) == 1
    assert anchors.make(box.keeper) is None
    found = left(box, box.keeper)
    assert (found.missing, found.left) == (False, found.made)
    assert box.faults(anchors=anchors_in(box)) == []


def test_mail_leaves_while_the_folder_is_away(box: Box) -> None:
    second_day(box)
    shutil.rmtree(share(box))
    keeper = over(box, folder=share(box), recipients=["a@urzad.example"], host="mail.urzad.example")
    for _ in range(3):
        anchors.make(keeper)
        box.now += MINUTE
    (entry,) = entries(box)
    assert entry["ways"] == ["mail"]
    assert "No such file" in entry["failed"]["folder"]
    with box.sessions() as session:
        assert session.scalars(select(Outbox.target)).all() == ["a@urzad.example"]
    ways = {one.name: one for one in left(box, keeper).ways}
    assert (ways["folder"].state, ways["mail"].state) == (FAILED, outbox.WAITING)
    assert "No such file" in ways["folder"].reason
    share(box).mkdir()
    anchors.make(keeper)
    assert [one["ways"] for one in entries(box)] == [["mail"], ["folder"]]
    assert not left(box, keeper).missing
    assert box.faults(anchors=anchors_in(box)) == []


def test_mail_that_nobody_takes_has_not_left_and_says_why(box: Box) -> None:
    second_day(box)
    keeper = over(box, recipients=["a@urzad.example"], host="127.0.0.1")
    anchors.make(keeper)
    assert not left(box, keeper).missing, "it has only just been written"
    with writing(box.sessions) as session:
        (row,) = session.scalars(select(Outbox)).all()
        outbox.record(session, row.id, "ConnectionRefusedError: 127.0.0.1:25", box.now)
    found = left(box, keeper)
    assert (found.missing, found.left, found.ways[1].state) == (True, "", FAILED)
    assert found.ways[1].reason == "ConnectionRefusedError: 127.0.0.1:25"
    with writing(box.sessions) as session:
        outbox.record(session, row.id, None, box.now)
    found = left(box, keeper)
    assert (found.missing, found.left, found.ways[1].state) == (False, found.made, LEFT)


def test_mail_without_a_server_stays_on_the_box(box: Box) -> None:
    """It lies in the box's own mailbox then."""
    second_day(box)
    keeper = over(box, recipients=["a@urzad.example"])
    anchors.make(keeper)
    assert entries(box)[0]["ways"] == []
    with box.sessions() as session:
        assert len(session.scalars(select(Outbox.id)).all()) == 1
    found = left(box, keeper)
    assert (found.missing, found.ways[1].state) == (True, UNSET)


def test_a_clock_that_was_ahead_once_does_not_end_the_anchors(box: Box) -> None:
    second_day(box)
    box.now += 400 * DAY
    assert anchors.make(box.keeper) is not None
    box.now -= 400 * DAY
    assert anchors.make(box.keeper) is not None
    assert anchors.make(box.keeper) is None


def test_a_folder_that_hangs_does_not_hold_up_the_chain(box: Box) -> None:
    """As a file share does whose machine is gone: here a pipe that nobody reads."""
    second_day(box)
    pipe = share(box) / f".{anchors.NAME.format(day=local(box.now).date().isoformat())}.new"
    os.mkfifo(pipe)
    thread = threading.Thread(target=anchors.make, args=(box.keeper,))
    thread.start()
    try:
        box.append(3)
        with box.keeper.open(wait_seconds=5):
            pass
        assert thread.is_alive()
    finally:
        pipe.read_bytes()
        thread.join()
    assert list(entries(box)[0]["failed"]) == ["folder"]
