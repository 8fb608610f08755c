//! What converters lose on the way: positions, ends of an answer, templates, licences. The table of traps in
//! `docs/quantization.md` names the tests.

use serde_json::{Value, json};
use wheelwork_package::open;
use wheelwork_quantize::Recipe;
use wheelwork_quantize::checkpoint::Checkpoint;

use crate::checkpoint::{END, HEAD_DIM, Tiny};
use crate::package::Opened;

const POSITION: usize = 100;

/// The sines of one position in a package of the checkpoint.
fn sines(tiny: &Tiny) -> Vec<f32> {
    let package = Opened::new(&tiny.quantize(&Recipe::default()).unwrap().package);
    let pairs = HEAD_DIM / 2;
    package.floats("rope.sines")[POSITION * pairs..][..pairs].to_vec()
}

fn assert_sines(found: &[f32], frequency: impl Fn(f64) -> f64) {
    for (pair, &found) in found.iter().enumerate() {
        let expected = (POSITION as f64 * frequency(2.0 * pair as f64 / HEAD_DIM as f64)).sin();
        assert!((f64::from(found) - expected).abs() < 1e-4 * expected.abs(), "{pair}: {found}, {expected}");
    }
}

#[test]
fn positions_turn_by_the_configured_theta() {
    let tiny = Tiny::qwen2().with("rope_theta", json!(1e6)).written();
    assert_sines(&sines(&tiny), |exponent| 1e6_f64.powf(-exponent));
}

/// Pairs 0 to 3 are fast, pair 4 is between, the others are slow. Expected values as transformers computes them.
#[test]
fn llama3_scaling_reaches_the_tables_from_both_forms_of_the_configuration() {
    let scaling = |kind: &str| {
        json!({kind: "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 8192})
    };
    let older = Tiny::llama().with("rope_theta", json!(5e5)).with("rope_scaling", scaling("type")).written();
    let mut parameters = scaling("rope_type");
    parameters["rope_theta"] = json!(5e5);
    let newer = Tiny::llama().with("rope_theta", Value::Null).with("rope_parameters", parameters).written();
    for tiny in [older, newer] {
        assert_sines(&sines(&tiny), |exponent| {
            let frequency = 5e5_f64.powf(-exponent);
            let wavelength = std::f64::consts::TAU / frequency;
            let smooth = ((8192.0 / wavelength - 1.0) / 3.0).clamp(0.0, 1.0);
            (1.0 - smooth) * frequency / 8.0 + smooth * frequency
        });
    }
}

/// Without `do_sample` transformers is greedy, and where it samples it keeps 50 tokens.
#[test]
fn defaults_mean_the_same_to_the_runtime_and_genai() {
    let greedy = json!({"eos_token_id": END, "temperature": 0.6, "top_p": 0.95});
    let sampled =
        json!({"eos_token_id": END, "do_sample": true, "temperature": 0.6, "repetition_penalty": 1.1});
    for (generation, do_sample, temperature) in [(greedy, false, 0.0), (sampled, true, 0.6)] {
        let mut tiny = Tiny::qwen2();
        tiny.generation_config = generation;
        tiny.write();
        let package = open(&tiny.quantize(&Recipe::default()).unwrap().package).unwrap();
        let variant = package.variant("cpu").unwrap();
        let (runtime, genai) = (variant.generation.sampling(), &variant.config.search);
        assert_eq!((runtime.temperature, genai.do_sample), (temperature, do_sample));
        assert_eq!((runtime.top_k, runtime.top_p), (genai.top_k, genai.top_p));
        assert_eq!((runtime.top_k, runtime.repetition_penalty), (50, genai.repetition_penalty));
    }
}

/// transformers reads them there too where no other file has them.
#[test]
fn defaults_in_config_json_count_where_there_is_no_generation_configuration() {
    let tiny = Tiny::qwen2().with("do_sample", json!(true)).with("top_k", json!(7)).written();
    assert_eq!(Checkpoint::open(&tiny.path()).unwrap().generation.top_k, None);
    fs_err::remove_file(tiny.file("generation_config.json")).unwrap();
    let package = open(&tiny.quantize(&Recipe::default()).unwrap().package).unwrap();
    let sampling = package.variant("cpu").unwrap().generation.sampling();
    assert_eq!((sampling.temperature, sampling.top_k), (1.0, 7));
}

#[test]
fn every_end_of_an_answer_reaches_the_card_and_the_runtime_and_genai() {
    let mut tiny = Tiny::qwen2();
    tiny.generation_config = json!({"eos_token_id": [2, END, 6]});
    tiny.write();
    let package = open(&tiny.quantize(&Recipe::default()).unwrap().package).unwrap();
    let variant = package.variant("cpu").unwrap();
    assert_eq!(package.card.as_ref().unwrap().tokens.eos, [2, END, 6]);
    assert_eq!(variant.generation.eos_token_id.as_ref().unwrap().as_slice(), [2, END, 6]);
    assert_eq!(variant.config.model.eos_token_id.as_slice(), [2, END, 6]);
}

#[test]
fn an_outdated_template_of_r1_is_warned_of_wherever_it_stands() {
    let older = "{{ bos_token }}{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}";
    let newer = older.replace("<｜Assistant｜>", "<｜Assistant｜><think>\\n");
    let warnings = |in_config: &str, in_file: Option<&str>| {
        let mut tiny = Tiny::qwen2();
        tiny.tokenizer_config["chat_template"] = json!(in_config);
        tiny.write();
        if let Some(text) = in_file {
            fs_err::write(tiny.file("chat_template.jinja"), text).unwrap();
        }
        tiny.quantize(&Recipe::default()).unwrap().card.warnings
    };
    assert!(warnings(older, None)[0].contains("tokenizer_config.json is R1's of before February 2025"));
    assert!(warnings(&newer, Some(older))[0].contains("chat_template.jinja is R1's"));
    for current in [warnings(&newer, None), warnings(older, Some(newer.as_str()))] {
        assert_eq!(current, Vec::<String>::new());
    }
}

#[test]
fn a_checkpoint_without_a_template_is_said_to_have_none() {
    let mut tiny = Tiny::qwen2();
    tiny.tokenizer_config["chat_template"] = Value::Null;
    tiny.write();
    let warnings = tiny.quantize(&Recipe::default()).unwrap().card.warnings;
    assert!(warnings[0].starts_with("there is no chat template"), "{warnings:?}");
}

#[test]
fn licences_are_copied_to_the_byte() {
    let tiny = Tiny::qwen2().written();
    for (name, text) in [("LICENSE", "MIT"), ("NOTICE.txt", "built with\r\n"), ("LICENSE-BASE.md", "# Base")]
    {
        fs_err::write(tiny.file(name), text).unwrap();
    }
    let report = tiny.quantize(&Recipe::default()).unwrap();
    assert_eq!(report.card.licences.len(), 3);
    let variant = report.package.join("cpu");
    for (stored, text) in
        [("license", "MIT"), ("notice.txt", "built with\r\n"), ("license-base.md", "# Base")]
    {
        assert_eq!(fs_err::read_to_string(variant.join(stored)).unwrap(), text);
    }
}
