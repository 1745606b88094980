"""What engines get wrong about values, point by point. Numbers as in docs/sigma.md."""

from __future__ import annotations

import base64
from datetime import datetime

import pytest

from tests.appliance.detect.kit import decide, document, engine, one, parse, rule


def test_01_values_and_keywords_ignore_case_also_beyond_ascii() -> None:
    assert decide(one("a: ZAŻÓŁĆ"), a="zażółć")
    assert decide("kw: [ŻÓŁW]\ncondition: kw", a="morski żółw")
    assert decide(one("a|contains: ΟΔΟΣ"), a="οδος και")  # a final sigma folds as any other


def test_01_field_names_keep_their_case() -> None:
    assert not decide(one("Image: x"), image="x")


def test_02_both_sides_fold_by_one_function() -> None:
    assert decide(one("a: kelvin"), a="\u212aelvin")
    assert decide(one("a|endswith: x"), a="İX")
    assert decide(one("a: İ"), a="İ")


def test_01_regular_expressions_keep_case_unless_told() -> None:
    assert not decide(one("a|re: Abc"), a="abc")
    assert decide(one("a|re|i: Abc"), a="aBC")


def test_01_cased_keeps_case() -> None:
    assert not decide(one("a|cased: Abc"), a="abc")
    assert decide(one("a|contains|cased: Abc"), a="xAbcx")
    assert not decide(one("a|startswith|cased: 'Ab*D'"), a="abcD")
    assert decide(one("a|startswith|cased: 'Ab*D'"), a="AbcDe")


def test_01_encoded_texts_still_ignore_case() -> None:
    assert decide(one("a|base64|contains: foobar"), a="x zM9VYMfY Zm9vYmFy".replace("zM9VYMfY ", ""))
    assert decide(one("a|base64|contains: foobar"), a="zm9vymfy")


def test_03_wildcards_act_in_plain_values_and_inside_modifiers() -> None:
    assert decide(one("a: 'a*c?e'"), a="abbbcde")
    assert not decide(one("a: 'a*c?e'"), a="abbbce")
    assert decide(one("a|contains: 'b?d'"), a="abcde")


def test_03_wildcards_match_line_feeds() -> None:
    assert decide(one("a: 'a*d?f'"), a="a\nb\nd\nf")


def test_03_a_question_mark_is_exactly_one_character() -> None:
    assert decide(one("a: 'x?z'"), a="xßz")
    assert decide(one("a: 'x?z'"), a="x😀z")
    assert not decide(one("a: 'x?z'"), a="xz")


def test_03_escapes() -> None:
    assert decide(one(r"a: 'a\*b'"), a="a*b")
    assert not decide(one(r"a: 'a\*b'"), a="axb")
    assert decide(one(r"a: 'a\\*b'"), a="a\\xxb")
    assert decide(one(r"a: 'C:\Users\me'"), a="c:\\users\\me")
    assert decide(one(r"a: '\\\\host\x'"), a="\\\\host\\x")


def test_03_a_backslash_before_a_wildcard_makes_it_plain() -> None:
    assert decide(one(r"a|startswith: 'C:\Users\*'"), a="c:\\users*more")
    assert not decide(one(r"a|startswith: 'C:\Users\*'"), a="c:\\users\\me")


def test_04_a_plain_value_is_the_whole_value() -> None:
    assert not decide(one("a: abc"), a="xabc")
    assert not decide(one("a: abc"), a="abc\n")


def test_04_a_regular_expression_searches_anywhere() -> None:
    assert decide(one("a|re: b.d"), a="abcde")


def test_04_digits_and_words_of_regular_expressions_are_ascii() -> None:
    assert not decide(one(r"a|re: '^\d$'"), a="٣")
    assert not decide(one(r"a|re: '^\w$'"), a="ż")


def test_04_a_dollar_is_the_very_end() -> None:
    assert not decide(one("a|re: 'b$'"), a="ab\n")
    assert decide(one("a|re|m: 'b$'"), a="ab\nc")


def test_05_contains_and_comparison_with_a_wrong_type_are_refused() -> None:
    assert parse(document(one("a|contains: 5"))).faults
    assert parse(document(one("a|gt: '5'"))).faults


def test_05_comparison_with_what_is_no_number_is_false() -> None:
    assert decide(one("a|gt: 5"), a="6.5")
    assert decide(one("a|lte: 5"), a=5)
    for value in ("abc", "", "nan", "1_000x", "1_0", "inf", "Infinity", " 7 ", "7\n", "\u0661\u0662", "0x10", "."):
        assert not decide(one("a|gt: 5"), a=value), value
    for number in ("+7", "7.", "70e-1", ".7E1", "007", 1e300):
        assert decide(one("a|gt: 5"), a=number), number
    assert not decide(one("a|lt: 5"), b=1)


