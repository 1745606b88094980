"""The interfaces of DCE/RPC that administration and attacks use: their names and the names of their operations.

From Microsoft's open specifications (the MS-* documents named beside each). Names are those that Zeek and the rules
written for it use: of svcctl without the `R` of the document, of drsuapi without its `IDL_`. `-` stands for what is
never sent over the wire.
"""

from __future__ import annotations

from types import MappingProxyType

_SVCCTL = (  # MS-SCMR
    "CloseServiceHandle ControlService DeleteService LockServiceDatabase QueryServiceObjectSecurity "
    "SetServiceObjectSecurity QueryServiceStatus SetServiceStatus UnlockServiceDatabase NotifyBootConfigStatus - "
    "ChangeServiceConfigW CreateServiceW EnumDependentServicesW EnumServicesStatusW OpenSCManagerW OpenServiceW "
    "QueryServiceConfigW QueryServiceLockStatusW StartServiceW GetServiceDisplayNameW GetServiceKeyNameW - "
    "ChangeServiceConfigA CreateServiceA EnumDependentServicesA EnumServicesStatusA OpenSCManagerA OpenServiceA "
    "QueryServiceConfigA QueryServiceLockStatusA StartServiceA GetServiceDisplayNameA GetServiceKeyNameA - "
    "EnumServiceGroupW ChangeServiceConfig2A ChangeServiceConfig2W QueryServiceConfig2A QueryServiceConfig2W "
    "QueryServiceStatusEx EnumServicesStatusExA EnumServicesStatusExW - CreateServiceWOW64A CreateServiceWOW64W - "
    "NotifyServiceStatusChange GetNotifyResults CloseNotifyHandle ControlServiceExA ControlServiceExW - - - - "
    "QueryServiceConfigEx - - - CreateWowService - - - OpenSCManager2"
)
_SAMR = (  # MS-SAMR
    "SamrConnect SamrCloseHandle SamrSetSecurityObject SamrQuerySecurityObject - SamrLookupDomainInSamServer "
    "SamrEnumerateDomainsInSamServer SamrOpenDomain SamrQueryInformationDomain SamrSetInformationDomain "
    "SamrCreateGroupInDomain SamrEnumerateGroupsInDomain SamrCreateUserInDomain SamrEnumerateUsersInDomain "
    "SamrCreateAliasInDomain SamrEnumerateAliasesInDomain SamrGetAliasMembership SamrLookupNamesInDomain "
    "SamrLookupIdsInDomain SamrOpenGroup SamrQueryInformationGroup SamrSetInformationGroup SamrAddMemberToGroup "
    "SamrDeleteGroup SamrRemoveMemberFromGroup SamrGetMembersInGroup SamrSetMemberAttributesOfGroup SamrOpenAlias "
    "SamrQueryInformationAlias SamrSetInformationAlias SamrDeleteAlias SamrAddMemberToAlias "
    "SamrRemoveMemberFromAlias SamrGetMembersInAlias SamrOpenUser SamrDeleteUser SamrQueryInformationUser "
    "SamrSetInformationUser SamrChangePasswordUser SamrGetGroupsForUser SamrQueryDisplayInformation "
    "SamrGetDisplayEnumerationIndex - - SamrGetUserDomainPasswordInformation SamrRemoveMemberFromForeignDomain "
    "SamrQueryInformationDomain2 SamrQueryInformationUser2 SamrQueryDisplayInformation2 "
    "SamrGetDisplayEnumerationIndex2 SamrCreateUser2InDomain SamrQueryDisplayInformation3 "
    "SamrAddMultipleMembersToAlias SamrRemoveMultipleMembersFromAlias SamrOemChangePasswordUser2 "
    "SamrUnicodeChangePasswordUser2 SamrGetDomainPasswordInformation SamrConnect2 SamrSetInformationUser2 - - - "
    "SamrConnect4 - SamrConnect5 SamrRidToSid SamrSetDSRMPassword SamrValidatePassword - - - - - "
    "SamrUnicodeChangePasswordUser4"
)
_LSARPC = (  # MS-LSAD, MS-LSAT
    "LsarClose LsarDelete LsarEnumeratePrivileges LsarQuerySecurityObject LsarSetSecurityObject - LsarOpenPolicy "
    "LsarQueryInformationPolicy LsarSetInformationPolicy - LsarCreateAccount LsarEnumerateAccounts "
    "LsarCreateTrustedDomain LsarEnumerateTrustedDomains LsarLookupNames LsarLookupSids LsarCreateSecret "
    "LsarOpenAccount LsarEnumeratePrivilegesAccount LsarAddPrivilegesToAccount LsarRemovePrivilegesFromAccount - - "
    "LsarGetSystemAccessAccount LsarSetSystemAccessAccount LsarOpenTrustedDomain LsarQueryInfoTrustedDomain "
    "LsarSetInformationTrustedDomain LsarOpenSecret LsarSetSecret LsarQuerySecret LsarLookupPrivilegeValue "
    "LsarLookupPrivilegeName LsarLookupPrivilegeDisplayName LsarDeleteObject LsarEnumerateAccountsWithUserRight "
    "LsarEnumerateAccountRights LsarAddAccountRights LsarRemoveAccountRights LsarQueryTrustedDomainInfo "
    "LsarSetTrustedDomainInfo LsarDeleteTrustedDomain LsarStorePrivateData LsarRetrievePrivateData LsarOpenPolicy2 "
    "LsarGetUserName LsarQueryInformationPolicy2 LsarSetInformationPolicy2 LsarQueryTrustedDomainInfoByName "
    "LsarSetTrustedDomainInfoByName LsarEnumerateTrustedDomainsEx LsarCreateTrustedDomainEx - "
    "LsarQueryDomainInformationPolicy LsarSetDomainInformationPolicy LsarOpenTrustedDomainByName - LsarLookupSids2 "
    "LsarLookupNames2 LsarCreateTrustedDomainEx2 - - - - - - - - LsarLookupNames3 - - - - "
    "LsarQueryForestTrustInformation LsarSetForestTrustInformation - LsarLookupSids3 LsarLookupNames4"
)
_SRVSVC = (  # MS-SRVS; the first eight are reserved there
    "- - - - - - - - NetrConnectionEnum NetrFileEnum NetrFileGetInfo NetrFileClose NetrSessionEnum NetrSessionDel "
    "NetrShareAdd NetrShareEnum NetrShareGetInfo NetrShareSetInfo NetrShareDel NetrShareDelSticky NetrShareCheck "
    "NetrServerGetInfo NetrServerSetInfo NetrServerDiskEnum NetrServerStatisticsGet NetrServerTransportAdd "
    "NetrServerTransportEnum NetrServerTransportDel NetrRemoteTOD - NetprPathType NetprPathCanonicalize "
    "NetprPathCompare NetprNameValidate NetprNameCanonicalize NetprNameCompare NetrShareEnumSticky NetrShareDelStart "
    "NetrShareDelCommit NetrpGetFileSecurity NetrpSetFileSecurity NetrServerTransportAddEx - NetrDfsGetVersion "
    "NetrDfsCreateLocalPartition NetrDfsDeleteLocalPartition NetrDfsSetLocalVolumeState - NetrDfsCreateExitPoint "
    "NetrDfsDeleteExitPoint NetrDfsModifyPrefix NetrDfsFixLocalVolume NetrDfsManagerReportSiteInfo "
    "NetrServerTransportDelEx NetrServerAliasAdd NetrServerAliasEnum NetrServerAliasDel NetrShareDelEx"
)
_WKSSVC = (  # MS-WKST
    "NetrWkstaGetInfo NetrWkstaSetInfo NetrWkstaUserEnum - - NetrWkstaTransportEnum NetrWkstaTransportAdd "
    "NetrWkstaTransportDel NetrUseAdd NetrUseGetInfo NetrUseDel NetrUseEnum - NetrWorkstationStatisticsGet - - - - - "
    "- NetrGetJoinInformation - NetrJoinDomain2 NetrUnjoinDomain2 NetrRenameMachineInDomain2 NetrValidateName2 "
    "NetrGetJoinableOUs2 NetrAddAlternateComputerName NetrRemoveAlternateComputerName NetrSetPrimaryComputerName "
    "NetrEnumerateComputerNames"
)
_WINREG = (  # MS-RRP, MS-RSP
    "OpenClassesRoot OpenCurrentUser OpenLocalMachine OpenPerformanceData OpenUsers BaseRegCloseKey BaseRegCreateKey "
    "BaseRegDeleteKey BaseRegDeleteValue BaseRegEnumKey BaseRegEnumValue BaseRegFlushKey BaseRegGetKeySecurity "
    "BaseRegLoadKey - BaseRegOpenKey BaseRegQueryInfoKey BaseRegQueryValue BaseRegReplaceKey BaseRegRestoreKey "
    "BaseRegSaveKey BaseRegSetKeySecurity BaseRegSetValue BaseRegUnLoadKey BaseInitiateSystemShutdown "
    "BaseAbortSystemShutdown BaseRegGetVersion OpenCurrentConfig - BaseRegQueryMultipleValues "
    "BaseInitiateSystemShutdownEx BaseRegSaveKeyEx OpenPerformanceText OpenPerformanceNlsText "
    "BaseRegQueryMultipleValues2 BaseRegDeleteKeyEx"
)
_SPOOLSS = (  # MS-RPRN
    "RpcEnumPrinters RpcOpenPrinter RpcSetJob RpcGetJob RpcEnumJobs RpcAddPrinter RpcDeletePrinter RpcSetPrinter "
    "RpcGetPrinter RpcAddPrinterDriver RpcEnumPrinterDrivers RpcGetPrinterDriver RpcGetPrinterDriverDirectory "
    "RpcDeletePrinterDriver RpcAddPrintProcessor RpcEnumPrintProcessors RpcGetPrintProcessorDirectory "
    "RpcStartDocPrinter RpcStartPagePrinter RpcWritePrinter RpcEndPagePrinter RpcAbortPrinter RpcReadPrinter "
    "RpcEndDocPrinter RpcAddJob RpcScheduleJob RpcGetPrinterData RpcSetPrinterData RpcWaitForPrinterChange "
    "RpcClosePrinter RpcAddForm RpcDeleteForm RpcGetForm RpcSetForm RpcEnumForms RpcEnumPorts RpcEnumMonitors "
    "RpcAddPort RpcConfigurePort RpcDeletePort RpcCreatePrinterIC RpcPlayGdiScriptOnPrinterIC RpcDeletePrinterIC "
    "RpcAddPrinterConnection RpcDeletePrinterConnection RpcPrinterMessageBox RpcAddMonitor RpcDeleteMonitor "
    "RpcDeletePrintProcessor RpcAddPrintProvidor RpcDeletePrintProvidor RpcEnumPrintProcessorDatatypes "
    "RpcResetPrinter RpcGetPrinterDriver2 RpcClientFindFirstPrinterChangeNotification "
    "RpcFindNextPrinterChangeNotification RpcFindClosePrinterChangeNotification "
    "RpcRouterFindFirstPrinterChangeNotificationOld RpcReplyOpenPrinter RpcRouterReplyPrinter RpcReplyClosePrinter "
    "RpcAddPortEx RpcRemoteFindFirstPrinterChangeNotification RpcSpoolerInit RpcResetPrinterEx "
    "RpcRemoteFindFirstPrinterChangeNotificationEx RpcRouterReplyPrinterEx RpcRouterRefreshPrinterChangeNotification "
    "RpcSetAllocFailCount RpcSplOpenPrinter RpcAddPrinterEx RpcSetPort RpcEnumPrinterData RpcDeletePrinterData "
    "RpcClusterSplOpen RpcClusterSplClose RpcClusterSplIsAlive RpcSetPrinterDataEx RpcGetPrinterDataEx "
    "RpcEnumPrinterDataEx RpcEnumPrinterKey RpcDeletePrinterDataEx RpcDeletePrinterKey RpcSeekPrinter "
    "RpcDeletePrinterDriverEx RpcAddPerMachineConnection RpcDeletePerMachineConnection RpcEnumPerMachineConnections "
    "RpcXcvData RpcAddPrinterDriverEx RpcSplOpenPrinter2 RpcGetSpoolFileInfo RpcCommitSpoolData RpcGetSpoolFileInfo2 "
    "RpcCommitSpoolData2 RpcFlushPrinter RpcSendRecvBidiData - - - - - RpcGetCorePrinterDrivers "
    "RpcCorePrinterDriverInstalled RpcGetPrinterDriverPackagePath RpcDeletePrinterDriverPackage - - - - "
    "RpcGetJobNamedPropertyValue RpcSetJobNamedProperty RpcDeleteJobNamedProperty RpcEnumJobNamedProperties - - "
    "RpcLogJobInfoForBranchOffice"
)
_WINSPOOL = (  # MS-PAR
    "RpcAsyncOpenPrinter RpcAsyncAddPrinter RpcAsyncSetJob RpcAsyncGetJob RpcAsyncEnumJobs RpcAsyncAddJob "
    "RpcAsyncScheduleJob RpcAsyncDeletePrinter RpcAsyncSetPrinter RpcAsyncGetPrinter RpcAsyncStartDocPrinter "
    "RpcAsyncStartPagePrinter RpcAsyncWritePrinter RpcAsyncEndPagePrinter RpcAsyncEndDocPrinter RpcAsyncAbortPrinter "
    "RpcAsyncGetPrinterData RpcAsyncGetPrinterDataEx RpcAsyncSetPrinterData RpcAsyncSetPrinterDataEx "
    "RpcAsyncClosePrinter RpcAsyncAddForm RpcAsyncDeleteForm RpcAsyncGetForm RpcAsyncSetForm RpcAsyncEnumForms "
    "RpcAsyncGetPrinterDriver RpcAsyncEnumPrinterData RpcAsyncEnumPrinterDataEx RpcAsyncEnumPrinterKey "
    "RpcAsyncDeletePrinterData RpcAsyncDeletePrinterDataEx RpcAsyncDeletePrinterKey RpcAsyncXcvData "
    "RpcAsyncSendRecvBidiData RpcAsyncCreatePrinterIC RpcAsyncPlayGdiScriptOnPrinterIC RpcAsyncDeletePrinterIC "
    "RpcAsyncEnumPrinters RpcAsyncAddPrinterDriver RpcAsyncEnumPrinterDrivers RpcAsyncGetPrinterDriverDirectory "
    "RpcAsyncDeletePrinterDriver RpcAsyncDeletePrinterDriverEx RpcAsyncAddPrintProcessor RpcAsyncEnumPrintProcessors "
    "RpcAsyncGetPrintProcessorDirectory RpcAsyncEnumPorts RpcAsyncEnumMonitors RpcAsyncAddPort RpcAsyncSetPort "
    "RpcAsyncAddMonitor RpcAsyncDeleteMonitor RpcAsyncDeletePrintProcessor RpcAsyncEnumPrintProcessorDatatypes "
    "RpcAsyncAddPerMachineConnection RpcAsyncDeletePerMachineConnection RpcAsyncEnumPerMachineConnections "
    "RpcSyncRegisterForRemoteNotifications RpcSyncUnRegisterForRemoteNotifications RpcSyncRefreshRemoteNotifications "
    "RpcAsyncGetRemoteNotifications RpcAsyncInstallPrinterDriverFromPackage RpcAsyncUploadPrinterDriverPackage "
    "RpcAsyncGetCorePrinterDrivers RpcAsyncCorePrinterDriverInstalled RpcAsyncGetPrinterDriverPackagePath "
    "RpcAsyncDeletePrinterDriverPackage RpcAsyncReadPrinter RpcAsyncResetPrinter RpcAsyncGetJobNamedPropertyValue "
    "RpcAsyncSetJobNamedProperty RpcAsyncDeleteJobNamedProperty RpcAsyncEnumJobNamedProperties "
    "RpcAsyncLogJobInfoForBranchOffice"
)
_DRSUAPI = (  # MS-DRSR
    "DRSBind DRSUnbind DRSReplicaSync DRSGetNCChanges DRSUpdateRefs DRSReplicaAdd DRSReplicaDel DRSReplicaModify "
    "DRSVerifyNames DRSGetMemberships DRSInterDomainMove DRSGetNT4ChangeLog DRSCrackNames DRSWriteSPN "
    "DRSRemoveDsServer DRSRemoveDsDomain DRSDomainControllerInfo DRSAddEntry DRSExecuteKCC DRSGetReplInfo "
    "DRSAddSidHistory DRSGetMemberships2 DRSReplicaVerifyObjects DRSGetObjectExistence DRSQuerySitesByCost "
    "DRSInitDemotion DRSReplicaDemotion DRSFinishDemotion DRSAddCloneDC DRSWriteNgcKey DRSReadNgcKey"
)
_NETLOGON = (  # MS-NRPC
    "NetrLogonUasLogon NetrLogonUasLogoff NetrLogonSamLogon NetrLogonSamLogoff NetrServerReqChallenge "
    "NetrServerAuthenticate NetrServerPasswordSet NetrDatabaseDeltas NetrDatabaseSync NetrAccountDeltas "
    "NetrAccountSync NetrGetDCName NetrLogonControl NetrGetAnyDCName NetrLogonControl2 NetrServerAuthenticate2 "
    "NetrDatabaseSync2 NetrDatabaseRedo NetrLogonControl2Ex NetrEnumerateTrustedDomains DsrGetDcName "
    "NetrLogonGetCapabilities NetrLogonSetServiceBits NetrLogonGetTrustRid NetrLogonComputeServerDigest "
    "NetrLogonComputeClientDigest NetrServerAuthenticate3 DsrGetDcNameEx DsrGetSiteName NetrLogonGetDomainInfo "
    "NetrServerPasswordSet2 NetrServerPasswordGet NetrLogonSendToSam DsrAddressToSiteNamesW DsrGetDcNameEx2 "
    "NetrLogonGetTimeServiceParentDomain NetrEnumerateTrustedDomainsEx DsrAddressToSiteNamesExW "
    "DsrGetDcSiteCoverageW NetrLogonSamLogonEx DsrEnumerateDomainTrusts DsrDeregisterDnsHostRecords "
    "NetrServerTrustPasswordsGet DsrGetForestTrustInformation NetrGetForestTrustInformation "
    "NetrLogonSamLogonWithFlags NetrServerGetTrustInfo - DsrUpdateReadOnlyServerDnsRecords - - - - - - - - - - "
    "NetrServerAuthenticateKerberos"
)
_TASKS = (  # MS-TSCH 3.2.5.4
    "SchRpcHighestVersion SchRpcRegisterTask SchRpcRetrieveTask SchRpcCreateFolder SchRpcSetSecurity "
    "SchRpcGetSecurity SchRpcEnumFolders SchRpcEnumTasks SchRpcEnumInstances SchRpcGetInstanceInfo "
    "SchRpcStopInstance SchRpcStop SchRpcRun SchRpcDelete SchRpcRename SchRpcScheduledRuntimes SchRpcGetLastRunInfo "
    "SchRpcGetTaskInfo SchRpcGetNumberOfMissedRuns SchRpcEnableTask"
)
_EFS = (  # MS-EFSR
    "EfsRpcOpenFileRaw EfsRpcReadFileRaw EfsRpcWriteFileRaw EfsRpcCloseRaw EfsRpcEncryptFileSrv EfsRpcDecryptFileSrv "
    "EfsRpcQueryUsersOnFile EfsRpcQueryRecoveryAgents EfsRpcRemoveUsersFromFile EfsRpcAddUsersToFile - "
    "EfsRpcNotSupported EfsRpcFileKeyInfo EfsRpcDuplicateEncryptionInfoFile - EfsRpcAddUsersToFileEx "
    "EfsRpcFileKeyInfoEx - EfsRpcGetEncryptedFileMetadata EfsRpcSetEncryptedFileMetadata EfsRpcFlushEfsCache "
    "EfsRpcEncryptFileExSrv EfsRpcQueryProtectors"
)
_DFS = (  # MS-DFSNM
    "NetrDfsManagerGetVersion NetrDfsAdd NetrDfsRemove NetrDfsSetInfo NetrDfsGetInfo NetrDfsEnum NetrDfsMove - "
    "NetrDfsManagerGetConfigInfo NetrDfsManagerSendSiteInfo NetrDfsAddFtRoot NetrDfsRemoveFtRoot NetrDfsAddStdRoot "
    "NetrDfsRemoveStdRoot NetrDfsManagerInitialize NetrDfsAddStdRootForced NetrDfsGetDcAddress NetrDfsSetDcAddress "
    "NetrDfsFlushFtTable NetrDfsAdd2 NetrDfsRemove2 NetrDfsEnumEx NetrDfsSetInfo2 NetrDfsAddRootTarget "
    "NetrDfsRemoveRootTarget NetrDfsGetSupportedNamespaceVersion"
)
_WBEM = (  # MS-WMI; the first three are IUnknown's
    "QueryInterface AddRef Release OpenNamespace CancelAsyncCall QueryObjectSink GetObject GetObjectAsync PutClass "
    "PutClassAsync DeleteClass DeleteClassAsync CreateClassEnum CreateClassEnumAsync PutInstance PutInstanceAsync "
    "DeleteInstance DeleteInstanceAsync CreateInstanceEnum CreateInstanceEnumAsync ExecQuery ExecQueryAsync "
    "ExecNotificationQuery ExecNotificationQueryAsync ExecMethod ExecMethodAsync"
)
_ICERT = (  # MS-ICPR, MS-WCCE
    "QueryInterface AddRef Release Request GetCACert Ping"
)
_DISPATCH = "QueryInterface AddRef Release GetTypeInfoCount GetTypeInfo GetIDsOfNames Invoke"  # MS-OAUT
_UNKNOWN = "QueryInterface AddRef Release"  # MS-DCOM

