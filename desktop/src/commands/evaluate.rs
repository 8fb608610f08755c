//! `wheelwork evaluate`: a package against its checkpoint, with a progress bar, into the package's card.

use serde_json::json;
use wheelwork_calibrate::evaluate::{self, EvaluateOptions, Recorded, Report};
use wheelwork_package::card::Tasks;

use crate::arguments::EvaluateArguments;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::{model_source, output, progress};

pub(crate) fn run(arguments: &EvaluateArguments, json: bool) -> Result<(), Failure> {
    let package = model_source::folder(Some(&arguments.package), arguments.models_dir.as_deref())?;
    let options = EvaluateOptions {
        text: arguments.text.clone(),
        tokens: arguments.tokens,
        tasks: arguments.tasks.clone(),
        task_tokens: arguments.task_tokens,
        baseline: arguments.baseline.clone(),
        sources: arguments.sources,
        limits: arguments.gate.unwrap_or_default(),
        kv_cache: arguments.kv.map(Into::into),
        threads: arguments.threads.map(usize::from),
        scratch: arguments.scratch.clone().unwrap_or_else(std::env::temp_dir),
        cancel: Interrupt::install()?.token(),
    };
    let bar = progress::Stages::new(json);
    let result = evaluate::evaluate(&package, &arguments.reference, &options, &bar);
    drop(bar);
    let report = result?;
    let recorded = if arguments.no_card { None } else { Some(evaluate::record(&package, &report)?) };
    if json {
        let written = recorded == Some(Recorded::Written);
        output::json_line(&json!({
            "variant": report.variant, "evaluation": report.evaluation, "card_written": written,
        }))?;
    } else {
        tell(&report, recorded);
    }
    let gate = report.evaluation.gate;
    if arguments.gate.is_some() && !gate.broken.is_empty() {
        return Err(Failure::Gate { gate: gate.name, broken: gate.broken });
    }
    Ok(())
}

fn tell(report: &Report, recorded: Option<Recorded>) {
    let found = &report.evaluation;
    let (divergence, repetition) = (&found.divergence, &found.repetition);
    anstream::println!(
        "{} tokens ({}), cache {}, against {}",
        divergence.positions,
        found.text,
        found.kv_cache.as_str(),
        found.reference
    );
    anstream::println!(
        "mean KL       {:.5} ± {:.5} nats   median {:.5}   99 % {:.4}   max {:.4}",
        divergence.mean_kl.value,
        divergence.mean_kl.standard_error,
        divergence.median_kl,
        divergence.p99_kl,
        divergence.max_kl
    );
    let parts = divergence.by_position.iter();
    let parts: Vec<_> = parts.map(|part| format!("{}: {:.5}", part.from, part.mean_kl.value)).collect();
    anstream::println!("  behind      tokens from {}", parts.join("   "));
    anstream::println!(
        "same best     {:.2} ± {:.2} %   RMS change of the next token's probability {:.2} %",
        divergence.same_top.value * 100.0,
        divergence.same_top.standard_error * 100.0,
        divergence.rms_delta_p * 100.0
    );
    anstream::println!(
        "perplexity    {:.4}, the checkpoint's {:.4}: {:+.4} ± {:.4}",
        divergence.perplexity,
        divergence.perplexity_reference,
        divergence.perplexity_change.value,
        divergence.perplexity_change.standard_error
    );
    anstream::println!(
        "repetition    {} of {} chains loop, {:.1} % of 4 tokens in a row were there before",
        repetition.looped_chains,
        repetition.chains,
        repetition.repeated_4grams * 100.0
    );
    for source in &found.sources {
        anstream::println!(
            "  {:<11} mean KL {:.5} ± {:.5} alone   same best {:.2} %",
            source.name,
            source.mean_kl.value,
            source.mean_kl.standard_error,
            source.same_top.value * 100.0
        );
    }
    if let Some(tasks) = &found.tasks {
        tell_tasks(tasks);
    }
    let gate = &found.gate;
    let holds_for = gate.holds_for.as_ref().map_or(String::new(), |size| format!(", for {size}"));
    let result = if gate.broken.is_empty() { "kept".to_owned() } else { gate.broken.join(", ") };
    anstream::println!("limits        of {}{holds_for}: {result}", gate.name);
    match recorded {
        Some(Recorded::NoCard) => {
            anstream::eprintln!("not recorded: the folder was made by another program and has no card");
        }
        Some(Recorded::Installed) => {
            anstream::eprintln!("not recorded: the files of an installed package are never changed");
        }
        Some(Recorded::Written) | None => {}
    }
}

fn tell_tasks(tasks: &Tasks) {
    let all = &tasks.all;
    anstream::println!(
        "tasks         {:.2} ± {:.2} % of {} right, {:.2} % by {}",
        all.exact_match.value * 100.0,
        all.exact_match.standard_error * 100.0,
        all.problems,
        all.baseline_exact_match * 100.0,
        tasks.baseline
    );
    if let (Some(package), Some(baseline)) = (all.step_accuracy, all.baseline_step_accuracy) {
        anstream::println!(
            "  steps       {:.2} % right, baseline {:.2} %",
            package * 100.0,
            baseline * 100.0
        );
    }
    anstream::println!(
        "  flips       {} broken, {} repaired, p = {:.3} (McNemar)   length x {:.3}",
        tasks.broken,
        tasks.repaired,
        tasks.mcnemar_p,
        tasks.length_ratio
    );
    for (name, score) in &tasks.by_task {
        anstream::println!(
            "  {name:<11} {:.1} %, baseline {:.1} %",
            score.exact_match.value * 100.0,
            score.baseline_exact_match * 100.0
        );
    }
}
