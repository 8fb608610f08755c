//! ONNX Runtime, fetched once by package name, version and hash into `target/onnxruntime/VERSION/`.
//!
//! 1. `pip download` brings the wheel of this platform: by name, so a mirror or a local index works too.
//! 2. Its SHA-256 has to be the one in [`WHEELS`].
//! 3. The library and its licences are taken out of the wheel; the rest is dropped.
//! 4. The folder gets its name last, so a folder with a marker in it is complete.
//!
//! npm's `onnxruntime-node` is no second way: its newest version, 1.30.0, is older than the API that `core`
//! is built against (`api-31` in the workspace's `Cargo.toml`).

use std::env::consts::{ARCH, DLL_PREFIX, DLL_SUFFIX, OS};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::python::Python;
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report};

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
    let wheel = wheel_for(OS, ARCH, cfg!(target_env = "musl"))?;
    let releases = workspace.target.join("onnxruntime");
    let folder = releases.join(VERSION);
    let library = folder.join(library_name());
    if is_complete(&folder, wheel) {
        return Ok(library);
    }
    report::step(&format!("fetching onnxruntime {VERSION}"));
    fs_err::create_dir_all(&releases)?;
    let staging = tempfile::tempdir_in(&releases)?;
    let ready = staging.path().join("ready");
    fetch_into(&ready, wheel, staging.path())?;
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    fs_err::rename(&ready, &folder)?;
    Ok(library)
}

/// A wheel that carries the library for one platform.
#[derive(Debug)]
struct Wheel {
    /// As in [`std::env::consts`].
    os: &'static str,
    /// As in [`std::env::consts`].
    arch: &'static str,
    /// pip's name of the platform.
    platform: &'static str,
    /// The library's file in the wheel's folder `onnxruntime/capi`.
    library: &'static str,
    /// Of the wheel, in hexadecimal.
    sha256: &'static str,
}

/// The wheels of [`VERSION`] for CPython [`PYTHON_VERSION`]. The library in them does not depend on Python,
/// so whichever Python is installed fetches the same file.
const WHEELS: [Wheel; 5] = [
    Wheel {
        os: "linux",
        arch: "x86_64",
        platform: "manylinux_2_28_x86_64",
        library: "libonnxruntime.so.1.32.0",
        sha256: "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        platform: "manylinux_2_28_aarch64",
        library: "libonnxruntime.so.1.32.0",
        sha256: "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
    },
    Wheel {
        os: "macos",
        arch: "aarch64",
        platform: "macosx_14_0_arm64",
        library: "libonnxruntime.1.32.0.dylib",
        sha256: "d52510bbbcc880c13b826f7d75cdf33ac5cf0bb864d960000fc29ce73f0cb83e",
    },
    Wheel {
        os: "windows",
        arch: "x86_64",
        platform: "win_amd64",
        library: "onnxruntime.dll",
        sha256: "efe7456952c243a05a53d5b8732953625144642c2f3989094277f6217f0c0c40",
    },
    Wheel {
        os: "windows",
        arch: "aarch64",
        platform: "win_arm64",
        library: "onnxruntime.dll",
        sha256: "64d394c69d561af3efd4d4f49dcac8f11d0ce135a20701c16d53b74056cd4cf8",
    },
];

/// Which of the wheels' Python versions is asked for.
const PYTHON_VERSION: &str = "3.12";

/// Holds the hash of the wheel that the folder came from.
const MARKER: &str = "wheel.sha256";

fn wheel_for(os: &str, arch: &str, musl: bool) -> Result<&'static Wheel, TaskError> {
    WHEELS.iter().find(|wheel| wheel.os == os && wheel.arch == arch && !musl).ok_or_else(|| {
        let libc = if musl { " (musl)" } else { "" };
        TaskError::new(format!("no package carries ONNX Runtime {VERSION} for {os} {arch}{libc}")).remedy(
            format!("build ONNX Runtime {VERSION} for this machine and set {PATH_VARIABLE} to its library"),
        )
    })
}