_TABLE = (
    ("367abb81-9844-35f1-ad32-98f038001003", "svcctl", _SVCCTL),
    ("12345778-1234-abcd-ef00-0123456789ac", "samr", _SAMR),
    ("12345778-1234-abcd-ef00-0123456789ab", "lsarpc", _LSARPC),
    ("3919286a-b10c-11d0-9ba8-00c04fd92ef5", "dssetup", "DsRolerGetPrimaryDomainInformation"),  # MS-DSSP
    ("4b324fc8-1670-01d3-1278-5a47bf6ee188", "srvsvc", _SRVSVC),
    ("6bffd098-a112-3610-9833-46c3f87e345a", "wkssvc", _WKSSVC),
    ("338cd001-2244-31f1-aaaa-900038001003", "winreg", _WINREG),
    ("12345678-1234-abcd-ef00-0123456789ab", "spoolss", _SPOOLSS),
    ("76f03f96-cdfd-44fc-a22c-64950a001209", "IRemoteWinspool", _WINSPOOL),
    ("e3514235-4b06-11d1-ab04-00c04fc2dcd2", "drsuapi", _DRSUAPI),
    ("7c44d7d4-31d5-424c-bd5e-2b3e1f323d22", "dsaop", "DSAPrepareScript DSAExecuteScript"),  # MS-DRSR
    ("12345678-1234-abcd-ef00-01234567cffb", "netlogon", _NETLOGON),
    ("86d35949-83c9-4044-b424-db363231fd0c", "ITaskSchedulerService", _TASKS),
    ("1ff70682-0a51-30e8-076d-740be8cee98b", "atsvc", "JobAdd JobDel JobEnum JobGetInfo"),  # MS-TSCH 3.2.5.2
    (
        "378e52b0-c0a9-11cf-822d-00aa0051e40f",  # MS-TSCH 3.2.5.3
        "sasec",
        "SASetAccountInformation SASetNSAccountInformation SAGetNSAccountInformation SAGetAccountInformation",
    ),
    ("c681d488-d850-11d0-8c52-00c04fd90f7e", "efsrpc", _EFS),
    ("df1941c5-fe89-4e79-bf10-463657acf44d", "efsrpc", _EFS),
    ("4fc742e0-4a10-11cf-8273-00aa004ae673", "netdfs", _DFS),
    ("3dde7c30-165d-11d1-ab8f-00805f14db40", "BackupKey", "BackuprKey"),  # MS-BKRP
    (
        "a8e0653c-2744-4389-a61d-7373df8b2292",  # MS-FSRVP
        "FileServerVssAgent",
        (
            "GetSupportedVersion SetContext StartShadowCopySet AddToShadowCopySet CommitShadowCopySet "
            "ExposeShadowCopySet RecoveryCompleteShadowCopySet AbortShadowCopySet IsPathSupported IsPathShadowCopied "
            "GetShareMapping DeleteShareMapping PrepareShadowCopySet"
        ),
    ),
    (
        "82273fdc-e32a-18c3-3f78-827929dc23ea",  # MS-EVEN
        "eventlog",
        (
            "ElfrClearELFW ElfrBackupELFW ElfrCloseEL ElfrDeregisterEventSource ElfrNumberOfRecords ElfrOldestRecord "
            "ElfrChangeNotify ElfrOpenELW ElfrRegisterEventSourceW ElfrOpenBELW ElfrReadELW ElfrReportEventW "
            "ElfrClearELFA ElfrBackupELFA ElfrOpenELA ElfrRegisterEventSourceA ElfrOpenBELA ElfrReadELA "
            "ElfrReportEventA - - - ElfrGetLogInformation - ElfrReportEventAndSourceW ElfrReportEventExW "
            "ElfrReportEventExA"
        ),
    ),
    (
        "f6beaff7-1e19-4fbb-9f8f-b89e2018337c",  # MS-EVEN6
        "eventlog6",
        (
            "EvtRpcRegisterRemoteSubscription EvtRpcRemoteSubscriptionNextAsync EvtRpcRemoteSubscriptionNext "
            "EvtRpcRemoteSubscriptionWaitAsync EvtRpcRegisterControllableOperation EvtRpcRegisterLogQuery "
            "EvtRpcClearLog EvtRpcExportLog EvtRpcLocalizeExportLog EvtRpcMessageRender EvtRpcMessageRenderDefault "
            "EvtRpcQueryNext EvtRpcQuerySeek EvtRpcClose EvtRpcCancel EvtRpcAssertConfig EvtRpcRetractConfig "
            "EvtRpcOpenLogHandle EvtRpcGetLogFileInfo EvtRpcGetChannelList EvtRpcGetChannelConfig "
            "EvtRpcPutChannelConfig EvtRpcGetPublisherList EvtRpcGetPublisherListForChannel "
            "EvtRpcGetPublisherMetadata EvtRpcGetPublisherResourceMetadata EvtRpcGetEventMetadataEnum "
            "EvtRpcGetNextEventMetadata EvtRpcGetClassicLogDisplayName"
        ),
    ),
    (
        "e1af8308-5d1f-11c9-91a4-08002b14a0fa",  # C706 appendix O
        "epmapper",
        "ept_insert ept_delete ept_lookup ept_map ept_lookup_handle_free ept_inq_object ept_mgmt_delete",
    ),
    (
        "99fcfec4-5260-101b-bbcb-00aa0021347a",  # MS-DCOM
        "IOXIDResolver",
        "ResolveOxid SimplePing ComplexPing ServerAlive ResolveOxid2 ServerAlive2",
    ),
    (
        "000001a0-0000-0000-c000-000000000046",  # MS-DCOM
        "IRemoteSCMActivator",
        "QueryInterface AddRef Release RemoteGetClassObject RemoteCreateInstance",
    ),
    ("4d9f4ab8-7d1c-11cf-861e-0020af6e7c57", "IActivation", "RemoteActivation"),  # MS-DCOM
    ("00000143-0000-0000-c000-000000000046", "IRemUnknown2", f"{_UNKNOWN} RemQueryInterface RemAddRef RemRelease"),
    ("00000131-0000-0000-c000-000000000046", "IRemUnknown", f"{_UNKNOWN} RemQueryInterface RemAddRef RemRelease"),
    ("00000000-0000-0000-c000-000000000046", "IUnknown", _UNKNOWN),
    ("00020400-0000-0000-c000-000000000046", "IDispatch", _DISPATCH),
    ("9556dc99-828c-11cf-a37e-00aa003240c7", "IWbemServices", _WBEM),
    (
        "f309ad18-d86a-11d0-a075-00c04fb68820",  # MS-WMI
        "IWbemLevel1Login",
        f"{_UNKNOWN} EstablishPosition RequestChallenge WBEMLogin NTLMLogin",
    ),
    ("027947e1-d731-11ce-a357-000000000001", "IEnumWbemClassObject", f"{_UNKNOWN} Reset Next NextAsync Clone Skip"),
    ("91ae6020-9e3c-11cf-8d7c-00aa00c091be", "ICertPassage", "CertServerRequest"),  # MS-ICPR
    ("d99e6e70-fc88-11d0-b498-00a0c90312f3", "ICertRequestD", _ICERT),
    (
        "12b81e99-f207-4a4c-85d3-77b42f76fd14",  # the secondary sign-in service of Windows
        "ISecLogon",
        "SeclCreateProcessWithLogonW SeclCreateProcessWithLogonExW",
    ),
    (
        "894de0c0-0d55-11d3-a322-00c04fa321a1",  # MS-RSP
        "InitShutdown",
        "BaseInitiateShutdown BaseAbortShutdown BaseInitiateShutdownEx",
    ),
    (
        "d95afe70-a6d5-4259-822e-2c84da1ddb0d",  # MS-RSP
        "WindowsShutdown",
        "WsdrInitiateShutdown WsdrAbortShutdown",
    ),
    (
        "50abc2a4-574d-40b3-9d66-ee4fd5fba076",  # MS-DNSP
        "DNSServer",
        (
            "DnssrvOperation DnssrvQuery DnssrvComplexOperation DnssrvEnumRecords DnssrvUpdateRecord "
            "DnssrvOperation2 DnssrvQuery2 DnssrvComplexOperation2 DnssrvEnumRecords2 DnssrvUpdateRecord2"
        ),
    ),
    ("f5cc5a18-4264-101a-8c59-08002b2f8426", "nspi", "NspiBind NspiUnbind NspiUpdateStat NspiQueryRows"),  # MS-NSPI
    (
        "afa8bd80-7d8a-11c9-bef4-08002b102989",
        "mgmt",
        "inq_if_ids inq_stats is_server_listening stop_server_listening inq_princ_name",
    ),  # C706 appendix Q
    ("5ca4a760-ebb1-11cf-8611-00a0245420ed", "TermSrv", ""),  # MS-TSTS
    ("484809d6-4239-471b-b5bc-61df8c23ac48", "TermSrvSession", ""),  # MS-TSTS
)

#: UUID as it stands in a little-endian bind → the endpoint's name and its operations by number.
INTERFACES = MappingProxyType({uuid: (name, tuple(operations.split())) for uuid, name, operations in _TABLE})


def endpoint(uuid: str) -> str:
    """Return the name of an interface; `unknown-UUID` for one that is not in the table, as Zeek says it."""
    known = INTERFACES.get(uuid)
    return known[0] if known else f"unknown-{uuid}"


def operation(uuid: str, number: int) -> str:
    """Return the name of an operation; `unknown-N` for one that is not in the table."""
    known = INTERFACES.get(uuid)
    if not known or number >= len(known[1]) or known[1][number] == "-":
        return f"unknown-{number}"
    return known[1][number]
