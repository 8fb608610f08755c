//! Settings that contradict each other, have a wrong type or mean what the runtime does not have: rows CK-14, CK-21 and
//! CK-22.

use serde_json::json;
use wheelwork_quantize::checkpoint::{Checkpoint, ConfigError};

use super::{config_error, config_refusal};
use crate::assert_matches::assert_matches;
use crate::checkpoint::{END, Tiny};

#[test]
fn ck_14_a_wrong_type_names_field_value_and_what_is_allowed() {
    for (field, value, message) in [
        ("hidden_size", json!("64"), "sets hidden_size to \"64\", expected a whole number"),
        ("num_hidden_layers", json!(2.5), "sets num_hidden_layers to 2.5, expected a whole number"),
        ("rope_theta", json!([1]), "sets rope_theta to [1], expected a number"),
        ("tie_word_embeddings", json!("no"), "sets tie_word_embeddings to \"no\", expected true or false"),
        ("rope_scaling", json!("yarn"), "sets rope_scaling to \"yarn\", expected an object"),
        ("architectures", json!("Qwen2ForCausalLM"), "to \"Qwen2ForCausalLM\", expected a list of texts"),
        ("rope_scaling", json!({"type": 1}), "sets rope_scaling.type to 1, expected a text"),
    ] {
        let error = Tiny::qwen2().with(field, value).written().refusal();
        assert!(error.to_string().ends_with(message), "{error}");
        assert_matches!(config_error(error), ConfigError::WrongValue { .. });
    }
}

#[test]
fn ck_22_sampling_that_the_runtime_does_not_have_is_refused_by_file_and_field() {
    for (field, value) in [
        ("top_k", json!(-1)),
        ("top_k", json!(20.0)),
        ("top_p", json!(1.5)),
        ("top_p", json!("0.9")),
        ("min_p", json!(-0.1)),
        ("temperature", json!(0.0)),
        ("temperature", json!(-1)),
        ("repetition_penalty", json!(0)),
        ("do_sample", json!("true")),
        ("eos_token_id", json!(-1)),
        ("eos_token_id", json!([END, -1])),
        ("bos_token_id", json!(1.5)),
        ("num_beams", json!(4)),
        ("no_repeat_ngram_size", json!(3)),
        ("suppress_tokens", json!([1])),
    ] {
        let mut tiny = Tiny::qwen2();
        tiny.generation_config["do_sample"] = json!(true);
        tiny.generation_config[field] = value.clone();
        tiny.write();
        let error = tiny.refusal();
        let named = format!("generation_config.json` sets {field} to {value}, expected ");
        assert!(error.to_string().contains(&named), "{error}");
        assert_matches!(config_error(error), ConfigError::WrongValue { .. });
    }
}

#[test]
fn ck_21_two_spellings_that_agree_are_one_setting() {
    let llama3 = json!({"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                        "original_max_position_embeddings": 32, "rope_type": "llama3"});
    let with = |field: &str, value| {
        let mut all = llama3.clone();
        all[field] = value;
        all
    };
    let opened = |fields: &[(&str, serde_json::Value)]| {
        let with = |tiny: Tiny, (field, value): &(&str, serde_json::Value)| tiny.with(field, value.clone());
        let tiny = fields.iter().fold(Tiny::llama(), with).written();
        Checkpoint::open(&tiny.path()).unwrap().config.rope
    };
    let plain = opened(&[]);
    let scaled = opened(&[("rope_scaling", llama3.clone())]);
    assert!(scaled.scaling.is_some_and(|scaling| scaling.factor == 8.0) && plain.scaling.is_none());
    assert_eq!(opened(&[("rope_scaling", json!({"type": "default", "rope_type": "default"}))]), plain);
    assert_eq!(opened(&[("rope_scaling", with("type", json!("llama3")))]), scaled);
    assert_eq!(opened(&[("rope_parameters", with("rope_theta", json!(10000.0)))]), scaled);
    assert_eq!(opened(&[("rope_parameters", llama3.clone()), ("rope_scaling", llama3.clone())]), scaled);
    assert_eq!(
        opened(&[("rope_parameters", json!({"rope_theta": 5.0})), ("rope_theta", json!(null))]).theta,
        5.0
    );
}

#[test]
fn ck_21_two_spellings_that_differ_are_named() {
    let llama3 =
        json!({"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "rope_type": "llama3"});
    let parameters = json!({"rope_theta": 10000.0, "rope_type": "default"});
    let theta = json!({"rope_theta": 500.0});
    let mut other_factor = llama3.clone();
    other_factor["factor"] = json!(4.0);
    for (fields, named) in [
        (
            vec![("rope_scaling", json!({"type": "yarn", "rope_type": "default"}))],
            ["rope_scaling.rope_type", "rope_scaling.type"],
        ),
        (
            vec![("rope_parameters", parameters.clone()), ("rope_scaling", llama3.clone())],
            ["rope_parameters.rope_type", "rope_scaling.rope_type"],
        ),
        (
            vec![("rope_parameters", llama3), ("rope_scaling", other_factor)],
            ["rope_parameters.factor", "rope_scaling.factor"],
        ),
        (vec![("rope_parameters", theta.clone())], ["rope_theta", "rope_parameters.rope_theta"]),
        // transformers reads `rope_scaling` alone, and so its default.
        (
            vec![
                ("rope_theta", json!(null)),
                ("rope_parameters", theta),
                ("rope_scaling", json!({"type": "default"})),
            ],
            ["rope_parameters.rope_theta", "rope_scaling.rope_theta"],
        ),
        (vec![("model_type", json!("qwen3"))], ["architectures", "model_type"]),
    ] {
        let tiny = fields.into_iter().fold(Tiny::llama(), |tiny, (field, value)| tiny.with(field, value));
        assert_matches!(
            config_refusal(tiny),
            ConfigError::ContradictsItself { field, other_field, .. } if [&field, &other_field] == named
        );
    }
    // What is not supported is refused by its name, whatever stands beside it.
    let yarn = json!({"rope_type": "yarn", "factor": 4.0});
    let tiny = Tiny::llama().with("rope_parameters", parameters).with("rope_scaling", yarn);
    assert_matches!(config_refusal(tiny), ConfigError::Unsupported { found, .. } if found == "yarn");
}
