//! Our kernels in a prepared form: the same text as ONNX Runtime's, never used where the form is not what was made.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "common/int8.rs"]
mod int8;
#[path = "common/lookup.rs"]
mod lookup;
#[path = "common/prepared.rs"]
mod prepared;

use std::fs;
use std::path::Path;

use common::{TemporaryPackage, relative_rms, testdata};
use prepared::{Scene, logits};
use serde::Deserialize;
use wheelwork::{Diagnostic, Event, KernelSet, Kernels, KvForm, Model, OpenOptions, Options, Prepared};
use wheelwork_quantize::Recipe;
use wheelwork_quantize::recipe::{Activations, BALANCED, FAST, FLOAT, INT8_THROUGHOUT};
use wheelwork_quantize::scheme::{Bits, BlockScheme, Scheme};

/// Layers and output layer of so many bits.
fn of_bits(layers: Bits, lm_head: Bits) -> Recipe {
    let Scheme::Blocks(base) = BALANCED.layers else { panic!("it is quantised") };
    let scheme = |bits| Scheme::Blocks(BlockScheme { bits, ..base });
    Recipe { layers: scheme(layers), lm_head: scheme(lm_head), ..BALANCED }
}

#[test]
fn our_kernels_give_the_logits_of_onnx_runtime_up_to_the_order_of_sums() {
    let (fives, threes) = (of_bits(Bits::Five, Bits::Six), of_bits(Bits::Three, Bits::Eight));
    for recipe in [BALANCED, INT8_THROUGHOUT, fives, threes] {
        let scene = Scene::of(recipe.clone(), Kernels::Own);
        let report = scene.prepare();
        assert!(report.is_new && report.disk_bytes > 0);
        assert!(
            !report.kernels.is_empty() && report.kernels.iter().all(|choice| choice.is_ours),
            "{report:?}"
        );
        let (ours, plain) = (scene.open(), scene.plain());
        assert_eq!(ours.placement().prepared, Prepared::Used);
        assert_ne!(ours.placement().kernels, KernelSet::OnnxRuntime);
        assert_eq!(plain.placement().kernels, KernelSet::OnnxRuntime);
        let (found, expected) = (logits(&ours), logits(&plain));
        assert!(found != expected, "the plain form ran");
        let distance = relative_rms(&found, &expected);
        assert!(distance < 0.01, "{}: {distance}", recipe.name);
        // As often as it is computed.
        assert!(found == logits(&ours), "{}", recipe.name);
        assert!(!scene.prepare().is_new);
    }
}

/// A package that asks for activations in float32: our kernels keep 16 bits of them, for a token and for a prompt.
#[test]
fn activations_in_float32_are_not_rounded_to_8_bits() {
    let int8 = of_bits(Bits::Five, Bits::Eight);
    let float = Recipe { activations: Activations::Float32, ..int8.clone() };
    let [int8, float] = [int8, float].map(|recipe| Scene::of(recipe, Kernels::Own));
    let report = float.prepare();
    assert!(report.kernels.iter().all(|choice| choice.is_ours), "{report:?}");
    let (ours, exact) = (float.open(), logits(&float.plain()));
    assert_eq!(ours.placement().prepared, Prepared::Used);
    let (found, rounded) =
        (relative_rms(&logits(&ours), &exact), relative_rms(&logits(&int8.plain()), &exact));
    assert!(found < 1e-4 && rounded > 10.0 * found, "{found} {rounded}");
}

