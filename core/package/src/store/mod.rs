//! Installed packages: from a `.wwpkg` stream to a folder that [`crate::open`] opens, without ever losing the old one.
//!
//! ```text
//! MODELS/
//!   NAME.ortpackage      `.wheelwork/models/NAME/ID.0/package`   the one pointer      -> layout
//!   .wheelwork/
//!     lock                                                     one writer at a time   -> lock
//!     staging/                                                 a folder's package, before it is installed -> staging
//!     models/NAME/
//!       ID.0/       head  record.json  package/                a complete version
//!                   compact/VARIANT/                           a variant's weights in fewer bytes -> crate::compact
//!       ID.partial/ head  package/                             an unfinished transfer -> assembly
//! ```
//!
//! An installation, in order ([`install`](Store::install)):
//!
//! 1. read the head, judge the signature, refuse a downgrade or a disk that is too small: nothing is written;
//! 2. keep what an earlier try has left, link equal files and copy equal chunks of the installed version;
//! 3. receive the other chunks, each checked before and after decompression, and compare every file's digest;
//! 4. sync, rename to `ID.0`, sync, switch the pointer by one rename, sync, delete the old version.
//!
//! No clock is read for any decision, and nothing that a process leaves behind has to be cleaned by hand: the lock
//! goes with its process, and the next installation goes on from what it finds.

mod assembly;
mod check;
mod compact;
mod content;
mod donors;
mod error;
mod hash;
mod inspect;
mod install;
mod installation;
mod layout;
mod lock;
mod maintain;
mod meter;
mod provenance;
mod record;
mod staging;
mod unpack;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use check::PackageCheck;
pub use compact::{CompactReport, Compacting};
pub(crate) use content::compact_of;
pub use error::StoreError;
pub use inspect::{Contents, Installed, InstalledPackage, Partial};
pub use install::{InstallOptions, InstallReport};
pub use maintain::GarbageReport;
pub use provenance::Provenance;
pub use staging::Staging;
pub use unpack::unpack;
pub use verify::{Damage, VerifyReport};

use crate::signature::PublicKey;
use crate::vfs::{RealVfs, Vfs};
use layout::Layout;
pub use layout::followed;
pub(crate) use layout::installed_name;

/// The packages installed in a folder.
///
/// Cheap to make and without state of its own: several may stand for the same folder, in several processes.
#[derive(Debug, Clone)]
pub struct Store {
    layout: Layout,
    vfs: Arc<dyn Vfs>,
    /// Whose signatures are shown as valid.
    keys: Vec<PublicKey>,
}

impl Store {
    /// The store in `models_dir`, which need not exist yet.
    #[must_use]
    pub fn new(models_dir: impl Into<PathBuf>) -> Self {
        Self::with_vfs(models_dir, Arc::new(RealVfs))
    }

    /// The store in a folder of another file system.
    #[must_use]
    pub fn with_vfs(models_dir: impl Into<PathBuf>, vfs: Arc<dyn Vfs>) -> Self {
        Self { layout: Layout::new(models_dir.into()), vfs, keys: Vec::new() }
    }

    /// The same store, whose models are held against these keys of the user's, and signed ones shown as such. What stands
    /// in the store says nothing of whom the user trusts.
    #[must_use]
    pub fn trusting(self, keys: Vec<PublicKey>) -> Self {
        Self { keys, ..self }
    }

    /// The keys that it was given.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The folder.
    #[must_use]
    pub fn models_dir(&self) -> &Path {
        self.layout.models_dir()
    }
}
