//! `wheelwork plan`: what a model would take of the memory, told without loading it.

use wheelwork::{Fit, MemoryPlan, Prepared};

use crate::arguments::ModelArguments;
use crate::failure::Failure;
use crate::{model_source, output};

pub(crate) fn run(arguments: &ModelArguments, json: bool) -> Result<(), Failure> {
    let folder = model_source::folder(arguments.model.as_deref(), arguments.models_dir.as_deref())?;
    let plan = wheelwork::plan(folder, &arguments.open_options())?;
    output::tell(json, &plan, || print(&plan))
}

fn print(plan: &MemoryPlan) {
    let cache = plan.kv_cache.as_str();
    anstream::println!(
        "a context of {} tokens of at most {}, {cache} cache, {} bytes a token\n",
        plan.context_tokens,
        plan.context_limit,
        plan.kv_bytes_per_token
    );
    let rows = [
        ("packed weights", plan.packed_weights_bytes),
        ("runtime, vocabulary", plan.runtime_bytes),
        ("keys and values", plan.kv_bytes),
        ("the same while they grow", plan.kv_growth_bytes),
        ("activations, logits", plan.working_bytes),
        ("shared prefixes", plan.prefix_cache_bytes),
        ("needed", plan.need_bytes),
    ];
    for (what, bytes) in rows.into_iter().filter(|(_, bytes)| *bytes > 0) {
        anstream::println!("{what:<26} {:>9.1} MB", megabytes(bytes));
    }
    anstream::println!("{:<26} {:>9.1} MB", "weights read from files", megabytes(plan.mapped_weights_bytes));
    if plan.prepared != Prepared::Used {
        anstream::println!("\nthe prepared form is not used: {}", plan.prepared.describe());
    }
    if let Some(available) = plan.available {
        anstream::println!("\n{} has {:.1} MB", available.told_by, megabytes(available.bytes));
    }
    if let Some(tokens) = plan.largest_context_tokens {
        anstream::println!("the longest context that fits: {tokens} tokens");
    }
    anstream::println!("{}", describe(plan.fit));
}

fn describe(fit: Fit) -> &'static str {
    match fit {
        Fit::Fits => "it fits",
        Fit::WeightsFromDisk => "it fits, but its weights will be read from the disk again and again",
        Fit::TooLarge => "it does not fit",
        Fit::Unknown => "whether it fits is not known: nobody says what is free on this device",
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
