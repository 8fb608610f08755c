//! The models on this device: installing, looking, removing.

use std::path::Path;
use std::sync::Arc;

use wheelwork::CancelToken;
use wheelwork_package::container::{Head, Name};
use wheelwork_package::signature::{Policy, Trust};
use wheelwork_package::store::{self, PackageCheck, Store, StoreError};

use crate::convert::{count, limit};
use crate::edge::guarded;
use crate::job::{Jobs, jobs_at};
use crate::source::Opened;
use crate::transfer::{InstallHandle, Operation, VerifyHandle};
use crate::trust::keys_of;
use crate::{FfiError, PackageSource, SignaturePolicy, SignatureState};

/// The models in a folder. Cheap to open and to let go; several may stand for the same folder, here and in other
/// processes: one installs or removes at a time, and another that tries is told `store_busy`. Who cancels a call and
/// begins the next waits for it instead. May be used from any thread.
#[derive(uniffi::Object)]
pub struct StoreHandle {
    store: Store,
    /// What is installed and removed there by this process.
    jobs: Arc<Jobs>,
}

/// How a package is installed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct InstallOptions {
    /// What is done with a package that none of the store's keys has signed.
    pub policy: SignaturePolicy,
    /// Whether a lower version than the installed one is accepted.
    #[uniffi(default = false)]
    pub allow_downgrade: bool,
    /// Threads that check and decompress; absent, as many as memory below 64 MB allows.
    #[uniffi(default = None)]
    pub threads: Option<u32>,
}

/// What is in a store.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct StoreContents {
    /// Installed models, by name.
    pub models: Vec<InstalledModel>,
    /// Transfers that ended early, by name: the next installation of the same package goes on from there.
    pub partials: Vec<PartialModel>,
}

/// An installed model.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct InstalledModel {
    /// Its name.
    pub name: String,
    /// The folder to open.
    pub path: String,
    /// The package that it was installed from; absent where that record is damaged, which a repair cures.
    pub package: Option<InstalledPackage>,
    /// How the signature stands, by the store's keys.
    pub signature: SignatureState,
}

/// The package that a model was installed from.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct InstalledPackage {
    /// The counter that its maker raises with every release.
    pub version: u64,
    /// SHA-256 of its index, in lowercase hexadecimal: equal ids are equal packages.
    pub id: String,
    /// Bytes of its files.
    pub bytes: u64,
}

/// A transfer that ended early.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PartialModel {
    /// The model's name.
    pub name: String,
    /// The version that was on its way; absent where not even that has arrived.
    pub version: Option<u64>,
    /// Bytes that are there.
    pub bytes: u64,
}

/// What [`StoreHandle::collect_garbage`] removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct GarbageReport {
    /// Versions that were replaced and could not be removed then.
    pub versions: u32,
    /// Unfinished transfers.
    pub partials: u32,
    /// Packages that a killed process had made only to install them.
    pub staged: u32,
    /// Bytes of their files.
    pub bytes: u64,
}

/// What the first bytes of a package file say of it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PackageHead {
    /// The model's name.
    pub name: String,
    /// The counter that its maker raises with every release.
    pub version: u64,
    /// SHA-256 of its index, in lowercase hexadecimal: equal ids are equal packages.
    pub id: String,
    /// How the signature stands, by the store's keys.
    pub signature: SignatureState,
    /// Bytes of the package file.
    pub container_bytes: u64,
    /// Bytes of the files in it, once they are installed.
    pub file_bytes: u64,
    /// How many files.
    pub files: u32,
}

#[uniffi::export]
impl StoreHandle {
    /// The models in a folder of the app's own, which need not exist yet. `keys` are the texts of public keys in PEM: whose
    /// signatures count when a package is installed, and are shown as valid. Takes microseconds: nothing is read.
    ///
    /// # Errors
    /// `not_a_key`.
    #[uniffi::constructor]
    pub fn open(models_dir: String, keys: Vec<String>) -> Result<Arc<Self>, FfiError> {
        guarded(|| {
            let keys = keys_of(&keys)?;
            let jobs = jobs_at(Path::new(&models_dir));
            Ok(Arc::new(Self { store: Store::new(models_dir).trusting(keys), jobs }))
        })
    }

    /// Installs a package, or a new version of one: only what is not here is read from the source, and the old version
    /// stands until the new one is complete and opens. Returns at once; [`InstallHandle`] tells the rest. After an error, a
    /// cancel or the end of the process, the old version is as it was, and the next try goes on from what has arrived.
    ///
    /// # Errors
    /// A source that cannot be opened, `no_thread`.
    pub fn install(
        &self,
        source: PackageSource,
        options: InstallOptions,
    ) -> Result<Arc<InstallHandle>, FfiError> {
        guarded(|| self.transfer(Operation::Install, source, options))
    }

    /// Makes an installed model whole again with the package that it was installed from: reads every installed byte and
    /// takes from the source only what is damaged. Returns at once; [`InstallHandle`] tells the rest.
    ///
    /// # Errors
    /// As [`StoreHandle::install`], `store_name`.
    pub fn repair(
        &self,
        name: String,
        source: PackageSource,
        options: InstallOptions,
    ) -> Result<Arc<InstallHandle>, FfiError> {
        guarded(|| self.transfer(Operation::Repair(name_of(&name)?), source, options))
    }

