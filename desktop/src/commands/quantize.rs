//! `wheelwork quantize`: a checkpoint into a package, with a progress bar.

use std::time::Instant;

use indicatif::ProgressBar;
use serde_json::json;
use wheelwork::CancelToken;
use wheelwork_quantize::recipe::{BALANCED, FAST, FLOAT};
use wheelwork_quantize::{Options, Progress, QuantizeError, Report, Stage};

use crate::arguments::{Quality, QuantizeArguments};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::{output, progress};

pub(crate) fn run(arguments: &QuantizeArguments, json: bool) -> Result<(), Failure> {
    let options = Options {
        recipe: match arguments.quality {
            Quality::Float => FLOAT,
            Quality::Fast => FAST,
            Quality::Balanced => BALANCED,
        },
        context_length: arguments.context_length,
        overwrite: arguments.overwrite,
        resume: arguments.resume,
        ..Options::default()
    };
    let start = Instant::now();
    let bar = Bar { bar: progress::bar(json), cancel: Interrupt::install()?.token() };
    let result = wheelwork_quantize::quantize(&arguments.checkpoint, &arguments.out, &options, &bar);
    bar.bar.finish_and_clear();
    match result {
        Ok(report) => tell(&report, start.elapsed().as_secs_f64(), json),
        Err(QuantizeError::Cancelled) => {
            if !json {
                anstream::eprintln!("the same command with --resume goes on from here");
            }
            Err(Failure::Interrupted)
        }
        Err(error) => Err(error.into()),
    }
}

fn tell(report: &Report, seconds: f64, json: bool) -> Result<(), Failure> {
    let card = &report.card;
    if json {
        return output::json_line(&json!({
            "package": report.package, "seconds": seconds, "file_bytes": report.file_bytes,
            "bits_per_weight": card.quantization.bits_per_weight, "warnings": card.warnings,
            "tensors": card.quantization.tensors,
        }));
    }
    for warning in &card.warnings {
        anstream::eprintln!("warning: {warning}");
    }
    anstream::println!(
        "{}: {:.1} MB, {:.3} bits a weight, {seconds:.1} s",
        report.package.display(),
        report.file_bytes as f64 / 1e6,
        card.quantization.bits_per_weight,
    );
    anstream::println!("try it: wheelwork chat --model {}", report.package.display());
    Ok(())
}

struct Bar {
    bar: ProgressBar,
    cancel: CancelToken,
}

impl Progress for Bar {
    fn stage(&self, stage: Stage) {
        self.bar.set_message(match stage {
            Stage::Reading => "reading the checkpoint",
            Stage::Weights => "weights",
            Stage::Finishing => "hashing",
        });
    }

    fn weights(&self, tensor: &str, done_bytes: u64, total_bytes: u64) {
        self.bar.set_length(total_bytes);
        self.bar.set_position(done_bytes);
        self.bar.set_message(tensor.to_owned());
    }

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
