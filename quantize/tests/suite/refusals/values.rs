//! Weights, configuration and tokenizer: rows CK-10 to CK-18.

use serde_json::json;
use wheelwork_diagnostic::Diagnostic;
use wheelwork_package::tokenizer_file::{TokenizerFault, TokenizerFileError};
use wheelwork_quantize::checkpoint::{CheckpointError, ConfigError, HeaderFault};
use wheelwork_quantize::scheme::BlockSize;
use wheelwork_quantize::{QuantizeError, Recipe, RequestError, recipe};

use super::{checkpoint_error, checkpoint_refusal, config_error, config_refusal, header_fault};
use crate::assert_matches::assert_matches;
use crate::checkpoint::{END, Tensor, Tiny, VOCAB};

const QUERY: &str = "model.layers.1.self_attn.q_proj.weight";

#[test]
fn ck_10_the_first_weight_that_is_no_number_is_named() {
    for (value, recipe) in [(f32::NAN, recipe::BALANCED), (f32::INFINITY, recipe::FLOAT)] {
        for tensor in [QUERY, "model.norm.weight", "model.layers.0.self_attn.k_proj.bias", "lm_head.weight"] {
            let mut tiny = Tiny::qwen2();
            let spoilt = tiny.tensors.get_mut(tensor).unwrap();
            spoilt.put(17, value);
            spoilt.put(23, f32::NAN);
            tiny.write();
            let error = tiny.quantize(&recipe).unwrap_err();
            assert_eq!(tiny.siblings(), ["tiny"]);
            assert_matches!(
                checkpoint_error(error),
                CheckpointError::NonFinite { tensor: named, index: 17, .. } if named == tensor
            );
        }
    }
}

#[test]
fn ck_12_contradictions_between_configuration_and_tensors_are_refused() {
    for (field, value) in [
        ("num_attention_heads", 2),
        ("num_key_value_heads", 4),
        ("intermediate_size", 128),
        ("vocab_size", 48),
    ] {
        assert_matches!(
            checkpoint_refusal(Tiny::qwen2().with("head_dim", json!(16)).with(field, json!(value))),
            CheckpointError::TensorShape { found, expected, .. } if found != expected,
            "{field}"
        );
    }
}

#[test]
fn ck_12_another_number_of_layers_is_refused_with_both_values() {
    for layers in [1, 3] {
        assert_matches!(
            config_refusal(Tiny::qwen2().with("num_hidden_layers", json!(layers))),
            ConfigError::Contradiction { field, value, other, .. }
                if field == "num_hidden_layers" && value == layers.to_string() && other == "2"
        );
    }
}

#[test]
fn ck_12_a_token_without_a_row_is_refused() {
    let mut tiny = Tiny::qwen2();
    tiny.generation_config["eos_token_id"] = json!([END, VOCAB]);
    assert_matches!(
        config_refusal(tiny),
        ConfigError::Contradiction { field, other, .. } if field == "vocab_size" && other == "40"
    );

    let rows = 5;
    let tiny = Tiny::qwen2()
        .with("vocab_size", json!(rows))
        .with_tensor("model.embed_tokens.weight", &[rows, 64])
        .with_tensor("lm_head.weight", &[rows, 64]);
    assert_matches!(
        config_refusal(tiny),
        ConfigError::Contradiction { field, other, .. } if field == "vocab_size" && other == "6"
    );
}

#[test]
fn ck_12_a_tied_projection_that_exists_is_refused() {
    assert_matches!(
        config_refusal(Tiny::qwen2().with("tie_word_embeddings", json!(true))),
        ConfigError::Contradiction { field, .. } if field == "tie_word_embeddings"
    );
}

#[test]
fn ck_14_sizes_out_of_range_are_refused() {
    for (field, value) in [
        ("hidden_size", json!(0)),
        ("hidden_size", json!(-64)),
        ("hidden_size", json!(1_u64 << 40)),
        ("intermediate_size", json!(0)),
        ("num_hidden_layers", json!(1_000_000_000)),
        ("num_hidden_layers", json!(0)),
        ("num_attention_heads", json!(0)),
        ("num_key_value_heads", json!(0)),
        ("head_dim", json!(8)),
        ("vocab_size", json!(1)),
        ("max_position_embeddings", json!(0)),
        ("rms_norm_eps", json!(0.0)),
        ("rms_norm_eps", json!(-1e-6)),
        ("rope_theta", json!(0.0)),
        ("rope_theta", json!(1e300)),
    ] {
        let error = config_refusal(Tiny::qwen2().with(field, value.clone()));
        assert_matches!(&error, ConfigError::OutOfRange { field: named, .. } if named == field, "{value}");
        assert!(error.place().unwrap().ends_with(&format!("config.json: {field}")));
    }
}

#[test]
fn ck_14_numbers_that_json_does_not_have_are_refused() {
    let tiny = Tiny::qwen2().written();
    for number in ["NaN", "Infinity", "1e999"] {
        let text = tiny.config.to_string().replace("10000.0", number);
        fs_err::write(tiny.file("config.json"), text).unwrap();
        let error = checkpoint_error(tiny.refusal());
        assert_matches!(&error, CheckpointError::Json { path, .. } if path.ends_with("config.json"));
    }
}

