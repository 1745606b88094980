"""The settings of a cluster: what is wrong is said in Polish, with its place."""

from __future__ import annotations

import pytest

from appliance.home import Home
from appliance.settings import ElasticSettings, SettingsError, StoreSettings, load_settings

HOSTS = 'hosts = ["https://es.urzad.local"]'
SECRET = "tajne-haslo"


def _load(home: Home, elastic: str, kind: str = "elasticsearch") -> object:
    home.config.write_text(f'[store]\nkind = "{kind}"\n[store.elasticsearch]\n{elastic}\n', "utf-8")
    return load_settings(home).store.elasticsearch


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "store.elasticsearch.hosts"),
        ('hosts = ["es1:9200"]', "to nie adres"),
        ('hosts = ["ftp://es1"]', "to nie adres"),
        ('hosts = ["https://es1:99999"]', "hosts"),
        ('hosts = ["http://es1:9200"]', "bez szyfrowania tylko do tego samego komputera"),
        (f'hosts = ["https://jan:{SECRET}@es1"]', "hasło nie należy do adresu"),
        (f'{HOSTS}\napi_key = "{SECRET}"\nuser = "jan"', "nie oba"),
        (f'{HOSTS}\nfingerprint = "12:34"', "64 cyfry"),
        (f'{HOSTS}\nca_file = "/nie/ma.pem"', "nie ma pliku"),
        (f'{HOSTS}\nindex = "Zdarzenia"', "index"),
        (f"{HOSTS}\nverify = false", "verify"),
    ],
)
def test_what_is_wrong_is_said(home: Home, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        _load(home, text)
    assert said in str(error.value)
    assert SECRET not in str(error.value)


def test_addresses_have_their_parts(home: Home) -> None:
    hosts = 'hosts = ["https://es.urzad.local", "https://[fd00::1]:443/es/", "http://127.0.0.1:9201"]'
    found = _load(home, hosts)
    assert found.addresses() == [  # type: ignore[attr-defined]
        ("https", "es.urzad.local", 9200, ""),
        ("https", "fd00::1", 443, "/es"),
        ("http", "127.0.0.1", 9201, ""),
    ]


def test_a_cluster_may_be_set_up_before_it_is_used(home: Home) -> None:
    assert _load(home, "", kind="embedded").hosts == []  # type: ignore[attr-defined]


def test_every_class_has_its_days_wherever_events_are() -> None:
    elastic = ElasticSettings(hosts=["https://es1"])
    days = {"ordinary": 90, "accountability": 730}
    assert StoreSettings(retention_days=90).kept_days() == days
    assert StoreSettings(retention_days=90, kind="elasticsearch", elasticsearch=elastic).kept_days() == days
    fewer = StoreSettings(retention_days=90, days={"accountability": 60}, elasticsearch=elastic)
    assert fewer.kept_days() == {"ordinary": 90, "accountability": 60}
