//! The prepared form with our kernels: products rewritten to our operator, on packed weights of ours that are mapped.
//!
//! ```text
//! packed.bin        weights as wheelwork-kernels wants them, each product's from a page on
//! record.json       which products, and what they and ONNX Runtime's took on this machine
//! ```
//!
//! There is no graph in it: at every open it is made anew from the verified graph of the package and the record
//! ([`wheelwork_package::graph::rewritten`]), and the packed file must have the length that follows.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use wheelwork_kernels::Kernel;
use wheelwork_package::PackageError;
use wheelwork_package::files::FileRecord;
use wheelwork_package::graph::attention::{Attentions, replaceable_attentions};
use wheelwork_package::graph::rewritten::{self, Does, Replaceable, replaceable, rewritten};
use wheelwork_package::packing::{self, PackingError};
use wheelwork_package::vfs::DiskError;

use super::attention::AttentionChoice;
use super::choice::{Kind, PROMPT_ROWS, ProductChoice, ProductTime};
use super::form::{self, Form, PACKED, PROBE};
use super::memory;
use super::our_record::{OURS, Ours, PACKED_LOCATION};
use super::report::{PrepareReport, PrepareStep, Watch, ask};
use crate::decoder::ort::dynamic::OrtDecoder;
use crate::decoder::ort::model::{OrtModel, SessionOptions};
use crate::decoder::ort::product_timing::ProductTiming;
use crate::decoder::ort::session::Located;
use crate::device::Kernels;
use crate::device::cache::{CacheError, Made};
use crate::error::{Error, PrepareError};
use crate::open::described::Described;
use crate::open::self_check;

/// Weights that one timed run goes through, so that they come from memory and not from a cache.
const TIMED_BYTES: u64 = 128 << 20;
/// Products in a timed graph.
const TIMED_PRODUCTS: usize = 16;
/// Takes of each.
const TAKES: usize = 9;

/// Makes the form in `folder`; `None` where ONNX Runtime's operators are better for all products.
pub(super) fn make(
    described: &Described,
    form: &Form,
    folder: &Path,
    watch: Watch<'_>,
    report: &mut PrepareReport,
) -> Result<Option<Made>, Error> {
    let nodes = replaceable(&form.original, &form.stated).map_err(PrepareError::Graph)?;
    // Where only the slowest of ours runs, measuring would take minutes and gain nothing.
    if form.kernels == Kernels::Auto && Kernel::best() == Kernel::Portable {
        return Ok(None);
    }
    let mut ours = write(described, form, folder, tied(nodes.iter().collect()), watch)?;
    if ours.is_empty() {
        return Ok(None);
    }
    let choices = choose(described, form, folder, &ours, watch)?;
    report.kernels = choices.iter().map(|(_, choice)| choice.clone()).collect();
    let is_ours = |node: &&Replaceable| {
        node.does == Does::LookUp
            || choices.iter().any(|(kind, choice)| *kind == Kind::of(node) && choice.is_ours)
    };
    if !ours.iter().all(is_ours) {
        // The file again, without the others.
        let kept = ours.into_iter().filter(is_ours).collect();
        ours = write(described, form, folder, tied(kept), watch)?;
    }
    if ours.is_empty() {
        return Ok(None);
    }

    let mut record = Ours {
        replaced: ours.iter().map(|product| product.output.clone()).collect(),
        choices: report.kernels.clone(),
        attention: None,
    };
    record.attention = attention(described, form, folder, &record, watch)?;
    report.attention.clone_from(&record.attention);
    let (graph, packed_bytes) = record.graph(&form.original, &form.stated).ok_or(PrepareError::Differs)?;
    let probe = compare(described, form, folder, &graph, watch, report)?;
    let files = vec![FileRecord::of(folder, PACKED)?];
    if files.iter().any(|file| file.bytes != packed_bytes) {
        return Err(PrepareError::Differs.into());
    }
    report.is_new = true;
    report.disk_bytes = packed_bytes;
    report.peak_disk_bytes = packed_bytes;
    let fact = serde_json::to_string(&record).map_err(io::Error::other);
    let fact = fact.map_err(DiskError::of("write", folder)).map_err(CacheError::from);
    let fact = fact.map_err(PrepareError::from)?;
    Ok(Some(Made { files, facts: BTreeMap::from([(PROBE.to_owned(), probe), (OURS.to_owned(), fact)]) }))
}

