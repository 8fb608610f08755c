//! Installing and repairing: the calls, their options and what they report.

use std::path::{Path, PathBuf};

use super::inspect::Current;
use super::installation::Installation;
use super::record::Record;
use super::{PackageCheck, Store, StoreError};
use crate::PackageError;
use crate::container::{Digest, Head, Name, Source, Watch};
use crate::manifest::CPU_PROVIDER;
use crate::signature::{Policy, PublicKey, SignatureState, Trust};

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
    /// What else is asked of it before that: whether its tokenizer and its template can be used, for instance.
    pub check: Option<PackageCheck>,
}

impl InstallOptions {
    /// The last look at a folder before it gets its name.
    pub(super) fn check_folder(&self, folder: &Path) -> Result<(), StoreError> {
        if self.must_open {
            must_open(folder).map_err(StoreError::DoesNotOpen)?;
        }
        self.check_as_caller(folder)
    }

    pub(super) fn check_as_caller(&self, folder: &Path) -> Result<(), StoreError> {
        self.check.as_ref().map_or(Ok(()), |check| check.run(folder)).map_err(StoreError::Refused)
    }
}

/// Opens the package, verifies its graphs for the CPU and the bits that their codes are stated to have. A graph for another device is verified when a build that
/// can drive it opens it: this one may not know its operators.
fn must_open(package: &Path) -> Result<(), PackageError> {
    let package = crate::open(package)?;
    let cpu = package.variants.iter().filter(|(_, variant)| variant.target.ep == CPU_PROVIDER);
    for (name, _) in cpu {
        package
            .graphs(name)?
            .into_iter()
            .try_for_each(|graph| package.verify_graph(name, graph).map(drop))?;
        package.check_codes(name)?;
    }
    Ok(())
}

impl Default for InstallOptions {
    fn default() -> Self {
        let trust = Trust::default();
        Self { trust, allow_downgrade: false, threads: None, must_open: true, check: None }
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
    /// The folder to open, of this version: the next installation replaces it.
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
    /// never beyond the end that the index states, and a file must end there; chunks that are here already are skipped. After an error or a cancel
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
        let head = Head::read_of_file(source)?;
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
        let vouched_by = self.voucher(&head, current.as_ref(), &options.trust)?;
        Installation::new(self, &head, signature, vouched_by, options, current).run(source, watch)
    }

    /// The key that vouches for a package: one that the user trusts, or that vouched for the installed version. A version
    /// that such a key has signed gives way to nothing that none has, unless the user wants no signatures looked at.
    fn voucher(
        &self,
        head: &Head,
        current: Option<&Current>,
        trust: &Trust,
    ) -> Result<Option<PublicKey>, StoreError> {
        if trust.policy == Policy::Off {
            return Ok(None);
        }
        let mut keys = [&trust.keys[..], &self.keys].concat();
        if let Some(current) = current {
            keys.extend(Record::read(self.vfs.as_ref(), &current.slot).voucher());
        }
        let known = Trust::shown(&keys);
        let voucher = known.signer(head).cloned();
        let installed = current.and_then(|current| current.head.as_ref());
        match installed.and_then(|installed| known.signer(installed)) {
            Some(key) if voucher.is_none() => {
                let (name, key) = (head.index.name.clone(), key.fingerprint());
                Err(StoreError::Unvouched { name, key })
            }
            _ => Ok(voucher),
        }
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
        let head = Head::read_of_file(source)?;
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
        let vouched_by = self.voucher(&head, Some(&current), &options.trust)?;
        let mut installation = Installation::new(self, &head, signature, vouched_by, options, Some(current));
        installation.current_is_damaged = !is_intact;
        installation.run(source, watch)
    }
}
