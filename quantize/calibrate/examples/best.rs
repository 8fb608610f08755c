//! A calibrated package without the command, at any block size: for measurements.
//!
//! ```sh
//! cargo run --release -p wheelwork-calibrate --example best -- CHECKPOINT OUT [BLOCK] [TOKENS]
//! ```
#![allow(clippy::print_stdout)] // A program, not the library.

use std::path::Path;
use std::time::Instant;

use wheelwork_calibrate::{CalibrationOptions, TextBudget, Watch, quantize_best};
use wheelwork_quantize::recipe::BALANCED;
use wheelwork_quantize::scheme::{BlockSize, Scheme};
use wheelwork_quantize::{Options, Progress, Recipe};

/// Nobody looks.
struct Quiet;

impl Progress for Quiet {}
impl Watch for Quiet {}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [checkpoint, out, rest @ ..] = arguments.as_slice() else {
        return Err("usage: best CHECKPOINT OUT [BLOCK] [TOKENS]".into());
    };
    let block_size = match rest.first().map(String::as_str) {
        None | Some("32") => BlockSize::Of32,
        Some("64") => BlockSize::Of64,
        Some("128") => BlockSize::Of128,
        Some(other) => return Err(format!("no block size {other}").into()),
    };
    let tokens = rest.get(1).map_or(Ok(TextBudget::default().tokens), |tokens| tokens.parse())?;
    let layers = match BALANCED.layers {
        Scheme::Blocks(scheme) => {
            Scheme::Blocks(wheelwork_quantize::scheme::BlockScheme { block_size, ..scheme })
        }
        float => float,
    };
    let options = Options { recipe: Recipe { layers, ..BALANCED }, overwrite: true, ..Options::default() };
    let calibration = CalibrationOptions {
        budget: TextBudget { tokens, ..TextBudget::default() },
        ..CalibrationOptions::default()
    };
    let start = Instant::now();
    let made = quantize_best(Path::new(checkpoint), Path::new(out), &options, &calibration, &Quiet)?;
    let seconds = start.elapsed().as_secs_f64();
    let quantization = &made.report.card.quantization;
    println!("{seconds:.1} s, {:.3} bits a weight, {}", quantization.bits_per_weight, quantization.recipe);
    Ok(())
}
