//! Loading one static graph on one provider, with the facts of who runs it.
//!
//! On a plugin provider the CPU may take no node: a graph runs where it was asked to run, or it is not loaded. Which
//! provider got the nodes is then read from the session, not believed.

use std::path::Path;

use ::ort::environment::Environment;
use ::ort::memory::DeviceType;
use ::ort::session::Session;
use ::ort::session::builder::SessionBuilder;
use ::ort::value::{TensorElementType, ValueType};
use wheelwork_ort::assignment::RECORD;
use wheelwork_ort::on_processor;

use super::DecoderError;
use super::ort_commit::commit;
use super::ort_model::{builder, shares};
use crate::control::CancelToken;
use crate::device::Share;

/// Where static graphs run.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// ONNX Runtime's own provider, as a reference and for output projections.
    Cpu {
        /// Threads of the pool.
        threads: usize,
    },
    /// A registered plugin.
    Plugin {
        /// ONNX Runtime's name of it.
        provider: &'static str,
        /// Its options.
        options: Vec<(String, String)>,
    },
}

/// An input or output as the card says it is.
pub(super) struct Expected {
    pub(super) name: String,
    pub(super) element: TensorElementType,
    pub(super) shape: Vec<usize>,
}

impl Expected {
    pub(super) fn new(name: impl Into<String>, element: TensorElementType, shape: &[usize]) -> Self {
        Self { name: name.into(), element, shape: shape.to_vec() }
    }
}

/// Loads a graph, with further session options, and compares its border with what the card says.
pub(super) fn load(
    environment: &Environment,
    target: &Target,
    path: &Path,
    entries: &[(&str, &str)],
    inputs: &[Expected],
    outputs: &[Expected],
    cancel: &CancelToken,
) -> Result<(Session, Vec<Share>), DecoderError> {
    let graph = path.display().to_string();
    let refused = |message: String| DecoderError::Load { graph: graph.clone(), message };
    let session = commit(session_builder(environment, target, entries), path, None, cancel)?;
    let shares = shares(&session).map_err(refused)?;
    if let Target::Plugin { provider, .. } = target
        && !is_alone(provider, &shares)
    {
        return Err(DecoderError::Placement {
            graph,
            provider: (*provider).to_owned(),
            found: describe(&shares),
        });
    }
    let borders = [(session.inputs(), inputs, "inputs"), (session.outputs(), outputs, "outputs")];
    for (found, expected, side) in borders {
        check(found, expected, side)
            .map_err(|detail| DecoderError::Contract { graph: graph.clone(), detail })?;
    }
    Ok((session, shares))
}

/// Has a plugin compile a graph into `out`, a graph of one node, and a file beside it. Session options `ep.context_*`:
/// ONNX Runtime, "EP context design".
pub(crate) fn compile(
    environment: &Environment,
    target: &Target,
    path: &Path,
    out: &Path,
) -> Result<(), DecoderError> {
    let entries = [
        ("ep.context_enable", "1"),
        ("ep.context_embed_mode", "0"),
        ("ep.context_file_path", &out.display().to_string()),
    ];
    session_builder(environment, target, &entries)
        .and_then(|mut builder| builder.commit_from_file(path).map(drop))
        .map_err(|error| DecoderError::Load { graph: path.display().to_string(), message: error.to_string() })
}

fn session_builder(
    environment: &Environment,
    target: &Target,
    entries: &[(&str, &str)],
) -> ::ort::Result<SessionBuilder> {
    match target {
        Target::Cpu { threads } => on_processor(builder(environment, *threads)?, environment),
        Target::Plugin { provider, options } => {
            // The real thing first, where a provider lists a processor beside it.
            let device = environment
                .devices()
                .filter(|device| device.ep().is_ok_and(|name| name == *provider))
                .min_by_key(|device| match device.hardware_device().ty() {
                    DeviceType::NPU => 0,
                    DeviceType::GPU => 1,
                    _ => 2,
                });
            let options: Vec<_> =
                options.iter().map(|(key, value)| (format!("{provider}.{key}"), value.clone())).collect();
            let mut builder =
                Session::builder(environment)?.with_disable_cpu_fallback()?.with_config_entry(RECORD, "1")?;
            for (name, value) in entries {
                builder = builder.with_config_entry(*name, *value)?;
            }
            Ok(builder.with_devices(device, Some(&options))?)
        }
    }
}

/// Whether a provider got every node, and any.
fn is_alone(provider: &str, shares: &[Share]) -> bool {
    matches!(shares, [share] if share.provider == provider && share.nodes > 0)
}

fn describe(shares: &[Share]) -> String {
    if shares.is_empty() {
        return "no node to anyone".to_owned();
    }
    let counts = shares.iter().map(|share| format!("{} nodes to {}", share.nodes, share.provider));
    counts.collect::<Vec<_>>().join(", ")
}

fn check(found: &[::ort::value::Outlet], expected: &[Expected], side: &str) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("it has {} {side}, expected {}", found.len(), expected.len()));
    }
    for Expected { name, element, shape } in expected {
        let outlet = found.iter().find(|outlet| outlet.name() == name);
        match outlet.map(::ort::value::Outlet::dtype) {
            Some(ValueType::Tensor { ty, shape: dims, .. })
                if ty == element && dims.iter().copied().eq(shape.iter().map(|&size| dimension(size))) => {}
            Some(other) => return Err(format!("`{name}` is {other}, expected {element} {shape:?}")),
            None => return Err(format!("it has no `{name}` among its {side}")),
        }
    }
    Ok(())
}

fn dimension(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(provider: &str, nodes: usize) -> Share {
        Share { provider: provider.to_owned(), nodes, operators: Vec::new() }
    }

    #[test]
    fn rt_03_a_provider_that_got_no_node_or_not_all_is_told() {
        let both = [share("A", 40), share("CPUExecutionProvider", 68)];
        assert!(is_alone("A", &both[..1]));
        assert!(!is_alone("A", &both));
        assert_eq!(describe(&both), "40 nodes to A, 68 nodes to CPUExecutionProvider");
        assert!(!is_alone("A", &both[1..]));
        assert!(!is_alone("A", &[share("A", 0)]));
        assert!(!is_alone("A", &[]));
        assert_eq!(describe(&[]), "no node to anyone");
    }
}
