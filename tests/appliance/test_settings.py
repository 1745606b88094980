"""Settings: defaults, file, environment, and faults told all at once."""

from __future__ import annotations

import pytest

from appliance.home import Home
from appliance.settings import Settings, SettingsError, load_settings


def test_defaults_need_no_file(home: Home) -> None:
    settings = load_settings(home)
    assert settings.host == "127.0.0.1"
    assert settings.store.retention_days == 730
    assert settings.database(home) == f"sqlite:///{home.state}"


def test_the_environment_wins_over_the_file(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.config.write_text('port = 1111\n[mail]\nhost = "poczta"\n')
    monkeypatch.setenv("CZUJKA_PORT", "2222")
    settings = load_settings(home)
    assert (settings.port, settings.mail.host, settings.mail.port) == (2222, "poczta", 587)


def test_every_fault_is_named_at_once_with_its_place(home: Home) -> None:
    home.config.write_text('port = 0\nporty = 1\n[mail]\nhst = "x"\n')
    with pytest.raises(SettingsError) as caught:
        load_settings(home)
    text = str(caught.value)
    for place in ("port:", "porty:", "mail.hst:", str(home.config)):
        assert place in text


@pytest.mark.parametrize("content", [b"port =\n", b"\xff\xfe", b"[mail\n"])
def test_a_file_that_is_no_toml_is_told_in_one_message(home: Home, content: bytes) -> None:
    home.config.write_bytes(content)
    with pytest.raises(SettingsError, match="Nie udało się odczytać"):
        load_settings(home)


def test_secrets_do_not_show_when_printed(home: Home) -> None:
    home.config.write_text('[mail]\npassword = "tajne-haslo"\n')
    assert "tajne-haslo" not in repr(load_settings(home))


def test_stations_reach_the_gateway_by_every_name_of_the_box() -> None:
    assert Settings(gateway_host="10.0.0.5", gateway_port=9444).gateway_urls() == ["https://10.0.0.5:9444"]
    named = Settings(names=["czujka.urzad.pl", "czujka"])
    assert named.gateway_urls(8555) == ["https://czujka.urzad.pl:8555", "https://czujka:8555"]
