//! Small graphs on ONNX Runtime, made in memory, with their weights as inputs.

use ort::ep;
use ort::memory::Allocator;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::Tensor;
use wheelwork_onnx::Model;

use crate::CalibrateError;

/// Loads a graph.
pub(crate) fn session(model: &Model, threads: usize) -> Result<Session, CalibrateError> {
    let environment = wheelwork_ort::environment()?.environment;
    let load = || -> ort::Result<Session> {
        let builder = Session::builder(&environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads)?
            // Sequences differ in length: remembered patterns and an arena that grows by doubling would hold
            // memory that a layer's weights need.
            .with_memory_pattern(false)?
            .with_execution_providers([ep::CPU::default().with_arena_allocator(false).build()])?;
        wheelwork_ort::on_cpu(builder, &environment)?.commit_from_memory(&model.to_bytes())
    };
    load().map_err(CalibrateError::run("loading a graph of the reference"))
}

/// A tensor of undefined content.
pub(crate) fn tensor(name: &str, shape: &[usize]) -> Result<Tensor<f32>, CalibrateError> {
    let shape: Vec<i64> = shape.iter().map(|&size| i64::try_from(size).unwrap_or(i64::MAX)).collect();
    Tensor::new(&Allocator::default(), shape)
        .map_err(CalibrateError::run(format!("making room for `{name}`")))
}
