//! `wheelwork inspect`: a package described without running it.

use std::path::Path;

use serde_json::json;
use wheelwork::chat::ChatTemplate;
use wheelwork::prepare::{self, OurKernels};
use wheelwork::tokenizer::Tokenizer;
use wheelwork::{DevicePreference, Model, OpenOptions, Prepared};
use wheelwork_package::OpenPackage;
use wheelwork_package::compact::Compact;
use wheelwork_package::signature::PublicKey;

use crate::arguments::{InspectArguments, ModelArguments};
use crate::failure::Failure;
use crate::{compiling, model_source, output, trust};

/// How many of the worst matrices are listed for people; `--json` has all.
const WORST_SHOWN: usize = 5;

pub(crate) fn run(arguments: &InspectArguments, json: bool) -> Result<(), Failure> {
    let file = Path::new(&arguments.model);
    if file.is_file() {
        return super::package::head::inspect(file, &arguments.key, json);
    }
    let root = model_source::folder(Some(&arguments.model), arguments.store.models_dir.as_deref())?;
    let package = wheelwork_package::open(&root)?;
    if arguments.placement {
        return placement(&root, json);
    }
    let verified = if arguments.verify { Some(verify(&package)?) } else { None };
    // Without ONNX Runtime nothing is known of it, and the rest is told all the same.
    let prepared = wheelwork::prepared_form(&root, &ModelArguments::default_options()).ok();
    let kernels = match prepared {
        Some(Prepared::Used) => prepare::prepared_kernels(&root, &ModelArguments::default_options())?,
        _ => OurKernels::default(),
    };
    let shown = Shown {
        verified,
        prepared,
        kernels,
        keys: trust::known(&arguments.key)?,
        reasons: reasons(&package),
    };
    if json { print_json(&package, &shown) } else { print_text(&package, &shown) }
}

/// What is told beside the package's own descriptions.
struct Shown {
    verified: Option<usize>,
    prepared: Option<Prepared>,
    /// Whose kernels compute in the prepared form, where some are ours.
    kernels: OurKernels,
    /// That the user trusts.
    keys: Vec<PublicKey>,
    /// Whether the model reasons, where that is known.
    reasons: Option<bool>,
}

/// Whether the model reasons, where its tokenizer and template can be read.
fn reasons(package: &OpenPackage) -> Option<bool> {
    let folder = &package.variants.values().next()?.folder;
    let tokenizer = Tokenizer::from_folder(folder).ok()?;
    Some(ChatTemplate::from_folder(folder).ok()?.reasons(&tokenizer))
}

/// Loads the model and tells where it runs.
fn placement(root: &Path, json: bool) -> Result<(), Failure> {
    let options = OpenOptions { device: DevicePreference::Npu, ..ModelArguments::default_options() };
    let model = Model::open_with(root, &options)?;
    compiling::note(&model);
    output::tell(json, model.placement(), || output::print_placement(model.placement()))
}

/// Compares all contents with the card, and codes with the bits that it states; returns the number of files.
pub(crate) fn verify(package: &OpenPackage) -> Result<usize, Failure> {
    let mut files = 0;
    for (name, records) in package.card.iter().flat_map(|card| &card.variants) {
        for record in records {
            package.check_content(name, &record.name)?;
            files += 1;
        }
        package.check_codes(name)?;
    }
    Ok(files)
}

fn print_json(package: &OpenPackage, shown: &Shown) -> Result<(), Failure> {
    let Shown { verified, prepared, kernels, keys, reasons } = shown;
    let variants = package.variants.iter().map(|(name, variant)| {
        let description = json!({
            "target": variant.target, "config": variant.config, "generation": variant.generation,
            "compact_bytes": variant.compact.as_ref().map(|compact| compact.record.packed_bytes()),
        });
        (name.clone(), description)
    });
    output::json_line(&json!({
        "name": package.name, "installed": package.provenance().map(|provenance| json!({
            "version": provenance.version(), "signature": provenance.signature(keys),
        })),
        "card": package.card, "verified_files": verified, "prepared": prepared, "kernels": kernels.products, "attention": kernels.attention, "reasons": reasons,
        "variants": variants.collect::<serde_json::Map<_, _>>(),
    }))
}

