//! How a graph calls its inputs and outputs.

use wheelwork_package::genai_config::Model;
use wheelwork_package::tensors::layer_name;

/// The graph's input and output names.
#[derive(Debug, Clone)]
pub(super) struct GraphNames {
    pub(super) input_ids: String,
    pub(super) attention_mask: String,
    pub(super) position_ids: Option<String>,
    pub(super) logits: String,
    /// Which tokens of a call get logits, for graphs that ask.
    pub(super) logits_rows: Option<String>,
    /// Keys and values in turn, layer by layer.
    pub(super) past: Vec<String>,
    /// As `past`.
    pub(super) present: Vec<String>,
}

impl GraphNames {
    pub(super) fn of(model: &Model) -> Self {
        let decoder = &model.decoder;
        let (inputs, outputs) = (&decoder.inputs, &decoder.outputs);
        let in_turn = |key: &str, value: &str| {
            (0..decoder.num_hidden_layers)
                .flat_map(|layer| [layer_name(key, layer), layer_name(value, layer)])
                .collect()
        };
        Self {
            input_ids: inputs.input_ids.clone(),
            attention_mask: inputs.attention_mask.clone(),
            position_ids: inputs.position_ids.clone(),
            logits: outputs.logits.clone(),
            logits_rows: None,
            past: in_turn(&inputs.past_key_names, &inputs.past_value_names),
            present: in_turn(&outputs.present_key_names, &outputs.present_value_names),
        }
    }
}
