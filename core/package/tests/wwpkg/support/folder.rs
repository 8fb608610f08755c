//! The cards of package folders on the disk.

use std::path::Path;

use wheelwork_package::files::FileRecord;
use wheelwork_package::{Card, card};

/// A card about the two variants of [`files`](super::files).
pub(crate) fn write_card(root: &Path) {
    let records = |variant: &str| {
        let folder = root.join(variant);
        let names =
            fs_err::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.map(|name| FileRecord::of(&folder, &name).unwrap()).collect()
    };
    let card = Card {
        format_version: card::FORMAT_VERSION.into(),
        name: "tiny".into(),
        producer: "test".into(),
        architecture: card::Architecture {
            model_type: "qwen2".into(),
            hidden_size: 4,
            intermediate_size: 8,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            num_key_value_heads: 1,
            head_dim: 2,
            vocab_size: 16,
            max_position_embeddings: 16,
        },
        tokens: card::ControlTokens::default(),
        closing_phrase: None,
        quantization: card::Quantization {
            recipe: serde_json::Value::Null,
            bits_per_weight: 4.0,
            true_bits_per_weight: None,
            tensors: Vec::new(),
        },
        variants: ["cpu", "qnn"].map(|variant| (variant.to_owned(), records(variant))).into(),
        code_bits: std::collections::BTreeMap::new(),
        scale_bits: std::collections::BTreeMap::new(),
        rotary_frequencies: Vec::new(),
        kv_cache: std::collections::BTreeMap::new(),
        static_graphs: std::collections::BTreeMap::new(),
        evaluation: std::collections::BTreeMap::new(),
        warnings: Vec::new(),
        licences: Vec::new(),
    };
    wheelwork_package::json::write(&root.join("wheelwork.json"), &card).unwrap();
}
