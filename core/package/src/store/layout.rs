//! Where everything stands. Paths are built here, from checked names and digests only.

use std::path::{Path, PathBuf};

use crate::container::{Digest, Name};

/// Ends the name of a package folder.
const PACKAGE_SUFFIX: &str = ".ortpackage";
const PARTIAL_SUFFIX: &str = ".partial";

/// The paths of a store.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    models_dir: PathBuf,
}

/// The name that a package is installed by, if a store holds it.
pub(crate) fn installed_name(package: &Path) -> Option<Name> {
    let slot = Slot::of_package(&fs_err::canonicalize(package).ok()?)?;
    Name::new(slot.0.parent()?.file_name()?.to_str()?).ok()
}

/// A folder of a model: a version or an unfinished transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot(PathBuf);

impl Slot {
    /// The version that an installed package's folder, links resolved, belongs to.
    pub(super) fn of_package(package: &Path) -> Option<Self> {
        let folder = package.parent()?;
        let is_ours = package.file_name()? == "package" && is_version(folder.file_name()?.to_str()?);
        is_ours.then(|| Self(folder.into()))
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The container's head.
    pub(super) fn head(&self) -> PathBuf {
        self.0.join("head")
    }

    /// How the signature stood.
    pub(super) fn record(&self) -> PathBuf {
        self.0.join("record.json")
    }

    /// The package folder.
    pub(super) fn package(&self) -> PathBuf {
        self.0.join("package")
    }
}

impl Layout {
    pub(super) fn new(models_dir: PathBuf) -> Self {
        Self { models_dir }
    }

    pub(super) fn models_dir(&self) -> &Path {
        &self.models_dir
    }

    /// Everything that is not a pointer.
    pub(super) fn internal(&self) -> PathBuf {
        self.models_dir.join(".wheelwork")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.internal().join("lock")
    }

    /// A file that gets a second name for a moment, and that name: whether there is such a thing.
    pub(super) fn linked(&self) -> [PathBuf; 2] {
        ["link", "linked"].map(|name| self.internal().join(name))
    }

    /// A package that is made only to be installed.
    pub(super) fn staging(&self) -> PathBuf {
        self.internal().join("staging")
    }

    pub(super) fn staging_lock(&self) -> PathBuf {
        self.internal().join("staging.lock")
    }

    /// A link on its way to become a pointer.
    pub(super) fn next_pointer(&self) -> PathBuf {
        self.internal().join("next")
    }

    pub(super) fn models(&self) -> PathBuf {
        self.internal().join("models")
    }

    pub(super) fn model(&self, name: &Name) -> PathBuf {
        self.models().join(name.as_str())
    }

    /// The link that names the current version.
    pub(super) fn pointer(&self, name: &Name) -> PathBuf {
        self.models_dir.join(format!("{name}{PACKAGE_SUFFIX}"))
    }

    /// The model that a file name in `models_dir` would be the pointer of.
    pub(super) fn pointer_name(file_name: &str) -> Option<Name> {
        Name::new(file_name.strip_suffix(PACKAGE_SUFFIX)?).ok()
    }

    /// What the pointer holds: relative, so that the folder can be moved.
    pub(super) fn pointer_target(name: &Name, version: &str) -> PathBuf {
        [".wheelwork", "models", name.as_str(), version, "package"].iter().collect()
    }

    /// The version that a pointer of this model names, if it is one of ours.
    pub(super) fn version_of_target(name: &Name, target: &Path) -> Option<String> {
        let version = target.parent()?.file_name()?.to_str()?;
        let is_ours = is_version(version) && Self::pointer_target(name, version) == target;
        is_ours.then(|| version.to_owned())
    }

    /// A version or a partial by the name of its folder.
    pub(super) fn slot(&self, name: &Name, folder: &str) -> Slot {
        Slot(self.model(name).join(folder))
    }

    pub(super) fn partial(&self, name: &Name, id: &Digest) -> Slot {
        self.slot(name, &format!("{}{PARTIAL_SUFFIX}", id.short()))
    }

    /// A version's folder name. Repairs of one package have rising numbers.
    pub(super) fn version(id: &Digest, number: u32) -> String {
        format!("{}.{number}", id.short())
    }
}

/// Whether a folder name is that of a version.
pub(super) fn is_version(folder: &str) -> bool {
    let Some((id, number)) = folder.split_once('.') else { return false };
    Digest::is_short(id)
        && number.len() <= 9
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a folder name is that of an unfinished transfer.
pub(super) fn is_partial(folder: &str) -> bool {
    folder.strip_suffix(PARTIAL_SUFFIX).is_some_and(Digest::is_short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pointers_are_recognised() {
        let (name, id) = (Name::new("tiny").unwrap(), Digest::of(b""));
        let version = Layout::version(&id, 3);
        let target = Layout::pointer_target(&name, &version);
        assert_eq!(Layout::version_of_target(&name, &target), Some(version.clone()));
        for other in [
            PathBuf::from("/etc"),
            PathBuf::from(".wheelwork/models/tiny/../x/package"),
            Layout::pointer_target(&Name::new("other").unwrap(), &version),
            Layout::pointer_target(&name, "e3b0.0"),
            PathBuf::from("/").join(&target),
        ] {
            assert_eq!(Layout::version_of_target(&name, &other), None, "{}", other.display());
        }
    }

    #[test]
    fn versions_and_partials_are_told_apart() {
        let id = Digest::of(b"");
        assert!(is_version(&Layout::version(&id, 0)) && !is_partial(&Layout::version(&id, 0)));
        let partial = format!("{}.partial", id.short());
        assert!(is_partial(&partial) && !is_version(&partial));
        for neither in
            ["", ".", "x.0", "e3b0c44298fc1c149afbf4c8996fb924.", "E3B0C44298FC1C149AFBF4C8996FB924.0"]
        {
            assert!(!is_version(neither) && !is_partial(neither), "{neither}");
        }
    }
}
