"""The watched places of Windows, as data. Facts: ATT&CK T1037, T1053, T1137, T1505, T1543, T1546, T1547, T1574."""

from __future__ import annotations

from collections.abc import Sequence

from agent.fim.places import Place

_SYSTEM = "%SystemRoot%/System32"
_PERSON = "%Profiles%/*"
_OFFICE = f"{_PERSON}/AppData/Roaming/Microsoft"
_START = "Microsoft/Windows/Start Menu/Programs/Startup"

WINDOWS: Sequence[Place] = (
    Place(f"{_SYSTEM}/drivers", "drivers, and the file hosts below etc"),
    Place(f"{_SYSTEM}/Tasks", "scheduled tasks"),
    Place("%SystemRoot%/Tasks", "scheduled tasks of old programs"),
    Place(f"{_SYSTEM}/GroupPolicy", "local policies and their scripts"),
    Place(f"{_SYSTEM}/GroupPolicyUsers", "local policies of single accounts"),
    Place(f"{_SYSTEM}/*.exe", "programs of the system, those of the sign-in screen too", tree=False),
    Place("%SystemRoot%/*.exe", "programs of the system", tree=False),
    Place("%SystemRoot%/*.ini", "programs started at sign-in by old means", tree=False),
    Place(f"{_SYSTEM}/wbem", "what answers WMI, and what is installed into it"),
    Place(f"{_SYSTEM}/spool/prtprocs", "libraries that the print service loads"),
    Place(f"{_SYSTEM}/spool/drivers", "drivers of printers"),
    Place(f"{_SYSTEM}/inetsrv", "the web server IIS: modules and settings"),
    Place(f"{_SYSTEM}/WindowsPowerShell/v1.0/*.ps1", "commands at every start of PowerShell", tree=False),
    Place("%SystemRoot%/Setup/Scripts", "commands at the end of an installation of Windows"),
    Place("%SystemRoot%/SYSVOL/domain/Policies", "policies of the domain, on its controllers"),
    Place("%SystemRoot%/SYSVOL/domain/scripts", "log-on scripts of the domain, on its controllers"),
    Place("%ProgramData%/Microsoft/Windows/Start Menu/Programs/StartUp", "programs started at sign-in"),
    Place("%ProgramData%/ssh", "settings, keys and trusted administrators of the SSH server"),
    Place("%WebRoot%", "pages of the web server, among which intruders leave programs"),
    Place("%SystemDrive%/xampp/htdocs", "the same of a common package"),
    Place("%ProgramFiles%/PowerShell/*/*.ps1", "commands at every start of PowerShell", tree=False),
    Place("%ProgramFiles%/Microsoft Office/root/Office*/STARTUP", "add-ins that Word loads"),
    Place("%ProgramFiles%/Microsoft Office/root/Office*/XLSTART", "workbooks that Excel loads"),
    Place("%ProgramFiles%/Czujka/*", "the agent's own host", tree=False),
    Place(f"{_PERSON}/AppData/Roaming/{_START}", "programs started at a person's sign-in"),
    Place(f"{_PERSON}/.ssh", "keys that sign in"),
    Place(f"{_PERSON}/Documents/WindowsPowerShell/*.ps1", "commands at a person's start of PowerShell", tree=False),
    Place(f"{_PERSON}/Documents/PowerShell/*.ps1", "commands at a person's start of PowerShell", tree=False),
    Place(f"{_OFFICE}/Word/STARTUP", "add-ins that Word loads"),
    Place(f"{_OFFICE}/Excel/XLSTART", "workbooks that Excel loads"),
    Place(f"{_OFFICE}/AddIns", "add-ins of Office"),
    Place(f"{_OFFICE}/Templates/*.dotm", "templates that Word loads with every document", tree=False),
    Place(f"{_OFFICE}/Outlook/VbaProject.OTM", "macros of Outlook", tree=False),
)
"""Names with `%` are put in by `expanded`: those of the environment, `Profiles` (the folders of people), `WebRoot`."""
WINDOWS_LEFT_OUT: Sequence[Place] = (
    Place(f"{_SYSTEM}/wbem/Repository", "written all the time; who subscribes to what is in the event log (5861)"),
    Place(f"{_SYSTEM}/wbem/Logs", "a log"),
    Place(f"{_SYSTEM}/wbem/Performance", "made anew from the registry"),
    Place(f"{_SYSTEM}/drivers/DriverData", "working data of drivers"),
    Place(f"{_SYSTEM}/inetsrv/History", "copies that the web server keeps"),
    Place("%ProgramData%/ssh/logs", "a log"),
    Place(f"{_PERSON}/.ssh/known_hosts*", "grows with every new server", tree=False),
    Place(f"{_PERSON}/AppData/Roaming/{_START}/desktop.ini", "made with every profile", tree=False),
    Place(f"{_OFFICE}/*/~$*", "marks of open documents", tree=False),
    Place(f"{_OFFICE}/*/*/~$*", "marks of open documents", tree=False),
    Place(f"{_OFFICE}/Outlook/*.tmp", "a file in the making", tree=False),
)