/// Without lookups in matrices that no product reads: of those a token takes one row, which is fast from anywhere.
fn tied(nodes: Vec<&Replaceable>) -> Vec<&Replaceable> {
    let is_read = |lookup: &Replaceable| {
        nodes.iter().any(|node| node.does == Does::Multiply && node.shares_with(lookup))
    };
    let is_kept = |node: &&Replaceable| node.does == Does::Multiply || is_read(node);
    nodes.iter().copied().filter(is_kept).collect()
}

/// Writes the packed file.
fn write<'p>(
    described: &Described,
    form: &Form,
    folder: &Path,
    nodes: Vec<&'p Replaceable>,
    watch: Watch<'_>,
) -> Result<Vec<&'p Replaceable>, Error> {
    let path = folder.join(PACKED);
    let failed = |source| PrepareError::from(CacheError::from(DiskError::of("write", &path)(source)));
    let total_bytes = packing::places(nodes.iter().copied().filter(|node| packing::shape(node).is_some()));
    let total_bytes = total_bytes.map_or(0, |(_, bytes)| bytes);
    let mut file = fs_err::File::create(&path).map_err(failed)?.into_file();
    let mut is_cancelled = false;
    let cancel = described.session_options().cancel;
    let written = packing::write(nodes, &form.package_folder, &mut file, |done_bytes| {
        let asked = ask(watch, PrepareStep::Collect { done_bytes, total_bytes });
        is_cancelled = asked.is_err() || cancel.request().is_some();
        if is_cancelled { Err(io::Error::from(io::ErrorKind::Interrupted).into()) } else { Ok(()) }
    });
    written.map_err(|error| match error {
        _ if is_cancelled => PrepareError::Cancelled.into(),
        PackingError::Io(error) => failed(error).into(),
        PackingError::Graph(source) => PackageError::Graph { path: form.graph.clone(), source }.into(),
    })
}

/// Who computes the products of each shape.
fn choose(
    described: &Described,
    form: &Form,
    folder: &Path,
    ours: &[&Replaceable],
    watch: Watch<'_>,
) -> Result<Vec<(Kind, ProductChoice)>, Error> {
    let mut kinds = BTreeMap::<_, Vec<&Replaceable>>::new();
    for product in ours.iter().copied().filter(|node| node.does == Does::Multiply) {
        kinds.entry(Kind::of(product)).or_default().push(product);
    }
    let count = |products: &Vec<_>| products.len();
    if form.kernels != Kernels::Auto {
        let chosen = kinds.iter().map(|(kind, products)| (*kind, kind.choice(count(products), None)));
        return Ok(chosen.collect());
    }
    let (places, _) = packing::places(ours.iter().copied()).ok_or(PrepareError::Differs)?;
    let rewritten = rewritten(&form.original, PACKED_LOCATION, &places, Attentions::Original)
        .map_err(PrepareError::Graph)?;
    let mut choices = Vec::new();
    for (kind, products) in &kinds {
        ask(watch, PrepareStep::Measure { done: choices.len(), total: kinds.len() + 1 })?;
        let bytes = |product: &&&Replaceable| places.get(&product.output).map_or(0, |place| place.bytes);
        let mut left = TIMED_BYTES;
        let timed: Vec<_> = products
            .iter()
            .take(TIMED_PRODUCTS)
            .take_while(|product| {
                let is_wanted = left > 0;
                left = left.saturating_sub(bytes(product));
                is_wanted
            })
            .map(|product| product.output.as_str())
            .collect();
        let measured = measure(described, form, folder, *kind, &timed, [&form.original, &rewritten])?;
        choices.push((*kind, kind.choice(count(products), Some(measured))));
    }
    Ok(choices)
}