@pytest.mark.parametrize("value", [4688, "4688", 4688.0])
def test_06_a_number_is_found_however_it_is_written(value: object) -> None:
    assert decide(one("EventID: 4688"), EventID=value)


def test_06_truth_values_and_hexadecimal_texts() -> None:
    assert decide(one("a: true"), a=True)
    assert decide(one("a: true"), a="True")
    assert decide(one("a: 'true'"), a=True)
    assert not decide(one("a: 23"), a="0x17")
    assert not decide(one("a: 1"), a=True)


def test_06_one_value_after_another_does_not_confuse_true_with_one() -> None:
    matcher = engine(rule(one("a: 1")))
    said = [bool(matcher.match({"event.module": "test", "a": value})) for value in (1, True, 1.0, "1", (True,), (1,))]
    assert said == [True, False, True, True, False, True]


def test_07_null_is_missing_and_not_empty() -> None:
    assert decide(one("a: null"), b="x")
    assert not decide(one("a: null"), a="")
    assert decide(one("a: []"), b="x")
    assert decide(one("a: ''"), a="")
    assert not decide(one("a: ''"), b="")
    assert decide(one("a: ['', null]"), a="")
    assert decide(one("a: ['', null]"), b="x")


def test_07_exists_is_about_presence_alone() -> None:
    assert decide(one("a|exists: true"), a="")
    assert decide(one("a|exists: false"), b="")
    assert not decide(one("a|exists: false"), a="")
    assert parse(document(one("a|exists: 'yes'"))).faults


def test_08_not_of_a_missing_field_is_true() -> None:
    text = "sel:\n  a: x\nfilter:\n  b: y\ncondition: sel and not filter"
    assert decide(text, a="x")
    assert not decide(text, a="x", b="y")


def test_08_neq_is_not_and_true_when_missing() -> None:
    assert decide(one("a|neq: x"), b="x")
    assert not decide(one("a|neq: x"), a="X")
    assert decide(one("a|neq: [x, y]"), a="z")
    assert not decide(one("a|neq: [x, y]"), a="y")
    assert decide(one("a|contains|all|neq: [x, y]"), a="x")
    assert not decide(one("a|contains|all|neq: [x, y]"), a="yx")


def test_09_lists_are_alternatives_and_all_joins_them() -> None:
    assert decide(one("a|contains: [x, y]"), a="y")
    assert not decide(one("a|contains|all: [x, y]"), a="y")
    assert decide(one("a|contains|all: [x, y]"), a="y and x")


def test_09_a_list_of_maps_is_alternatives_of_conjunctions() -> None:
    text = "sel:\n  - a: x\n    b: y\n  - c: z\ncondition: sel"
    assert decide(text, a="x", b="y")
    assert decide(text, c="z")
    assert not decide(text, a="x")


def test_09_a_mixed_list_is_keyword_or_field() -> None:
    text = "sel:\n  - word\n  - c: z\ncondition: sel"
    assert decide(text, q="a word here")
    assert decide(text, c="z")
    assert not decide(text, c="y")


def test_09_all_for_keywords() -> None:
    text = "kw:\n  '|all': [one, two]\ncondition: kw"
    assert decide(text, a="one", b="two")
    assert not decide(text, a="one")


def test_10_windash_leaves_dashes_inside_words() -> None:
    assert decide(one("a|windash: 'a-b -c'"), a="a-b /c")
    assert not decide(one("a|windash: 'a-b -c'"), a="a/b -c")
    assert decide(one("a|contains|windash: '–enc'"), a="x -enc")
    assert not decide(one("a|cased|contains|windash: ' -Enc'"), a="x /enc")


def test_10_windash_knows_five_dashes() -> None:
    for dash in "-/–—―":
        assert decide(one("a|contains|windash: ' -enc '"), a=f"x {dash}enc y")
    assert not decide(one("a|contains|windash: ' -enc '"), a="x +enc y")


def test_09_windash_expands_inside_and_all_joins_outside() -> None:
    text = one("a|contains|windash|all: [' -a', ' -b']")
    assert decide(text, a="x /a –b")
    assert not decide(text, a="x /a -a")


def test_11_base64offset_knows_three_places() -> None:
    for lead in ("", "x", "xx"):
        value = base64.b64encode((lead + "/bin/bash -c").encode()).decode()
        assert decide(one("a|base64offset|contains: /bin/bash"), a=value)


