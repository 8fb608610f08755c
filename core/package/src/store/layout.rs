//! Where everything stands. Paths are built here, from checked names and digests only.

use std::io;
use std::path::{Path, PathBuf};

use crate::container::{Digest, Name};
use crate::disk::folder_of;
use crate::vfs::{self, Links, Vfs, read_file};

/// Ends the name of a package folder.
const PACKAGE_SUFFIX: &str = ".ortpackage";
const PARTIAL_SUFFIX: &str = ".partial";

/// The paths of a store.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    models_dir: PathBuf,
}

/// More than any pointer says.
const POINTER_BYTES: u64 = 512;

/// The name that a package is installed by, if a store holds it.
pub(crate) fn installed_name(package: &Path) -> Option<Name> {
    let slot = Slot::of_package(&fs_err::canonicalize(package).ok()?)?;
    Name::new(slot.0.parent()?.file_name()?.to_str()?).ok()
}

/// The package folder that a store's pointer names; `None` where the path is anything else.
#[must_use]
pub fn followed(path: &Path) -> Option<PathBuf> {
    let name = Layout::pointer_name(path.file_name()?.to_str()?)?;
    let text = read_file(path, Links::Followed, POINTER_BYTES).ok()?;
    let version = Layout::version_of_pointer(&name, &text)?;
    Some(Layout::new(folder_of(path).to_owned()).slot(&name, &version).package())
}

/// What a pointer says, which is nothing of ours where it is no pointer.
pub(super) fn read_pointer(vfs: &dyn Vfs, path: &Path) -> io::Result<Vec<u8>> {
    match vfs::read(vfs, path, POINTER_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Vec::new()),
        read => read,
    }
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

    /// Compact forms of its variants.
    pub(super) fn compact(&self) -> PathBuf {
        self.0.join("compact")
    }

    /// The folder of models that it stands in.
    pub(super) fn models_dir(&self) -> Option<&Path> {
        self.0.ancestors().nth(4)
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

    /// A file on its way to become a pointer.
    pub(super) fn next_pointer(&self) -> PathBuf {
        self.internal().join("next")
    }

    pub(super) fn models(&self) -> PathBuf {
        self.internal().join("models")
    }

    pub(super) fn model(&self, name: &Name) -> PathBuf {
        self.models().join(name.as_str())
    }

    /// The file that names the current version. No link: Android refuses them to apps, Windows to those who have no
    /// privilege for it, FAT to all.
    pub(super) fn pointer(&self, name: &Name) -> PathBuf {
        self.models_dir.join(format!("{name}{PACKAGE_SUFFIX}"))
    }

    /// The model that a file name in `models_dir` would be the pointer of.
    pub(super) fn pointer_name(file_name: &str) -> Option<Name> {
        Name::new(file_name.strip_suffix(PACKAGE_SUFFIX)?).ok()
    }

    /// What the pointer says: relative, so that the folder can be moved.
    pub(super) fn pointer_text(name: &Name, version: &str) -> String {
        format!(".wheelwork/models/{name}/{version}/package\n")
    }

    /// The version that a pointer of this model names, if it is one of ours.
    pub(super) fn version_of_pointer(name: &Name, text: &[u8]) -> Option<String> {
        let version = std::str::from_utf8(text).ok()?.rsplit('/').nth(1)?;
        let is_ours = is_version(version) && Self::pointer_text(name, version).as_bytes() == text;
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
        let text = Layout::pointer_text(&name, &version);
        assert_eq!(Layout::version_of_pointer(&name, text.as_bytes()), Some(version.clone()));
        for other in [
            String::new(),
            "/etc\n".into(),
            ".wheelwork/models/tiny/../x/package\n".into(),
            Layout::pointer_text(&Name::new("other").unwrap(), &version),
            Layout::pointer_text(&name, "e3b0.0"),
            format!("/{text}"),
            format!("{text}{text}"),
            text.trim_end().into(),
            text.replace('/', "\\"),
        ] {
            assert_eq!(Layout::version_of_pointer(&name, other.as_bytes()), None, "{other}");
        }
        assert_eq!(Layout::version_of_pointer(&name, &[0xFF; 40]), None);
    }

    #[test]
    fn a_pointer_is_followed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (name, version) = (Name::new("tiny").unwrap(), Layout::version(&Digest::of(b""), 0));
        let layout = Layout::new(folder.path().into());
        let pointer = layout.pointer(&name);
        assert_eq!(followed(&pointer), None);
        fs_err::write(&pointer, Layout::pointer_text(&name, &version)).unwrap();
        assert_eq!(followed(&pointer), Some(layout.slot(&name, &version).package()));
        let other = layout.pointer(&Name::new("other").unwrap());
        fs_err::copy(&pointer, &other).unwrap();
        assert_eq!(followed(&other), None, "it names another model's version");
        fs_err::write(&pointer, vec![b'.'; 1000]).unwrap();
        assert_eq!(followed(&pointer), None);
        assert!(read_pointer(&vfs::RealVfs, &pointer).unwrap().is_empty());
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
