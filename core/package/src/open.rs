//! Opening a package: from a folder to parsed, consistent descriptions. No weights are read.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::card::StaticGraphs;
use crate::files::{FileRecord, is_plain_name, names};
use crate::graph::{self, GraphError, Verified};
use crate::manifest::{CPU_PROVIDER, SCHEMA_VERSION, Variant};
use crate::store::installed_name;
use crate::vfs::{FileError, FileFault, check_folder, file_bytes, stands};
use crate::{Card, GenaiConfig, GenerationDefaults, Manifest, PackageError, json};

/// A package whose descriptions were read and agree with each other.
#[derive(Debug, Clone)]
pub struct OpenPackage {
    /// The folder that was given.
    pub root: PathBuf,
    /// The name that it is installed by, else the card's, else the folder's without `.ortpackage`.
    pub name: String,
    /// What stands in `wheelwork.json`; absent in folders of other makers.
    pub card: Option<Card>,
    /// The variants by name.
    pub variants: BTreeMap<String, OpenVariant>,
}

/// One variant of an open package.
#[derive(Debug, Clone)]
pub struct OpenVariant {
    /// The variant's folder.
    pub folder: PathBuf,
    /// Which execution provider it was built for.
    pub target: Variant,
    /// genai's description.
    pub config: GenaiConfig,
    /// Sampling defaults and stop tokens.
    pub generation: GenerationDefaults,
}

/// Opens a package folder, or a genai model folder as a package of the one variant `cpu`.
///
/// # Errors
/// [`PackageError`]; sizes of all files that the card lists are compared, contents are not (see
/// [`crate::files::FileRecord::check_content`]), and graphs are not read (see [`OpenPackage::verify_graph`]).
pub fn open(root: &Path) -> Result<OpenPackage, PackageError> {
    if !fs_err::metadata(root).map_err(|source| PackageError::Io { path: root.into(), source })?.is_dir() {
        return Err(PackageError::NotAPackage { path: root.into() });
    }
    // genai's own rule: a folder with genai_config.json at its root is flat, whatever else lies in it.
    if stands(&root.join(names::GENAI_CONFIG))? {
        return open_flat(root);
    }
    let manifest_path = root.join(names::MANIFEST);
    if !stands(&manifest_path)? {
        return Err(PackageError::NotAPackage { path: root.into() });
    }
    let manifest: Manifest = json::read(&manifest_path)?;
    if manifest.schema_version != SCHEMA_VERSION {
        return Err(PackageError::Version {
            path: manifest_path,
            found: manifest.schema_version,
            supported: SCHEMA_VERSION,
        });
    }
    let card = read_card(root)?;
    let mut variants = BTreeMap::new();
    for (name, target) in manifest.components.model.variants {
        check_variant_name(&manifest_path, &name)?;
        let folder = root.join(&name);
        check_folder(&folder)?;
        for record in card.iter().flat_map(|card| card.variants.get(&name)).flatten() {
            record.check_size(&folder)?;
        }
        variants.insert(name, open_variant(folder, target)?);
    }
    if variants.is_empty() {
        return Err(PackageError::invalid(manifest_path, "the component `model` has no variants"));
    }
    let installed = installed_name(root).map(|name| name.to_string());
    let name = installed.or_else(|| card.as_ref().map(|card| card.name.clone()));
    let name = name.unwrap_or_else(|| folder_name(root));
    Ok(OpenPackage { root: root.into(), name, card, variants })
}

impl OpenPackage {
    /// The variant of that name.
    ///
    /// # Errors
    /// [`PackageError::NoSuchVariant`].
    pub fn variant(&self, name: &str) -> Result<&OpenVariant, PackageError> {
        self.variants.get(name).ok_or_else(|| PackageError::NoSuchVariant {
            wanted: name.to_owned(),
            present: self.variants.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        })
    }

    /// The graphs of a variant, by file name: genai's, and that with an 8-bit cache where there is one.
    ///
    /// # Errors
    /// [`PackageError::NoSuchVariant`].
    pub fn graphs(&self, variant: &str) -> Result<Vec<&str>, PackageError> {
        let int8 = self.card.as_ref().and_then(|card| card.kv_cache.get(variant));
        let main = &self.variant(variant)?.config.model.decoder.filename;
        Ok([main.as_str()].into_iter().chain(int8.map(|cache| cache.int8_graph.as_str())).collect())
    }

    /// Reads a file of a variant and compares it with the card.
    ///
    /// # Errors
    /// [`PackageError::Invalid`] for a file that is not on the card, and as [`FileRecord::check_content`].
    pub fn check_content(&self, variant: &str, file_name: &str) -> Result<(), PackageError> {
        let folder = &self.variant(variant)?.folder;
        let records = self.card.as_ref().and_then(|card| card.variants.get(variant));
        match records.into_iter().flatten().find(|record| record.name == file_name) {
            Some(record) => record.check_content(folder),
            None => Err(PackageError::invalid(folder.join(file_name), "the package card does not list it")),
        }
    }

    /// Verifies a graph of a variant ([`crate::graph`]), and that the files with its weights are there, long enough
    /// and, where there is a card, on it. Reads the graph without its weights: below a millisecond.
    ///
    /// # Errors
    /// [`PackageError::Graph`]; [`PackageError::Io`], [`PackageError::TooLarge`], [`PackageError::NoSuchVariant`].
    pub fn verify_graph(&self, variant: &str, file_name: &str) -> Result<Verified, PackageError> {
        let records =
            self.card.as_ref().map(|card| card.variants.get(variant).map_or(&[][..], Vec::as_slice));
        verify_graph(&self.variant(variant)?.folder, file_name, records)
    }
}

