//! How long ONNX Runtime takes for single products: [`wheelwork_package::graph::rewritten::alone`].

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ::ort::environment::Environment;
use ::ort::session::Session;
use ::ort::value::Tensor;
use wheelwork_ort::on_cpu;
use wheelwork_package::graph::rewritten::ALONE_INPUT;

use super::errors;
use super::session::{Located, builder, commit, with_operators};
use crate::control::CancelToken;
use crate::decoder::error::DecoderError;

/// A loaded graph of products that all read one input.
pub(crate) struct ProductTiming {
    session: Session,
    k: usize,
}

impl ProductTiming {
    /// Loads the graph, which came from the file `graph`, with rows of `k` activations.
    pub(crate) fn load(
        environment: &Environment,
        graph: &Path,
        located: &Arc<Located>,
        threads: usize,
        k: usize,
        cancel: &CancelToken,
    ) -> Result<Self, DecoderError> {
        let builder = builder(environment, threads)
            .and_then(|builder| on_cpu(builder, environment))
            .and_then(|builder| with_operators(builder, located, threads));
        Ok(Self { session: commit(builder, graph, Some(located), cancel)?, k })
    }

    /// Seconds of one run with so many rows.
    pub(crate) fn seconds(&mut self, rows: usize) -> Result<f64, DecoderError> {
        let failed = |error: ::ort::Error| errors::run(&error, rows, 0);
        // Numbers between -1 and 1 without a pattern; which ones does not matter.
        let number = |index: u32| {
            let [.., low, high] = index.wrapping_mul(2_654_435_761).to_le_bytes();
            f32::from(i16::from_le_bytes([low, high])) / 32768.0
        };
        let x: Vec<f32> = (0_u32..).take(rows * self.k).map(number).collect();
        let x = Tensor::from_array(([rows, self.k], x)).map_err(failed)?;
        let start = Instant::now();
        drop(self.session.run(::ort::inputs![ALONE_INPUT => &x]).map_err(failed)?);
        Ok(start.elapsed().as_secs_f64())
    }
}
