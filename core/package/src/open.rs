//! Opening a package: from a folder to parsed, consistent descriptions. No weights are read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::card::{Architecture, StaticGraphs};
use crate::compact::Compact;
use crate::files::{FileRecord, is_plain_name, names};
use crate::genai_config::{Inputs, Outputs};
use crate::graph::codes::{Place, Stated, check_bytes, check_stated};
use crate::graph::{self, Codes, GraphError, Verified, limits};
use crate::manifest::{CPU_PROVIDER, SCHEMA_VERSION, Variant};
use crate::store::{compact_of, followed, installed_name};
use crate::vfs::{FileError, FileFault, Links, check_folder, file_bytes, open_file, stands};
use crate::{Card, GenaiConfig, GenerationDefaults, Manifest, PackageError, json};

/// A package whose descriptions were read and agree with each other.
#[derive(Debug, Clone)]
pub struct OpenPackage {
    /// Its folder: what was given, or what a store's pointer names that was given.
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
    /// What stands for its file of weights, where that is gone.
    pub compact: Option<Compact>,
}

/// Opens a package folder, or a genai model folder as a package of the one variant `cpu`. Given the pointer of a
/// [`crate::store::Store`], `MODELS/NAME.ortpackage`, it opens the version that is installed.
///
/// # Errors
/// [`PackageError`]; sizes of all files that the card lists are compared, contents are not (see
/// [`crate::files::FileRecord::check_content`]), and graphs are not read (see [`OpenPackage::verify_graph`]).
pub fn open(root: &Path) -> Result<OpenPackage, PackageError> {
    let folder = followed(root);
    let root = folder.as_deref().unwrap_or(root);
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
        let compact = compact_of(root, &name);
        for record in card.iter().flat_map(|card| card.variants.get(&name)).flatten() {
            let stands_for = |compact: &Compact| {
                compact.record.file == record.name && compact.record.bytes == record.bytes
            };
            if !compact.as_ref().is_some_and(stands_for) {
                record.check_size(&folder)?;
            }
        }
        variants.insert(name, OpenVariant { compact, ..open_variant(folder, target)? });
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
        let OpenVariant { folder, compact, .. } = self.variant(variant)?;
        let records = self.card.as_ref().and_then(|card| card.variants.get(variant));
        match records.into_iter().flatten().find(|record| record.name == file_name) {
            Some(record) => match compact {
                Some(compact) if compact.record.file == record.name => compact.check_content(record),
                _ => record.check_content(folder),
            },
            None => Err(PackageError::invalid(folder.join(file_name), "the package card does not list it")),
        }
    }

    /// Verifies a graph of a variant ([`crate::graph`]), and that the files with its weights are there, long enough
    /// and, where there is a card, on it. Reads the graph without its weights: below a millisecond.
    ///
    /// # Errors
    /// [`PackageError::Graph`]; [`PackageError::Io`], [`PackageError::TooLarge`], [`PackageError::NoSuchVariant`].
    pub fn verify_graph(&self, variant: &str, file_name: &str) -> Result<Verified, PackageError> {
        self.verified_graph(variant, file_name).map(|(verified, _)| verified)
    }

    /// As [`OpenPackage::verify_graph`], with the bytes that were verified: the file may be another when it is read again.
    ///
    /// # Errors
    /// As [`OpenPackage::verify_graph`].
    pub fn verified_graph(
        &self,
        variant: &str,
        file_name: &str,
    ) -> Result<(Verified, Vec<u8>), PackageError> {
        let records =
            self.card.as_ref().map(|card| card.variants.get(variant).map_or(&[][..], Vec::as_slice));
        let OpenVariant { folder, config, compact, .. } = self.variant(variant)?;
        let bytes_of = |file: &str| match compact {
            Some(compact) if compact.record.file == file => Ok(compact.record.bytes),
            _ => file_bytes(&folder.join(file)),
        };
        let inputs = &config.model.decoder.inputs;
        let (verified, bytes) = verified_graph(folder, file_name, records, inputs, bytes_of)?;
        let refused = |source| PackageError::Graph { path: folder.join(file_name), source };
        check_stated(&verified.codes, &self.stated(variant)).map_err(refused)?;
        Ok((verified, bytes))
    }

    /// Reads every code and zero point of a variant whose bits the card states, and finds any that uses more.
    ///
    /// # Errors
    /// [`PackageError::Graph`] with [`GraphError::Code`]; else as [`OpenPackage::verify_graph`].
    pub fn check_codes(&self, variant: &str) -> Result<(), PackageError> {
        let stated = self.stated(variant).codes;
        if stated.is_empty() {
            return Ok(());
        }
        let OpenVariant { folder, compact, .. } = self.variant(variant)?;
        // A compact form holds no more bits than are stated.
        let is_compact = |file: &str| compact.as_ref().is_some_and(|compact| compact.record.file == file);
        let mut seen = BTreeSet::new();
        for graph in self.graphs(variant)? {
            for codes in self.verify_graph(variant, graph)?.codes {
                let Some(&bits) = stated.get(&codes.tensor) else { continue };
                for place in &codes.places {
                    // Tied embeddings and a second graph read the same bytes.
                    if !is_compact(&place.file) && seen.insert((place.clone(), bits)) {
                        check_place(folder, &codes, place, bits)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What the card states of a variant's weights; nothing without a card.
    #[must_use]
    pub fn stated(&self, variant: &str) -> Stated {
        let of = |stated: &BTreeMap<String, BTreeMap<String, u32>>| stated.get(variant).cloned();
        let of_card = |card: &Card| Stated {
            codes: of(&card.code_bits).unwrap_or_default(),
            scales: of(&card.scale_bits).unwrap_or_default(),
            frequencies: card.rotary_frequencies.clone(),
        };
        self.card.as_ref().map(of_card).unwrap_or_default()
    }
}

/// Reads a range of codes, a piece at a time.
fn check_place(folder: &Path, codes: &Codes, place: &Place, bits: u32) -> Result<(), PackageError> {
    const PIECE_BYTES: usize = 1 << 20;
    let path = folder.join(&place.file);
    let failed = |source| PackageError::Io { path: path.clone(), source };
    let mut file = open_file(&path, Links::Refused)?;
    file.seek(SeekFrom::Start(place.offset)).map_err(failed)?;
    let mut piece = Vec::new();
    for start in (0..place.bytes).step_by(PIECE_BYTES) {
        let length = usize::try_from(place.bytes - start).unwrap_or(usize::MAX).min(PIECE_BYTES);
        piece.resize(length, 0);
        file.read_exact(&mut piece).map_err(failed)?;
        if let Some(at) = check_bytes(&piece, codes.bits, bits) {
            let (tensor, file) = (codes.tensor.clone(), place.file.clone());
            let at = place.offset + start + at as u64;
            return Err(PackageError::Graph { path, source: GraphError::Code { tensor, bits, file, at } });
        }
    }
    Ok(())
}

fn verified_graph(
    folder: &Path,
    file_name: &str,
    records: Option<&[FileRecord]>,
    names: &Inputs,
    bytes_of: impl Fn(&str) -> Result<u64, FileError>,
) -> Result<(Verified, Vec<u8>), PackageError> {
    let path = folder.join(file_name);
    let refused = |source| PackageError::Graph { path: path.clone(), source };
    let bytes = json::read_bytes(&path, limits::GRAPH_BYTES)?;
    let mut verified = graph::verify_with(&bytes, names).map_err(refused)?;
    for (file, &expected) in &verified.files {
        let wrong = |found: String| refused(GraphError::File { file: file.clone(), found, expected });
        if records.is_some_and(|records| !records.iter().any(|record| record.name == *file)) {
            return Err(wrong("no entry in the package card".into()));
        }
        match bytes_of(file) {
            Ok(bytes) if bytes < expected => return Err(wrong(format!("{bytes} bytes"))),
            Ok(bytes) if verified.is_compiled => verified.weight_bytes = bytes,
            Ok(_) => {}
            Err(FileError { fault: FileFault::Io(error), .. }) if error.kind() == ErrorKind::NotFound => {
                return Err(wrong("no content: it is missing".into()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((verified, bytes))
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
    Ok(OpenVariant { folder, target, config, generation, compact: None })
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
    check_architecture(&path, &card.architecture)?;
    for record in card.variants.values().flatten() {
        if !is_plain_name(&record.name) {
            return Err(PackageError::invalid(path, format!("`{}` is not a plain file name", record.name)));
        }
    }
    let mut stated = card.code_bits.keys().chain(card.scale_bits.keys());
    if let Some(variant) = stated.find(|variant| !card.variants.contains_key(*variant)) {
        return Err(PackageError::invalid(
            path,
            format!("it states bits of codes or scales of `{variant}`, which it has not"),
        ));
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
        ("model.decoder.hidden_size", decoder.hidden_size, 1 << 20),
        ("model.decoder.num_attention_heads", decoder.num_attention_heads, 1 << 12),
        ("model.decoder.num_key_value_heads", decoder.num_key_value_heads, 1 << 12),
        ("model.decoder.num_hidden_layers", decoder.num_hidden_layers, 1 << 10),
    ];
    check_ranges(path, &ranges)?;
    // Those of caches are there once a layer.
    let Inputs { input_ids, attention_mask, position_ids, past_key_names, past_value_names } =
        &decoder.inputs;
    let Outputs { logits, present_key_names, present_value_names } = &decoder.outputs;
    let inputs = [input_ids, attention_mask, past_key_names, past_value_names];
    let outputs = [logits, present_key_names, present_value_names];
    if let Some(name) =
        inputs.into_iter().chain(position_ids).chain(outputs).find(|name| name.len() > limits::NAME_BYTES)
    {
        let (found, expected) = (name.len(), limits::NAME_BYTES);
        let what = format!("a name of an input or output has {found} bytes, expected at most {expected}");
        return Err(PackageError::invalid(path, what));
    }
    if !is_plain_name(&decoder.filename) {
        return Err(PackageError::invalid(
            path,
            format!("model.decoder.filename is `{}`, expected a plain file name", decoder.filename),
        ));
    }
    Ok(())
}

/// As [`check_config`], of the card.
fn check_architecture(path: &Path, architecture: &Architecture) -> Result<(), PackageError> {
    check_ranges(
        path,
        &[
            ("architecture.vocab_size", architecture.vocab_size, 1 << 24),
            ("architecture.max_position_embeddings", architecture.max_position_embeddings, 1 << 24),
            ("architecture.hidden_size", architecture.hidden_size, 1 << 20),
            ("architecture.intermediate_size", architecture.intermediate_size, 1 << 20),
            ("architecture.head_dim", architecture.head_dim, 1 << 12),
            ("architecture.num_attention_heads", architecture.num_attention_heads, 1 << 12),
            ("architecture.num_key_value_heads", architecture.num_key_value_heads, 1 << 12),
            ("architecture.num_hidden_layers", architecture.num_hidden_layers, 1 << 10),
        ],
    )
}

fn check_ranges(path: &Path, ranges: &[(&str, usize, usize)]) -> Result<(), PackageError> {
    match ranges.iter().find(|(_, value, limit)| *value == 0 || value > limit) {
        Some((field, value, limit)) => {
            Err(PackageError::invalid(path, format!("{field} is {value}, expected 1 to {limit}")))
        }
        None => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Checks a good configuration in which this value stands at a place of the model.
    fn check_with(place: &str, value: impl Into<Value>) -> Result<(), PackageError> {
        let mut model = json!({
            "type": "qwen2", "vocab_size": 1000, "context_length": 1024, "eos_token_id": 0,
            "decoder": {
                "filename": "model.onnx", "head_size": 64, "hidden_size": 512, "num_attention_heads": 8,
                "num_key_value_heads": 2, "num_hidden_layers": 4, "inputs": { "past_key_names": "past" },
            },
        });
        *model.pointer_mut(place).unwrap() = value.into();
        let config = json!({ "model": model, "search": {} });
        check_config(Path::new("genai_config.json"), &serde_json::from_value(config).unwrap())
    }

    #[test]
    fn pk_15_a_name_that_stands_once_a_layer_is_short() {
        let named = |name: &str| check_with("/decoder/inputs/past_key_names", name);
        assert!(named("past.%d").is_ok());
        assert!(named(&"%d".repeat(1000)).unwrap_err().to_string().contains("2000 bytes"));
    }

    #[test]
    fn pk_15_hyper_parameters_out_of_range_are_refused_where_they_are_read() {
        assert!(check_with("/decoder/hidden_size", 4096).is_ok());
        for place in [
            "decoder/hidden_size",
            "decoder/head_size",
            "decoder/num_attention_heads",
            "decoder/num_key_value_heads",
            "decoder/num_hidden_layers",
            "vocab_size",
            "context_length",
        ] {
            let field = place.replace('/', ".");
            for value in [0, 1 << 40, 1 << 63, u64::MAX] {
                let error = check_with(&format!("/{place}"), value).unwrap_err().to_string();
                assert!(error.contains(&field) && error.contains(&value.to_string()), "{error}");
            }
        }
    }
}
