"""What Windows renders becomes the record that the box reads; nothing that is no event gets further."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.redact import redact_text
from agent.sensors.windows import eventxml, templates
from agent.sensors.windows.eventnames import SYSTEM, TAKEN
from agent.sensors.windows.eventxml import NoEvent, record_of
from agent.wire.envelope import encode_record
from appliance.normalise import normalise
from appliance.normalise.model import Source, Unreadable
from appliance.normalise.schema import windows
from tests.agent.sensors.windows.fake import event
from tests.agent.sensors.windows.recorded import rendered

CLEAN = "tool --password=*** > x --user=u --password=***"
SOURCE = Source("7e57", 1)


def test_a_log_on_lies_flat_with_the_names_of_windows() -> None:
    data = "<Data Name='TargetUserName'>żółw &amp; spółka</Data><Data Name='LogonType'>3</Data><Data Name='Empty'/>"
    record = record_of(event(17, 4624, at=0, data=data))
    assert record["event.module"] == "windows.eventlog"
    assert (record["EventID"], record["EventRecordID"], record["Computer"]) == ("4624", "17", "PC-7.urzad.local")
    assert record["TimeCreated_SystemTime"] == "1970-01-01T00:00:00.0000000Z"
    assert (record["TargetUserName"], record["LogonType"], record["Empty"]) == ("żółw & spółka", "3", "")


def test_user_data_lists_and_other_shapes_are_read_too() -> None:
    system = "<System><Provider Name='E'/><EventID Qualifiers='0'> 104 </EventID><Channel>System</Channel></System>"
    text = f"<Event>{system}<UserData><X xmlns='y'><A>1</A><B><C>2</C></B><A>3</A></X></UserData></Event>"
    record = record_of(text)
    assert (record["EventID"], record["EventID_Qualifiers"]) == ("104", "0")
    assert (record["A"], record["C"]) == (["1", "3"], "2")
    listed = f"<Event>{system}<EventData><Data>a</Data><Data>b</Data><Binary>00</Binary></EventData></Event>"
    assert record_of(listed)["Data"] == ["a", "b"]
    single = f"<Event>{system}<EventData><Data>a</Data></EventData></Event>"
    assert record_of(single)["Data"] == ["a"]


def test_secrets_are_hidden_in_every_shape() -> None:
    command = "<Data Name='CommandLine'>tool --password=Tajne123 > x --user=u --password=Tajne123</Data>"
    clash = "<Data Name='Channel'>other</Data>"
    for data in (command, command + clash):
        record = record_of(event(1, 4688, data=data))
        assert "Tajne123" not in encode_record(record).decode()
        assert ("xml" in record) == (data != command)
        assert normalise(encode_record(record), SOURCE)["process.command_line"] == CLEAN


@pytest.mark.parametrize(
    ("owner", "value"), [("TargetObject", "Details"), ("ObjectValueName", "NewValue"), ("ObjectValueName", "OldValue")]
)
def test_a_value_of_the_registry_that_is_named_as_a_secret_is_hidden(owner: str, value: str) -> None:
    def stored(key: str) -> object:
        data = f"<Data Name='{owner}'>{key}</Data><Data Name='{value}'>Tajne</Data>"
        return record_of(event(1, 4657, data=data))[value]

    assert stored(r"HKLM\Software\VNC\Password") == "***"
    assert stored(r"HKLM\Software\VNC\Port") == "Tajne"


def test_a_field_named_as_an_attribute_of_the_system_is_the_same_to_the_box() -> None:
    text = event(1, data="<Data Name='Channel'>other</Data><Data Name='message'>m</Data>")
    flat = normalise(encode_record(record_of(text)), SOURCE)
    assert flat["winlog.channel"] == "Security"
    assert flat == normalise(encode_record({"event.module": "windows.eventlog", "xml": text}), SOURCE)


@pytest.mark.parametrize(
    "text",
    ["", "x", "<Event>", "<Event/>", "<Other><System><EventID>1</EventID></System></Other>", "<Event><System/></Event>",
     "<!DOCTYPE x [<!ENTITY a 'b'>]><Event><System><EventID>1</EventID></System></Event>"],
)  # fmt: skip
def test_what_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(NoEvent):
        record_of(text)


def test_depth_and_number_of_fields_are_bounded() -> None:
    deep = event(1, data="<A>" * 40 + "</A>" * 40)
    many = event(1, data="".join(f"<Data Name='N{number}'>x</Data>" for number in range(1001)))
    assert "xml" in record_of(deep)
    assert "xml" in record_of(many)
    fitting = event(1, data="".join(f"<Data Name='N{number}'>x</Data>" for number in range(1000)))
    assert record_of(fitting)["N999"] == "x"


@given(st.text(max_size=40), st.text(alphabet="aż\x00\x08\t\n\x0b\r\x1f\x7f\ufffe\ud800", max_size=20))
def test_all_that_xml_forbids_is_taken_out_and_nothing_else(one: str, other: str) -> None:
    text = (one + other).replace("&", "")
    allowed = eventxml._FORBIDDEN.sub("", text)
    assert eventxml.mended(text) == allowed.replace("\r\n", "\n").replace("\r", "\n")


@given(st.text(max_size=60), st.text(max_size=20))
def test_no_text_breaks_it_and_both_ways_agree(value: str, name: str) -> None:
    escaped = value.replace("&", "&amp;").replace("<", "&lt;")
    label = re.sub(r"[<&'\"]", "", name)
    text = event(1, data=f"<Data Name='{label}'>{escaped}</Data>" if label else f"<Data>{escaped}</Data>")
    mended = eventxml.mended(text)
    quick, known = eventxml.scan(mended), eventxml.record_of_known(mended)
    assert quick is None or quick == eventxml._parsed(mended)
    assert known is None or known == eventxml._flat(eventxml._parsed(mended), mended, redact_text)
    record_of(text)


@given(st.text(alphabet="<>/&'\"=#;ax \x00\x0f\ud83d", max_size=80))
def test_any_other_text_is_an_event_or_none(text: str) -> None:
    try:
        record_of(f"<Event>{text}</Event>")
    except NoEvent:
        return
    pytest.fail("no event has no number")


def test_the_system_attributes_are_those_of_the_box() -> None:
    table = windows()
    assert {*table.system, "TimeCreated_SystemTime"} == SYSTEM
    assert set(table.system_aliases) < TAKEN


@pytest.mark.corpora
def test_real_events_give_what_the_box_reads_from_their_xml(corpora: Path) -> None:
    seen = quick = of_a_form = 0
    for path in sorted((corpora / "evtx-attack-samples").rglob("*.evtx"))[::4]:
        for text in rendered(path):
            xml = eventxml.mended(text)
            found = eventxml.scan(xml)
            quick += found is not None
            known = eventxml.record_of_known(xml)
            of_a_form += known is not None
            assert known is None or known == eventxml._flat(eventxml._parsed(xml), xml, redact_text)
            assert found is None or found == eventxml._parsed(xml)
            assert record_of(text) == eventxml._flat(eventxml._parsed(xml), xml, redact_text)
            flat = eventxml._flat(found or eventxml._parsed(xml), xml, lambda value: value)
            assert _event(encode_record(flat)) == _event(
                encode_record({"event.module": "windows.eventlog", "xml": text})
            )
            seen += 1
    assert seen > 100
    assert min(quick, of_a_form) > 0.8 * seen


def _event(line: bytes) -> object:
    try:
        return normalise(line, SOURCE)
    except Unreadable as error:
        return str(error)


def test_an_event_that_does_not_keep_to_the_form_of_its_kind_is_read_another_way() -> None:
    usual, other = (f"<Data Name='A'>1</Data><Data Name='{name}'/>" for name in "BC")
    for data in (usual, other, usual):
        assert record_of(event(1, 7001, data=data))["A"] == "1"
        assert eventxml.record_of_known(event(1, 7001, data=data)) is not None
    for written, meant in (("]]&gt;", "]]>"), ("&#65;", "A"), ("a\rb\r\nc", "a\nb\nc"), ("&amp;lt;", "&lt;")):
        assert record_of(event(1, 7001, data=usual.replace("1", written)))["A"] == meant
    with pytest.raises(NoEvent):
        record_of(event(1, 7001, data="<Data Name='A'>]]></Data><Data Name='B'/>"))
    for data in ("", f"{usual}<Data Name='A'>2</Data>", "<Data Name='A'>1</Data>x<Data Name='B'/>"):
        assert eventxml.record_of_known(event(1, 7001, data=data)) is None


def test_forms_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = templates.Forms()
    monkeypatch.setattr(eventxml, "_FORMS", forms)
    for number in range(templates.MAX_KEPT + 1):
        record_of(event(1, number, data="<Data Name='A'>1</Data>"))
    assert len(forms._known) <= templates.MAX_KEPT
    for number in range(templates.MAX_OF_ONE + 2):
        record_of(event(1, 7001, data=f"<Data Name='N{number}'>1</Data>"))
    many = "".join(f"<Data Name='N{number}'>1</Data>" for number in range(templates.MAX_FIELDS + 1))
    assert record_of(event(1, 7002, data=many))["N64"] == "1"
    assert max(map(len, forms._known.values())) == templates.MAX_OF_ONE
    assert max(len(form.names) for known in forms._known.values() for form in known) <= templates.MAX_FIELDS
