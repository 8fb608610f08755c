//! Packages to test with, and file systems that fail.

pub(crate) mod assert_matches;
pub(crate) mod faulty;
#[cfg(feature = "pack")]
pub(crate) mod folder;
pub(crate) mod memory;
pub(crate) mod small_disk;
pub(crate) mod writer;

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wheelwork_package::Manifest;
use wheelwork_package::container::{Name, Seekable, unwatched};
use wheelwork_package::genai_config::{Decoder, GenaiConfig, Model, Search};
use wheelwork_package::generation::TokenIds;
use wheelwork_package::manifest::Variant;
use wheelwork_package::signature::{Policy, PublicKey, SecretKey, Trust};
use wheelwork_package::store::{InstallOptions, InstallReport, Store, StoreError};

use memory::MemoryVfs;
use writer::Container;

/// Bytes without order: what zstd can't shrink.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[4]
    };
    std::iter::repeat_with(byte).take(length).collect()
}

pub(crate) fn key() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

pub(crate) fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

/// The files of a package of two variants that opens; the second shares its tokenizer with the first.
pub(crate) fn files(weights: &[u8]) -> Vec<(String, Vec<u8>)> {
    let config = genai_config();
    let target =
        |ep: &str, device: &str| Variant { ep: ep.into(), device: device.into(), compatibility_string: None };
    let manifest = Manifest::new(
        [("cpu", "CPUExecutionProvider", "cpu"), ("qnn", "QNNExecutionProvider", "npu")]
            .map(|(variant, ep, device)| (variant.to_owned(), target(ep, device)))
            .into(),
    );
    let json = |value: &serde_json::Value| serde_json::to_vec(value).unwrap();
    let config = json(&serde_json::to_value(config).unwrap());
    let mut files = vec![
        ("cpu/genai_config.json".to_owned(), config.clone()),
        ("cpu/model.onnx".to_owned(), graph(&noise(1, 890))),
        ("cpu/model.onnx.data".to_owned(), weights.to_vec()),
        ("cpu/tokenizer.json".to_owned(), noise(2, 2500)),
        ("manifest.json".to_owned(), json(&serde_json::to_value(manifest).unwrap())),
        ("qnn/empty".to_owned(), Vec::new()),
        ("qnn/genai_config.json".to_owned(), config),
        ("qnn/tokenizer.json".to_owned(), noise(2, 2500)),
    ];
    files.sort();
    files
}

/// A graph of nothing that passes our verifier, with a note: `doc_string` (6, 890 bytes) and `graph` (7, empty).
fn graph(note: &[u8]) -> Vec<u8> {
    assert_eq!(note.len(), 890);
    [&[0x32, 0xfa, 0x06], note, &[0x3a, 0x00]].concat()
}

/// The smallest configuration that opens.
fn genai_config() -> GenaiConfig {
    GenaiConfig {
        model: Model {
            model_type: "qwen2".into(),
            vocab_size: 16,
            context_length: 16,
            bos_token_id: None,
            eos_token_id: TokenIds::One(1),
            pad_token_id: None,
            decoder: Decoder {
                filename: "model.onnx".into(),
                head_size: 2,
                hidden_size: 4,
                num_attention_heads: 2,
                num_key_value_heads: 1,
                num_hidden_layers: 1,
                inputs: Default::default(),
                outputs: Default::default(),
                session_options: Default::default(),
            },
        },
        search: Search::default(),
    }
}

/// Version `version` of a package called `tiny`: about 12 kB in chunks of 700 bytes.
pub(crate) fn tiny(version: u64) -> Container {
    // Three quarters of the weights are the same in every version.
    let mut weights = noise(3, 6000);
    weights.extend(noise(100 + version, 2000));
    Container::new("tiny", version, &files(&weights), 700)
}

/// Trust in [`key`] alone.
pub(crate) fn trust(policy: Policy) -> Trust {
    Trust { policy, keys: vec![key().public()] }
}

pub(crate) fn trusting(keys: &[PublicKey]) -> Trust {
    Trust { policy: Policy::Require, keys: keys.to_vec() }
}

/// Options for file systems that `open` can't see.
pub(crate) fn unopened() -> InstallOptions {
    InstallOptions { must_open: false, ..InstallOptions::default() }
}

pub(crate) fn install(
    store: &Store,
    bytes: &[u8],
    options: &InstallOptions,
) -> Result<InstallReport, StoreError> {
    store.install(&mut Seekable(Cursor::new(bytes)), options, &mut unwatched)
}

/// Repairs `tiny`.
pub(crate) fn repair(
    store: &Store,
    bytes: &[u8],
    options: &InstallOptions,
) -> Result<InstallReport, StoreError> {
    store.repair(&name("tiny"), &mut Seekable(Cursor::new(bytes)), options, &mut unwatched)
}

/// A store on the disk with a version of `tiny`, and the folder that it is opened by.
pub(crate) fn on_disk(version: u64) -> (tempfile::TempDir, Store, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let path = install(&store, &tiny(version).bytes(), &InstallOptions::default()).unwrap().path;
    (folder, store, path)
}

/// Writes files as a package folder.
pub(crate) fn write_folder(root: &Path, files: &[(String, Vec<u8>)]) {
    for (path, content) in files {
        let path = root.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }
}

/// Counts the bytes that are read.
pub(crate) struct Counting<R>(pub(crate) R, pub(crate) u64);

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1 += read as u64;
        Ok(read)
    }
}

impl<R: Seek> Seek for Counting<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// A store in memory, and its file system.
pub(crate) fn in_memory() -> (Store, MemoryVfs) {
    let vfs = MemoryVfs::default();
    (Store::with_vfs("/models", Arc::new(vfs.clone())), vfs)
}

/// Asserts that `tiny` is installed, whole, and returns its version.
pub(crate) fn intact_version(store: &Store) -> u64 {
    let report = store.verify(&name("tiny"), &mut unwatched).unwrap();
    assert_eq!(report.damage, []);
    let contents = store.list().unwrap();
    contents.models[0].package.as_ref().unwrap().version
}

/// A folder for many small synced writes: in memory where the system has such a place.
pub(crate) fn fast_folder() -> tempfile::TempDir {
    let shared_memory = Path::new("/dev/shm");
    tempfile::tempdir_in(shared_memory).or_else(|_| tempfile::tempdir()).unwrap()
}
