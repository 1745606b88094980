"""Names that keep their capital letter inside a Polish sentence, and the verbs a step may begin with."""

from __future__ import annotations

_PRODUCT = (
    "Czujka Czujki Czujce Czujkę Czujką Pulpit Pulpicie Pulpitu Alerty Zdarzenia Stacje Reguły Zdrowie Ustawienia"
)
_SYSTEMS = """
    Windows Office PowerShell LSASS Administratorzy Zabezpieczenia Defender Microsoft PsExec Kerberos Kerberoasting
    Harmonogram Mimikatz Active Directory Sysmon Linux Linuksa Linuksie Debian Ubuntu Excel Word Outlook Chrome Firefox
    Edge Elasticsearch Lucene Sigma SigmaHQ MITRE ATT ATT&CK CK EZD BIP ePUAP Python
    BitLocker Secure Boot Update Entra LAN Manager Landlock
"""
_ACRONYMS = """
    DNS VPN RDP SPAN Wi-Fi SSH USB SMS SMS-em SMS-y SMS-a PDF CSV JSON NDJSON HTML API ID IP URL CA TLS SHA-256 WWW C2
    RC4 EVTX XML ECS UTC RFC CPU RAM PID SID RSS GSM IOD CSIRT S46 NASK CERT UKSC RODO UODO KRI SZBI CUW CIDR SMTP
    MB GB TB PB B T Z AND OR NOT TO EUPL-1 Ctrl Enter Esc Tab Shift PL EN
    MD5 SHA-1 UTF-8 MiB MISP STIX TPM PTT UEFI LUKS DNF LSA NTLM NTLMv2 NLA SMB1 UDP
"""
_PLACES = "Polska Polski Polsce Europa Europe Warsaw"
NAMES = frozenset(" ".join((_PRODUCT, _SYSTEMS, _ACRONYMS, _PLACES)).split())

_STEPS = """
    Odłącz Zadzwoń Sprawdź Zapytaj Zapisz Otwórz Zablokuj Zamknij Zmień Wyłącz Przeczytaj Włącz Ustal Poszukaj Zachowaj
    Porównaj Poproś Policz Potwierdź Zakończ
"""
VERBS = frozenset(_STEPS.split())
