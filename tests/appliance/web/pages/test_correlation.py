"""A correlation's alert on its page, in the lists and in the API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import rules
from appliance.alerts.grouping import apply
from appliance.clock import DAY, SECOND
from appliance.detect import Engine, load_rules
from appliance.detect.correlation.correlator import FOREVER, Correlator
from appliance.detect.correlation.hits import hits_for
from appliance.detect.selftest import CORRELATIONS, EVENTS
from appliance.detect.visibility import State
from appliance.language.dates import local
from appliance.normalise import Source, normalise
from appliance.pipeline.correlating import Correlating
from appliance.pipeline.work import keep
from appliance.state.database import writing
from appliance.state.models import Alert, Role
from tests.appliance.web.conftest import AGENT, TestBox, app_over
from tests.appliance.web.pages import sample

SPRAYING, GUESSED = "340fb289-b263-5080-83f7-429b93d4d9b1", "13b31b19-fb65-5dcf-809b-dceb331a14ff"


@pytest.fixture(scope="module")
def correlated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBox]:
    """A box with an alert of spraying and one of a guessed password, made as the pipeline makes them."""
    ruleset = load_rules([rules.ROOT / "sigma" / "windows" / "security", rules.ROOT / "sigma" / "linux", CORRELATIONS])
    context = sample.make_context(tmp_path_factory.mktemp("correlated") / "home", ruleset)
    engine, reader = Engine(ruleset), hits_for(ruleset)
    correlating = Correlating(Correlator(ruleset, lateness=FOREVER))
    for name in ("windows_password_spraying", "windows_guessed_password"):
        lines = (EVENTS / "correlation" / name / "match.ndjson").read_bytes().split(b"\n\n")[0].splitlines()
        for line in lines:
            event = normalise(line, Source(AGENT, context.now()))
            offer = reader.read(event, engine.match(event))
            if offer is not None:
                correlating.take(keep(event), offer)
    with writing(context.sessions) as session:
        apply(session, correlating.hits(), context.now(), context.settings)
    yield TestBox(app_over(context), context, SPRAYING, _alert(context.sessions, SPRAYING))
    for part in (context.store, context.journal, context.dead_letters):
        part.close()
    context.sessions.kw["bind"].dispose()


def _alert(sessions: object, rule: str) -> int:
    with sessions() as session:  # type: ignore[operator]
        number: int = session.query(Alert.id).filter(Alert.rule_id == rule).scalar()
        return number


def test_the_page_says_what_correlated(correlated: TestBox) -> None:
    text = correlated.ask("GET", f"/alerty/{correlated.alert}", correlated.person(Role.OPERATOR)).text
    plain = text.replace("\xa0", " ")
    for said in ("liczba różnych wartości", "co najmniej 8", "30 min", "10.20.0.66", "anna.nowak", "TargetUserName"):
        assert said in plain, said
    assert 'href="/reguly/7028f18f-c4ee-52e7-ae6d-b4bc0f42b2d7"' in text
    assert text.count('class="rowlink"') == 22, "both scenes come from one address"


def test_a_chain_is_told_by_its_links(correlated: TestBox) -> None:
    number = _alert(correlated.context.sessions, GUESSED)
    text = correlated.ask("GET", f"/alerty/{number}", correlated.person(Role.OPERATOR)).text
    assert "zdarzenia po kolei" in text
    assert "(także korelacja)" in text
    assert "anna.nowak" in text


def test_the_api_explains_a_correlation(correlated: TestBox) -> None:
    answer = correlated.get(f"/alerts/{correlated.alert}/explanation", correlated.person(Role.OPERATOR)).json()
    assert answer["rule_id"] == SPRAYING
    told = answer["correlation"]
    assert (told["kind"], told["condition"], told["number"], told["timespan"]) == (
        "value_count",
        "gte 8",
        9,
        1800 * SECOND,
    )
    assert told["group"] == [["IpAddress", "10.20.0.66"]]
    assert [(part["id"], part["count"]) for part in told["parts"]] == [("7028f18f-c4ee-52e7-ae6d-b4bc0f42b2d7", 22)]


def test_correlations_stand_among_the_rules(correlated: TestBox) -> None:
    person = correlated.person(Role.OPERATOR)
    assert "korelacja: liczba różnych wartości" in correlated.ask("GET", "/reguly?tekst=340fb289", person).text
    page = correlated.ask("GET", f"/reguly/{SPRAYING}", person).text
    assert "type: value_count" in page
    assert correlated.get(f"/rules/{SPRAYING}", person).json()["correlation"] == "value_count"
    listed = correlated.ask("GET", f"/alerty?stan=all&regula={SPRAYING}", person).text
    assert "10.20.0.66" in listed or "SRV-EZD" in listed
    item = next(item for item in correlated.get("/rules", person).json()["items"] if item["id"] == SPRAYING)
    assert (item["origin"], item["off"], item["sight"]) == ("shipped", None, "silent")
    assert f'href="/reguly/{SPRAYING}"' in correlated.ask("GET", "/reguly?stan=wlaczone&tekst=340fb289", person).text
    assert f'href="/reguly/{SPRAYING}"' in correlated.ask("GET", "/reguly?stan=bez-danych", person).text
    rule = correlated.context.rules().rules[0].id
    assert correlated.get(f"/rules/{rule}", person).json()["sight"] in set(State)


def test_a_report_and_the_other_lists_take_it(correlated: TestBox) -> None:
    person = correlated.person(Role.OPERATOR)
    for path in ("/", "/alerty?stan=all", "/zdarzenia", "/zdrowie"):
        assert correlated.ask("GET", path, person).status_code == 200


BASE = "7028f18f-c4ee-52e7-ae6d-b4bc0f42b2d7"
"""Failed sign-in: informational, serves correlations."""


def test_a_base_rule_is_at_work_for_its_correlations(correlated: TestBox) -> None:
    who = correlated.person(Role.AUDITOR)
    item = correlated.get(f"/rules/{BASE}", who).json()
    assert (item["off"], item["silent"]) == (None, True)
    assert SPRAYING in item["serves"]
    assert correlated.get(f"/rules/{SPRAYING}", who).json()["silent"] is False
    listing = correlated.ask("GET", f"/reguly?tekst={BASE}", who).text
    page = correlated.ask("GET", f"/reguly/{BASE}", who).text
    for text in (listing, page):
        assert "służy korelacjom" in text
        assert f'href="/reguly/{SPRAYING}"' in text
        assert "wyłączona:" not in text
    assert "sama nie daje alertów" in page.replace("\xa0", " ")
    for row in ("sluza", "wlaczone"):
        assert f'href="/reguly/{BASE}"' in correlated.ask("GET", f"/reguly?stan={row}&tekst={BASE}", who).text
    assert f'href="/reguly/{BASE}"' not in correlated.ask("GET", f"/reguly?stan=wylaczone&tekst={BASE}", who).text


def test_correlations_see_what_their_rules_see(correlated: TestBox) -> None:
    who, ruleset = correlated.person(Role.AUDITOR), correlated.context.rules()
    answer = correlated.get("/rules/visibility", who).json()
    items = {one["rule_id"]: one for one in answer["items"]}
    sound = [one for one in ruleset.correlations if one.id in items]
    assert sum(answer["states"].values()) == len(items) == len(ruleset.rules) + len(sound)
    assert items[SPRAYING]["state"] == items[BASE]["state"] == "silent"
    assert items[SPRAYING]["without"] == [BASE]
    assert correlated.get(f"/rules/{SPRAYING}", who).json()["sight"] == "silent"
    page = correlated.ask("GET", f"/reguly/{SPRAYING}", who).text.replace("\xa0", " ")
    assert "Co widzi ta korelacja" in page
    assert "Nie przychodzą zdarzenia, które łączy ta korelacja" in page
    assert f'href="/reguly/{BASE}"' in page
    technique = {one["id"]: one for one in correlated.get("/rules/coverage", who).json()["techniques"]}
    tagged = [[one for one in part if "attack.t1110.003" in one.tags] for part in (ruleset.rules, sound)]
    assert tagged[1]
    assert technique["T1110.003"]["rules"] == sum(map(len, tagged))
    assert technique["T1110.003"]["fired"] == 1, "the spraying has an alert"


def test_an_exception_of_a_correlations_alert_is_one_for_a_rule_that_it_stands_on(correlated: TestBox) -> None:
    person = correlated.person(Role.ADMIN)
    number = _alert(correlated.context.sessions, GUESSED)
    assert f'href="/wyjatki/nowy?alert={number}"' in correlated.ask("GET", f"/alerty/{number}", person).text
    page = correlated.ask("GET", f"/wyjatki/nowy?alert={number}", person).text
    assert "Pola do wyboru pochodzą ze zdarzenia jednej z nich" in page.replace("\xa0", " ")
    assert f'name="regula" value="{BASE}"' in page
    other = next(one.id for one in correlated.context.rules().rules if one.name == "security_network_logon")
    assert f"regula={other}" in page
    assert f'name="regula" value="{other}"' in (
        correlated.ask("GET", f"/wyjatki/nowy?alert={number}&regula={other}", person).text
    )
    stranger = correlated.context.rules().rules[0].id
    assert correlated.ask("GET", f"/wyjatki/nowy?alert={number}&regula={stranger}", person).status_code == 404
    chosen = {"chosen": "0", "field": "source.ip", "how": "is", "value": "10.20.0.66\r\n10.20.0.67\r\n"}
    last = local(correlated.context.now() + DAY).date().isoformat()
    form = {**chosen, "alert": str(number), "regula": BASE, "reason": "Skaner urzędu", "last": last}
    tried = correlated.ask("POST", "/wyjatki/nowy", person, data={**form, "step": "preview"}).text.replace("\xa0", " ")
    assert "Nie powstałyby też 3 z 3 alertów korelacji" in tried
    made = correlated.ask("POST", "/wyjatki/nowy", person, data={**form, "step": "send"})
    assert made.status_code == 303
    shown = correlated.ask("GET", made.headers["location"].split("?")[0], person).text.replace("\xa0", " ")
    assert "<code>10.20.0.66</code> lub <code>10.20.0.67</code>" in shown
    item = correlated.get("/exceptions", person).json()["items"][0]
    assert (item["rule_id"], [one["value"] for one in item["conditions"]]) == (BASE, ["10.20.0.66", "10.20.0.67"])


def test_an_exception_for_a_correlation_itself_names_the_rules_to_except(correlated: TestBox) -> None:
    body = {
        "rule_id": SPRAYING,
        "conditions": [{"field": "source.ip", "value": "10.20.0.66"}],
        "reason": "EZD",
        "expires_at": correlated.context.now() + DAY,
    }
    answer = correlated.ask("POST", "/api/v1/exceptions/preview", correlated.person(Role.ADMIN), json=body)
    assert answer.status_code == 422
    assert BASE in answer.json()["detail"]
