& {
# Facts that only WMI and COM give, as one JSON text. Read from standard input, so no execution policy is touched; ASCII
# alone, for the input's code page is the system's. Nothing is changed on the host; no recovery keys are read. No methods
# of other types than text and lists are called: where programs are allow-listed, PowerShell refuses them.
# Global, because functions of modules do not see the preferences of who calls them.
$global:ErrorActionPreference = 'Stop'
$global:ProgressPreference = 'SilentlyContinue'
# So that one part that hangs does not cost the others; where it is refused, all have the time of the whole.
try { $PSDefaultParameterValues['Get-CimInstance:OperationTimeoutSec'] = 60 } catch { $told = $null }
$told = @{}
function Note($part, $failure) {
    $cause = $failure.Exception
    while ($cause.InnerException) { $cause = $cause.InnerException }
    $native = $failure.Exception.NativeErrorCode
    if ($failure.FullyQualifiedErrorId -like 'CommandNotFoundException*') { $told[$part] = @{ error = 'NotFound' } }
    elseif ($native) { $told[$part] = @{ error = "$native" } }
    else { $told[$part] = @{ error = ('0x{0:X8}' -f $cause.HResult) } }
}
function Tell($part, $block) { try { $told[$part] = @{ value = (& $block) } } catch { Note $part $_ } }
function TellAll($part, $block) { try { $told[$part] = @{ value = @(& $block) } } catch { Note $part $_ } }
function Seconds($moment) {
    if (-not $moment -or $moment.Year -lt 2000) { return 0 }
    [int64]($moment - (New-Object DateTime 1970, 1, 1)).TotalSeconds
}
TellAll 'antivirus' {
    Get-CimInstance -Namespace 'root\SecurityCenter2' -ClassName 'AntiVirusProduct' |
        ForEach-Object { @{ name = $_.displayName; state = [int64]$_.productState } }
}
Tell 'defender' {
    $status = Get-CimInstance -Namespace 'root\Microsoft\Windows\Defender' -ClassName 'MSFT_MpComputerStatus'
    @{ enabled = $status.AntivirusEnabled; realtime = $status.RealTimeProtectionEnabled; age = [int64]$status.AntivirusSignatureAge }
}
TellAll 'volumes' {
    Get-CimInstance -Namespace 'root\CIMV2\Security\MicrosoftVolumeEncryption' -ClassName 'Win32_EncryptableVolume' |
        Where-Object { $_.DriveLetter } |
        ForEach-Object { @{ letter = $_.DriveLetter; protection = [int]$_.ProtectionStatus; type = [int]$_.VolumeType } }
}
TellAll 'disks' {
    Get-CimInstance -ClassName 'Win32_DiskDrive' |
        ForEach-Object { @{ model = $_.Model; serial = $_.SerialNumber; bytes = [int64]$_.Size; bus = $_.InterfaceType } }
}
Tell 'tpm' {
    $tpm = Get-CimInstance -Namespace 'root\CIMV2\Security\MicrosoftTpm' -ClassName 'Win32_Tpm'
    if (-not $tpm) { @{ present = $false } }
    else {
        @{ present = $true; enabled = $tpm.IsEnabled_InitialValue; activated = $tpm.IsActivated_InitialValue
           version = ($tpm.SpecVersion -split ',')[0] }
    }
}
Tell 'bios' { @{ serial = (Get-CimInstance -ClassName 'Win32_BIOS').SerialNumber } }
TellAll 'apps' {
    Get-AppxPackage -AllUsers |
        ForEach-Object { @{ name = $_.Name; version = $_.Version; publisher = $_.PublisherId; architecture = "$($_.Architecture)" } }
}
TellAll 'tasks' {
    Get-ScheduledTask | Where-Object { $_.TaskPath -notlike '\Microsoft\*' -and $_.Settings.Enabled } | ForEach-Object {
        @{ path = $_.TaskPath + $_.TaskName; user = "$($_.Principal.UserId)"
           command = (@($_.Actions | ForEach-Object { ("{0} {1}" -f $_.Execute, $_.Arguments).Trim() }) -join '; ') }
    }
}
Tell 'clock' {
    # Numbers alone: the rest of these lines is in the system's language.
    $lines = @(& "$env:SystemRoot\System32\w32tm.exe" '/query' '/status')
    @{ code = [int64]$LASTEXITCODE; lines = @($lines | Select-Object -First 2 | ForEach-Object { "$_" -replace '[^0-9:()-]', '' }) }
}
Tell 'update_times' {
    $results = (New-Object -ComObject 'Microsoft.Update.AutoUpdate').Results
    @{ searched = (Seconds $results.LastSearchSuccessDate); installed = (Seconds $results.LastInstallationSuccessDate) }
}
TellAll 'updates' {
    $searcher = (New-Object -ComObject 'Microsoft.Update.Session').CreateUpdateSearcher()
    foreach ($update in $searcher.Search('IsInstalled=0 and IsHidden=0').Updates) {
        @{ title = $update.Title; kb = @($update.KBArticleIDs | ForEach-Object { "$_" })
           classes = @($update.Categories | ForEach-Object { $_.CategoryID }); severity = "$($update.MsrcSeverity)" }
    }
}
$json = $told | ConvertTo-Json -Depth 6 -Compress
# ASCII alone goes out, too: the output's code page is the system's.
$others = (($json -split '[ -~]+') -join '').ToCharArray() | ForEach-Object { [int]$_ } | Select-Object -Unique
foreach ($code in $others) { $json = $json.Replace([string][char]$code, ('\u{0:x4}' -f $code)) }
$json
}