    /// Compares every byte of an installed model with what was installed. Returns at once; [`VerifyHandle`] tells the rest.
    ///
    /// # Errors
    /// `store_name`, `no_thread`.
    pub fn verify(&self, name: String) -> Result<Arc<VerifyHandle>, FfiError> {
        guarded(|| VerifyHandle::begin(self.store.clone(), name_of(&name)?))
    }

    /// What is installed, and what has not arrived completely. Reads a small file a model.
    ///
    /// # Errors
    /// `store_io`. A model with something wrong is listed as far as it can be read.
    pub fn list(&self) -> Result<StoreContents, FfiError> {
        guarded(|| Ok(self.store.list()?.into()))
    }

    /// Removes a model with its versions and unfinished transfers, for good. An engine that has it open goes on. Takes as
    /// long as the system needs to free some gigabytes.
    ///
    /// # Errors
    /// `store_not_installed`, `store_busy`, `store_not_ours`, `store_io`, `store_name`.
    pub fn remove(&self, name: String) -> Result<(), FfiError> {
        guarded(|| {
            let name = name_of(&name)?;
            self.jobs.wait_for_leaving(&CancelToken::new());
            Ok(self.store.remove(&name)?)
        })
    }

    /// Removes what interrupted calls have left: versions that were replaced, and, if asked, transfers that the next
    /// installation would go on with.
    ///
    /// # Errors
    /// `store_busy`, `store_io`.
    pub fn collect_garbage(&self, partials: bool) -> Result<GarbageReport, FfiError> {
        guarded(|| {
            self.jobs.wait_for_leaving(&CancelToken::new());
            Ok(self.store.collect_garbage(partials)?.into())
        })
    }

    /// Bytes that may still be written where the models stand.
    ///
    /// # Errors
    /// `store_io`.
    pub fn free_bytes(&self) -> Result<u64, FfiError> {
        guarded(|| Ok(self.store.free_bytes()?))
    }

    /// What the first bytes of a package file say, without reading on: whether it is newer, how large, who signed it.
    ///
    /// # Errors
    /// A file that is no package, or a damaged one; `source_is_pushed`, because pushed bytes can be read once only.
    pub fn head(&self, source: PackageSource) -> Result<PackageHead, FfiError> {
        guarded(|| {
            let Opened::Seekable(mut source) = source.open()? else {
                return Err(FfiError::source_is_pushed());
            };
            let head = Head::read(source.as_mut())?;
            let trust = Trust { policy: Policy::Warn, keys: self.store.keys().to_vec() };
            let index = &head.index;
            Ok(PackageHead {
                name: index.name.to_string(),
                version: index.version,
                id: head.id.to_string(),
                signature: trust.state(&head).into(),
                container_bytes: head.byte_len() + index.stored_bytes(),
                file_bytes: index.file_bytes(),
                files: count(index.files.len()),
            })
        })
    }
}

impl StoreHandle {
    fn transfer(
        &self,
        operation: Operation,
        source: PackageSource,
        options: InstallOptions,
    ) -> Result<Arc<InstallHandle>, FfiError> {
        let InstallOptions { policy, allow_downgrade, threads } = options;
        let options = store::InstallOptions {
            trust: Trust { policy: policy.into(), keys: self.store.keys().to_vec() },
            allow_downgrade,
            threads: threads.map(limit),
            must_open: true,
            check: Some(PackageCheck::new(|folder| wheelwork::examine(folder))),
        };
        InstallHandle::begin(self.store.clone(), Arc::clone(&self.jobs), operation, source.open()?, options)
    }
}

fn name_of(name: &str) -> Result<Name, FfiError> {
    Ok(Name::new(name).map_err(StoreError::from)?)
}

impl From<store::Contents> for StoreContents {
    fn from(contents: store::Contents) -> Self {
        let store::Contents { models, partials } = contents;
        let models = models.into_iter().map(Into::into).collect();
        Self { models, partials: partials.into_iter().map(Into::into).collect() }
    }
}

impl From<store::Installed> for InstalledModel {
    fn from(model: store::Installed) -> Self {
        let store::Installed { name, path, package, signature } = model;
        Self {
            name: name.to_string(),
            path: path.display().to_string(),
            package: package.map(Into::into),
            signature: signature.into(),
        }
    }
}

impl From<store::InstalledPackage> for InstalledPackage {
    fn from(package: store::InstalledPackage) -> Self {
        let store::InstalledPackage { version, id, bytes } = package;
        Self { version, id: id.to_string(), bytes }
    }
}

impl From<store::Partial> for PartialModel {
    fn from(partial: store::Partial) -> Self {
        let store::Partial { name, version, bytes } = partial;
        Self { name: name.to_string(), version, bytes }
    }
}

impl From<store::GarbageReport> for GarbageReport {
    fn from(report: store::GarbageReport) -> Self {
        let store::GarbageReport { versions, partials, staged, bytes } = report;
        Self { versions: count(versions), partials: count(partials), staged: count(staged), bytes }
    }
}
