//! The package's own two files: `manifest.json` and the card, `wheelwork.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use wheelwork_package::card::{self, Architecture, Quantization, TensorError};
use wheelwork_package::container::Name;
use wheelwork_package::files::names;
use wheelwork_package::manifest::Variant;
use wheelwork_package::{Card, Manifest};

use crate::checkpoint::{Checkpoint, Config};
use crate::error::QuantizeError;
use crate::importance::Source;
use crate::plan::Plan;
use crate::recipe::Recipe;
use crate::{CPU, variant};

/// What the card tells.
pub(crate) struct Contents<'a> {
    pub checkpoint: &'a Checkpoint,
    pub plan: &'a Plan,
    pub recipe: &'a Recipe,
    pub name: Name,
    pub context_length: usize,
    pub tensor_errors: Vec<TensorError>,
    pub licences: Vec<String>,
    pub warnings: Vec<String>,
    /// What the moments behind the search were measured on.
    pub importance: Option<&'a Source>,
}

impl Contents<'_> {
    /// Writes both files into the package's folder, in which the variant is complete.
    pub(crate) fn write(self, folder: &Path) -> Result<Card, QuantizeError> {
        let target =
            Variant { ep: "CPUExecutionProvider".into(), device: CPU.into(), compatibility_string: None };
        let manifest = Manifest::new(BTreeMap::from([(CPU.to_owned(), target)]));
        variant::write_json(&folder.join(names::MANIFEST), &manifest)?;

        let files = variant::records(&folder.join(CPU))?;
        let card = self.card(files)?;
        variant::write_json(&folder.join(names::CARD), &card)?;
        Ok(card)
    }

    fn card(self, files: Vec<wheelwork_package::files::FileRecord>) -> Result<Card, QuantizeError> {
        let failed = |error: serde_json::Error| QuantizeError::write(Path::new(names::CARD))(error.into());
        let mut recipe = serde_json::to_value(self.recipe).map_err(failed)?;
        if let (Some(recipe), Some(source)) = (recipe.as_object_mut(), self.importance) {
            let read = json!({ "tokens": source.tokens, "sources": source.sources, "sha256": source.text });
            recipe.insert("importance".to_owned(), read);
        }
        let scale_bits = self.plan.scale_bits(&self.tensor_errors);
        let config = &self.checkpoint.config;
        Ok(Card {
            format_version: card::FORMAT_VERSION.to_owned(),
            name: self.name.to_string(),
            producer: concat!("wheelwork ", env!("CARGO_PKG_VERSION")).to_owned(),
            architecture: architecture(config, self.context_length),
            tokens: self.checkpoint.tokens.clone(),
            closing_phrase: None,
            quantization: Quantization {
                recipe,
                bits_per_weight: self.plan.bits_per_weight(),
                true_bits_per_weight: Some(self.plan.true_bits_per_weight()),
                tensors: self.tensor_errors,
            },
            variants: BTreeMap::from([(CPU.to_owned(), files)]),
            code_bits: self.plan.code_bits().map(|bits| (CPU.to_owned(), bits)).into_iter().collect(),
            scale_bits: scale_bits.map(|bits| (CPU.to_owned(), bits)).into_iter().collect(),
            rotary_frequencies: config.rope.inverse_frequencies(config.head_dim),
            kv_cache: BTreeMap::new(),
            static_graphs: BTreeMap::new(),
            evaluation: BTreeMap::new(),
            warnings: self.warnings,
            licences: self.licences,
        })
    }
}

fn architecture(config: &Config, context_length: usize) -> Architecture {
    Architecture {
        model_type: config.family.model_type.to_owned(),
        hidden_size: config.hidden_size,
        intermediate_size: config.intermediate_size,
        num_hidden_layers: config.num_hidden_layers,
        num_attention_heads: config.num_attention_heads,
        num_key_value_heads: config.num_key_value_heads,
        head_dim: config.head_dim,
        vocab_size: config.vocab_size,
        max_position_embeddings: context_length,
    }
}