/// A rewritten graph gives the logits that are asked for, with either cache; the package's gives the last token's.
#[test]
fn the_logits_after_each_token_of_a_draft_are_those_of_steps() {
    let (package, _) = int8::with_int8_cache_of(BALANCED, KvForm::Float);
    let mut scene = Scene::of_package(package, Kernels::Own);
    let draft: Vec<u32> = (0..16).map(|token| token * 7919 % 250).collect();
    for kv_cache in [KvForm::Float, KvForm::Int8] {
        scene.options.kv_cache = Some(kv_cache);
        scene.prepare();
        let model = scene.open();
        assert_eq!(model.placement().prepared, Prepared::Used);
        let mut decoder = model.decoder().unwrap();
        let prompt: Vec<u32> = (1..40).collect();
        decoder.prefill(&prompt).unwrap();
        let mut steps = decoder.fork().unwrap();
        let mut expected = Vec::new();
        for &token in &draft {
            steps.decode(token).unwrap();
            expected.extend_from_slice(steps.logits());
        }
        let mut rows = Vec::new();
        assert!(decoder.verify(&draft, &mut rows).unwrap());
        assert!(rows == expected, "{kv_cache:?}: {}", relative_rms(&rows, &expected));
        assert_eq!(decoder.len(), prompt.len() + draft.len());
        assert_eq!(decoder.logits(), &rows[rows.len() - model.vocab_size()..]);
        // And it goes on behind them.
        decoder.rewind(prompt.len() + 2);
        decoder.decode(draft[2]).unwrap();
        assert_eq!(decoder.logits(), &expected[2 * model.vocab_size()..3 * model.vocab_size()]);

        let mut plain = scene.plain().decoder().unwrap();
        plain.prefill(&prompt).unwrap();
        rows.clear();
        assert!(!plain.verify(&draft, &mut rows).unwrap() && rows.is_empty());
    }
}

#[test]
fn prompt_lookup_says_what_our_kernels_say_step_by_step() {
    let scene = Scene::of(BALANCED, Kernels::Own);
    scene.prepare();
    let model = scene.open();
    let (drafted, accepted) = lookup::says_the_same(|| model.session().unwrap());
    assert!(drafted > 0 && accepted > 0, "{drafted} tokens drafted, {accepted} came true");
}

