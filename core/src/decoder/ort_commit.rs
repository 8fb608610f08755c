//! Loading a graph's session so that another thread can end it.

use std::path::Path;
use std::sync::Arc;

use ::ort::session::Session;
use ::ort::session::builder::{LoadCanceler, SessionBuilder};

use super::DecoderError;
use super::ort_model::Located;
use crate::control::CancelToken;
use crate::control::Interrupt;

/// Names the folder of the files that a graph in memory names.
const FOLDER: &str = "session.model_external_initializers_file_folder_path";

/// Loads a graph; a token that is cancelled or suspended ends that.
///
/// # Errors
/// [`DecoderError::Interrupted`], and [`DecoderError::Load`] with what ONNX Runtime says.
pub(super) fn commit(
    builder: ::ort::Result<SessionBuilder>,
    graph: &Path,
    located: Option<&Located>,
    cancel: &CancelToken,
) -> Result<Session, DecoderError> {
    let named_from = |builder: SessionBuilder| match located {
        None => Ok(builder),
        Some(located) => Ok(builder.with_config_entry(FOLDER, &located.folder)?),
    };
    let session = builder.and_then(named_from).and_then(|mut builder| {
        let _attached = cancel.attach(Arc::new(Load(builder.canceler())));
        match located {
            None => builder.commit_from_file(graph),
            Some(located) => builder.commit_from_memory(&located.graph),
        }
    });
    session.map_err(|error| match cancel.wish() {
        Some(_) => DecoderError::Interrupted,
        None => DecoderError::Load { graph: graph.display().to_string(), message: error.to_string() },
    })
}

/// A load under way. Once ended, it stays so.
struct Load(LoadCanceler);

impl Interrupt for Load {
    fn interrupt(&self) {
        // It fails where the load is over already.
        let _ = self.0.cancel();
    }

    fn clear(&self) {}
}
