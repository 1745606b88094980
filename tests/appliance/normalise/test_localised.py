"""Accounts and groups in the language of the installation: what canonicalisation does and what it leaves alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.normalise import Event, normalise
from appliance.normalise.localised import LONGEST, in_english
from appliance.normalise.schema import identities
from tests.appliance.normalise.cases import SOURCE


def event(**fields: Any) -> Event:
    return normalise(json.dumps(fields).encode(), SOURCE)


def sysmon(line: str) -> Event:
    return event(EventID=1, Channel="Microsoft-Windows-Sysmon/Operational", CommandLine=line)


@pytest.mark.parametrize(
    ("line", "english"),
    [
        ("net localgroup Administratorzy jan /add", "net localgroup Administrators jan /add"),
        ('net1 localgroup "Użytkownicy pulpitu zdalnego" jan /add', 'net1 localgroup "Remote Desktop Users" jan /add'),
        ("NET LOCALGROUP UŻYTKOWNICY PULPITU ZDALNEGO", "NET LOCALGROUP Remote Desktop Users"),
        ('net group "Administratorzy domeny" /domain', 'net group "Domain Admins" /domain'),
        ("net localgroup Remotedesktopbenutzer jan /add", "net localgroup Remote Desktop Users jan /add"),
        ("net localgroup Administratoren", "net localgroup Administrators"),
        ("Add-LocalGroupMember -Group 'Goście' -Member jan", "Add-LocalGroupMember -Group 'Guests' -Member jan"),
        ("Get-ADGroupMember -Identity Administratorzy", "Get-ADGroupMember -Identity Administrators"),
    ],
)  # fmt: skip
def test_a_command_about_groups_holds_the_english_name_beside_the_line_as_it_ran(line: str, english: str) -> None:
    assert sysmon(line)["process.command_line"] == (line, english)


@pytest.mark.parametrize(
    "line",
    [
        "notepad C:\\Dane\\Administratorzy.txt",
        "net user Administratorzy",
        "net localgroup Administrators jan /add",
        "net localgroup SuperAdministratorzy jan /add",
        "net localgroup AdministratorzyBIP jan /add",
        "net localgroup Admınistratorzy jan /add",
        "findstr grouping Administratorzy",
        "net localgroup " + "x" * LONGEST + " Administratorzy",
    ],
)
def test_any_other_line_stays_one(line: str) -> None:
    assert sysmon(line)["process.command_line"] == line


@given(st.text(max_size=60), st.sampled_from(sorted(identities().groups)), st.text(max_size=60))
def test_only_whole_names_change_and_the_rest_of_the_line_stays(before: str, name: str, after: str) -> None:
    line = f"net localgroup {before} {name} {after}"
    english = in_english(line)
    assert english.startswith("net localgroup ")
    assert identities().groups[name] in english


def test_security_names_the_account_of_a_process_as_sysmon_does() -> None:
    base = {"EventID": 4688, "Channel": "Security", "NewProcessName": "C:\\a.exe"}
    system = {"SubjectUserName": "PC-07$", "SubjectDomainName": "GMINA", "SubjectUserSid": "S-1-5-18"}
    nobody = {"TargetUserName": "-", "TargetDomainName": "-", "TargetUserSid": "S-1-0-0"}
    jan = {"TargetUserName": "jan", "TargetDomainName": "GMINA", "TargetUserSid": "S-1-5-21-1-2-3-1001"}
    key = "czujka.process.account"
    assert event(**base, **system, **nobody)[key] == ("GMINA\\PC-07$", "NT AUTHORITY\\SYSTEM")
    assert event(**base, **system, **jan)[key] == "GMINA\\jan"
    network = {
        "SubjectUserName": "USŁUGA SIECIOWA",
        "SubjectDomainName": "ZARZĄDZANIE NT",
        "SubjectUserSid": "S-1-5-20",
    }
    assert event(**base, **network)[key] == ("ZARZĄDZANIE NT\\USŁUGA SIECIOWA", "NT AUTHORITY\\NETWORK SERVICE")
    assert key not in event(**base, **nobody)
