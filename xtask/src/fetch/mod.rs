//! ONNX Runtime, fetched once by package name, version and hash into `target/onnxruntime/VERSION/`.
//!
//! 1. `pip download` brings the wheel of this platform: by name, so a mirror or a local index works too.
//! 2. Its SHA-256 has to be the one in the project's table.
//! 3. The library and its licences are taken out of the wheel; the rest is dropped.
//! 4. The folder gets its name last, so a folder with a marker in it is complete.
//!
//! [`qnn`] and [`webgpu`] do the same for execution providers, [`swiftshader`] for a GPU to test with, [`zig`] for a
//! compiler of other systems, [`shellcheck`] for a reader of shell scripts.

pub(crate) mod qnn;
pub(crate) mod shellcheck;
pub(crate) mod swiftshader;
pub(crate) mod webgpu;
pub(crate) mod wheel;
pub(crate) mod zig;

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use self::wheel::{Project, Wheel};
use crate::report;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// The version that is fetched, here and by the judges.
pub(crate) const VERSION: &str = "1.32.0";

/// What the runtime reads to find the library; see `core/ort`.
pub(crate) const PATH_VARIABLE: &str = "ORT_DYLIB_PATH";

/// The library for this machine: what [`PATH_VARIABLE`] names, or else the fetched one, fetched if need be.
pub(crate) fn onnxruntime(workspace: &Workspace) -> Result<PathBuf, TaskError> {
    if let Some(path) = std::env::var_os(PATH_VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        report::note(&format!("{PATH_VARIABLE} is set: using {}", path.display()));
        return if path.is_file() {
            Ok(std::path::absolute(path)?)
        } else {
            Err(TaskError::new(format!("{PATH_VARIABLE} names `{}`, which is no file", path.display()))
                .remedy(format!("correct it, or unset it to have ONNX Runtime {VERSION} fetched")))
        };
    }
    library(workspace, &PROJECT)
}

/// The library of one version for this machine, fetched if need be.
pub(crate) fn library(workspace: &Workspace, project: &Project) -> Result<PathBuf, TaskError> {
    let wheel = wheel_for(project, OS, ARCH, cfg!(target_env = "musl"))?;
    let folder = project.fetch(workspace, &wheel, |content, ready| take_out(content, ready, &wheel))?;
    Ok(folder.join(library_name(OS)))
}

/// The folder with the library and its licences for another system, named as in [`std::env::consts`]; fetched if need be.
pub(crate) fn onnxruntime_of(workspace: &Workspace, os: &str, arch: &str) -> Result<PathBuf, TaskError> {
    let wheel = wheel_for(&PROJECT, os, arch, false)?;
    PROJECT.fetch(workspace, &wheel, |content, ready| take_out(content, ready, &wheel))
}

/// The library in the wheels does not depend on Python, so whichever Python is installed fetches the same file.
const PROJECT: Project = Project {
    name: "onnxruntime",
    version: VERSION,
    wheels: "
    linux    x86_64   manylinux_2_28_x86_64   libonnxruntime.so.1.32.0     99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8
    linux    aarch64  manylinux_2_28_aarch64  libonnxruntime.so.1.32.0     e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054
    macos    aarch64  macosx_14_0_arm64       libonnxruntime.1.32.0.dylib  d52510bbbcc880c13b826f7d75cdf33ac5cf0bb864d960000fc29ce73f0cb83e
    windows  x86_64   win_amd64               onnxruntime.dll              efe7456952c243a05a53d5b8732953625144642c2f3989094277f6217f0c0c40
    windows  aarch64  win_arm64               onnxruntime.dll              64d394c69d561af3efd4d4f49dcac8f11d0ce135a20701c16d53b74056cd4cf8
    ",
    remedy: REMEDY,
};