#[test]
fn ck_14_heads_that_do_not_divide_are_refused() {
    let qwen2 = |field: &str, value: usize| Tiny::qwen2().with(field, json!(value));
    for (tiny, expected) in [
        (qwen2("num_key_value_heads", 3), "num_attention_heads"),
        (qwen2("num_attention_heads", 3).with("num_key_value_heads", json!(3)), "hidden_size"),
    ] {
        let error = config_refusal(tiny);
        assert_matches!(error, ConfigError::Contradiction { field, .. } if field == expected);
    }
    let error = config_refusal(qwen2("head_dim", 24));
    assert_matches!(error, ConfigError::Unsupported { field, .. } if field == "head_dim");
}

#[test]
fn ck_14_features_that_would_change_the_graph_are_refused_by_name() {
    let yarn = json!({"rope_type": "yarn", "factor": 4.0});
    for (field, value, named) in [
        ("hidden_act", json!("gelu"), "hidden_act"),
        ("attention_bias", json!(true), "attention_bias"),
        ("mlp_bias", json!(true), "mlp_bias"),
        ("use_sliding_window", json!(true), "use_sliding_window"),
        ("layer_types", json!(["full_attention", "sliding_attention"]), "layer_types"),
        ("partial_rotary_factor", json!(0.5), "partial_rotary_factor"),
        ("rope_scaling", yarn.clone(), "rope_scaling.rope_type"),
        ("rope_scaling", json!({"type": "yarn", "rope_type": "yarn"}), "rope_scaling.rope_type"),
        ("rope_scaling", json!({"type": "dynamic"}), "rope_scaling.type"),
        ("rope_parameters", yarn, "rope_parameters.rope_type"),
    ] {
        let error = config_refusal(Tiny::qwen2().with(field, value));
        assert_matches!(error, ConfigError::Unsupported { field, .. } if field == named);
    }
}

#[test]
fn ck_14_an_unknown_architecture_is_told_the_known_ones() {
    let tiny = Tiny::qwen2().with("architectures", json!(["MambaForCausalLM"])).written();
    let error = tiny.refusal();
    for name in ["MambaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "LlamaForCausalLM"] {
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_matches!(config_error(error), ConfigError::UnknownArchitecture { .. });
}

fn tokenizer_refusal(tiny: Tiny) -> TokenizerFault {
    match tiny.written().refusal() {
        QuantizeError::Tokenizer(TokenizerFileError::Broken { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ck_15_a_merge_of_an_unknown_token_is_refused() {
    let mut tiny = Tiny::qwen2();
    tiny.tokenizer["model"]["merges"] = json!(["a b", "ab c"]);
    assert_matches!(tokenizer_refusal(tiny), TokenizerFault::MergeOfUnknown { index: 1, .. });
}

#[test]
fn ck_16_a_malformed_byte_escape_is_refused() {
    let mut tiny = Tiny::qwen2();
    tiny.tokenizer["model"]["vocab"]["<0x-1>"] = json!(7);
    assert_matches!(tokenizer_refusal(tiny), TokenizerFault::MalformedByteEscape { .. });
}

#[test]
fn ck_18_unsupported_element_types_are_refused_by_name() {
    for (dtype, name, bytes) in [(safetensors::Dtype::F64, "F64", 8), (safetensors::Dtype::I32, "I32", 4)] {
        let mut tiny = Tiny::qwen2();
        let shape = tiny.tensors[QUERY].shape.clone();
        let bytes = vec![0; shape.iter().product::<usize>() * bytes];
        tiny.tensors.insert(QUERY.into(), Tensor { dtype, shape, bytes });
        assert_matches!(
            checkpoint_refusal(tiny),
            CheckpointError::UnsupportedDtype { tensor, dtype, .. } if tensor == QUERY && dtype == name
        );
    }
    let fault = header_fault(r#"{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}"#, &[0]);
    assert_eq!(fault, HeaderFault::UnknownDtype { tensor: "a".into(), dtype: "F4".into() });
}

/// A checkpoint whose MLP has so many elements.
fn with_inner(tiny: Tiny, inner: usize) -> Tiny {
    let mut tiny = tiny.with("intermediate_size", json!(inner));
    for layer in 0..2 {
        let name = |rest: &str| format!("model.layers.{layer}.mlp.{rest}.weight");
        tiny.random(&name("gate_proj"), &[inner, 64]);
        tiny.random(&name("up_proj"), &[inner, 64]);
        tiny.random(&name("down_proj"), &[64, inner]);
    }
    tiny.written()
}

#[test]
fn ck_25_rows_that_no_blocks_fill_are_refused() {
    let tiny = with_inner(Tiny::qwen2(), 72);
    let error = tiny.refusal();
    assert_matches!(
        error,
        QuantizeError::Request(RequestError::BlockSize { columns: 72, block_size: 32, .. })
    );
    tiny.quantize(&Recipe::named("float").unwrap()).unwrap();
}

#[test]
fn ck_25_blocks_that_do_not_fill_the_rows_become_smaller_and_that_is_said() {
    for tiny in [with_inner(Tiny::qwen2(), 80), with_inner(Tiny::tied(), 80)] {
        for size in BlockSize::ALL {
            let card = tiny.quantize(&recipe::BALANCED.with_block_size(size)).unwrap().card;
            for tensor in &card.quantization.tensors {
                let columns = if tensor.name.ends_with("down_proj.weight") { 80 } else { 64 };
                assert!(columns % tensor.block_size == 0 && tensor.block_size <= 64, "{tensor:?}");
            }
            let said = card.warnings.iter().filter(|warning| warning.starts_with("blocks of ")).count();
            let size = usize::from(size);
            assert_eq!(said, usize::from(size > 16) + usize::from(size > 64), "{size}: {:?}", card.warnings);
        }
    }
}
