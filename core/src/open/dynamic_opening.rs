//! Opening the graph that takes any length: its prepared form or the plain one, on the CPU or a plugin provider.

use std::path::Path;
use std::sync::Arc;

use super::described::Described;
use super::memory::Packed;
use super::not_loaded::NotLoaded;
use super::options::OpenOptions;
use super::prepare::form::Stored;
use super::self_check;
use super::watch::OpenStep;
use crate::control::CancelToken;
use crate::decoder::ort::dynamic::OrtDecoder;
use crate::decoder::ort::model::{OrtModel, PowerSaving, SessionOptions};
use crate::decoder::ort::session::Located;
use crate::device::trial::Trial;
use crate::device::{CPU, KernelSet, NotUsedReason, Prepared, SelfCheck};
use crate::error::Error;

/// Loads the graph and notes in the placement where it is.
pub(super) fn load(
    described: &mut Described,
    options: &OpenOptions,
    trial: Option<&Trial>,
) -> Result<Arc<OrtModel>, NotLoaded> {
    let Found { graph, prepared, located, packed } = load_any(described, options)?;
    described.packed = packed;
    if located.is_ours {
        let kernels = KernelSet::ours();
        described.placement.kernels = kernels;
        // They round differently from ONNX Runtime's: what one set computed is not taken for the other's.
        let version = wheelwork_kernels::VERSION;
        described.facts.runtime = format!("{} + {} {version}", described.facts.runtime, kernels.describe());
    }
    add_power_saving(described, &graph, located, options);
    let placement = &mut described.placement;
    placement.prepared = prepared;
    placement.kv_cache = graph.kv_form();
    placement.graphs.push(graph.placement(described.verified.weight_bytes));
    if let Some(elsewhere) = placement.computes_elsewhere() {
        return Err(NotLoaded::Refused((NotUsedReason::TookNoNodes, Some(elsewhere))));
    }
    if placement.provider != CPU {
        described.placement.self_check = Some(check(described, &graph, options, trial)?);
    }
    Ok(graph)
}

/// The prepared form, if it loads and computes what the plain form did.
pub(super) fn confirmed(described: &Described, stored: &Stored) -> Option<Arc<OrtModel>> {
    let graph = load_graph(described, &stored.graph, &stored.located).ok()?;
    stored.is_confirmed_by(&mut OrtDecoder::start(&graph).ok()?).then_some(graph)
}

/// A graph that was loaded, and in which form.
struct Found {
    graph: Arc<OrtModel>,
    prepared: Prepared,
    located: Arc<Located>,
    packed: Packed,
}

/// The prepared form, or the plain one with the reason why; neither where memory is short for it.
fn load_any(described: &Described, options: &OpenOptions) -> Result<Found, Error> {
    let (mut prepared, stored) = described.prepared(options)?;
    if let Some(stored) = stored {
        described.check_memory(options, prepared, Some(&stored))?;
        if described.variant.compact.is_some() {
            let graph = load_graph(described, &stored.graph, &stored.located)?;
            return Ok(Found { graph, prepared, located: stored.located, packed: stored.packed });
        }
        if let Some(graph) = confirmed(described, &stored) {
            return Ok(Found { graph, prepared, located: stored.located, packed: stored.packed });
        }
        options.go_on()?;
        prepared = Prepared::Damaged;
    }
    described.check_memory(options, prepared, None)?;
    let located = Arc::clone(&described.located);
    let graph = load_graph(described, &described.folder().join(&described.graph_file), &located)?;
    Ok(Found { graph, prepared, located, packed: Packed::InMemory })
}

fn load_graph(described: &Described, graph: &Path, located: &Arc<Located>) -> Result<Arc<OrtModel>, Error> {
    let options = SessionOptions { located: Arc::clone(located), ..described.session_options() };
    let model = &described.variant.config.model;
    Ok(OrtModel::load(&described.runtime.environment, graph, model, options)?)
}

/// Lets sequences on the CPU compute with fewer threads, where that is wanted.
fn add_power_saving(described: &Described, graph: &OrtModel, located: Arc<Located>, options: &OpenOptions) {
    let all = described.session_options();
    let Some(threads) = options.power_saving_threads.filter(|_| all.device.is_none()) else { return };
    // The opening is over by then.
    let cancel = CancelToken::new();
    let threads = threads.clamp(1, all.threads);
    let few = SessionOptions { threads, cancel, located, ..all };
    let (environment, path) = (described.runtime.environment.clone(), graph.path().to_path_buf());
    let model = described.variant.config.model.clone();
    graph.save_power_with(PowerSaving::new(move || OrtModel::load(&environment, &path, &model, few.clone())));
}

/// Compares a graph on its device with the same file on the CPU, once for each device and package.
fn check(
    described: &Described,
    graph: &Arc<OrtModel>,
    options: &OpenOptions,
    trial: Option<&Trial>,
) -> Result<SelfCheck, NotLoaded> {
    if options.skip_self_check {
        return Ok(SelfCheck::Skipped);
    }
    if trial.is_some_and(Trial::has_passed_before) {
        return Ok(SelfCheck::PassedBefore);
    }
    if !described.fits_on_cpu(options)? {
        return Ok(SelfCheck::NoMemory);
    }
    options.watch.tell(&OpenStep::SelfCheck { provider: described.placement.provider.clone() });
    let on_cpu = SessionOptions { device: None, ..described.session_options() };
    let (model, path) = (&described.variant.config.model, described.folder().join(&described.graph_file));
    let cpu = OrtModel::load(&described.runtime.environment, &path, model, on_cpu).map_err(Error::from)?;
    let passed =
        self_check::against_cpu(graph, &cpu, described.facts.context_length).map_err(NotLoaded::Refused)?;
    if let Some(trial) = trial {
        trial.remember_pass();
    }
    Ok(passed)
}
