//! Loading one static graph on one provider, with the facts of who runs it.
//!
//! On a plugin provider the CPU may take no node: a graph runs where it was asked to run, or it is not loaded. Which
//! provider got the nodes is then read from the session, not believed.

use std::path::Path;

use ::ort::environment::Environment;
use ::ort::session::Session;
use ::ort::session::builder::SessionBuilder;
use wheelwork_ort::assignment::RECORD;
use wheelwork_ort::on_cpu;

use super::errors;
use super::session::{Expected, builder, check_all, commit, on_plugin, shares};
use crate::control::CancelToken;
use crate::decoder::effort::PerformanceModes;
use crate::decoder::error::DecoderError;
use crate::decoder::graph_placement::Share;

/// Where static graphs run.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// ONNX Runtime's own provider with so many threads, as a reference.
    Cpu { threads: usize },
    /// A registered plugin.
    Plugin(Plugin),
}

/// A registered plugin, and what it is told.
#[derive(Debug, Clone)]
pub(crate) struct Plugin {
    /// ONNX Runtime's name of it.
    pub(crate) provider: &'static str,
    /// Its options.
    pub(crate) options: Vec<(String, String)>,
    /// How it is told with each run how hard to work.
    pub(crate) performance: Option<&'static PerformanceModes>,
}

/// Loads a graph with session options `entries` and holds it against what the card says.
pub(super) fn load(
    environment: &Environment,
    target: &Target,
    path: &Path,
    entries: &[(&str, &str)],
    (inputs, outputs): &(Vec<Expected>, Vec<Expected>),
    cancel: &CancelToken,
) -> Result<(Session, Vec<Share>), DecoderError> {
    let builder = match target {
        Target::Cpu { threads } => {
            builder(environment, *threads).and_then(|builder| on_cpu(builder, environment))
        }
        Target::Plugin(plugin) => plugin_builder(environment, plugin, entries),
    };
    let session = commit(builder, path, None, cancel)?;
    let shares = shares(&session).map_err(|message| errors::load(path, &message))?;
    let graph = || path.display().to_string();
    if let Target::Plugin(Plugin { provider, .. }) = target
        && !is_alone(provider, &shares)
    {
        return Err(DecoderError::Placement {
            graph: graph(),
            provider: (*provider).to_owned(),
            found: describe(&shares),
        });
    }
    check_all(session.inputs(), inputs, "inputs")
        .and_then(|()| check_all(session.outputs(), outputs, "outputs"))
        .map_err(|detail| DecoderError::Contract { graph: graph(), detail })?;
    Ok((session, shares))
}

/// Has a plugin compile a graph into `out`, a graph of one node, and a file beside it. Session options `ep.context_*`:
/// ONNX Runtime, "EP context design".
pub(crate) fn compile(
    environment: &Environment,
    plugin: &Plugin,
    path: &Path,
    out: &Path,
) -> Result<(), DecoderError> {
    let entries = [
        ("ep.context_enable", "1"),
        ("ep.context_embed_mode", "0"),
        ("ep.context_file_path", &out.display().to_string()),
    ];
    plugin_builder(environment, plugin, &entries)
        .and_then(|mut builder| builder.commit_from_file(path).map(drop))
        .map_err(|error| errors::load(path, &error))
}

fn plugin_builder(
    environment: &Environment,
    plugin: &Plugin,
    entries: &[(&str, &str)],
) -> ::ort::Result<SessionBuilder> {
    let mut builder =
        Session::builder(environment)?.with_disable_cpu_fallback()?.with_config_entry(RECORD, "1")?;
    for (name, value) in entries {
        builder = builder.with_config_entry(*name, *value)?;
    }
    on_plugin(builder, environment, plugin.provider, &plugin.options)
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
