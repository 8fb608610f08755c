//! SwiftShader, a Vulkan device made of software, in `target/swiftshader/VERSION/`: a GPU for tests on machines that
//! have none.
//!
//! npm's `@sparticuz/chromium` is the only package of a registry that carries a build of it, with a Vulkan loader beside
//! it; what is fetched is mostly a browser that nobody needs here. Only Linux on x86-64.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::task_error::TaskError;
use crate::workspace::{self, Workspace};
use crate::{command, report};

const PACKAGE: &str = "@sparticuz/chromium";
const VERSION: &str = "153.0.0";
/// Of the archive, as npm's lock files write it.
const INTEGRITY: &str =
    "sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==";

/// Checks the archive's digest and takes the drivers out. npm comes with Node, which reads Brotli; `tar` is everywhere.
const UNPACK: &str = "
    const [archive, integrity, folder] = process.argv.slice(1);
    const { execFileSync } = require('child_process'), crypto = require('crypto'), fs = require('fs');
    const found = 'sha512-' + crypto.createHash('sha512').update(fs.readFileSync(archive)).digest('base64');
    if (found !== integrity) { console.error(`its digest is ${found}, expected ${integrity}`); process.exit(1); }
    const member = 'package/bin/swiftshader.tar.br';
    execFileSync('tar', ['-xzf', archive, '-C', folder, member]);
    const packed = fs.readFileSync(`${folder}/${member}`);
    fs.writeFileSync(`${folder}/drivers.tar`, require('zlib').brotliDecompressSync(packed));
    execFileSync('tar', ['-xf', `${folder}/drivers.tar`, '-C', folder]);
    fs.rmSync(`${folder}/drivers.tar`);
    fs.rmSync(`${folder}/package`, { recursive: true });
";

/// The folder with the driver, its description and the loader. `None`, with a line that says so, where there is no
/// build or no npm.
pub(crate) fn folder(workspace: &Workspace) -> Result<Option<PathBuf>, TaskError> {
    if (OS, ARCH) != ("linux", "x86_64") {
        report::note(&format!("no build of SwiftShader for {OS} {ARCH}: no GPU made of software"));
        return Ok(None);
    }
    let releases = workspace.target.join("swiftshader");
    let folder = releases.join(VERSION);
    if driver(&folder).is_file() {
        return Ok(Some(folder));
    }
    if command::capture(Command::new("npm").arg("--version")).is_err() {
        report::note("npm is not installed: no GPU made of software");
        return Ok(None);
    }
    report::step(&format!("fetching {PACKAGE} {VERSION} (70 MB, for SwiftShader in it)"));
    fs_err::create_dir_all(&releases)?;
    let staging = tempfile::tempdir_in(&releases)?;
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--pack-destination"]).arg(staging.path());
    command::run(npm.arg(format!("{PACKAGE}@{VERSION}")))
        .map_err(|error| error.remedy("check npm's registry settings (`npm config list`)"))?;
    let archive = fs_err::read_dir(staging.path())?
        .next()
        .ok_or_else(|| TaskError::new("`npm pack` brought no file"))??
        .path();
    let ready = staging.path().join("ready");
    fs_err::create_dir(&ready)?;
    let mut node = Command::new("node");
    node.args(["-e", UNPACK]).arg(&archive).arg(INTEGRITY).arg(&ready);
    command::capture(&mut node).map_err(|error| error.during("unpack SwiftShader"))?;
    workspace::replace(&ready, &folder)?;
    Ok(Some(folder))
}

/// What Vulkan's loader is pointed at by `VK_ICD_FILENAMES`.
pub(crate) fn driver(folder: &Path) -> PathBuf {
    folder.join("vk_swiftshader_icd.json")
}
