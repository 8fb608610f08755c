# Collects what this PC has and how fast it answers, for people who have a device that we don't: one text file. It names folders
# of this machine; it holds no prompts of yours, no serial numbers and no network addresses. Nothing is sent.
#
#   powershell -ExecutionPolicy Bypass -File device-report.ps1 [-Folder DIR] [-File NAME] [OPTIONS OF wheelwork bench AND device-report]
#
# Folder holds wheelwork.exe with its libraries (default: this script's folder). File is
# device-report.jsonl by default. Options, for example `--device npu --model r1.ortpackage`, go to both measurements.
#
# It has never run: the project has had no PC with PowerShell.
[CmdletBinding(PositionalBinding = $false)]
param(
    [string]$Folder = $PSScriptRoot,
    [string]$File = "device-report.jsonl",
    [Parameter(ValueFromRemainingArguments = $true)][string[]]$Options = @()
)

$program = Join-Path $Folder "wheelwork.exe"
if (-not (Test-Path $program)) {
    [Console]::Error.WriteLine("device-report: no wheelwork.exe in $Folder; name the folder that holds it")
    exit 2
}
$program = (Resolve-Path $program).Path
$out = New-Object System.IO.StreamWriter([System.IO.Path]::Combine((Get-Location).Path, $File), $false, (New-Object System.Text.UTF8Encoding($false)))
[Console]::OutputEncoding = [System.Text.Encoding]::UTF8
$failed = 0

function Section([string]$Name, [string[]]$Words) {
    $out.WriteLine("{""section"":""$Name""}")
    & $program @Words 2>&1 | ForEach-Object { $out.WriteLine("$_") }
    $code = $LASTEXITCODE
    $out.WriteLine("{""section"":""$Name"",""exit"":$code}")
    # `doctor` ends with 1 where it finds a fault, which is a finding.
    if ($code -ne 0 -and $Name -ne "doctor") { $script:failed = 1 }
    [Console]::Error.WriteLine("${Name}: exit code $code")
}

Section "version" @("--version")
$system = [System.Environment]::OSVersion.VersionString
$machine = $env:PROCESSOR_ARCHITECTURE
$name = (Get-ItemProperty "HKLM:\HARDWARE\DESCRIPTION\System\CentralProcessor\0" -ErrorAction SilentlyContinue).ProcessorNameString
$out.WriteLine((@{ system = $system; machine = $machine; cpu = $name } | ConvertTo-Json -Compress))
Section "doctor" @("doctor", "--json")
Section "devices" @("devices", "--json")
Section "bench" (@("bench", "--prompt", "128", "--depth", "128", "--decode", "32", "--json") + $Options)
Section "answers" (@("device-report", "--json") + $Options)
$out.Close()
[Console]::Error.WriteLine("written: $File")
exit $failed