/// The versions that published phone builds have: Apple's, and the oldest of Android's.
pub(crate) const OLDER: [Project; 2] = [
    Project {
        name: "onnxruntime",
        version: "1.24.2",
        wheels: "
    linux    x86_64   manylinux_2_28_x86_64   libonnxruntime.so.1.24.2     09aa6f8d766b4afc3cfba68dd10be39586b49f9462fbd1386c5d5644239461ca
    linux    aarch64  manylinux_2_28_aarch64  libonnxruntime.so.1.24.2     76c44fc9a89dcefcd5a4ab5c6bbbb9ff1604325ab2d5d0bc9ff5a9cba7b37f4a
    macos    aarch64  macosx_14_0_arm64       libonnxruntime.1.24.2.dylib  d8a50b422d45c0144864c0977d04ad4fa50a8a48e5153056ab1f7d06ea9fc3e2
    windows  x86_64   win_amd64               onnxruntime.dll              ebcee9276420a65e5fa08b05f18379c2271b5992617e5bdc0d0d6c5ea395c1a1
    windows  aarch64  win_arm64               onnxruntime.dll              8d770a934513f6e17937baf3438eaaec5983a23cdaedb81c9fc0dfcf26831c24
    ",
        remedy: REMEDY,
    },
    Project {
        name: "onnxruntime",
        version: "1.27.0",
        wheels: "
    linux    x86_64   manylinux_2_28_x86_64   libonnxruntime.so.1.27.0     7c65a7438632d55dfbc8a02ee60bd6cf7dd9d1ba05a43d4b851452f32338e194
    linux    aarch64  manylinux_2_28_aarch64  libonnxruntime.so.1.27.0     c6fddce0539a4898c7bef35b052ffd37935b2190e35488eab99ce91887743ea1
    macos    aarch64  macosx_14_0_arm64       libonnxruntime.1.27.0.dylib  a14c2ce45312def86b77aea651f46565e45960cf5f0721bfdff449165086ab76
    windows  x86_64   win_amd64               onnxruntime.dll              20c321cf187ba496e648acf6b4cf90b4d398b0d17c2a77fdaeba365b908cc1c1
    windows  aarch64  win_arm64               onnxruntime.dll              d0d1f68868e2ef30ef70998ba9bbbc5c305e9b17041e3936751c1b8aa6aade06
    ",
        remedy: REMEDY,
    },
];

const REMEDY: &str = "set ORT_DYLIB_PATH to a library that you have";

fn wheel_for(project: &Project, os: &str, arch: &str, musl: bool) -> Result<Wheel, TaskError> {
    let version = project.version;
    project.wheel(os, arch, musl).ok_or_else(|| {
        let libc = if musl { " (musl)" } else { "" };
        TaskError::new(format!("no package carries ONNX Runtime {version} for {os} {arch}{libc}")).remedy(
            format!("build ONNX Runtime {version} for this machine and set {PATH_VARIABLE} to its library"),
        )
    })
}

/// The library's name in the system's manner, without a version.
pub(crate) fn library_name(os: &str) -> &'static str {
    match os {
        "windows" => "onnxruntime.dll",
        "macos" => "libonnxruntime.dylib",
        _ => "libonnxruntime.so",
    }
}

/// What the library's makers want beside it.
pub(crate) const LICENCES: [&str; 2] = ["LICENSE", "ThirdPartyNotices.txt"];

/// The library and its licences.
fn take_out(content: &Path, ready: &Path, wheel: &Wheel) -> Result<(), TaskError> {
    let package = content.join("onnxruntime");
    fs_err::create_dir(ready)?;
    fs_err::rename(package.join("capi").join(wheel.library), ready.join(library_name(wheel.os)))?;
    for licence in LICENCES {
        fs_err::rename(package.join(licence), ready.join(licence))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;
    use crate::system::System;

    #[test]
    fn every_library_name_and_hash_is_of_the_pinned_version() {
        for project in OLDER.iter().chain([&PROJECT]) {
            for wheel in project.wheels() {
                assert!(wheel.os == "windows" || wheel.library.contains(project.version), "{wheel:?}");
                assert_eq!(wheel.sha256.len(), 64, "{wheel:?}");
            }
        }
    }

    #[test]
    fn every_system_that_we_ship_for_has_a_library() {
        for system in System::value_variants() {
            let wheel = wheel_for(&PROJECT, system.os(), system.arch(), false).unwrap();
            assert_eq!(wheel.os, system.os());
        }
    }

    #[test]
    fn an_unknown_platform_is_refused_with_a_remedy() {
        let error = wheel_for(&PROJECT, "linux", "x86_64", true).unwrap_err();
        assert!(error.to_string().contains("linux x86_64 (musl)"), "{error}");
        assert!(error.remedy_text().is_some_and(|remedy| remedy.contains(PATH_VARIABLE)));
        assert!(wheel_for(&PROJECT, "plan9", "x86_64", false).is_err());
    }
}