def test_11_utf16_encodings_are_bytes() -> None:
    for name, raw in (
        ("utf16le", "Żółw".encode("utf-16-le")),
        ("utf16be", "Żółw".encode("utf-16-be")),
        ("utf16", b"\xff\xfe" + "Żółw".encode("utf-16-le")),
    ):
        assert decide(one(f"a|{name}|base64: Żółw"), a=base64.b64encode(raw).decode())
        assert decide(one(f"a|{name}|contains: Żółw"), a="x" + raw.decode("latin-1") + "y")
        for lead in (b"", b"q", b"qq"):
            value = base64.b64encode(lead + raw + b"tail").decode()
            assert decide(one(f"a|{name}|base64offset|contains: Żółw"), a=value)


def test_11_base64offset_counts_bytes_and_not_characters() -> None:
    for lead in (b"", b"q", b"qq"):
        value = base64.b64encode(lead + "żółć".encode() + b"x").decode()
        assert decide(one("a|base64offset|contains: żółć"), a=value)


@pytest.mark.parametrize("value", ["x", "''"])
def test_11_a_text_too_short_for_base64offset_would_match_everything(value: str) -> None:
    assert "za krótka" in parse(document(one(f"a|base64offset|contains: {value}"))).faults[0].message


def test_11_wide_comes_before_base64() -> None:
    value = base64.b64encode("IEX (New".encode("utf-16-le")).decode()
    assert decide(one("a|wide|base64offset|contains: IEX"), a=value)


def test_12_keywords_look_at_every_value_but_not_at_our_own_envelope() -> None:
    text = "kw: [needle]\ncondition: kw"
    assert decide(text, some__field="hay needle hay")
    assert decide(text, listed=("hay", "a needle"))
    assert not decide(text, event__id="needle")
    assert not decide(text, a="need", b="le")


def test_12_keywords_that_are_numbers_or_patterns() -> None:
    assert decide("kw: [4688]\ncondition: kw", a=4688)
    assert decide("kw: [true]\ncondition: kw", a=True, b=1)
    assert decide("kw: ['a*z']\ncondition: kw", a="xxabczxx")
    assert decide("kw:\n  '|re': 'a[0-9]+z'\ncondition: kw", a="xxa12zxx")


def test_15_field_references() -> None:
    assert decide(one("a|fieldref: b"), a="Same", b="sAME")
    assert not decide(one("a|fieldref: b"), a="x")
    assert decide(one("a|fieldref|startswith: b"), a="abc", b="AB")
    assert decide(one("a|fieldref|endswith: b"), a="abc", b="BC")
    assert decide(one("a|fieldref|contains: b"), a="xabcx", b="BC")
    assert decide(one("a|fieldref: b"), a=("x", "y"), b=("z", "y"))
    assert parse(document(one("a|endswith|fieldref: b"))).faults


def test_16_networks_of_both_kinds() -> None:
    assert decide(one("ip|cidr: 10.0.0.0/8"), ip="10.1.2.3")
    assert decide(one("ip|cidr: fe80::/10"), ip="fe80::1%eth0")
    assert decide(one("ip|cidr: 10.0.0.0/8"), ip="::ffff:10.1.2.3")
    for value in ("11.0.0.1", "host", "", "-", "10.1.2.3/8"):
        assert not decide(one("ip|cidr: 10.0.0.0/8"), ip=value)
    assert parse(document(one("ip|cidr: 10.1.0.0/8"))).faults


def test_18_any_element_of_a_list_counts_for_each_comparison() -> None:
    assert decide(one("a|contains|all: [x, y]"), a=("x", "y"))
    assert decide(one("a|endswith: z"), a=("x", "yz"))
    assert not decide(one("a: 'x y'"), a=("x", "y"))


def test_18_backslashes_of_list_elements_are_not_doubled() -> None:
    assert not decide(one(r"a|contains: '\\\\'"), a=("C:\\one", "x"))
    assert decide(one(r"a|contains: '\\\\'"), a=("\\\\host", "x"))


def test_22_hashes_are_found_in_their_one_text() -> None:
    assert decide(one("Hashes|contains: 'IMPHASH=abcdef'"), Hashes="MD5=00,IMPHASH=ABCDEF")


def test_07_present_with_a_lone_wildcard() -> None:
    assert decide(one("a: '*'"), a="")
    assert not decide(one("a: '*'"), b="")


