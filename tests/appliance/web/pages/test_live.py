"""What changes on an open page: ages, the lamp, panels, an alert that others act on; and what is unknown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import DAY, MINUTE, SECOND
from appliance.language.dates import local
from appliance.report.month import period_of
from appliance.report.service import Sources, collect
from appliance.state.models import Alert, Role
from appliance.web.context import Context
from appliance.web.pages.alerted import columns_of
from appliance.web.pages.pulse import MOMENTS, moments
from tests.appliance.web.conftest import TestBox, app_over
from tests.appliance.web.pages import sample


def test_the_pulse_says_ages_in_words_and_shows_the_lamp(office: TestBox) -> None:
    then = office.context.now() - 3 * MINUTE - SECOND
    said = office.ask("GET", f"/na-zywo/chwile?wiek={then}&od={then},x", office.person(Role.AUDITOR)).json()
    assert said["age"] == {str(then): "3\u00a0min temu"}
    assert said["since"] == {str(then): "od 3\u00a0min"}
    assert 'data-part="lamp"' in said["top"]
    assert said["kind"] == "late"


@given(st.text(alphabet="0123456789,-.٣x ", max_size=500))
def test_any_text_is_read_as_moments(text: str) -> None:
    assert all(0 <= one <= 253_402_300_799_999_999 for one in moments(text))


def test_a_page_asks_for_a_bounded_number_of_moments(office: TestBox) -> None:
    assert len(moments(",".join(map(str, range(MOMENTS + 9))))) == MOMENTS
    assert office.ask("GET", f"/na-zywo/chwile?od={'1,' * 9999}", office.person(Role.AUDITOR)).status_code == 422


def test_every_panel_of_the_wall_has_its_part(office: TestBox) -> None:
    who = office.person(Role.OPERATOR)
    parts = set(re.findall(r'data-part="([^"]+)"', office.ask("GET", "/na-zywo?wszystko=1", who).text))
    assert parts == {"state", "queue", "waiting", "panel-strip", "panel-stations", "panel-watch", "panel-ledger"}
    assert parts | {"lamp"} == set(re.findall(r'data-part="([^"]+)"', office.ask("GET", "/", who).text))


@pytest.mark.parametrize("path", ["/", "/na-zywo", "/na-zywo?wszystko=1", "/?ok=acknowledged"])
def test_a_form_leads_back_to_the_page_that_it_stands_on(office: TestBox, path: str) -> None:
    text = office.ask("GET", path, office.person(Role.OPERATOR)).text
    assert set(re.findall(r'name="back" value="([^"]*)"', text)) == {"/"}


def test_what_others_did_is_told_in_a_line(office: TestBox) -> None:
    who, path = office.person(Role.ADMIN), f"/alerty/{office.alert}"
    before = len(re.findall("<li>", office.ask("GET", f"{path}/na-zywo", who).text)) - 2
    assert office.ask("POST", f"{path}/notatka", who, data={"text": "Sprawdzono <b>"}).status_code == 303
    text = office.ask("GET", f"{path}/na-zywo?bylo={before}", who).text.replace("\u00a0", " ")
    assert "Ktoś zmienił ten alert. Notatka: admin." in text
    assert "<html" not in text
    assert office.ask("GET", "/alerty/999999/na-zywo", who).status_code == 404


def test_newer_events_are_counted(office: TestBox) -> None:
    who = office.person(Role.AUDITOR)
    moment = office.context.now()
    answer = office.ask("GET", f"/zdarzenia/nowsze?po={moment - DAY}&q=base64", who)
    assert re.fullmatch(r"\d+ nowsz\w+ zdarze\w+\.", answer.text.strip())
    for quiet in (f"/zdarzenia/nowsze?po={moment + DAY}", "/zdarzenia/nowsze?po=1&q=(a"):
        assert office.ask("GET", quiet, who).status_code == 204


def test_events_that_raised_alerts_colour_the_foot_of_their_bar(office: TestBox) -> None:
    who = office.person(Role.AUDITOR)
    assert 'class="hot sev-3"' in office.ask("GET", "/zdarzenia", who).text
    assert 'class="hot' not in office.ask("GET", "/zdarzenia?q=git", who).text


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 4))), st.integers(1, 10**5))
def test_a_column_has_its_highest_level(found: list[tuple[int, int]], width: int) -> None:
    for column, level in columns_of(found, 0, width).items():
        assert level == max(one for at, one in found if at // width == column)


def test_an_empty_stretch_says_what_the_history_holds(office: TestBox) -> None:
    answer = office.ask("GET", "/zdarzenia?od=01.01.2001&do=02.01.2001&q=base64", office.person(Role.AUDITOR))
    assert "Poza nim" in answer.text.replace("\u00a0", " ")
    assert "Pokaż całą historię" in answer.text.replace("\u00a0", " ")


@pytest.fixture
def lonely(context: Context) -> TestBox:
    return TestBox(app_over(context), context, "", 0)


def test_what_cannot_be_read_is_unknown_and_never_nothing(lonely: TestBox) -> None:
    who = lonely.person(Role.ADMIN)
    assert "nie wiadomo" not in lonely.ask("GET", "/", who).text.replace("\u00a0", " ")
    lonely.context.dead_letters.close()
    for path in ("/", "/zdrowie"):
        assert "nie wiadomo, brak odpowiedzi" in lonely.ask("GET", path, who).text.replace("\u00a0", " ")


def test_alerts_of_old_events_do_not_alarm(lonely: TestBox) -> None:
    moment = lonely.context.now()
    with lonely.context.sessions.begin() as session:
        session.add(
            Alert(rule_id="r", entity="e", title="Dawno", level=4, host="pc", user="", process="", tags=[], count=1,
                  state="new", late=True, created_at=moment, updated_at=moment,
                  first_event_at=moment - 900 * DAY, last_event_at=moment - 900 * DAY)
        )  # fmt: skip
    text = lonely.ask("GET", "/", lonely.person(Role.ADMIN)).text.replace("\u00a0", " ")
    assert "Nic nowego nie czeka. 1 alert ze starych zdarzeń czeka na ocenę." in text
    assert "najwyższy poziom" not in text


def test_a_report_is_made_from_the_page_and_read(office: TestBox) -> None:
    who = office.person(Role.OPERATOR)
    month = re.search(r'<option value="(\d{4}-\d\d)" selected>', office.ask("GET", "/raporty", who).text)
    assert month is not None
    answer = office.ask("POST", "/raporty", who, data={"month": month[1], "language": "pl"})
    assert answer.status_code == 303
    link = re.search(r'href="(/raporty/\d+\.pdf)"', office.ask("GET", "/raporty", who).text)
    assert link is not None
    file = office.ask("GET", link[1], who)
    assert file.content.startswith(b"%PDF-")
    assert f"czujka-raport-{month[1]}-pl.pdf" in file.headers["content-disposition"]
    assert office.ask("POST", "/raporty", who, data={"month": "2999-01"}).status_code == 422


def test_a_report_tells_of_vulnerabilities_and_of_stations_that_nobody_could_judge(office: TestBox) -> None:
    context = office.context
    moment = context.now()
    with context.sessions() as session:
        sources = Sources(session, context.store, context.dead_letters, context.settings, moment, context.home)
        data = collect(sources, period_of(local(moment).strftime("%Y-%m"), moment), "pl")
    weak = data["vulnerabilities"]
    assert [one["name"] for one in weak["exploited"]] == ["CVE-2025-8088"]
    assert [(one["name"], one["reason"]) for one in weak["accepted"]] == [
        ("CVE-2025-0411", "Stacja bez dostępu do poczty")]  # fmt: skip
    # The station that has them did not tell of its updates, so that not all of it could be judged.
    assert (weak["judged"], weak["feeds"]["made_at"]) == (0, None)
    assert len(weak["not_judged"]) == weak["stations"]
    assert data["posture"]["looked_at"] + len(data["posture"]["not_looked_at"]) == data["posture"]["stations"]


def test_an_own_rule_has_its_plain_title_everywhere(office: TestBox) -> None:
    who = office.person(Role.OPERATOR)
    with office.context.sessions() as session:
        alert = session.query(Alert).filter(Alert.title == "Base64-Decoded Text Piped into a Shell").first()
        assert alert is not None
    plain = "Polecenie ukryte w zapisie base64"
    pages = ("/alerty?stan=all", f"/alerty/{alert.id}", "/reguly?tekst=base64", f"/reguly/{alert.rule_id}")
    for path in pages:
        assert plain in office.ask("GET", path, who).text.replace("\u00a0", " "), path
    assert sample.PASSWORD not in office.ask("GET", pages[0], who).text
