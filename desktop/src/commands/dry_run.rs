//! `wheelwork quantize --dry-run`: what a run would take, as a table or as JSON.

use wheelwork_calibrate::CalibrationEstimate;
use wheelwork_quantize::estimate::Estimate;
use wheelwork_quantize::scheme::Scheme;

use crate::failure::Failure;
use crate::{output, progress};

/// `calibration` is what `--quality best` takes on top.
pub(crate) fn tell(
    estimate: &Estimate,
    calibration: Option<&CalibrationEstimate>,
    json: bool,
) -> Result<(), Failure> {
    if json {
        let mut line = serde_json::to_value(estimate).map_err(std::io::Error::from)?;
        if let (Some(fields), Some(calibration)) = (line.as_object_mut(), calibration) {
            let calibration = serde_json::to_value(calibration).map_err(std::io::Error::from)?;
            fields.insert("calibration".to_owned(), calibration);
        }
        return output::json_line(&line);
    }
    anstream::println!("{:<26} {:>5}  {:>22}  {:>12}  {:>12}", "", "count", "scheme", "weights", "bytes");
    for kind in &estimate.kinds {
        let scheme = describe(kind.scheme);
        let (weights, bytes) = (kind.weights as f64 / 1e6, kind.bytes as f64 / 1e6);
        anstream::println!(
            "{:<26} {:>5}  {scheme:>22}  {weights:>10.1} M  {bytes:>9.1} MB",
            kind.name,
            kind.count
        );
    }
    anstream::println!(
        "checkpoint {:.2} GB, package {:.2} GB, {:.3} bits a weight",
        estimate.checkpoint_bytes as f64 / 1e9,
        estimate.package_bytes as f64 / 1e9,
        estimate.bits_per_weight,
    );
    anstream::println!(
        "in the bits that say something {:.3} a weight, {:.2} GB: what `wheelwork pack` stores at most",
        estimate.true_bits_per_weight,
        estimate.true_package_bytes as f64 / 1e9,
    );
    let expected = estimate.expected_kl;
    anstream::println!(
        "expected divergence from the float model: {} (about {expected:.3} nats, by measurements of another model)",
        class(expected),
    );
    anstream::println!(
        "about {:.0} s with {} threads, if the disk keeps up; about {:.0} MB of memory",
        estimate.seconds,
        estimate.threads,
        estimate.memory_bytes as f64 / 1e6,
    );
    if let Some(calibration) = calibration {
        let arithmetic = progress::duration(calibration.seconds);
        anstream::println!(
            "calibration: very roughly {arithmetic} more of arithmetic for {} tokens, and the writing of as many by the \
             model; about {:.0} MB of memory (a float32 layer, sums over inputs and their factor), {:.0} MB of \
             activations on disk and a second package for the time of writing",
            calibration.tokens,
            calibration.memory_bytes as f64 / 1e6,
            calibration.activation_bytes as f64 / 1e6,
        );
    }
    Ok(())
}

/// What a divergence compares with, of llama.cpp's formats with an importance matrix (docs/evaluation.md).
fn class(expected_kl: f64) -> &'static str {
    match expected_kl {
        kl if kl <= 0.0 => "none",
        kl if kl < 0.004 => "as Q8_0",
        kl if kl < 0.03 => "as Q5_K_M",
        kl if kl < 0.08 => "as Q4_K_M",
        kl if kl < 0.2 => "as IQ4_XS",
        _ => "coarser than IQ4_XS",
    }
}

fn describe(scheme: Scheme) -> String {
    match scheme {
        Scheme::Float32 => "float32".to_owned(),
        Scheme::Blocks(blocks) => format!(
            "int{} block {}{}",
            u32::from(blocks.bits),
            usize::from(blocks.block_size),
            if blocks.symmetric { " symmetric" } else { "" }
        ),
    }
}
