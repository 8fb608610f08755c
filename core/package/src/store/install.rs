//! Installing and repairing: the calls, their options and what they report.

use std::path::PathBuf;

use super::installation::Installation;
use super::{Store, StoreError};
use crate::container::{Digest, Head, Name, Source, Watch};
use crate::signature::{SignatureState, Trust};

/// How to install.
#[derive(Debug, Clone)]
pub struct InstallOptions {
    /// Which signatures count.
    pub trust: Trust,
    /// Whether a lower version counter than the installed one is accepted.
    pub allow_downgrade: bool,
    /// Threads that check and decompress; `None` for as many as memory below 64 MB allows.
    pub threads: Option<usize>,
    /// Whether the new version has to open before it replaces the old.
    pub must_open: bool,
}

impl Default for InstallOptions {
    fn default() -> Self {
        Self { trust: Trust::default(), allow_downgrade: false, threads: None, must_open: true }
    }
}

/// What an installation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallReport {
    /// The model.
    pub name: Name,
    /// Its version counter.
    pub version: u64,
    /// Its package's id.
    pub id: Digest,
    /// The folder to open.
    pub path: PathBuf,
    /// How the signature stands.
    pub signature: SignatureState,
    /// False where this very package was installed already and nothing had to be done.
    pub is_new: bool,
    /// The version counter that was installed before.
    pub replaced_version: Option<u64>,
    /// Bytes of chunks, as stored, that the package has.
    pub package_bytes: u64,
    /// Of these, bytes that were read from the source.
    pub received_bytes: u64,
    /// Of these, bytes that an interrupted try had left.
    pub resumed_bytes: u64,
    /// Of these, bytes that the installed version had already: what the delta saved.
    pub reused_bytes: u64,
}

impl Store {
    /// Installs the package that `source` holds, as `NAME.ortpackage`.
    ///
    /// Memory stays below 64 MB whatever the size of the package. The source is read once, from front to back, and
    /// never beyond the end that the index states; chunks that are here already are skipped. After an error or a cancel
    /// the old version is as it was, and the next try continues where this one ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn install(
        &self,
        source: &mut dyn Source,
        options: &InstallOptions,
        watch: &mut Watch<'_>,
    ) -> Result<InstallReport, StoreError> {
        let head = Head::read(source)?;
        let signature = options.trust.judge(&head)?;
        let _writer = self.lock()?;
        let current = self.current(&head.index.name)?;
        if let Some(current) = &current
            && let Some(installed) = &current.head
        {
            let (installed, offered) = (installed.index.version, head.index.version);
            if offered < installed && !options.allow_downgrade {
                return Err(StoreError::Downgrade { name: head.index.name.clone(), installed, offered });
            }
        }
        Installation::new(self, &head, signature, options, current).run(source, watch)
    }

    /// Makes an installed model whole again with chunks from the package that it was installed from.
    ///
    /// Reads every installed byte, takes only what is damaged or missing from `source`, and switches to the result as
    /// an installation does. `is_new` in the report says whether anything was damaged.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::OtherPackage`] if the source is another package or another version.
    pub fn repair(
        &self,
        name: &Name,
        source: &mut dyn Source,
        options: &InstallOptions,
        watch: &mut Watch<'_>,
    ) -> Result<InstallReport, StoreError> {
        let head = Head::read(source)?;
        let signature = options.trust.judge(&head)?;
        let _writer = self.lock()?;
        let current = self.current(name)?.ok_or_else(|| StoreError::NotInstalled { name: name.clone() })?;
        let installed = current.head.as_ref().map(|head| head.id);
        if head.index.name != *name || installed.is_some_and(|installed| installed != head.id) {
            let installed = installed.unwrap_or(head.id);
            return Err(StoreError::OtherPackage { name: name.clone(), installed, offered: head.id });
        }
        let is_intact = match self.damage(&current, watch) {
            Ok(damage) => damage.is_empty(),
            // A file that cannot be read has to come from the source as well.
            Err(StoreError::Io { .. }) => false,
            Err(error) => return Err(error),
        };
        let mut installation = Installation::new(self, &head, signature, options, Some(current));
        installation.current_is_damaged = !is_intact;
        installation.run(source, watch)
    }
}
