"""What a text of a list is: also defanged, and refused where it would match too much."""

from __future__ import annotations

import pytest

from appliance.indicators.values import HOSTS, LISTS, PATHS, WIDEST, Kind, Own, Refused, Value, of_lists, value_of

OWN = Own(frozenset({"gmina.example.pl"}), frozenset({"gov.pl", "google.com"}))
SHA256 = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("example.com", Kind.DOMAIN, "example.com"),
        (" Example[.]COM. ", Kind.DOMAIN, "example.com"),
        ("login(.)bank[dot]example{.}com", Kind.DOMAIN, "login.bank.example.com"),
        ("example\\.com", Kind.DOMAIN, "example.com"),
        ("*.example.com", Kind.DOMAIN, "example.com"),
        ("żółw.example.pl", Kind.DOMAIN, "xn--w-uga1v8h.example.pl"),
        ("example.com:8443", Kind.DOMAIN, "example.com"),
        ("_dmarc.example.com", Kind.DOMAIN, "_dmarc.example.com"),
        ("hxxp://example[.]com", Kind.DOMAIN, "example.com"),
        ("hxxps[://]Example.com/", Kind.DOMAIN, "example.com"),
        ("8.8.4.4", Kind.ADDRESS, "8.8.4.4"),
        ("8[.]8[.]4[.]4:443", Kind.ADDRESS, "8.8.4.4"),
        ("http://8.8.4.4/", Kind.ADDRESS, "8.8.4.4"),
        ("::ffff:8.8.4.4", Kind.ADDRESS, "8.8.4.4"),
        ("2A00:1450:0:0::0001", Kind.ADDRESS, "2a00:1450::1"),
        ("[2a00:1450::1]", Kind.ADDRESS, "2a00:1450::1"),
        ("8.8.4.0/24", Kind.ADDRESS, "8.8.4.0/24"),
        ("8.8.4.4/32", Kind.ADDRESS, "8.8.4.4"),
        ("hxxp://Example[.]com/a/B.exe?x=1#top", Kind.URL, "example.com/a/B.exe?x=1"),
        ("hxxps://user@example.com:8443/a", Kind.URL, "example.com:8443/a"),
        ("example.com/a", Kind.URL, "example.com/a"),
        ("http://docs.google.com/form", Kind.URL, "docs.google.com/form"),
        ("https://google.com/url?q=x", Kind.URL, "google.com/url?q=x"),
        (SHA256.upper(), Kind.HASH, SHA256),
        ("44d88612fea8a8f36de82e1278abb02f", Kind.HASH, "44d88612fea8a8f36de82e1278abb02f"),
        ("Faktura[@]Example[.]com", Kind.SENDER, "faktura@example.com"),
        ("faktura (at) example.com", Kind.SENDER, "faktura@example.com"),
        ("<kto@google.com>", Kind.SENDER, "kto@google.com"),
        ("@example.com", Kind.DOMAIN, "example.com"),
    ],
)
def test_a_text_is_read_as_people_write_it(text: str, kind: Kind, value: str) -> None:
    assert value_of(text, OWN) == Value(kind, value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("pl", "ostatnia część"),
        ("gov.pl", "zbyt ogólna"),
        ("Google.com", "zbyt ogólna"),
        ("https://google.com/", "zbyt ogólna"),
        ("gmina.example.pl", "tego urzędu"),
        ("www.gmina.example.pl", "tego urzędu"),
        ("http://bip.gmina.example.pl/x", "tego urzędu"),
        ("wojt@gmina.example.pl", "tego urzędu"),
        ("example.pl", "obejmuje domenę tego urzędu"),
        ("0.0.0.0/0", "zbyt szeroka"),
        ("8.0.0.0/8", "zbyt szeroka"),
        ("2a00::/32", "zbyt szeroka"),
        ("10.1.2.3", "prywatny"),
        ("192.168.0.0/24", "prywatny"),
        ("127.0.0.1", "prywatny"),
        ("169.254.3.4", "prywatny"),
        ("0.0.0.0", "prywatny"),
        ("255.255.255.255", "prywatny"),
        ("224.0.0.251", "prywatny"),
        ("192.0.2.5", "prywatny"),
        ("fe80::1", "prywatny"),
        ("::ffff:10.0.0.1", "prywatny"),
        ("http://10.0.0.1/x", "prywatny"),
        ("d41d8cd98f00b204e9800998ecf8427e", "pustego pliku"),
        ("0" * 64, "do żadnego pliku"),
        ("a" * 32 + "b" * 96, "128 znaków"),
        ("plik.exe -x", "nie jest"),
        ("powershell", "ostatnia część"),
        ("a..b", "nie jest"),
        ("a" * 64 + ".pl", "nie jest"),
        ("1.2.3", "nie jest"),
        ("999.1.1.1", "nie jest"),
        ("ftps://example.com/x", "nie jest"),
        ("http://[::1", "nie jest"),
        ("http://example.com:99999/x", "nie jest"),
        ("a b@example.com", "poczty"),
        ("", "pusty"),
        ("x" * 1001, "1000"),
        ("a\x00b.pl", "niedrukowalny"),
        ("a\u202eb.pl", "niedrukowalny"),
    ],
)
def test_what_is_none_or_would_match_too_much_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        value_of(text, OWN)


def test_a_list_that_names_the_kind_is_taken_at_its_word() -> None:
    assert value_of("http://example.com/", OWN, Kind.URL).kind is Kind.DOMAIN
    with pytest.raises(Refused, match="rodzaj „adres IP”, a to domena") as told:
        value_of("example.com", OWN, Kind.ADDRESS)
    assert told.value.said("en") == "the list says “IP address”, and this is: domain"


def test_values_become_lists_of_rules() -> None:
    made = of_lists(
        [Value(Kind.ADDRESS, "8.8.4.0/24"), Value(Kind.ADDRESS, "8.8.4.4"), Value(Kind.URL, "example.com:81/a?b=/c")]
    )
    assert len(made[LISTS[Kind.ADDRESS]]) == WIDEST
    assert (made[HOSTS], made[PATHS]) == (("example.com:81", "example.com"), ("/a\\?b=/c",))
    assert made[LISTS[Kind.URL]] == ("example.com:81/a\\?b=/c",)
    assert made[LISTS[Kind.DOMAIN]] == ()