fn verify_graph(
    folder: &Path,
    file_name: &str,
    records: Option<&[FileRecord]>,
) -> Result<Verified, PackageError> {
    let path = folder.join(file_name);
    let refused = |source| PackageError::Graph { path: path.clone(), source };
    let bytes = json::read_bytes(&path, graph::limits::GRAPH_BYTES)?;
    let mut verified = graph::verify(&bytes).map_err(refused)?;
    for (file, &expected) in &verified.files {
        let wrong = |found: String| refused(GraphError::File { file: file.clone(), found, expected });
        if records.is_some_and(|records| !records.iter().any(|record| record.name == *file)) {
            return Err(wrong("no entry in the package card".into()));
        }
        match file_bytes(&folder.join(file)) {
            Ok(bytes) if bytes < expected => return Err(wrong(format!("{bytes} bytes"))),
            Ok(bytes) if verified.is_compiled => verified.weight_bytes = bytes,
            Ok(_) => {}
            Err(FileError { fault: FileFault::Io(error), .. }) if error.kind() == ErrorKind::NotFound => {
                return Err(wrong("no content: it is missing".into()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(verified)
}

fn open_flat(root: &Path) -> Result<OpenPackage, PackageError> {
    let target = Variant { ep: CPU_PROVIDER.into(), device: "cpu".into(), compatibility_string: None };
    let variant = open_variant(root.into(), target)?;
    Ok(OpenPackage {
        root: root.into(),
        name: folder_name(root),
        card: None,
        variants: BTreeMap::from([("cpu".to_owned(), variant)]),
    })
}

fn open_variant(folder: PathBuf, target: Variant) -> Result<OpenVariant, PackageError> {
    let config_path = folder.join(names::GENAI_CONFIG);
    let config: GenaiConfig = json::read(&config_path)?;
    check_config(&config_path, &config)?;
    let generation_path = folder.join(names::GENERATION_CONFIG);
    // genai's model builder does not always copy this file; its own search section then says the same.
    let generation = if stands(&generation_path)? {
        json::read(&generation_path)?
    } else {
        GenerationDefaults {
            bos_token_id: None,
            eos_token_id: Some(config.model.eos_token_id.clone()),
            do_sample: Some(config.search.do_sample),
            temperature: Some(config.search.temperature),
            top_k: Some(config.search.top_k),
            top_p: Some(config.search.top_p),
            min_p: None,
            repetition_penalty: Some(config.search.repetition_penalty),
        }
    };
    Ok(OpenVariant { folder, target, config, generation })
}

fn read_card(root: &Path) -> Result<Option<Card>, PackageError> {
    let path = root.join(names::CARD);
    if !stands(&path)? {
        return Ok(None);
    }
    let card: Card = json::read(&path)?;
    let major = |version: &str| version.split('.').next().unwrap_or_default().to_owned();
    if major(&card.format_version) != major(crate::card::FORMAT_VERSION) {
        return Err(PackageError::Version { path, found: card.format_version, supported: "1.x" });
    }
    for record in card.variants.values().flatten() {
        if !is_plain_name(&record.name) {
            return Err(PackageError::invalid(path, format!("`{}` is not a plain file name", record.name)));
        }
    }
    for (variant, kv_cache) in &card.kv_cache {
        let listed = card.variants.get(variant).into_iter().flatten();
        if !listed.into_iter().any(|record| record.name == kv_cache.int8_graph) {
            let graph = &kv_cache.int8_graph;
            return Err(PackageError::invalid(
                path,
                format!("`{graph}` is not a file of the variant `{variant}`"),
            ));
        }
    }
    for (variant, graphs) in &card.static_graphs {
        check_static_graphs(&card, variant, graphs).map_err(|what| {
            PackageError::invalid(path.clone(), format!("static graphs of `{variant}`: {what}"))
        })?;
    }
    Ok(Some(card))
}

/// Every file is listed, and all parts fit the architecture.
fn check_static_graphs(card: &Card, variant: &str, graphs: &StaticGraphs) -> Result<(), String> {
    let listed = card.variants.get(variant).map_or(&[][..], Vec::as_slice);
    for file in graphs.files() {
        if !listed.iter().any(|record| record.name == file) {
            return Err(format!("`{file}` is not a file of the variant"));
        }
    }
    graphs.check(card.architecture.num_hidden_layers, card.architecture.head_dim)
}

/// Sizes that every later multiplication relies on.
fn check_config(path: &Path, config: &GenaiConfig) -> Result<(), PackageError> {
    let decoder = &config.model.decoder;
    let ranges = [
        ("model.vocab_size", config.model.vocab_size, 1 << 24),
        ("model.context_length", config.model.context_length, 1 << 24),
        ("model.decoder.head_size", decoder.head_size, 1 << 12),
        ("model.decoder.num_key_value_heads", decoder.num_key_value_heads, 1 << 12),
        ("model.decoder.num_hidden_layers", decoder.num_hidden_layers, 1 << 10),
    ];
    for (field, value, limit) in ranges {
        if value == 0 || value > limit {
            return Err(PackageError::invalid(path, format!("{field} is {value}, expected 1 to {limit}")));
        }
    }
    if !is_plain_name(&decoder.filename) {
        return Err(PackageError::invalid(
            path,
            format!("model.decoder.filename is `{}`, expected a plain file name", decoder.filename),
        ));
    }
    Ok(())
}

fn check_variant_name(path: &Path, name: &str) -> Result<(), PackageError> {
    if is_plain_name(name) {
        Ok(())
    } else {
        Err(PackageError::invalid(path, format!("the variant name `{name}` is not a plain folder name")))
    }
}

fn folder_name(root: &Path) -> String {
    let name = root.file_name().unwrap_or(root.as_os_str()).to_string_lossy();
    name.trim_end_matches(".ortpackage").to_owned()
}
