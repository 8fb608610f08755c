//! `wheelwork quantize --dry-run`: what a run would take, as a table or as JSON.
#![allow(clippy::cast_precision_loss)] // figures for people

use wheelwork_quantize::estimate::Estimate;
use wheelwork_quantize::scheme::Scheme;

use crate::failure::Failure;
use crate::output;

pub(crate) fn tell(estimate: &Estimate, json: bool) -> Result<(), Failure> {
    if json {
        return output::json_line(estimate);
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
        "about {:.0} s with {} threads, if the disk keeps up; about {:.0} MB of memory",
        estimate.seconds,
        estimate.threads,
        estimate.memory_bytes as f64 / 1e6,
    );
    Ok(())
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