fn print_text(package: &OpenPackage, shown: &Shown) -> Result<(), Failure> {
    let Shown { verified, prepared, kernels, keys, reasons } = shown;
    anstream::println!("{}", package.name);
    if let Some(provenance) = package.provenance() {
        anstream::println!("installed, version {}: {}", provenance.version(), provenance.signature(keys));
    }
    match reasons {
        Some(true) => anstream::println!("it reasons before it answers"),
        Some(false) => anstream::println!("it does not reason: limits of reasoning change nothing"),
        None => {}
    }
    match prepared {
        Some(Prepared::Used) => {
            anstream::println!("prepared for this CPU");
            for choice in super::prepare::describe_choices(&kernels.products, kernels.attention.as_ref()) {
                anstream::println!("  {choice}");
            }
        }
        Some(reason) => anstream::println!("the prepared form is not used: {}", reason.describe()),
        None => {}
    }
    for (name, variant) in &package.variants {
        let (model, decoder) = (&variant.config.model, &variant.config.model.decoder);
        let kv_bytes = 2 * decoder.num_hidden_layers * decoder.num_key_value_heads * decoder.head_size * 4;
        anstream::println!("\nvariant {name}: {} on {}", variant.target.ep, variant.target.device);
        anstream::println!(
            "  {} · {} layers · hidden {} · {} heads, {} key/value heads of {} · vocabulary {}",
            model.model_type,
            decoder.num_hidden_layers,
            decoder.hidden_size,
            decoder.num_attention_heads,
            decoder.num_key_value_heads,
            decoder.head_size,
            model.vocab_size,
        );
        if let Some(Compact { record, .. }) = &variant.compact {
            let [bytes, whole] = [record.packed_bytes(), record.bytes].map(|bytes| bytes as f64 / 1e6);
            anstream::println!("  compact: weights of {whole:.1} MB in {bytes:.1} MB");
        }
        anstream::println!("  context {} tokens, {kv_bytes} bytes of cache a token", model.context_length);
    }
    let Some(card) = &package.card else {
        anstream::println!("\nno package card: the folder was made by another program");
        return Ok(());
    };
    let tokens = &card.tokens;
    anstream::println!("\nmade by {} · format {}", card.producer, card.format_version);
    let stops: Vec<_> = tokens.eos.iter().map(ToString::to_string).collect();
    let tags = match (tokens.reasoning_open, tokens.reasoning_close) {
        (Some(open), Some(close)) => format!("reasoning between tokens {open} and {close} · "),
        _ => String::new(),
    };
    anstream::println!("{tags}stop tokens {}", stops.join(", "));
    anstream::println!(
        "{:.3} bits a weight · recipe {}",
        card.quantization.bits_per_weight,
        card.quantization.recipe
    );
    for (variant, codes) in &card.code_bits {
        let (least, most) = (codes.values().min(), codes.values().max());
        if let (Some(least), Some(most)) = (least, most) {
            anstream::println!(
                "{} matrices of {variant} have {least} to {most} bits, stored in 4 or 8: with ONNX Runtime's kernels they take those",
                codes.len(),
            );
        }
    }
    if let Some(true_bits) = card.quantization.true_bits_per_weight {
        anstream::println!("{true_bits:.3} bits a weight say something, which is what a package file holds");
    }
    let mut worst: Vec<_> =
        card.quantization.tensors.iter().filter(|tensor| tensor.relative_mse > 0.0).collect();
    worst.sort_by(|a, b| b.relative_mse.total_cmp(&a.relative_mse));
    if !worst.is_empty() {
        anstream::println!(
            "  {:<44} {:>5} {:>6} {:>13}",
            "largest error of a matrix",
            "bits",
            "block",
            "relative MSE"
        );
    }
    for tensor in worst.iter().take(WORST_SHOWN) {
        let (name, bits, block, error) = (&tensor.name, tensor.bits, tensor.block_size, tensor.relative_mse);
        anstream::println!("  {name:<44} {bits:>5} {block:>6} {error:>13.5}");
    }
    for (variant, cache) in &card.kv_cache {
        let check = &cache.self_check;
        anstream::println!(
            "key-value cache of {variant}: int8 beside float, default {} · self-check over {} tokens: mean KL {:.5}, \
             same best token {:.1} % ({})",
            cache.default.as_str(),
            check.tokens,
            check.mean_kl,
            check.same_top * 100.0,
            if check.passed { "passed" } else { "not passed" },
        );
    }
    for (variant, found) in &card.evaluation {
        let divergence = &found.divergence;
        anstream::println!(
            "evaluated ({variant}, against {}): mean KL {:.5} ± {:.5}, same best token {:.1} %, perplexity {:.3} ({:+.3})",
            found.reference,
            divergence.mean_kl.value,
            divergence.mean_kl.standard_error,
            divergence.same_top.value * 100.0,
            divergence.perplexity,
            divergence.perplexity_change.value,
        );
    }
    for (variant, files) in &card.variants {
        anstream::println!("\nfiles of {variant}:");
        for file in files {
            anstream::println!("  {:<24} {:>12} bytes  {:.12}", file.name, file.bytes, file.sha256);
        }
    }
    for warning in &card.warnings {
        anstream::println!("\nwarning: {warning}");
    }
    if let Some(files) = verified {
        anstream::println!("\nverified: {files} files have the content that the card says");
    }
    Ok(())
}
