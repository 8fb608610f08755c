//! `wheelwork prepare`, and the same at the end of `wheelwork install`: the packed weights of a model, made once for this
//! CPU. `wheelwork prepare --device npu` compiles graphs instead, by opening the model on that device.

use std::ops::ControlFlow;
use std::path::Path;

use serde_json::json;
use wheelwork::prepare::{AttentionChoice, ProductChoice, ProductTime};
use wheelwork::{CancelToken, OpenOptions, PrepareReport, PrepareStep};

use crate::arguments::{Device, PrepareArguments};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::{model_source, output};

pub(crate) fn run(arguments: &PrepareArguments, json: bool) -> Result<(), Failure> {
    let model = arguments.model_arguments();
    if !matches!(model.device, Device::Cpu) {
        let opened = model_source::open(&model, Interrupt::install()?.token())?;
        let placement = opened.placement();
        return output::tell(json, &json!({ "placement": placement }), || output::print_placement(placement));
    }
    let folder = model_source::folder(model.model.as_deref(), model.models_dir.as_deref())?;
    let cancel = Interrupt::install()?.token();
    let report = prepare(&folder, &model.open_options(), &cancel, json)?;
    output::tell(json, &json!({ "prepared": report }), || {
        anstream::println!("{}", describe(&report));
        for choice in describe_choices(&report.kernels, report.attention.as_ref()) {
            anstream::println!("  {choice}");
        }
    })
}

/// Whose kernels compute what, a line each, for people.
pub(crate) fn describe_choices(
    products: &[ProductChoice],
    attention: Option<&AttentionChoice>,
) -> Vec<String> {
    let whose = |is_ours| if is_ours { "ours" } else { "ONNX Runtime's" };
    let times = |time: &ProductTime| format!("{:.0} and {:.0} µs", time.token_us, time.prompt_us);
    let measured = |what: &str, ours: &Option<ProductTime>, theirs: &Option<ProductTime>| match (ours, theirs)
    {
        (Some(ours), Some(theirs)) => {
            format!("; {what} ours {}, ONNX Runtime's {}", times(ours), times(theirs))
        }
        _ => String::new(),
    };
    let product = |choice: &ProductChoice| {
        let ProductChoice { k, n, bits, block_size, products, .. } = choice;
        let measured = measured("a token and 64 take", &choice.ours, &choice.onnxruntime);
        let whose = whose(choice.is_ours);
        format!("{products:>4} of {k} x {n}, {bits} bits in blocks of {block_size}: {whose}{measured}")
    };
    let attention = attention.map(|choice| {
        let what = format!("behind {} tokens a step of one and of 64 takes with", choice.context);
        let measured = measured(&what, &choice.ours, &choice.onnxruntime);
        format!("{:>4} of attention: {}{measured}", choice.nodes, whose(choice.is_ours))
    });
    products.iter().map(product).chain(attention).collect()
}

/// Prepares a model and tells the steps: words on stderr, `Progress` lines beside `--json`.
pub(crate) fn prepare(
    folder: &Path,
    options: &OpenOptions,
    cancel: &CancelToken,
    json: bool,
) -> Result<PrepareReport, Failure> {
    let mut shown = None;
    let mut watch = |step: PrepareStep| {
        let (name, words) = match step {
            PrepareStep::Pack => ("prepare_pack", "packing the weights for this CPU ..."),
            PrepareStep::Collect { .. } => ("prepare_collect", "writing them ..."),
            PrepareStep::Measure { .. } => ("prepare_measure", "measuring whose kernels are faster here ..."),
            PrepareStep::Compare => ("prepare_compare", "comparing with the plain form ..."),
        };
        if shown.replace(name) != Some(name) {
            let progress = json!({ "event": "Progress", "step": name });
            let told = output::tell(json, &progress, || anstream::eprintln!("{words}"));
            // Who listens no longer has no use for the rest either.
            if told.is_err() {
                return ControlFlow::Break(());
            }
        }
        if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    Ok(wheelwork::prepare(folder, options, &mut watch)?)
}

/// Time, disk and memory, for people.
pub(crate) fn describe(report: &PrepareReport) -> String {
    let megabytes = |bytes: u64| bytes / 1_000_000;
    let disk = megabytes(report.disk_bytes);
    if !report.is_new {
        return format!("it was prepared before: {disk} MB on the disk");
    }
    let peak = megabytes(report.peak_disk_bytes);
    let memory = match (report.plain_memory_bytes, report.prepared_memory_bytes) {
        (Some(plain), Some(prepared)) => {
            format!(
                "; memory of its own once open: {} MB, plain {} MB",
                megabytes(prepared),
                megabytes(plain)
            )
        }
        _ => String::new(),
    };
    format!("prepared in {:.1} s: {disk} MB on the disk ({peak} MB on the way){memory}", report.seconds)
}
