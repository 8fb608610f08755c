//! Loading a graph so that ONNX Runtime saves it with its packed weights. See [`crate::prepare`].

use std::path::Path;
use std::sync::Arc;

use ::ort::environment::Environment;
use wheelwork_ort::on_processor;
use wheelwork_package::genai_config::Model;

use super::DecoderError;
use super::ort_model::{OrtModel, SessionOptions, builder};

impl OrtModel {
    /// Loads a graph and saves it at `saved`, with all weights, as they are and packed, in `weights_name` beside it.
    pub(crate) fn load_and_save(
        environment: &Environment,
        graph: &Path,
        model: &Model,
        options: SessionOptions,
        saved: &Path,
        weights_name: &str,
    ) -> Result<Arc<Self>, DecoderError> {
        let builder = builder(environment, options.threads).and_then(|builder| {
            Ok(on_processor(builder, environment)?
                .with_optimized_model_path(saved)?
                .with_config_entry("session.save_external_prepacked_constant_initializers", "1")?
                .with_config_entry("session.optimized_model_external_initializers_file_name", weights_name)?
                .with_config_entry(
                    "session.optimized_model_external_initializers_min_size_in_bytes",
                    "1024",
                )?)
        });
        Self::load_with(builder, graph, model, options)
    }
}