def test_17_time_parts_are_read_in_the_offices_zone_and_compared() -> None:
    assert decide(one("t|hour|gte: 22"), t="2026-11-22T21:30:00Z")
    assert decide(one("t|hour: 22"), t="2026-11-22T22:30:00+01:00")
    assert decide(one("t|hour: 22"), t="2026-07-22T22:30:00+02:00")
    assert not decide(one("t|hour|gte: 22"), t="2026-11-22 20:59:59.999")
    assert decide(one("t|day: 23"), t="2026-11-22T23:30:00Z")
    assert decide(one("t|minute|lt: 1"), t=1_767_225_600_000_000)
    assert decide(one("t|week: 53"), t="2026-12-31")
    assert decide(one("t|day: [1, 2]\n  t|month: 1\n  t|year: 2026"), t="1767225600")
    for value in ("22", "yesterday", "", "2026-13-01", "2026-11-22T24:00"):
        assert not decide(one("t|hour|lte: 23"), t=value)
    for end in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert decide(one("t|year|gte: 1"), t=end) is (end < "2"), "Warsaw has no local time there, or has"
    assert not decide(one("t|hour|lte: 23"), other="2026-11-22T23:30:00Z")


@pytest.mark.parametrize(
    ("moment", "hour", "weekday"),
    [
        # The clocks go forward: 1:59 is followed by 3:00.
        ("2026-03-29T00:59:59Z", 1, 7),
        ("2026-03-29T01:00:00Z", 3, 7),
        # The clocks go back: 2:30 is there twice.
        ("2026-10-25T00:30:00Z", 2, 7),
        ("2026-10-25T01:30:00Z", 2, 7),
        ("2026-10-25T02:00:00Z", 3, 7),
        # It is Monday in the office before it is Monday in Greenwich.
        ("2026-07-05T22:30:00Z", 0, 1),
        ("2026-12-06T22:30:00Z", 23, 7),
        ("2026-12-06T23:30:00Z", 0, 1),
    ],
)
def test_17_both_changes_of_the_clock(moment: str, hour: int, weekday: int) -> None:
    assert decide(one(f"t|hour: {hour}"), t=moment)
    micros = int(datetime.fromisoformat(moment).timestamp()) * 1_000_000
    local = f"sel:\n  czujka.local.hour: {hour}\n  czujka.local.weekday: '{weekday}'\ncondition: sel"
    assert decide(local, **{"@timestamp": micros})
    assert not decide(local, **{"@timestamp": micros + 7 * 3_600_000_000})


def test_17_parts_of_the_time_of_an_event_are_fields() -> None:
    at = {"@timestamp": 1_795_348_800_000_000}  # Sunday 2026-11-22, 13:00 in Warsaw
    assert decide(one("czujka.local.hour|gte: 13"), **at)
    assert not decide(one("czujka.local.hour|lt: 13"), **at)
    assert decide(one("czujka.local.weekday: [1, 7]"), **at)
    assert not decide(one("czujka.local.weekday|neq: 7"), **at)
    assert decide(one("'@timestamp|hour': 13"), **at)
    assert not decide(one("czujka.local.hour|gte: 0"), other="2026-11-22T12:00:00Z")
    assert not decide(one("czujka.local.day: []"), **at)


@pytest.mark.parametrize(
    "line",
    [
        *("hour: 24", "hour: six", "hour: null", "hour|exists: true", "hour|contains: 1", "hour: 1.5", "weekday: 0"),
        *("weekday: 8", "hour|re: '1'", "hour|fieldref: x", "hour|hour: 1", "hour: true", "weekday|gte: 9"),
    ],
)
def test_17_a_part_that_cannot_be_is_refused(line: str) -> None:
    assert [fault.line for fault in parse(document(one(f"czujka.local.{line}"))).faults] == [7]


@pytest.mark.parametrize("line", ["t|hour: 24", "t|hour: '5'", "t|hour: 1.5", "t|gte|hour: 5", "t|hour|day: 5"])
def test_17_a_time_part_that_cannot_be_is_refused(line: str) -> None:
    assert [fault.line for fault in parse(document(one(line))).faults] == [7]


def test_22_a_hash_is_part_of_one_text() -> None:
    assert not decide(one("Hashes: 'IMPHASH=abcdef'"), Hashes="MD5=00,IMPHASH=ABCDEF")


@pytest.mark.parametrize("number", [12345678901234567, 2**53 + 1, 2**63 + 1, 10**25 + 1])
def test_06_large_integers_are_exact(number: int) -> None:
    for event in (number, str(number)):
        assert decide(one(f"a: {number}"), a=event)
        assert decide(f"kw: [{number}]\ncondition: kw", a=event)
        assert not decide(one(f"a|gt: {number}"), a=event)
        assert decide(one(f"a|gte: {number}"), a=event)
    for other in (number - 1, number + 1):
        assert not decide(one(f"a: {number}"), a=other)
        assert decide(one(f"a|gt: {number}"), a=other) is (other > number)
        assert decide(one(f"a|lt: {number}"), a=str(other)) is (other < number)


def test_06_a_float_is_written_alike_in_rule_and_event() -> None:
    for number in (1e17, 1e18, 1.5e300, 0.1):
        assert decide(one(f"a: {number:.17e}"), a=number)
