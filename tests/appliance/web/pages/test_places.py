"""Texts with signs that nobody sees, where HTML has no room for elements: attributes, and fields of forms."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from sqlalchemy import select

from agent.wire.event import event_id
from appliance.alerts.grouping import Hit, apply
from appliance.clock import now
from appliance.detect import Engine, Event
from appliance.state.database import writing
from appliance.state.models import AlertHistory, Role
from appliance.web.pages.places import Place
from appliance.web.pages.render import environment
from tests.appliance.web.conftest import TestBox
from tests.appliance.web.pages import sample

ODD = 'a\u202e"<b>\u200b'
SPELLED = "a[U+202E]&#34;&lt;b&gt;[U+200B]"
RAW = "a\u202e&#34;&lt;b&gt;\u200b"
COMMAND = "echo aGVsbG8= | base64 -d | sh\r\n# \u202edcba"


class Parsed(HTMLParser):
    """The attributes of a page, what its fields of several lines hold, and the values of the others, by name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str | None]] = []
        self.fields: dict[str, list[str]] = {}
        self.inputs: dict[str, list[str]] = {}
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        told = dict(attrs)
        if tag == "input":
            self.inputs.setdefault(str(told.get("name")), []).append(told.get("value") or "")
        if tag == "textarea":
            self._open = str(told["name"])
            self.fields.setdefault(self._open, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = "" if tag == "textarea" else self._open

    def handle_data(self, data: str) -> None:
        if self._open:
            self.fields[self._open][-1] += data


@pytest.mark.parametrize(
    ("template", "page"),
    [
        ("<p>{{ x }}</p>", 'a<span class="odd">[U+202E]</span>&#34;&lt;b&gt;<span class="odd">[U+200B]</span>'),
        ('<p title="{{ x }}">', SPELLED),
        ('<p aria-label="{% if x %}{{ x }}{% endif %}">', SPELLED),
        ("<title>{{ x }}</title>", SPELLED),
        ("{% block title %}{{ x }}{% endblock %}", SPELLED),
        ('<a data-v="{{ x }}">', RAW),
        ("<a data-v = '{{ x ~ \"\" }}'>", RAW),
        ('<input type="text" value="{{ x if x else \'\' }}">', RAW),
        ('<p>1 > 0 < 2</p><!-- "<a b=" --><textarea rows="2" name="{{ y }}">{{ x }}</textarea>', RAW),
        ('<p class="a{{ y }}">{{ y }}</p><input value="{{ x }}">', RAW),
    ],
)
def test_a_text_is_written_as_its_place_takes_it(template: str, page: str) -> None:
    written = environment("pl").from_string(template).render(x=ODD, y="y")
    before, _, after = re.sub("{%.*?%}", "", template).partition("{{ x")
    assert written == before.replace("{{ y }}", "y") + page + after.partition("}}")[2]


def test_behind_what_a_page_calls_itself_is_text() -> None:
    template = environment("pl").from_string(
        "{% block title %}t{% endblock %}{% block b %}{{ x }}{% endblock %}{{ x }}"
    )
    assert template.render(x="\u202e") == "t" + 2 * '<span class="odd">[U+202E]</span>'


def test_texts_of_the_catalogue_have_no_elements_there_either() -> None:
    template = environment("pl").from_string("<p aria-label=\"{{ t('exceptions.use_field', field=x) }}\">")
    assert "[U+202E]&#34;" in template.render(x=ODD)
    assert "<span" not in template.render(x=ODD)


def test_numbers_and_what_is_not_text_stay_what_they_are() -> None:
    template = environment("pl").from_string('<p data-n="{{ n + 1 }}" data-o="{{ o }}">{{ n }}</p>')
    assert template.render(n=7, o=None) == '<p data-n="8" data-o="None">7</p>'


def test_a_place_is_found_behind_pieces_of_html() -> None:
    place = Place()
    assert place.filter is None
    for piece, wanted in (
        ('<p class="a ', "itself"), ('" title="', "read"), ('"', None), (">", None), ("a = 'b", None),
        ("</p><textarea>", "itself"), ("<p x='", "itself"), ("</textarea>", None), ("<!-- <a b=\" -->", None),
    ):  # fmt: skip
        place.over(piece)
        assert place.filter == wanted, piece


@pytest.fixture(scope="module")
def alert(office: TestBox) -> int:
    event: Event = {
        **sample.started(9500, now(), "pc-kadry-01", "www-data", COMMAND),
        "event.id": event_id("odd", 1),
    }
    engine = Engine(office.context.rules())
    rule = next(one for one in engine.match(event) if COMMAND in engine.matched_fields(one, event).values())
    with writing(office.context.sessions) as session:
        return apply(session, [Hit(rule, dict(event))], now(), office.context.settings)[0]


def test_a_reason_of_two_lines_comes_back_as_it_was(office: TestBox, alert: int) -> None:
    operator = office.person(Role.OPERATOR)
    offered = Parsed(office.ask("GET", f"/wyjatki/nowy?alert={alert}", operator).text)
    fields = offered.inputs["field"]
    form: dict[str, Any] = {
        "alert": str(alert), "chosen": ["0"], "field": fields, "how": ["is"] * len(fields),
        "value": offered.fields["value"], "last": "2099-01-01", "step": "preview", "reason": "dwa\r\nwiersze\u200b",
    }  # fmt: skip
    again = Parsed(office.ask("POST", "/wyjatki/nowy", operator, data=form).text)
    assert again.fields == {"value": offered.fields["value"], "reason": ["dwa\nwiersze\u200b"]}


def test_a_note_of_two_lines_has_two_lines(office: TestBox, alert: int) -> None:
    operator = office.person(Role.OPERATOR)
    office.ask("POST", f"/alerty/{alert}/notatka", operator, data={"text": "pierwszy\r\ndrugi"})
    with office.context.sessions() as session:
        rows = session.scalars(select(AlertHistory).where(AlertHistory.alert_id == alert)).all()
    assert "pierwszy\ndrugi" in [row.detail.get("text") for row in rows]
    assert "[U+000D]" not in office.ask("GET", f"/alerty/{alert}", operator).text.split("notatka")[-1]


def test_pages_about_odd_texts_are_whole_html(office: TestBox, alert: int) -> None:
    admin = office.person(Role.ADMIN)
    asked = (
        "alerty",
        f"alerty/{alert}",
        f"wyjatki/nowy?alert={alert}",
        f"zdarzenia?q={ODD}",
        f"wskazniki?wartosc={ODD}",
    )
    for path in asked:
        page = Parsed(office.ask("GET", f"/{path}", admin).text)
        assert len(page.attributes) > 50
        assert [name for name, value in page.attributes if '"' in name or "<span" in (value or "")] == [], path