/// What products take in the two graphs, in turns.
fn measure(
    described: &Described,
    form: &Form,
    folder: &Path,
    kind: Kind,
    timed: &[&str],
    graphs: [&Vec<u8>; 2],
) -> Result<(ProductTime, ProductTime), Error> {
    let options = described.session_options();
    let environment = &described.runtime.environment;
    let k = usize::try_from(kind.k()).map_err(|_| PrepareError::Differs)?;
    let load = |graph: &[u8]| -> Result<_, Error> {
        let alone = rewritten::alone(graph, timed).map_err(PrepareError::Graph)?;
        let located = located(form, &alone, folder)?;
        Ok(ProductTiming::load(environment, &form.graph, &located, options.threads, k, &options.cancel)?)
    };
    let mut sessions = [load(graphs[0])?, load(graphs[1])?];
    let mut best = [ProductTime { token_us: f64::INFINITY, prompt_us: f64::INFINITY }; 2];
    let each_us = 1e6 / timed.len().max(1) as f64;
    for _ in 0..TAKES {
        for (session, best) in sessions.iter_mut().zip(&mut best) {
            best.token_us = best.token_us.min(session.seconds(1)? * each_us);
        }
    }
    for _ in 0..TAKES.div_ceil(3) {
        for (session, best) in sessions.iter_mut().zip(&mut best) {
            best.prompt_us = best.prompt_us.min(session.seconds(PROMPT_ROWS)? * each_us);
        }
    }
    let [theirs, ours] = best;
    Ok((theirs, ours))
}

/// Who computes the attentions beside these products; `None` where ours cannot.
fn attention(
    described: &Described,
    form: &Form,
    folder: &Path,
    record: &Ours,
    watch: Watch<'_>,
) -> Result<Option<AttentionChoice>, Error> {
    let nodes = replaceable_attentions(&form.original).map_err(PrepareError::Graph)?.len();
    if nodes == 0 {
        return Ok(None);
    }
    let ours = AttentionChoice::ours(nodes);
    if form.kernels != Kernels::Auto {
        return Ok(Some(ours));
    }
    let total = record.choices.len() + 1;
    ask(watch, PrepareStep::Measure { done: total - 1, total })?;
    let start = |attention: Option<AttentionChoice>| -> Result<OrtDecoder, Error> {
        let record = Ours { attention, ..record.clone() };
        let (graph, _) = record.graph(&form.original, &form.stated).ok_or(PrepareError::Differs)?;
        Ok(OrtDecoder::start(&load(described, form, folder, &graph)?)?)
    };
    let decoders = [start(None)?, start(Some(ours))?];
    Ok(Some(AttentionChoice::measured(nodes, decoders, described.facts.context_length)?))
}

/// The model with a rewritten graph.
fn load(described: &Described, form: &Form, folder: &Path, graph: &[u8]) -> Result<Arc<OrtModel>, Error> {
    let (environment, model) = (&described.runtime.environment, &described.variant.config.model);
    let options = SessionOptions { located: located(form, graph, folder)?, ..described.session_options() };
    Ok(OrtModel::load(environment, &form.graph, model, options)?)
}

/// Opens the form, and holds what it computes against the plain form; the probe of its logits.
fn compare(
    described: &Described,
    form: &Form,
    folder: &Path,
    graph: &[u8],
    watch: Watch<'_>,
    report: &mut PrepareReport,
) -> Result<String, Error> {
    ask(watch, PrepareStep::Compare)?;
    let (environment, model) = (&described.runtime.environment, &described.variant.config.model);
    let before = memory::anonymous_bytes();
    let prepared = load(described, form, folder, graph)?;
    let probe = form::probe(&mut OrtDecoder::start(&prepared)?)?;
    report.prepared_memory_bytes = memory::added(before);

    let before = memory::anonymous_bytes();
    let plain = OrtModel::load(environment, &form.graph, model, described.session_options())?;
    form::probe(&mut OrtDecoder::start(&plain)?)?;
    report.plain_memory_bytes = memory::added(before);
    let checked = self_check::against_plain(&prepared, &plain, described.facts.context_length);
    checked.map_err(PrepareError::unlike)?;
    Ok(probe)
}

fn located(form: &Form, graph: &[u8], folder: &Path) -> Result<Arc<Located>, PrepareError> {
    form.located(graph, folder, true)
}

#[cfg(test)]
mod tests {
    use wheelwork_ort::custom_ops;
    use wheelwork_package::graph::{attention, gated, rewritten};

    #[test]
    fn graphs_name_the_operators_that_sessions_know() {
        assert_eq!(rewritten::DOMAIN, custom_ops::DOMAIN);
        assert_eq!(rewritten::OPERATOR, custom_ops::MATMUL_BLOCKS);
        assert_eq!(rewritten::LOOKUP, custom_ops::GATHER_BLOCKS);
        assert_eq!(gated::GATED, custom_ops::GATED_MATMUL_BLOCKS);
        assert_eq!(attention::CACHED_ATTENTION, custom_ops::CACHED_ATTENTION);
        assert_eq!(attention::CACHED_ATTENTION_8, custom_ops::CACHED_ATTENTION_8);
    }
}