/// The library's name in the system's manner, without a version.
fn library_name() -> String {
    format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}")
}

fn is_complete(folder: &Path, wheel: &Wheel) -> bool {
    let marker = fs_err::read_to_string(folder.join(MARKER)).unwrap_or_default();
    marker.trim() == wheel.sha256 && folder.join(library_name()).is_file()
}

fn fetch_into(ready: &Path, wheel: &Wheel, staging: &Path) -> Result<(), TaskError> {
    let python = Python::find()?;
    let archive = download(&python, wheel, staging)?;
    let content = staging.join("content");
    command::run(python.module("zipfile").arg("-e").arg(&archive).arg(&content))?;
    let package = content.join("onnxruntime");
    fs_err::create_dir(ready)?;
    fs_err::rename(package.join("capi").join(wheel.library), ready.join(library_name()))?;
    for licence in ["LICENSE", "ThirdPartyNotices.txt"] {
        fs_err::rename(package.join(licence), ready.join(licence))?;
    }
    fs_err::write(ready.join(MARKER), format!("{}\n", wheel.sha256))?;
    Ok(())
}

/// Brings the wheel into `staging` and checks its hash.
fn download(python: &Python, wheel: &Wheel, staging: &Path) -> Result<PathBuf, TaskError> {
    let folder = staging.join("wheel");
    let mut pip = python.module("pip");
    pip.args(["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"])
        .args(["--implementation", "cp", "--python-version", PYTHON_VERSION, "--platform", wheel.platform])
        .arg("--dest")
        .arg(&folder)
        .arg(format!("onnxruntime=={VERSION}"));
    command::run(&mut pip).map_err(|error| {
        error.remedy(format!(
            "check pip's index and network settings (`pip config list`), or set {PATH_VARIABLE} to a library that \
             you have"
        ))
    })?;
    let archive = fs_err::read_dir(&folder)?
        .next()
        .ok_or_else(|| TaskError::new("`pip download` brought no file"))??
        .path();
    let found = sha256(&archive)?;
    if found != wheel.sha256 {
        return Err(TaskError::new(format!(
            "onnxruntime {VERSION} for {}: the wheel's SHA-256 is {found}, expected {}",
            wheel.platform, wheel.sha256
        ))
        .remedy("do not use that file; find out what pip's index serves (`pip config list`)"));
    }
    Ok(archive)
}

fn sha256(path: &Path) -> Result<String, TaskError> {
    let digest = Sha256::digest(fs_err::read(path)?);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_name_and_hash_is_of_the_pinned_version() {
        for wheel in &WHEELS {
            assert!(wheel.os == "windows" || wheel.library.contains(VERSION), "{wheel:?}");
            assert_eq!(wheel.sha256.len(), 64, "{wheel:?}");
        }
    }

    #[test]
    fn an_unknown_platform_is_refused_with_a_remedy() {
        let error = wheel_for("linux", "x86_64", true).unwrap_err();
        assert!(error.to_string().contains("linux x86_64 (musl)"), "{error}");
        assert!(error.remedy_text().is_some_and(|remedy| remedy.contains(PATH_VARIABLE)));
        assert!(wheel_for("plan9", "x86_64", false).is_err());
    }

    #[test]
    fn a_folder_is_complete_only_with_library_and_matching_marker() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = &WHEELS[0];
        assert!(!is_complete(folder.path(), wheel));
        fs_err::write(folder.path().join(MARKER), wheel.sha256).unwrap();
        assert!(!is_complete(folder.path(), wheel), "no library");
        fs_err::write(folder.path().join(library_name()), "x").unwrap();
        assert!(is_complete(folder.path(), wheel));
        assert!(!is_complete(folder.path(), &WHEELS[1]), "another wheel's marker");
    }

    #[test]
    fn sha256_is_lower_case_hexadecimal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs_err::write(&path, "abc").unwrap();
        assert_eq!(
            sha256(&path).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
