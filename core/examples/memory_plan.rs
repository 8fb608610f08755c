//! What a plan foretells beside what a process then takes: anonymous memory at its peak, step by step.
//!
//! `cargo run --release --example memory_plan -- PACKAGE [float|int8] [plain|CACHE_DIR/] CONTEXT...`: opens the package,
//! then prefills the last chunk of each context, whose other keys and values are zeros that nobody computed. Linux only.
// An example is a script: it prints, and what fails ends it.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use wheelwork::{KvForm, Model, OpenOptions};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let package = arguments.next().expect("a package");
    let mut options = OpenOptions::default();
    let mut contexts = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "float" => options.kv_cache = Some(KvForm::Float),
            "int8" => options.kv_cache = Some(KvForm::Int8),
            "plain" => options.plain = true,
            folder if folder.contains('/') => options.cache_dir = Some(folder.into()),
            tokens => contexts.push(tokens.parse::<usize>().unwrap()),
        }
    }
    let plan = wheelwork::plan(&package, &options).unwrap();
    println!("{plan:#?}");
    println!("before {:.1} MB", mb(anonymous_bytes()));
    let (model, peak) = with_peak(|| Model::open_with(&package, &options).unwrap());
    println!(
        "open {:.1} MB, peak {:.1} MB ({:?})",
        mb(anonymous_bytes()),
        mb(peak),
        model.placement().prepared
    );
    for context in contexts {
        let mut decoder = model.decoder().unwrap();
        let kv = vec![0; decoder.kv_bytes_per_token() * context];
        decoder.write_kv(&vec![1; context], &kv).unwrap();
        drop(kv);
        decoder.rewind(context.saturating_sub(512));
        let cached = anonymous_bytes();
        let chunk = vec![1; 512.min(decoder.chunk_tokens())];
        let ((), peak) = with_peak(|| decoder.prefill(&chunk).unwrap());
        let planned = model.plan(context);
        let planned = (planned.kv_bytes + planned.working_bytes, planned.need_bytes);
        println!(
            "context {context}: cache {:.1} MB, peak of the prefill {:.1} MB; planned beyond the open model {:.1} MB, \
             with growth {:.1} MB",
            mb(cached),
            mb(peak),
            mb(planned.0),
            mb(planned.1),
        );
    }
}

/// Runs `work` while another thread looks at the memory every half millisecond.
fn with_peak<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let (peak, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                peak.fetch_max(anonymous_bytes(), Ordering::SeqCst);
                std::thread::sleep(Duration::from_micros(500));
            }
        });
        let result = work();
        done.store(true, Ordering::SeqCst);
        result
    });
    (result, peak.into_inner())
}

fn anonymous_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