/// tiny-r1 whose output layer is its table of embeddings.
fn tied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(testdata("tiny-r1")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let config = folder.path().join("config.json");
    let untied = fs::read_to_string(&config).unwrap();
    let is_tied = untied.replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
    assert_ne!(untied, is_tied);
    fs::write(config, is_tied).unwrap();
    let weights = folder.path().join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let (header, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let range = |name| {
        let (start, end) = metadata.info(name).unwrap().data_offsets;
        8 + header + start..8 + header + end
    };
    let (table, head) = (range("model.embed_tokens.weight"), range("lm_head.weight"));
    bytes.copy_within(table, head.start);
    fs::write(weights, bytes).unwrap();
    folder
}

/// The packed file holds the matrix once, and rows are looked up in it.
#[test]
fn tied_embeddings_are_looked_up_in_the_packed_output_layer() {
    let checkpoint = tied();
    for lm_head in [Bits::Four, Bits::Six, Bits::Eight] {
        let package = TemporaryPackage::of_folder(checkpoint.path(), of_bits(Bits::Four, lm_head));
        let scene = Scene::of_package(package, Kernels::Own);
        let report = scene.prepare();
        let record = fs::read_to_string(scene.form().join("record.json")).unwrap();
        assert!(record.contains("embed_tokens"), "{record}");
        let bytes = |choice: &wheelwork::prepare::ProductChoice| {
            let blocks = choice.n.next_multiple_of(16) * choice.k.div_ceil(choice.block_size);
            (blocks * (choice.block_size * choice.bits + 8 + choice.bits) / 8).next_multiple_of(4096)
                * choice.products as u64
        };
        let expected_bytes: u64 = report.kernels.iter().map(bytes).sum();
        assert!(
            report.disk_bytes.abs_diff(expected_bytes) < 4096,
            "{} of {expected_bytes}",
            report.disk_bytes
        );
        let (ours, plain) = (scene.open(), scene.plain());
        assert_eq!(ours.placement().prepared, Prepared::Used);
        let distance = relative_rms(&logits(&ours), &logits(&plain));
        assert!(distance < 0.01, "{lm_head:?}: {distance}");
    }
}

/// 5 and 6 bits stand in 8 in the package, and in 5 and 6 with our kernels, and scales take 8 bits: on the disk, in memory, and in what
/// is told of both.
#[test]
fn products_take_their_own_bits_with_our_kernels_and_those_of_the_package_without() {
    let scene = Scene::of(of_bits(Bits::Five, Bits::Six), Kernels::Own);
    let report = scene.prepare();
    let plan = wheelwork::plan(scene.package.path(), &scene.options).unwrap();
    let mut expected_bytes = 0_u64;
    for choice in &report.kernels {
        let bits = if choice.n == 2048 { 6 } else { 5 };
        assert_eq!((choice.bits, choice.stored_bits), (bits, 8), "{choice:?}");
        let blocks = choice.n.next_multiple_of(16) * choice.k.div_ceil(choice.block_size);
        let block_bits = choice.block_size * bits + 8 + bits;
        expected_bytes += (blocks * block_bits / 8).next_multiple_of(4096) * choice.products as u64;
    }
    // The last one ends where it ends.
    assert!(report.disk_bytes.abs_diff(expected_bytes) < 4096, "{} of {expected_bytes}", report.disk_bytes);
    assert!(plan.packed_weights_bytes == 0 && plan.mapped_weights_bytes >= report.disk_bytes, "{plan:?}");
    let off = Scene { options: OpenOptions { kernels: Kernels::Off, ..scene.options.clone() }, ..scene };
    off.prepare();
    let off = wheelwork::plan(off.package.path(), &off.options).unwrap();
    assert!(off.mapped_weights_bytes > plan.mapped_weights_bytes * 5 / 4, "{off:?} {plan:?}");
}

#[test]
fn pk_19_codes_of_more_bits_than_the_card_states_are_not_packed() {
    let scene = Scene::of(of_bits(Bits::Six, Bits::Six), Kernels::Own);
    let card = scene.package.path().join("wheelwork.json");
    let text = fs::read_to_string(&card).unwrap();
    let (start, end) = text.split_at(text.find("\"code_bits\"").unwrap());
    fs::write(&card, format!("{start}{}", end.replace(": 6", ": 5").replace(":6", ":5"))).unwrap();
    let error = scene.try_prepare(usize::MAX).0.unwrap_err();
    assert_eq!(error.diagnosis().code, "graph_code_bits", "{error}");
    assert_eq!(scene.open().placement().prepared, Prepared::Missing);
}

/// Scales of 16 bits that a card states to have 8: such a matrix is left to ONNX Runtime, and nothing is lost.
#[test]
fn scales_of_more_bits_than_the_card_states_are_not_packed() {
    let scene = Scene::of(FAST, Kernels::Own);
    let card = scene.package.path().join("wheelwork.json");
    let mut stated: serde_json::Value = serde_json::from_slice(&fs::read(&card).unwrap()).unwrap();
    assert!(stated.get("scale_bits").is_none(), "{stated}");
    let all = ["model.layers.0.mlp.down_proj.codes", "lm_head.codes"];
    let all: serde_json::Map<_, _> = all.into_iter().map(|name| (name.to_owned(), 8.into())).collect();
    stated["scale_bits"] = serde_json::json!({ "cpu": all });
    fs::write(&card, stated.to_string()).unwrap();
    let report = scene.prepare();
    let of = |n| report.kernels.iter().find(|choice| choice.n == n);
    assert!(of(2048).is_none(), "{report:?}");
    let distance = relative_rms(&logits(&scene.open()), &logits(&scene.plain()));
    assert!(distance < 0.01, "{distance}");
    stated["scale_bits"] = serde_json::json!({ "cpu": { "lm_head.codes": 7 } });
    fs::write(&card, stated.to_string()).unwrap();
    let error = scene.try_prepare(usize::MAX).0.unwrap_err();
    assert_eq!(error.diagnosis().code, "graph_code_bits", "{error}");
}

#[test]
fn greedy_tokens_are_those_of_onnx_runtime_for_256_steps() {
    let scene = Scene::of(BALANCED, Kernels::Own);
    scene.prepare();
    let (ours, plain) = (scene.open(), scene.plain());
    for first in [7_u32, 70, 700] {
        let (mut ours, mut plain) = (ours.decoder().unwrap(), plain.decoder().unwrap());
        let prompt: Vec<u32> = (first..first + 20).collect();
        ours.prefill(&prompt).unwrap();
        plain.prefill(&prompt).unwrap();
        for step in 0..256 {
            let ((token, _), (expected, gap)) = (best(ours.logits()), best(plain.logits()));
            // Where two tokens are all but equal, how activations are rounded decides: ONNX Runtime's 8-bit kernels of AVX2 do it
            // otherwise than those of VNNI, which moves logits by some hundredths.
            assert!(
                token == expected || gap < 0.05,
                "{first}, step {step}: {token}, {expected} leads by {gap}"
            );
            // Both go on with ONNX Runtime's, so that every step is compared.
            ours.decode(expected).unwrap();
            plain.decode(expected).unwrap();
        }
    }
}

/// The token of the largest logit, and by how much it leads.
fn best(logits: &[f32]) -> (u32, f32) {
    let (mut first, mut second) = ((0, f32::NEG_INFINITY), f32::NEG_INFINITY);
    for (token, &logit) in (0..).zip(logits) {
        if logit > first.1 {
            (first, second) = ((token, logit), first.1);
        } else {
            second = second.max(logit);
        }
    }
    (first.0, first.1 - second)
}

#[derive(Deserialize)]
struct Problem {
    prompt: String,
    answer: String,
}

/// With a cache of float32 and of int8: a prompt in one chunk, a rewind into it, steps behind more tokens than one task reads, and a
/// fork, whose cache has another capacity.
#[test]
fn our_attention_gives_the_logits_of_onnx_runtimes_with_either_cache() {
    for form in [KvForm::Float, KvForm::Int8] {
        let (package, ids) = int8::with_int8_cache_of(BALANCED, form);
        let mut scene = Scene::of_package(package, Kernels::Own);
        scene.options.kv_cache = Some(form);
        let attention = scene.prepare().attention.unwrap();
        assert!(attention.is_ours && attention.nodes == 6, "{attention:?}");
        let (ours, plain) = (scene.open(), scene.plain());
        assert_eq!(ours.placement().kv_cache, form);
        let prompt: Vec<_> = ids.iter().copied().cycle().take(450).collect();
        let (mut ours, mut plain) = (ours.decoder().unwrap(), plain.decoder().unwrap());
        let mut compared = 0;
        let mut compare = |ours: &mut [f32], plain: &mut [f32]| {
            let distance = relative_rms(ours, plain);
            assert!(distance < 0.01, "{form:?}, {compared}: {distance}");
            compared += 1;
        };
        for rest in [&prompt[..], &prompt[70..], &prompt[431..]] {
            let cached = prompt.len() - rest.len();
            ours.rewind(cached);
            plain.rewind(cached);
            ours.prefill(rest).unwrap();
            plain.prefill(rest).unwrap();
            compare(ours.logits(), plain.logits());
        }
        // Beyond the first capacity, 512 tokens.
        for token in &prompt[..80] {
            ours.decode(*token).unwrap();
            plain.decode(*token).unwrap();
        }
        compare(ours.logits(), plain.logits());
        let (mut ours, mut plain) = (ours.fork().unwrap(), plain.fork().unwrap());
        ours.decode(prompt[0]).unwrap();
        plain.decode(prompt[0]).unwrap();
        compare(ours.logits(), plain.logits());
    }
}

/// Qwen3 norms its heads, so that queries, keys and values come apart.
#[test]
fn our_attention_reads_queries_keys_and_values_that_come_apart() {
    let package = TemporaryPackage::of("families/qwen3", BALANCED);
    let scene = Scene::of_package(package, Kernels::Own);
    assert!(scene.prepare().attention.unwrap().is_ours);
    let prompt: Vec<u32> = (0..40).collect();
    let [ours, plain] = [scene.open(), scene.plain()].map(|model| {
        let mut decoder = model.decoder().unwrap();
        decoder.prefill(&prompt).unwrap();
        decoder.decode(7).unwrap();
        decoder.logits().to_vec()
    });
    assert!(relative_rms(&ours, &plain) < 0.01);
}

#[test]
fn held_out_problems_are_answered_as_without_them() {
    let scene = Scene::of(BALANCED, Kernels::Own);
    scene.prepare();
    let list = fs::read_to_string(testdata("tiny-r1/heldout.jsonl")).unwrap();
    let problems: Vec<Problem> =
        list.lines().step_by(20).map(|line| serde_json::from_str(line).unwrap()).collect();
    let right = |model: &Model| {
        let mut session = model.session().unwrap();
        let options = Options { temperature: Some(0.0), max_tokens: Some(256), ..Options::default() };
        let mut is_right = |problem: &&Problem| {
            session.clear();
            let events = session.ask(&problem.prompt, &options).unwrap();
            let texts = events.filter_map(|event| match event.unwrap() {
                Event::AnswerDelta { text } => Some(text),
                _ => None,
            });
            texts.collect::<String>() == problem.answer
        };
        problems.iter().filter(|problem| is_right(problem)).count()
    };
    let (ours, plain) = (right(&scene.open()), right(&scene.plain()));
    assert_eq!(problems.len(), 100);
    assert!(ours.abs_diff(plain) <= 1, "{ours} of 100 with ours, {plain} without");
}

#[test]
fn preparing_measures_both_and_keeps_the_figures() {
    let scene = Scene::of(BALANCED, Kernels::Auto);
    let report = scene.prepare();
    assert!(report.is_new && !report.kernels.is_empty());
    for choice in &report.kernels {
        let (ours, theirs) = (choice.ours.unwrap(), choice.onnxruntime.unwrap());
        let is_time = |us: f64| us.is_finite() && us > 0.0;
        assert!([ours.token_us, ours.prompt_us, theirs.token_us, theirs.prompt_us].into_iter().all(is_time));
        assert!(choice.products > 0 && choice.k > 0 && choice.n > 0);
    }
    let model = scene.open();
    assert_eq!(model.placement().prepared, Prepared::Used);
    let is_any_ours = report.kernels.iter().any(|choice| choice.is_ours);
    // Attention is measured where there are products of ours, which it would stand beside.
    assert_eq!(report.attention.is_some(), is_any_ours);
    if let Some(attention) = &report.attention {
        assert!(attention.nodes == 6 && attention.context > 0 && attention.ours.is_some(), "{attention:?}");
    }
    assert_eq!(model.placement().kernels != KernelSet::OnnxRuntime, is_any_ours);
    assert!(relative_rms(&logits(&model), &logits(&scene.plain())) < 0.01);
    if is_any_ours {
        let again = scene.prepare();
        let both = [(again.kernels, again.attention), (report.kernels, report.attention)];
        assert_eq!(both[0], both[1], "they are in the record");
    }
}

#[test]
fn a_form_of_another_choice_is_not_used() {
    let scene = Scene::of(BALANCED, Kernels::Own);
    scene.prepare();
    for kernels in [Kernels::Off, Kernels::Auto] {
        let model = scene.open_with(&OpenOptions { kernels, ..scene.options.clone() });
        assert_eq!(model.placement().prepared, Prepared::Stale, "{kernels:?}");
        assert_eq!(model.placement().kernels, KernelSet::OnnxRuntime, "{kernels:?}");
    }
    assert_eq!(scene.open().placement().prepared, Prepared::Used);
}

/// Products of float weights are ONNX Runtime's business, so that is what is prepared.
#[test]
fn a_graph_without_products_for_our_kernels_is_prepared_without_them() {
    let scene = Scene::of(FLOAT, Kernels::Own);
    match scene.try_prepare(usize::MAX).0 {
        Ok(report) => assert!(report.kernels.is_empty(), "{report:?}"),
        Err(error) => assert!(error.to_string().contains("packs no weights"), "{error}"),
    }
    assert_eq!(scene.open().placement().kernels, KernelSet::OnnxRuntime);
}

#[test]
fn pk_19_a_damaged_form_with_our_kernels_is_not_used_and_made_anew() {
    let scene = Scene::of(BALANCED, Kernels::Own);
    scene.prepare();
    scene.check_flips();
    let good = fs::read(scene.form().join("packed.bin")).unwrap();
    scene.check_spoiled("cut off", |form| {
        fs::write(form.join("packed.bin"), &good[..good.len() / 2]).unwrap();
    });
    scene.check_spoiled("zeros", |form| fs::write(form.join("packed.bin"), vec![0; good.len()]).unwrap());
    scene
        .check_spoiled("all ones", |form| fs::write(form.join("packed.bin"), vec![255; good.len()]).unwrap());
    scene.check_spoiled("no record", |form| fs::remove_file(form.join("record.json")).unwrap());
    scene.check_spoiled("no packed file", |form| fs::remove_file(form.join("packed.bin")).unwrap());
    let record = |from: &'static str, to: &'static str| {
        move |form: &Path| {
            let text = fs::read_to_string(form.join("record.json")).unwrap();
            assert!(text.contains(from), "{from} in {text}");
            fs::write(form.join("record.json"), text.replacen(from, to, 1)).unwrap();
        }
    };
    let other = record("self_attn.qkv_proj", "self_attn.qkw_proj");
    scene.check_spoiled("a product that is not in the graph", other);
    let none = record("\\\"replaced\\\":[", "\\\"replaced\\\":[],\\\"other\\\":[");
    scene.check_spoiled("no products", none);
}

#[test]
fn a_cancelled_preparation_with_our_kernels_leaves_nothing() {
    for kernels in [Kernels::Own, Kernels::Auto] {
        Scene::of(BALANCED, kernels).check_cancelling();
    }
}
