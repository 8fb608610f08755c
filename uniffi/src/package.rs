//! What a package says of itself.

use std::path::Path;

use wheelwork::chat::ChatTemplate;
use wheelwork::tokenizer::Tokenizer;
use wheelwork_package::card::Quantization;
use wheelwork_package::signature::PublicKey;
use wheelwork_package::store;
use wheelwork_package::{Card, OpenPackage, OpenVariant};

use crate::convert::count;
use crate::edge::guarded;
use crate::trust::keys_of;
use crate::{Evaluation, FfiError, SignatureState};

/// What a package says of itself.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct PackageFacts {
    /// Its name.
    pub name: String,
    /// How it was installed; absent for a folder that was not.
    pub installed: Option<Provenance>,
    /// Name and version of the program that wrote it; absent where another program made the folder, like all that follows
    /// from its card.
    pub producer: Option<String>,
    /// The version of its format.
    pub format_version: Option<String>,
    /// Stored bits per weight over all matrices: codes, scales and zero points.
    pub bits_per_weight: Option<f64>,
    /// Its variants, by name.
    pub variants: Vec<VariantFacts>,
    /// Licences and notices of the checkpoint, each compared with the card.
    pub licences: Vec<Licence>,
    /// What its maker measured, by variant; empty where nothing was.
    pub evaluations: Vec<Evaluation>,
    /// What the checkpoint got wrong and how it was read, and what of the package is unproven: sentences for a person.
    pub warnings: Vec<String>,
}

/// How a package was installed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Provenance {
    /// The counter that its maker raises with every release.
    pub version: u64,
    /// How the signature stands, by the keys that were given.
    pub signature: SignatureState,
}

/// A variant of a package: the same model for one execution provider.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct VariantFacts {
    /// Its name.
    pub name: String,
    /// ONNX Runtime's name of the execution provider that it was made for.
    pub provider: String,
    /// `qwen2`, `qwen3` or `llama`, as genai calls it.
    pub model_type: String,
    /// The longest sequence in tokens.
    pub context_length: u32,
    /// Rows of the embedding table.
    pub vocab_size: u32,
    /// Whether the model reasons; absent where its tokenizer or template cannot be read.
    pub reasons: Option<bool>,
}

/// A licence or notice.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Licence {
    /// The file's name.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// What a package folder says of itself. `keys` are the texts of public keys in PEM, by which its signature is told. Reads
/// descriptions and tokenizer, no weights: some tenths of a second. Needs no ONNX Runtime.
///
/// # Errors
/// Each fault of the package has its code; `not_a_key`.
#[uniffi::export]
pub fn package_facts(path: String, keys: Vec<String>) -> Result<PackageFacts, FfiError> {
    guarded(|| {
        let package = wheelwork_package::open(Path::new(&path))?;
        PackageFacts::of(&package, package.provenance().as_ref(), &keys_of(&keys)?)
    })
}

impl PackageFacts {
    pub(crate) fn of(
        package: &OpenPackage,
        provenance: Option<&store::Provenance>,
        keys: &[PublicKey],
    ) -> Result<Self, FfiError> {
        let installed = provenance.map(|provenance| Provenance {
            version: provenance.version(),
            signature: provenance.signature(keys).into(),
        });
        let facts = Self {
            name: package.name.clone(),
            installed,
            producer: None,
            format_version: None,
            bits_per_weight: None,
            variants: package
                .variants
                .iter()
                .map(|(name, variant)| VariantFacts::of(name, variant))
                .collect(),
            licences: package.licences()?.into_iter().map(Into::into).collect(),
            evaluations: Vec::new(),
            warnings: Vec::new(),
        };
        Ok(match &package.card {
            Some(card) => facts.with_card(card),
            None => facts,
        })
    }

    /// Adds what the card says. What an app has no use for is named here, too, so that the next field is not forgotten.
    fn with_card(self, card: &Card) -> Self {
        let Card {
            format_version,
            name: _,
            producer,
            architecture: _,
            tokens: _,
            closing_phrase: _,
            quantization,
            variants: _,
            code_bits: _,
            scale_bits: _,
            rotary_frequencies: _,
            kv_cache: _,
            static_graphs: _,
            evaluation,
            warnings,
            licences: _,
        } = card;
        let Quantization { recipe: _, bits_per_weight, true_bits_per_weight: _, tensors: _ } = quantization;
        let evaluations = evaluation.iter().map(|(variant, found)| Evaluation::of(variant, found));
        Self {
            producer: Some(producer.clone()),
            format_version: Some(format_version.clone()),
            bits_per_weight: Some(*bits_per_weight),
            evaluations: evaluations.collect(),
            warnings: warnings.clone(),
            ..self
        }
    }
}

impl VariantFacts {
    fn of(name: &str, variant: &OpenVariant) -> Self {
        let model = &variant.config.model;
        Self {
            name: name.to_owned(),
            provider: variant.target.ep.clone(),
            model_type: model.model_type.clone(),
            context_length: count(model.context_length),
            vocab_size: count(model.vocab_size),
            reasons: reasons(&variant.folder),
        }
    }
}

fn reasons(folder: &Path) -> Option<bool> {
    let tokenizer = Tokenizer::from_folder(folder).ok()?;
    Some(ChatTemplate::from_folder(folder).ok()?.reasons(&tokenizer))
}

impl From<wheelwork_package::Licence> for Licence {
    fn from(licence: wheelwork_package::Licence) -> Self {
        let wheelwork_package::Licence { file, text } = licence;
        Self { file, text }
    }
}
