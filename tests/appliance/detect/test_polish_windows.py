"""SigmaHQ's rules that ask for SYSTEM or for a group by name, on Polish, English and German Windows.

The rules and what is wrong with them elsewhere: the texts that they list for SYSTEM ("covers many language settings")
do not cover Polish, and the groups are in English, French and Spanish only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.detect import Engine, RuleSet, load_rules
from appliance.normalise import normalise
from tests.appliance.detect import corpus

pytestmark = pytest.mark.corpora

SYSMON = "Microsoft-Windows-Sysmon/Operational"
SYSTEM32 = "C:\\Windows\\System32\\"
MONITORS = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Print\\Monitors"
SYSTEM = {"pl": "ZARZĄDZANIE NT\\SYSTEM", "en": "NT AUTHORITY\\SYSTEM", "de": "NT-AUTORITÄT\\SYSTEM"}
NETWORK_SERVICE = {
    "pl": "ZARZĄDZANIE NT\\USŁUGA SIECIOWA",
    "en": "NT AUTHORITY\\NETWORK SERVICE",
    "de": "NT-AUTORITÄT\\NETZWERKDIENST",
}
LOCAL_SERVICE = {
    "pl": "ZARZĄDZANIE NT\\USŁUGA LOKALNA",
    "en": "NT AUTHORITY\\LOCAL SERVICE",
    "de": "NT-AUTORITÄT\\LOKALER DIENST",
}
REMOTE_DESKTOP = {
    "pl": "Użytkownicy pulpitu zdalnego",
    "en": "Remote Desktop Users",
    "de": "Remotedesktopbenutzer",
}
ADMINISTRATORS = {"pl": "Administratorzy", "en": "Administrators", "de": "Administratoren"}
SOMEONE = "GMINA\\jan.kowalski"


def process(**fields: str) -> dict[str, Any]:
    return {"EventID": 1, "Channel": SYSMON, "Computer": "PC-07", **fields}


#: Rules that select SYSTEM: rule -> an event that fires when its user is SYSTEM and not when it is a person.
SELECTING: Mapping[str, dict[str, Any]] = {
    "proc_creation_win_tscon_localsystem": process(Image=SYSTEM32 + "tscon.exe"),
    "proc_creation_win_susp_always_install_elevated_windows_installer": process(
        Image=SYSTEM32 + "msiexec.exe", IntegrityLevel="System", ParentImage="C:\\a.exe", CommandLine="msiexec /i x"
    ),
    "proc_creation_win_hktl_crackmapexec_patterns": process(
        Image=SYSTEM32 + "cmd.exe", CommandLine='cmd.exe /c tasklist /fi "x" & tasklist /fi Imagename eq lsass.exe'
    ),
    "proc_creation_win_taskmgr_localsystem": process(Image=SYSTEM32 + "taskmgr.exe"),
    "proc_creation_win_susp_system_user_anomaly": process(
        Image=SYSTEM32 + "cmd.exe", IntegrityLevel="System", CommandLine="cmd /c vssadmin delete shadows /all"
    ),
    "proc_creation_win_susp_elevated_system_shell_uncommon_parent": process(
        Image=SYSTEM32 + "cmd.exe", LogonId="0x3e7", ParentImage="C:\\Users\\jan\\a.exe"
    ),
    "proc_creation_win_whoami_execution_from_high_priv_process": process(Image=SYSTEM32 + "whoami.exe"),
    "proc_creation_win_sysinternals_psexesvc_as_system": process(ParentImage="C:\\Windows\\PSEXESVC.exe"),
    "proc_creation_win_susp_abusing_debug_privilege": process(
        Image=SYSTEM32 + "cmd.exe", ParentImage=SYSTEM32 + "winlogon.exe"
    ),
}  # fmt: skip
#: Rules that select SYSTEM as the user and an account of services or SYSTEM as the parent's.
SELECTING_BOTH: Mapping[str, dict[str, Any]] = {
    "proc_creation_win_susp_child_process_as_system_": process(Image="C:\\a.exe", IntegrityLevel="System"),
    "proc_creation_win_werfault_lsass_shtinkering": process(
        Image=SYSTEM32 + "WerFault.exe", CommandLine="WerFault.exe -u -p 77 -ip 88 -s 99", ParentImage="C:\\a.exe"
    ),
}
#: Rules that filter SYSTEM out: rule -> (field of the user, an event that fires for a person and not for SYSTEM).
FILTERING: Mapping[str, tuple[str, dict[str, Any]]] = {
    "file_delete_win_delete_prefetch": ("User", {
        "EventID": 23, "Channel": SYSMON, "TargetFilename": "C:\\Windows\\Prefetch\\A.EXE-1.pf",
        "Image": SYSTEM32 + "svchost.exe"}),
    "proc_creation_win_schtasks_creation": ("User", process(
        Image=SYSTEM32 + "schtasks.exe", CommandLine="schtasks /create /tn x", ParentImage="C:\\a.exe")),
    "proc_creation_win_wmiprvse_spawning_process": ("User", process(
        Image=SYSTEM32 + "cmd.exe", ParentImage=SYSTEM32 + "wbem\\WmiPrvSe.exe", LogonId="0x12345")),
    "win_taskscheduler_susp_schtasks_delete_or_disable": ("UserName", {
        "EventID": 141, "Channel": "Microsoft-Windows-TaskScheduler/Operational",
        "TaskName": "\\Microsoft\\Windows\\SystemRestore\\SR"}),
    "registry_set_add_port_monitor": ("User", {
        "EventID": 13, "Channel": SYSMON, "EventType": "SetValue", "Image": SYSTEM32 + "spoolsv.exe",
        "TargetObject": MONITORS + "\\CutePDF Writer Monitor v4.0\\Driver",
        "Details": "cpwmon64_v40.dll"}),
    "registry_set_asep_reg_keys_modification_currentcontrolset": ("User", {
        "EventID": 13, "Channel": SYSMON, "EventType": "SetValue", "Image": SYSTEM32 + "spoolsv.exe",
        "TargetObject": MONITORS + "\\Appmon\\Ports\\Microsoft.Office.OneNote_1",
        "Details": "x"}),
    "proc_access_win_lsass_memdump": ("SourceUser", {
        "EventID": 10, "Channel": SYSMON, "TargetImage": SYSTEM32 + "lsass.exe", "GrantedAccess": "0x1fffff",
        "SourceImage": "C:\\a.exe", "CallTrace": "C:\\Windows\\SYSTEM32\\ntdll.dll+1"}),
}  # fmt: skip
#: Rules that ask for groups: rule -> commands that name the group.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "proc_creation_win_net_groups_and_accounts_recon": ('net localgroup "{remote}"', "net localgroup {admins}"),
    "proc_creation_win_powershell_get_localgroup_member_recon": (
        "powershell Get-LocalGroupMember -Group '{remote}'",
        "powershell Get-LocalGroupMember {admins}",
    ),
    "proc_creation_win_susp_add_user_remote_desktop_group": (
        'net localgroup "{remote}" jan /add',
        "powershell Add-LocalGroupMember -Group '{remote}' -Member jan",
    ),
}
LANGUAGES = ("pl", "en", "de")


@pytest.fixture(scope="module")
def rules(corpora: Path) -> dict[str, Engine]:
    names = {*SELECTING, *SELECTING_BOTH, *FILTERING, *GROUPS}
    files = [file for file in (corpora / "sigmahq" / "rules").rglob("*.yml") if file.stem in names]
    loaded = load_rules(files)
    assert loaded.faults == []
    return {Path(rule.source_file).stem: Engine(RuleSet([rule], [])) for rule in loaded.rules}


def fires(engine: Engine, **record: Any) -> bool:
    return bool(engine.match(normalise(json.dumps(record).encode(), corpus.SOURCE)))


def test_the_list_is_all_of_them(corpora: Path, rules: dict[str, Engine]) -> None:
    texts = {file.stem: file.read_text(encoding="utf-8") for file in (corpora / "sigmahq" / "rules").rglob("*.yml")}
    assert {name for name, text in texts.items() if "AUTORI" in text} == {*SELECTING, *SELECTING_BOTH, *FILTERING}
    assert {name for name, text in texts.items() if "Remote Desktop Users" in text} == set(GROUPS)
    assert len(rules) == 21


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SELECTING)
def test_a_rule_for_system_fires_for_system(name: str, language: str, rules: dict[str, Engine]) -> None:
    assert fires(rules[name], **SELECTING[name], User=SYSTEM[language])
    assert not fires(rules[name], **SELECTING[name], User=SOMEONE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("parent", [NETWORK_SERVICE, LOCAL_SERVICE], ids=["network", "local"])
def test_a_service_that_becomes_system_fires(
    parent: Mapping[str, str], language: str, rules: dict[str, Engine]
) -> None:
    name = "proc_creation_win_susp_child_process_as_system_"
    event = SELECTING_BOTH[name]
    assert fires(rules[name], **event, User=SYSTEM[language], ParentUser=parent[language])
    assert not fires(rules[name], **event, User=SYSTEM[language], ParentUser=SYSTEM[language])
    assert not fires(rules[name], **event, User=SOMEONE, ParentUser=parent[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_lsass_shtinkering_fires(language: str, rules: dict[str, Engine]) -> None:
    name = "proc_creation_win_werfault_lsass_shtinkering"
    event = SELECTING_BOTH[name]
    assert fires(rules[name], **event, User=SYSTEM[language], ParentUser=SYSTEM[language])
    assert not fires(rules[name], **event, User=SYSTEM[language], ParentUser=SOMEONE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FILTERING)
def test_a_filter_for_system_leaves_system_out(name: str, language: str, rules: dict[str, Engine]) -> None:
    field, event = FILTERING[name]
    assert not fires(rules[name], **event, **{field: SYSTEM[language]})
    assert fires(rules[name], **event, **{field: SOMEONE})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", GROUPS)
def test_a_rule_for_a_group_fires_for_its_name(name: str, language: str, rules: dict[str, Engine]) -> None:
    for command in GROUPS[name]:
        line = command.format(remote=REMOTE_DESKTOP[language], admins=ADMINISTRATORS[language])
        assert fires(rules[name], **process(Image=SYSTEM32 + "net.exe", CommandLine=line)), line
    assert not fires(rules[name], **process(Image=SYSTEM32 + "net.exe", CommandLine="net localgroup Referat /add"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_security_4688_is_the_same_as_sysmon(language: str, rules: dict[str, Engine]) -> None:
    domain, _, name = SYSTEM[language].partition("\\")
    record = {
        "EventID": 4688, "Channel": "Security", "NewProcessName": SYSTEM32 + "whoami.exe", "CommandLine": "whoami",
        "SubjectUserSid": "S-1-5-18", "SubjectUserName": "PC-07$", "SubjectDomainName": "GMINA",
        "TargetUserSid": "S-1-5-18", "TargetUserName": name, "TargetDomainName": domain,
        "MandatoryLabel": "S-1-16-16384",
    }  # fmt: skip
    assert fires(rules["proc_creation_win_whoami_execution_from_high_priv_process"], **record)
    record |= {"CommandLine": "cmd /c vssadmin delete shadows", "NewProcessName": SYSTEM32 + "cmd.exe"}
    assert fires(rules["proc_creation_win_susp_system_user_anomaly"], **record)
