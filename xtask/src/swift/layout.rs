//! The package with what is generated, in `target`: SwiftPM writes beside it, and nothing is written into `ios`.

use std::path::{Path, PathBuf};

use crate::kotlin::bindings::SwiftFiles;
use crate::task_error::TaskError;

/// What of `ios` belongs to the package. `Stub` is not compiled into what apps get.
const FOLDERS: [&str; 3] = ["Sources", "Stub", "Tests"];

/// What of the example is Swift alone.
const EXAMPLE: [&str; 2] = ["Sources/ChatLogic", "Tests/ChatLogicTests"];

/// Brings `package` to the state of `ios`, of the targets of `example` and of what was generated. A file that is the same stays
/// as it is, so that what was compiled of it is used again; one that is gone goes.
pub(super) fn lay_out(
    ios: &Path,
    example: Option<&Path>,
    generated: &SwiftFiles,
    package: &Path,
) -> Result<(), TaskError> {
    let mut files = vec![(ios.join("Package.swift"), PathBuf::from("Package.swift"))];
    for folder in FOLDERS.into_iter().filter(|folder| ios.join(folder).is_dir()) {
        walk(&ios.join(folder), Path::new(folder), &mut files)?;
    }
    if let Some(example) = example {
        for folder in EXAMPLE {
            walk(&example.join(folder), Path::new(folder), &mut files)?;
        }
    }
    let sources = Path::new("Sources");
    // What a release has left there is not what was built now.
    files.retain(|(_, to)| {
        !to.starts_with(sources.join("CWheelwork")) && !to.starts_with(sources.join("WheelworkFFI"))
    });
    files.push((generated.header.clone(), sources.join("CWheelwork/CWheelwork.h")));
    files.push((generated.module_map.clone(), sources.join("CWheelwork/module.modulemap")));
    files.push((generated.swift.clone(), sources.join("WheelworkFFI/WheelworkFFI.swift")));
    for folder in FOLDERS {
        let mut present = Vec::new();
        if package.join(folder).is_dir() {
            walk(&package.join(folder), Path::new(folder), &mut present)?;
        }
        for (path, to) in present {
            if !files.iter().any(|(_, kept)| *kept == to) {
                fs_err::remove_file(path)?;
            }
        }
    }
    for (from, to) in files {
        let (to, content) = (package.join(to), fs_err::read(from)?);
        if fs_err::read(&to).is_ok_and(|present| present == content) {
            continue;
        }
        fs_err::create_dir_all(to.parent().unwrap_or(package))?;
        fs_err::write(to, content)?;
    }
    Ok(())
}

fn walk(folder: &Path, name: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> Result<(), TaskError> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        if path.is_dir() {
            walk(&path, &name, files)?;
        } else {
            files.push((path, name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_stays_and_what_is_gone_goes() {
        let folder = tempfile::tempdir().unwrap();
        let (ios, package) = (folder.path().join("ios"), folder.path().join("package"));
        let write = |path: PathBuf, text: &str| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(ios.join("Package.swift"), "package");
        write(ios.join("Sources/Wheelwork/One.swift"), "one");
        write(ios.join("Sources/WheelworkFFI/Old.swift"), "of a release");
        write(ios.join("Tests/All/One.swift"), "test");
        let file = |name: &str| {
            write(folder.path().join(name), name);
            folder.path().join(name)
        };
        let generated = SwiftFiles { header: file("h"), module_map: file("map"), swift: file("swift") };
        lay_out(&ios, None, &generated, &package).unwrap();
        let one = package.join("Sources/Wheelwork/One.swift");
        let then = std::fs::metadata(&one).unwrap().modified().unwrap();
        write(package.join("Sources/Wheelwork/Gone.swift"), "gone");
        lay_out(&ios, None, &generated, &package).unwrap();
        assert_eq!(std::fs::metadata(&one).unwrap().modified().unwrap(), then);
        assert!(!package.join("Sources/Wheelwork/Gone.swift").exists());
        assert!(!package.join("Sources/WheelworkFFI/Old.swift").exists());
        assert_eq!(std::fs::read_to_string(package.join("Sources/CWheelwork/CWheelwork.h")).unwrap(), "h");
    }
}
