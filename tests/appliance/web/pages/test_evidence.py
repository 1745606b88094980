"""The page of the evidence chain: its state, and packs that the standalone verifier takes."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from appliance.clock import DAY
from appliance.evidence import anchors
from appliance.evidence.keeper import Keeper
from appliance.evidence.verify import PackCheck
from appliance.language.dates import local
from appliance.report.month import period_of
from appliance.report.service import Sources, collect
from appliance.settings import ElasticSettings, EvidenceSettings, StoreSettings
from appliance.state.database import writing
from appliance.state.models import Operation, Role, User
from appliance.web.pages.render import catalogue
from tests.appliance.web.conftest import TestBox


@pytest.fixture(scope="module")
def sealed(office: TestBox) -> TestBox:
    """The filled box with a chain."""
    context = office.context
    assert "Łańcuch jeszcze nie powstał" in office.ask("GET", "/dowody", office.person(Role.AUDITOR)).text
    Keeper(context.home, context.settings, context.sessions).round()
    return office


def key_of(office: TestBox) -> str:
    text = office.ask("GET", "/dowody", office.person(Role.AUDITOR)).text
    found = re.search(r"<code>((?:[0-9a-f]{4} ){15}[0-9a-f]{4})</code>", text)
    assert found is not None
    return found[1].replace(" ", "")


@pytest.mark.parametrize("language", ["pl", "en"])
def test_the_page_shows_the_chain_and_its_key(sealed: TestBox, language: str) -> None:
    who = sealed.person(Role.AUDITOR, f"audytor.{language}")
    with writing(sealed.context.sessions) as session:
        session.execute(update(User).where(User.login == f"audytor.{language}").values(language=language))
    answer = sealed.ask("GET", "/dowody", who)
    assert answer.status_code == 200
    assert catalogue().text("evidence.last_seal", language) in answer.text.replace("\u00a0", " ")
    assert len(key_of(sealed)) == 64
    assert 'action="/dowody/paczka"' in answer.text


def test_the_monthly_report_has_the_newest_seal(sealed: TestBox) -> None:
    context = sealed.context
    moment = context.now()
    with context.sessions() as session:
        sources = Sources(session, context.store, context.dead_letters, context.settings, moment, context.home)
        data = collect(sources, period_of(local(moment).strftime("%Y-%m"), moment), "pl")
    assert data["anchor"]["key"] == key_of(sealed)


def test_an_anchor_that_stayed_on_the_box_is_told_on_three_pages(sealed: TestBox, tmp_path: Path) -> None:
    context = sealed.context
    tomorrow = context.now() + DAY
    keeper = Keeper(context.home, context.settings, context.sessions, lambda: tomorrow)
    day = local(tomorrow).date().isoformat()
    missing = f"Kotwica z dnia {day} nie opuściła urządzenia."
    assert anchors.make(replace(keeper, now=context.now)) is None
    assert "Kotwica z dnia" not in shown(sealed, "/dowody")
    assert anchors.make(keeper) is not None
    assert missing in shown(sealed, "/dowody")
    assert missing in shown(sealed, "/zdrowie")
    assert "żadna nie opuściła urządzenia" in shown(sealed, "/dowody")
    with context.sessions() as session:
        sources = Sources(session, context.store, context.dead_letters, context.settings, tomorrow, context.home)
        data = collect(sources, period_of(local(tomorrow).strftime("%Y-%m"), tomorrow), "pl")
    assert data["anchored"] == {"left": "", "made": day, "missing": True}
    away = context.settings.model_copy(update={"evidence": EvidenceSettings(folder=tmp_path / "away")})
    anchors.make(replace(keeper, settings=away))
    there = replace(sealed, context=replace(context, settings=away))
    assert all(part in shown(there, "/dowody") for part in ("nie udało się wysłać", "No such file", missing))
    (tmp_path / "away").mkdir()
    anchors.make(replace(keeper, settings=away))
    assert "Kotwica z dnia" not in shown(there, "/zdrowie")
    assert f"<td>{day}</td>" in shown(there, "/dowody")


def shown(box: TestBox, path: str) -> str:
    answer = box.ask("GET", path, box.person(Role.AUDITOR))
    assert answer.status_code == 200
    return answer.text.replace("\u00a0", " ")


@pytest.mark.parametrize("case", [True, False])
def test_an_auditor_takes_a_pack_that_holds(sealed: TestBox, case: bool) -> None:
    day = local(sealed.context.now()).date().isoformat()
    form = {"alert": str(sealed.alert)} if case else {"first": day, "last": day}
    who = sealed.person(Role.AUDITOR)
    answer = sealed.ask("POST", "/dowody/paczka", who, data=form)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    check = PackCheck(zipfile.ZipFile(io.BytesIO(answer.content)), key_of(sealed), [])
    assert [str(fault) for fault in check.run()] == []
    with sealed.context.sessions() as session:
        last = session.query(Operation).order_by(Operation.id.desc()).first()
        assert last is not None
        assert last.action == "evidence.exported"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 422),
        ({"first": "2026-01-01", "last": "2026-02-01"}, 422),
        ({"first": "2026-01-02", "last": "2026-01-01"}, 422),
        ({"first": "9999-12-31", "last": "9999-12-31"}, 422),
        ({"alert": "-1"}, 422),
        ({"alert": "jeden"}, 422),
        ({"alert": "999999"}, 409),
    ],
)
def test_a_form_that_names_nothing_is_told_why(sealed: TestBox, form: dict[str, str], status: int) -> None:
    answer = sealed.ask("POST", "/dowody/paczka", sealed.person(Role.OPERATOR), data=form)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text


def test_a_cluster_that_is_away_is_named_as_the_cause(sealed: TestBox) -> None:
    day = local(sealed.context.now()).date().isoformat()
    settings = sealed.context.settings
    store = StoreSettings(kind="elasticsearch", elasticsearch=ElasticSettings(hosts=["https://127.0.0.1:9"]))
    context = replace(sealed.context, settings=settings.model_copy(update={"store": store}))
    afar = replace(sealed, context=context)
    for form in ({"first": day, "last": day}, {"alert": "999999"}):
        answer = afar.ask("POST", "/dowody/paczka", sealed.person(Role.OPERATOR), data=form)
        key = "evidence.no_alert" if "alert" in form else "evidence.away"
        assert answer.status_code == 409
        assert catalogue().text(key, "pl").split(".")[0].replace("\u00a0", " ") in answer.text.replace("\u00a0", " ")
        assert "<code>czujka verify --events</code>" in answer.text.replace("\u00a0", " ")


def test_a_chain_that_cannot_be_read_does_not_break_the_page(sealed: TestBox) -> None:
    path = sealed.context.home.evidence
    kept = {file: file.read_bytes() for file in path.parent.glob("evidence.db*")}
    for file in kept:
        file.write_bytes(b"x" * 5000)
    answer = sealed.ask("GET", "/dowody", sealed.person(Role.AUDITOR))
    for file, content in kept.items():
        file.write_bytes(content)
    assert (answer.status_code, "Łańcucha nie da się odczytać" in answer.text) == (200, True)


def test_a_pack_without_damaged_events_is_given_and_called_incomplete(sealed: TestBox) -> None:
    """The last test of this box: it damages its store."""
    store = sealed.context.home.store
    for path in store.glob("*.parquet"):
        path.write_bytes(b"")
    day = local(sealed.context.now()).date().isoformat()
    who = sealed.person(Role.AUDITOR)
    answer = sealed.ask("POST", "/dowody/paczka", who, data={"first": day, "last": day})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"].endswith('-niepelna.zip"')
    check = PackCheck(zipfile.ZipFile(io.BytesIO(answer.content)), key_of(sealed), [])
    assert [str(fault) for fault in check.run()] == []
    assert check.lacking
    assert sealed.context.store.count("*") == 0
    assert catalogue().text("evidence.incomplete", "pl").replace("\u00a0", " ") in shown(sealed, "/dowody")
