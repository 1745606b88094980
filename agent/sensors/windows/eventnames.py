"""Names of what events hold, by what has to be done with them."""

from __future__ import annotations

SYSTEM = frozenset(
    {
        "Provider_Name", "EventID", "Channel", "Computer", "EventRecordID", "Provider_Guid",
        "Provider_EventSourceName", "EventID_Qualifiers", "Version", "Level", "Task", "Opcode", "Keywords",
        "Correlation_ActivityID", "Correlation_RelatedActivityID", "Execution_ProcessID", "Execution_ThreadID",
        "Execution_ProcessorID", "Security_UserID", "TimeCreated_SystemTime",
    }
)  # fmt: skip
"""System attributes that the box knows in a flat record; the others are left out, as it leaves them out."""
TAKEN = SYSTEM | {
    "ComputerName", "Hostname", "SourceName", "ProviderName", "Provider", "EventId", "RecordID", "RecordNumber",
    "SystemTime", "TimeCreated", "@timestamp", "EventTime", "event.module", "event.id", "event.created",
    "event.ingested", "host.name", "agent.id", "message", "xml", "Event", "winlog", "winlog.channel",
}  # fmt: skip
"""Names that mean something else in a flat record; a field of such a name cannot stand there."""
HARMLESS = frozenset(
    {
        "AccessList", "AccessMask", "Application", "Archived", "AuthenticationPackageName", "CallTrace", "Company",
        "CreationUtcTime", "CurrentDirectory", "Description", "DestAddress", "DestPort", "DestinationHostname",
        "DestinationIp", "DestinationIsIpv6", "DestinationPort", "DestinationPortName", "Direction",
        "ElevatedToken", "EventType", "FileVersion", "FilterRTID", "GrantedAccess", "HandleId", "Hashes", "Image",
        "ImageLoaded", "ImpersonationLevel", "Initiated", "IntegrityLevel", "IpAddress", "IpPort", "IsExecutable",
        "KeyLength", "LayerName", "LayerRTID", "LmPackageName", "LogonGuid", "LogonId", "LogonProcessName",
        "LogonType", "MandatoryLabel", "NewProcessId", "NewProcessName", "NewThreadId", "ObjectServer",
        "ObjectType", "OriginalFileName", "PackageName", "ParentImage", "ParentProcessGuid", "ParentProcessId",
        "ParentProcessName", "ParentUser", "PipeName", "PreviousCreationUtcTime", "PrivilegeList", "ProcessGuid",
        "ProcessID", "ProcessId", "ProcessName", "Product", "Protocol", "QueryStatus", "RelativeTargetName",
        "RemoteMachineID", "RemoteUserID", "RestrictedAdminMode", "RuleName", "ShareName", "Signature",
        "SignatureStatus", "Signed", "SourceAddress", "SourceHostname", "SourceImage", "SourceIp", "SourceIsIpv6",
        "SourcePort", "SourcePortName", "SourceProcessGUID", "SourceProcessId", "SourceThreadId", "SourceUser",
        "StartAddress", "StartFunction", "StartModule", "Status", "SubStatus", "SubjectDomainName",
        "SubjectLogonId", "SubjectUserName", "SubjectUserSid", "TargetDomainName", "TargetFilename", "TargetImage",
        "TargetLinkedLogonId", "TargetLogonGuid", "TargetLogonId", "TargetObject", "TargetProcessGUID",
        "TargetProcessId", "TargetUser", "TargetUserName", "TargetUserSid", "TerminalSessionId",
        "TokenElevationType", "TransmittedServices", "User", "UtcTime", "VirtualAccount", "WorkstationName",
    }
)  # fmt: skip
"""Data that Windows fills by itself with names, numbers and paths of programs: no secret is typed there, and to look
for one in each costs as much as all the rest."""
