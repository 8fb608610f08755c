//! `model.safetensors.index.json`: which shard holds which tensor.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Deserialize;
use serde_json::Value;

use super::files::{Folder, is_file_name, shortened};
use super::json::Entries;
use super::{CheckpointError, header};

/// The index's file name.
pub(super) const NAME: &str = "model.safetensors.index.json";
/// The longest index that is read, in bytes; 70B checkpoints have about 60 kB.
const BYTES_LIMIT: u64 = 16 << 20;
/// The most shards.
const SHARDS_LIMIT: usize = 1024;

/// The tensors that each shard should hold, by shard.
pub(super) type Shards = BTreeMap<String, BTreeSet<String>>;

#[derive(Deserialize)]
struct RawIndex {
    weight_map: Entries<Value>,
}

/// Reads the index.
pub(super) fn read(folder: &Folder) -> Result<Shards, CheckpointError> {
    let RawIndex { weight_map: Entries(entries) } = folder.read_json(NAME, BYTES_LIMIT)?;
    let path = || folder.path().join(NAME);
    let mut shards = Shards::new();
    let mut names = HashSet::with_capacity(entries.len());
    for (tensor, shard) in entries {
        let Value::String(shard) = shard else {
            let (tensor, shard) = (shortened(&tensor), shortened(&shard.to_string()));
            let detail = format!("weight_map.{tensor} is {shard}, expected the name of a file");
            return Err(CheckpointError::Json { path: path(), detail });
        };
        if !is_file_name(&shard) {
            return Err(CheckpointError::NotAFileName { folder: path(), name: shortened(&shard) });
        }
        if !names.insert(tensor.clone()) {
            return Err(CheckpointError::DuplicateInIndex { path: path(), tensor: shortened(&tensor) });
        }
        shards.entry(shard).or_default().insert(tensor);
    }
    if shards.len() > SHARDS_LIMIT {
        let (path, shards) = (path(), shards.len());
        return Err(CheckpointError::TooManyShards { path, shards, limit: SHARDS_LIMIT });
    }
    Ok(shards)
}

/// Every shard stands in the folder.
///
/// # Errors
/// [`CheckpointError::MissingShards`] with all that do not.
pub(super) fn check_complete(folder: &Folder, shards: &Shards) -> Result<(), CheckpointError> {
    let missing: Vec<_> = shards.keys().filter(|shard| !folder.has(shard)).cloned().collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(CheckpointError::MissingShards { path: folder.path().join(NAME), missing })
    }
}

/// What a shard lacks of its tensors, and what it holds beside them.
#[derive(Default)]
pub(super) struct Differences {
    missing: Vec<String>,
    extra: Vec<String>,
}

impl Differences {
    /// Compares a shard's header with the index.
    pub(super) fn add(&mut self, shard: &str, expected: &BTreeSet<String>, found: &[header::Entry]) {
        let found: BTreeSet<_> = found.iter().map(|entry| entry.name.clone()).collect();
        let listed = |names: &mut dyn Iterator<Item = &String>| -> Vec<String> {
            names.map(|name| format!("{} ({shard})", shortened(name))).collect()
        };
        self.missing.extend(listed(&mut expected.difference(&found)));
        self.extra.extend(listed(&mut found.difference(expected)));
    }

    /// # Errors
    /// [`CheckpointError::ShardMismatch`] with all names.
    pub(super) fn check(self, folder: &Folder) -> Result<(), CheckpointError> {
        let Self { missing, extra } = self;
        if missing.is_empty() && extra.is_empty() {
            return Ok(());
        }
        Err(CheckpointError::ShardMismatch { path: folder.path().join(NAME), missing, extra })
    }
}
