"""The monthly report's data and document."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from appliance.clock import DAY, HOUR, MINUTE
from appliance.report.month import AlertRow, LossRow, MonthError, month_data, period_of
from appliance.report.month_document import month_document
from appliance.report.posture import Verdicts
from appliance.report.render import Facts, Para, pdf
from appliance.stations.history import Verdict
from tests.appliance.report.sample import NOW, inputs, station

SEAL = {"at": NOW, "hash": "ab12" * 16, "key": "cd34" * 16, "number": 4711, "signature": "ef56" * 32}


def _alert(
    number: int, level: int, *, received: int | None = None, state: str = "new", outcome: str | None = None
) -> AlertRow:
    made = NOW - DAY
    got = made + received if received is not None else None
    return AlertRow(number, f"Reguła {number}", level, "PC-1", made, got, None, state, outcome, False)


def test_a_month_begins_and_ends_at_warsaw_midnights() -> None:
    period = period_of("2026-10", NOW)
    assert datetime.fromtimestamp(period.start / 1e6, UTC) == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert datetime.fromtimestamp(period.end / 1e6, UTC) == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert len(period.days) == 31


def test_the_running_month_ends_now() -> None:
    period = period_of("2026-11", NOW)
    assert period.end == NOW
    assert period.days[-1] == "2026-11-21"


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "", "x", "2026-12", "9999-99", "2026-10-01"])
def test_what_is_no_past_month_is_refused(month: str) -> None:
    with pytest.raises(MonthError):
        period_of(month, NOW)


def test_an_hour_counts_for_its_local_day_also_when_clocks_change() -> None:
    period = period_of("2026-10", NOW)
    hours = (period.end - period.start) // HOUR
    hourly = [1] * hours
    days = month_data(inputs(period, hourly=hourly))["days"]
    assert days["2026-10-25"] == 25
    assert days["2026-10-24"] == 24
    assert sum(days.values()) == hours


def test_days_before_enrolment_are_not_held_against_a_station() -> None:
    period = period_of("2026-11", NOW)
    hourly = [0] * (19 * 24) + [5] * 48
    data = month_data(inputs(period, stations=[station(period, hourly, enrolled_at=period.start + 18 * DAY)]))
    told = data["stations"][0]
    assert told["days_expected"] == 3
    assert told["silent_days"] == ["2026-11-19"]


def test_reaction_times_are_taken_from_acknowledged_alerts_only() -> None:
    period = period_of("2026-11", NOW)
    alerts = [_alert(1, 3, received=4 * MINUTE), _alert(2, 4, received=10 * MINUTE), _alert(3, 2)]
    data = month_data(inputs(period, alerts=alerts))["alerts"]
    assert data["reaction_median"] == 7 * MINUTE
    assert data["reaction_longest"] == 10 * MINUTE
    assert data["waiting"] == 3
    assert [alert["id"] for alert in data["high"]] == [1, 2]


def test_a_quiet_month_never_says_that_all_is_well() -> None:
    period = period_of("2026-11", NOW)
    document = month_document(month_data(inputs(period)), "pl")
    text = " ".join(block.text for block in document.blocks if isinstance(block, Para)).replace("\u00a0", " ")
    assert "Nie oznacza to, że zagrożeń nie było" in text
    assert "nie jest dowodem, że nic się nie działo" in text


def test_a_gap_of_unknown_size_is_not_called_no_loss() -> None:
    period = period_of("2026-11", NOW)
    document = month_document(month_data(inputs(period, losses=[LossRow("PC-1", "x", 0)])), "pl")
    lead = next(block.text for block in document.blocks if isinstance(block, Para))
    assert "nie podały ich rozmiaru" in lead


@pytest.mark.parametrize(("left", "missing"), [("", True), ("2026-10-30", True), ("2026-10-31", False)])
def test_anchors_that_stay_on_the_box_are_told(left: str, missing: bool) -> None:
    anchored = {"made": "2026-10-31", "left": left, "missing": missing}
    made = inputs(period_of("2026-10", NOW), anchor=SEAL, anchored=anchored)
    document = month_document(json.loads(json.dumps(month_data(made))), "pl")
    text = " ".join(block.text for block in document.blocks if isinstance(block, Para)).replace("\u00a0", " ")
    assert ("Ostatnia dzienna kotwica nie opuściła urządzenia" in text) is missing
    (facts,) = (block for block in document.blocks if isinstance(block, Facts) and ["Wpis", "4711"] in block.rows)
    day = ".".join(reversed(left.split("-"))) if left else "żadna"
    assert ["Ostatnia kotwica poza urządzeniem", day] in facts.rows


@pytest.mark.parametrize("language", ["pl", "en"])
def test_the_pdf_is_tagged_archival_and_says_what_the_data_says(language: str, tmp_path: Path) -> None:
    period = period_of("2026-10", NOW)
    hours = (period.end - period.start) // HOUR
    made = inputs(
        period,
        stations=[station(period, [3] * hours, hostname="<b>#x[y]")],
        alerts=[_alert(n, 4, received=MINUTE, state="closed", outcome="threat") for n in range(80)],
        losses=[LossRow("PC-1", "audit_lost", 14)],
        hourly=[3] * hours,
        events_by_module={"linux.audit": 3 * hours},
        anchor=SEAL,
    )
    data = month_data(made)
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf(month_document(json.loads(json.dumps(data)), language)))
    info = subprocess.run(["pdfinfo", path], check=True, capture_output=True, text=True).stdout
    assert "Tagged:          yes" in info
    raw = path.read_bytes()
    assert b"pdfuaid:part" in raw
    assert b"pdfaid:part" in raw
    text = subprocess.run(["pdftotext", "-layout", path, "-"], check=True, capture_output=True, text=True).stdout
    assert "<b>#x[y]" in text
    assert "Reguła 59" in text
    assert "Reguła 60" not in text
    assert all(part in text for part in ("4711", "ab12 ab12", "cd34 cd34", "ef56 ef56"))
    assert subprocess.run(["qpdf", "--check", path], check=False, capture_output=True).returncode == 0


def test_hyphens_commands_and_hostile_names_come_out_of_the_pdf_as_they_went_in(tmp_path: Path) -> None:
    period = period_of("2026-10", NOW)
    hours = (period.end - period.start) // HOUR
    names = ["srv-kadry-03", "`#panic()`-[x]", "x-" * 31 + "y"]
    made = inputs(
        period,
        stations=[station(period, [3] * hours, hostname=name) for name in names],
        verdicts=Verdicts({(name, "firewall"): Verdict("fail", "disabled") for name in names}, {}, {}),
        hourly=[3] * hours,
    )
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf(month_document(month_data(made), "pl")))
    text = subprocess.run(["pdftotext", "-layout", path, "-"], check=True, capture_output=True, text=True).stdout
    assert "srv-kadry-03" in text
    assert text.count("`#panic()`-[x]") == 2
    assert "ufw enable" in text
    assert "`ufw enable`" not in text


def test_no_name_lies_over_the_next_column(tmp_path: Path) -> None:
    period = period_of("2026-10", NOW)
    hours = (period.end - period.start) // HOUR
    names = ["01566s-win16-ir.urzad-gminy.example", "WIN-77LTAPHIQ1R.example.corp", "STAROSTWOPOWIAT"]
    made = inputs(
        period,
        alerts=[dataclasses.replace(_alert(at, 4), host=name) for at, name in enumerate(names)],
        stations=[station(period, [3] * hours, hostname=name) for name in names],
        hourly=[3] * hours,
    )
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf(month_document(month_data(made), "pl")))
    said = subprocess.run(["pdftotext", "-bbox", path, "-"], check=True, capture_output=True, text=True).stdout
    pages = [
        re.findall(r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)"[^>]*>([^<]+)', page)
        for page in said.split("<page ")
    ]
    words = [sorted((y, float(x), float(end), text) for x, y, end, text in page) for page in pages]
    over = [(one, two) for page in words for one, two in pairwise(page) if one[0] == two[0] and two[1] < one[2] - 0.5]
    assert "WIN-77LTAPHIQ1R" in said
    assert over == []
