//! The folder that an archive holds.

use std::path::Path;
use std::process::Command;

use super::{licences, sbom};
use crate::command;
use crate::fetch;
use crate::fetch::wheel::sha256;
use crate::system::runner::Runner;
use crate::system::{System, build};
use crate::task_error::TaskError;
use crate::workspace::{Workspace, files_in};

/// Shell, and the file that its completions are looked for in.
const COMPLETIONS: [(&str, &str); 4] = [
    ("bash", "wheelwork.bash"),
    ("zsh", "_wheelwork"),
    ("fish", "wheelwork.fish"),
    ("powershell", "_wheelwork.ps1"),
];

/// `runs`: whether programs of that system may be run here.
pub(super) fn lay_out(
    workspace: &Workspace,
    system: System,
    program: &Path,
    content: &Path,
    runs: bool,
) -> Result<(), TaskError> {
    crate::report::step(&format!("laying out the archive for {}", system.name()));
    fs_err::create_dir(content)?;
    fs_err::copy(program, content.join(system.program()))?;
    let runtime = build::onnxruntime(workspace, system)?;
    let library = fetch::library_name(system.os());
    fs_err::copy(runtime.join(library), content.join(library))?;
    let licences = content.join("licences");
    fs_err::create_dir(&licences)?;
    for name in fetch::LICENCES {
        fs_err::copy(runtime.join(name), licences.join(format!("onnxruntime-{name}")))?;
    }
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        fs_err::copy(workspace.root.join(name), content.join(name))?;
    }
    let graph = sbom::Graph::of(workspace, system)?;
    fs_err::write(licences.join("crates.txt"), licences::text(&graph)?)?;
    fs_err::write(content.join("sbom.cdx.json"), graph.bill(&content.join(library))?)?;
    fs_err::write(content.join("README.txt"), readme(system))?;
    fs_err::copy(workspace.root.join("scripts").join(report(system)), content.join(report(system)))?;
    manuals(workspace, system, content, runs)?;
    checksums(content)
}

/// Completions, and man pages where there is `man`, as the program itself writes them; where it can't run here, this
/// machine's own.
fn manuals(workspace: &Workspace, system: System, content: &Path, runs: bool) -> Result<(), TaskError> {
    let home = tempfile::tempdir_in(&workspace.target)?;
    let runner = if runs && System::here() != Some(system) { Runner::of(workspace, system)? } else { None };
    let own = match (&runner, System::here()) {
        (None, Some(here)) => Some(build::program(workspace, here)?),
        (None, None) => Some(workspace.build_command("debug")?),
        (Some(_), _) => None,
    };
    let wheelwork = |arguments: &[&str]| {
        let mut command = match (&runner, &own) {
            (Some(runner), _) => runner.command(content, home.path(), system.program()),
            (None, Some(own)) => Command::new(own),
            (None, None) => return Err(TaskError::new("nothing here runs the command")),
        };
        command::capture(command.args(arguments).current_dir(home.path()))
    };
    let completions = content.join("completions");
    fs_err::create_dir(&completions)?;
    for (shell, name) in COMPLETIONS {
        fs_err::write(completions.join(name), wheelwork(&["completions", shell])?)?;
    }
    if system.is_windows() {
        return Ok(());
    }
    let pages = content.join("man").join("man1");
    fs_err::create_dir_all(&pages)?;
    wheelwork(&["manual", "--out", "."])?;
    for page in files_in(home.path(), "1")? {
        if let Some(name) = page.file_name() {
            fs_err::copy(&page, pages.join(name))?;
        }
    }
    Ok(())
}

/// What collects what we'd like to know of a device that we don't have.
fn report(system: System) -> &'static str {
    if system.is_windows() { "device-report.ps1" } else { "device-report" }
}

/// `SHA256SUMS` of every other file.
fn checksums(content: &Path) -> Result<(), TaskError> {
    let mut names = Vec::new();
    list(content, content, &mut names)?;
    names.sort();
    let mut lines = String::new();
    for name in names {
        lines.push_str(&format!("{}  {name}\n", sha256(&content.join(&name))?));
    }
    Ok(fs_err::write(content.join("SHA256SUMS"), lines)?)
}

fn list(root: &Path, folder: &Path, names: &mut Vec<String>) -> Result<(), TaskError> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(root, &path, names)?;
        } else {
            names.push(path.strip_prefix(root)?.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

fn readme(system: System) -> String {
    let (run, needs) = match system {
        System::LinuxX64 | System::LinuxArm64 => (
            "./wheelwork",
            "glibc 2.28 or newer, and the C++ library (libstdc++6), which nearly every Linux has.",
        ),
        System::WindowsX64 | System::WindowsArm64 => (
            ".\\wheelwork.exe",
            "Windows 10 or 11, and Microsoft's Visual C++ Redistributable for ONNX Runtime\n\
             (MSVCP140.dll, VCRUNTIME140.dll): `winget install Microsoft.VCRedist.2015+.ARCH`.",
        ),
        System::MacOsArm64 => (
            "./wheelwork",
            "macOS 14 or newer. The program is not notarised: `xattr -dr com.apple.quarantine .` in this\n\
             folder lets it start.",
        ),
    };
    let arch = if system.arch() == "aarch64" { "arm64" } else { "x64" };
    let needs = needs.replace("ARCH", arch);
    let pages = if system.is_windows() {
        ""
    } else {
        "man/                man pages: `man -l man/man1/wheelwork.1`\n"
    };
    format!(
        "Wheelwork: reasoning models on this device; nothing leaves it.\n\n\
         First commands, in this folder:\n\n\
         \x20   {run} chat \"12 + 30 = ?\"     one question to the small model that is in the program\n\
         \x20   {run} chat                   a conversation\n\
         \x20   {run} doctor                 what may be missing on this machine\n\
         \x20   {run} --help                 everything else, a model of your own too\n\n\
         It needs: {needs}\n\n\
         What is here:\n\n\
         {program:<20}the command; it looks for the library beside itself\n\
         {library:<20}ONNX Runtime {version}, MIT, its telemetry switched off before it loads\n\
         {report:<20}collects what this machine has and how fast it is, in one file; sends nothing\n\
         completions/        for bash, zsh, fish and PowerShell\n\
         {pages}\
         licences/           of ONNX Runtime and of every crate in the program\n\
         sbom.cdx.json       bill of materials, CycloneDX 1.5\n\
         SHA256SUMS          of every file here: `sha256sum -c SHA256SUMS`\n\n\
         Licence of Wheelwork: MIT OR Apache-2.0, at your choice.\n",
        program = system.program(),
        report = report(system),
        library = fetch::library_name(system.os()),
        version = fetch::VERSION,
    )
}
