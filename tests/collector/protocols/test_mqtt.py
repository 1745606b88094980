"""MQTT: which device signs in and what it speaks of; never what it says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.mqtt import MQTT, MQTTConnect, MQTTPublish

from collector.protocols.model import Malformed, Side
from collector.protocols.mqtt import PROTOCOL
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("mqtt")}


def test_a_sign_in_and_its_topics_are_told() -> None:
    assert logs_of(PROTOCOL, _TALKS["meter"]) == [
        {
            "_path": "mqtt_connect",
            "proto_name": "MQTT",
            "proto_version": "3.1.1",
            "client_id": "licznik-7",
            "will_topic": "licznik/7/stan",
            "user": "licznik",
            "cleartext_password": True,
            "connect_status": "Connection Accepted",
            "success": True,
        },
        {"_path": "mqtt_publish", "from_client": True, "topic": "licznik/7/pobor", "qos": 0},
        {"_path": "mqtt_publish", "from_client": True, "topic": "licznik/7/moc", "qos": 1},
        {"_path": "mqtt_subscribe", "action": "subscribe", "topics": ["licznik", "brama1"]},
    ]


def test_version_five_is_read_past_its_properties() -> None:
    (log,) = logs_of(PROTOCOL, _TALKS["five"])
    assert (log["proto_version"], log["client_id"]) == ("5.0", "czu")
    assert (log["connect_status"], log["success"]) == ("Refused: not authorized", False)


@settings(max_examples=50)
@given(name=st.text("abcdefghij0123456789-", min_size=1, max_size=40), topic=st.text("abc/+", min_size=1, max_size=60))
def test_what_was_made_is_told(name: str, topic: str) -> None:
    connect = MQTT() / MQTTConnect(protoname="MQTT", protolevel=4, clientId=name)
    publish = MQTT() / MQTTPublish(topic=topic, value="Tajne")
    assert PROTOCOL.recognises(Side.ORIG, bytes(connect))
    turns = [(Side.ORIG, bytes(connect)), (Side.RESP, b"\x20\x02\0\0"), (Side.ORIG, bytes(publish))]
    signed_in, told = run(PROTOCOL, flow_of("tcp", 5, 1883), turns)
    assert (signed_in.fields["client_id"], "cleartext_password" in signed_in.fields) == (name, False)
    assert told.fields["topic"] == topic


def test_topics_are_bounded() -> None:
    turns = [(Side.ORIG, bytes(MQTT() / MQTTPublish(topic=f"t/{number}", value="x"))) for number in range(200)]
    assert len(run(PROTOCOL, flow_of("tcp", 5, 1883), turns)) == 64


def test_a_length_without_end_is_malformed() -> None:
    with pytest.raises(Malformed, match="mqtt_length"):
        run(PROTOCOL, flow_of("tcp", 5, 1883), [(Side.ORIG, b"\x10\xff\xff\xff\xff\x01")])


@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
