//! Checkpoints that must be refused: rows CK-01 to CK-19 of the reliability reference, each by its id. Every test
//! also holds that nothing is left behind.

use serde_json::json;
use wheelwork_package::Diagnostic;
use wheelwork_package::tokenizer_file::{TokenizerFault, TokenizerFileError};
use wheelwork_quantize::checkpoint::{CheckpointError, ConfigError, HEADER_BYTES_LIMIT, HeaderFault, TENSORS_LIMIT};
use wheelwork_quantize::{Options, QuantizeError, Recipe, RequestError, quantize, recipe};

use crate::checkpoint::{END, Tensor, Tiny, VOCAB, raw_safetensors};

const QUERY: &str = "model.layers.1.self_attn.q_proj.weight";

/// The rule of the format that a file with this header and data breaks.
fn header_fault(header: &str, data: &[u8]) -> HeaderFault {
    let tiny = Tiny::qwen2();
    tiny.write();
    raw_safetensors(&tiny.file("model.safetensors"), header, data);
    fault_of(tiny.refusal())
}

fn fault_of(error: QuantizeError) -> HeaderFault {
    match error {
        QuantizeError::Checkpoint(CheckpointError::Header { path, fault }) => {
            assert!(path.ends_with("model.safetensors"));
            fault
        }
        other => panic!("expected a header fault, got {other:?}"),
    }
}

fn checkpoint_error(error: QuantizeError) -> CheckpointError {
    assert!(!error.remedy().is_empty());
    match error {
        QuantizeError::Checkpoint(error) => error,
        other => panic!("expected a checkpoint error, got {other:?}"),
    }
}

fn config_error(error: QuantizeError) -> ConfigError {
    assert!(!error.remedy().is_empty());
    match error {
        QuantizeError::Config(error) => error,
        other => panic!("expected a configuration error, got {other:?}"),
    }
}

#[test]
fn ck_01_a_header_longer_than_its_file_is_refused() {
    let tiny = Tiny::qwen2();
    tiny.write();
    for length in [100, 1 << 63, u64::MAX] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(b"{}");
        fs_err::write(tiny.file("model.safetensors"), bytes).unwrap();
        assert_eq!(fault_of(tiny.refusal()), HeaderFault::InvalidHeaderLength { length, file: 10 });
    }
    fs_err::write(tiny.file("model.safetensors"), [1, 2, 3]).unwrap();
    assert_eq!(fault_of(tiny.refusal()), HeaderFault::InvalidHeaderLength { length: 0, file: 3 });
}

#[test]
fn ck_02_a_giant_header_is_refused_unread() {
    let tiny = Tiny::qwen2();
    tiny.write();
    let length = 99 << 20;
    let path = tiny.file("model.safetensors");
    fs_err::write(&path, u64::to_le_bytes(length)).unwrap();
    fs_err::OpenOptions::new().write(true).open(&path).unwrap().set_len(length + 8).unwrap();
    assert_eq!(fault_of(tiny.refusal()), HeaderFault::HeaderTooLarge { length, limit: HEADER_BYTES_LIMIT });
}

#[test]
fn ck_02_too_many_tensors_are_refused() {
    let entries: Vec<_> = (0..=TENSORS_LIMIT)
        .map(|index| format!(r#""{index}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#))
        .collect();
    let header = format!("{{{}}}", entries.join(","));
    assert!((header.len() as u64) < HEADER_BYTES_LIMIT);
    let expected = HeaderFault::TooManyTensors { tensors: TENSORS_LIMIT + 1, limit: TENSORS_LIMIT };
    assert_eq!(header_fault(&header, &[]), expected);
}

#[test]
fn ck_02_deep_nesting_is_refused() {
    for start in [r#"{"__metadata__":"#, r#"{"a":"#, ""] {
        let header = format!("{start}{}", "[".repeat(1 << 20));
        assert!(matches!(header_fault(&header, &[]), HeaderFault::NotAHeader { .. }));
    }
}

#[test]
fn ck_02_a_shape_of_a_million_sizes_is_refused() {
    let header =
        format!(r#"{{"a":{{"dtype":"F32","shape":[{}1],"data_offsets":[0,4]}}}}"#, "1,".repeat(1 << 20));
    assert!(matches!(header_fault(&header, &[0; 4]), HeaderFault::NotAHeader { .. }));
}

#[test]
fn ck_03_overlapping_offsets_are_refused() {
    let entries: Vec<_> = (0..1000)
        .map(|index| format!(r#""t{index}":{{"dtype":"F32","shape":[16],"data_offsets":[0,64]}}"#))
        .collect();
    let fault = header_fault(&format!("{{{}}}", entries.join(",")), &[0; 64]);
    assert!(matches!(fault, HeaderFault::OverlappingOffsets { begin: 0, filled: 64, .. }), "{fault:?}");

    let fault = header_fault(
        r#"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[7,15]}}"#,
        &[0; 15],
    );
    assert_eq!(fault, HeaderFault::OverlappingOffsets { tensor: "b".into(), begin: 7, filled: 8 });
}

#[test]
fn ck_04_bytes_that_belong_to_no_tensor_are_refused() {
    let gap = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[6,10]}}"#;
    assert_eq!(header_fault(gap, &[0; 10]), HeaderFault::IncompleteBuffer { from: 4, to: 6 });
    let rest = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#;
    assert_eq!(header_fault(rest, b"abcdPK\x03\x04"), HeaderFault::IncompleteBuffer { from: 4, to: 8 });
}

#[test]
fn ck_05_a_tensor_past_the_end_is_refused_by_name() {
    let fault = header_fault(r#"{"far":{"dtype":"U8","shape":[100],"data_offsets":[0,100]}}"#, &[0; 99]);
    assert_eq!(fault, HeaderFault::PastEnd { tensor: "far".into(), end: 100, data: 99 });
    let fault = header_fault(r#"{"back":{"dtype":"U8","shape":[0],"data_offsets":[8,4]}}"#, &[0; 8]);
    assert_eq!(fault, HeaderFault::BackwardOffsets { tensor: "back".into(), begin: 8, end: 4 });
}

#[test]
fn ck_06_a_shape_that_does_not_give_the_bytes_is_refused() {
    let fault = header_fault(r#"{"a":{"dtype":"F32","shape":[3,2],"data_offsets":[0,20]}}"#, &[0; 20]);
    assert!(matches!(fault, HeaderFault::ShapeMismatch { needed: 24, present: 20, .. }), "{fault:?}");
}

#[test]
fn ck_06_a_shape_that_overflows_is_refused() {
    let large = (1_u64 << 42) + 1;
    for shape in [vec![large, large], vec![u64::MAX, 2], vec![1 << 62, 4]] {
        let header = format!(r#"{{"a":{{"dtype":"F32","shape":{shape:?},"data_offsets":[0,4]}}}}"#);
        assert_eq!(
            header_fault(&header, &[0; 4]),
            HeaderFault::ValidationOverflow { tensor: "a".into(), shape }
        );
    }
}

#[test]
fn ck_07_a_name_twice_in_one_header_is_refused() {
    let fault = header_fault(
        r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#,
        &[0; 8],
    );
    assert_eq!(fault, HeaderFault::DuplicateTensor { tensor: "a".into() });
}

#[test]
fn ck_07_a_name_in_two_shards_is_refused() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded().write_weights("layers.safetensors", |name| name.contains(".layers.") || name == "lm_head.weight");
    match checkpoint_error(tiny.refusal()) {
        CheckpointError::ShardMismatch { missing, extra, .. } => {
            assert_eq!(extra, ["lm_head.weight (layers.safetensors)"]);
            assert!(missing.is_empty());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ck_07_a_name_twice_in_the_index_is_refused() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded();
    let index = r#"{"weight_map": {"a": "layers.safetensors", "a": "rest.safetensors"}}"#;
    fs_err::write(tiny.file("model.safetensors.index.json"), index).unwrap();
    let error = checkpoint_error(tiny.refusal());
    assert!(matches!(&error, CheckpointError::DuplicateInIndex { tensor, .. } if tensor == "a"), "{error:?}");
}

#[test]
fn ck_08_all_missing_shards_are_named() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded();
    fs_err::remove_file(tiny.file("layers.safetensors")).unwrap();
    fs_err::remove_file(tiny.file("rest.safetensors")).unwrap();
    let error = tiny.refusal();
    assert!(error.to_string().ends_with("layers.safetensors, rest.safetensors"), "{error}");
    assert!(matches!(checkpoint_error(error), CheckpointError::MissingShards { .. }));
}

#[test]
fn ck_08_all_tensors_that_a_shard_lacks_are_named() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded().write_weights("rest.safetensors", |name| name == "model.norm.weight");
    match checkpoint_error(tiny.refusal()) {
        CheckpointError::ShardMismatch { missing, extra, .. } => {
            let expected = ["lm_head.weight (rest.safetensors)", "model.embed_tokens.weight (rest.safetensors)"];
            assert_eq!(missing, expected);
            assert!(extra.is_empty());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ck_08_all_tensors_that_the_checkpoint_lacks_are_named() {
    let mut tiny = Tiny::qwen2();
    tiny.tensors.remove("model.norm.weight");
    tiny.tensors.remove("model.layers.0.mlp.up_proj.weight");
    tiny.write();
    match checkpoint_error(tiny.refusal()) {
        CheckpointError::MissingTensors { missing } => {
            assert_eq!(missing, ["model.layers.0.mlp.up_proj.weight", "model.norm.weight"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ck_08_tensors_that_the_architecture_lacks_are_named() {
    let mut tiny = Tiny::qwen2();
    tiny.random("model.layers.0.self_attn.sinks", &[4]);
    tiny.write();
    match checkpoint_error(tiny.refusal()) {
        CheckpointError::UnexpectedTensors { extra } => assert_eq!(extra, ["model.layers.0.self_attn.sinks"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn ck_09_file_names_with_a_path_are_refused() {
    for name in ["../../x", "/etc/passwd", "a/b", "..", "", ".hidden", "C:x", "a\\b", "nul\0", "é.safetensors"] {
        let tiny = Tiny::qwen2();
        tiny.write_sharded().write_index(|_| name);
        let error = checkpoint_error(tiny.refusal());
        assert!(matches!(error, CheckpointError::NotAFileName { .. }), "{name:?}: {error:?}");
    }
}

#[cfg(unix)]
#[test]
fn ck_09_links_pipes_and_folders_are_refused() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    for name in ["model.safetensors", "config.json", "tokenizer.json", "generation_config.json"] {
        let tiny = Tiny::qwen2();
        tiny.write();
        let path = tiny.file(name);
        let moved = tiny.file("moved");
        fs_err::rename(&path, &moved).unwrap();

        fs_err::os::unix::fs::symlink(&moved, &path).unwrap();
        let error = checkpoint_error(tiny.refusal());
        assert!(matches!(error, CheckpointError::NotARegularFile { kind: "a symbolic link", .. }), "{error:?}");
        fs_err::remove_file(&path).unwrap();

        fs_err::hard_link(&moved, &path).unwrap();
        let error = checkpoint_error(tiny.refusal());
        assert!(matches!(error, CheckpointError::HardLink { links: 2, .. }), "{error:?}");
        fs_err::remove_file(&path).unwrap();

        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let error = checkpoint_error(tiny.refusal());
        assert!(matches!(error, CheckpointError::NotARegularFile { .. }), "{error:?}");
        fs_err::remove_file(&path).unwrap();

        fs_err::create_dir(&path).unwrap();
        let error = checkpoint_error(tiny.refusal());
        assert!(matches!(error, CheckpointError::NotARegularFile { kind: "a folder", .. }), "{error:?}");
    }
}

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
            match checkpoint_error(error) {
                CheckpointError::NonFinite { tensor: named, index, .. } => assert_eq!((named.as_str(), index), (tensor, 17)),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn ck_12_contradictions_between_configuration_and_tensors_are_refused() {
    for (field, value) in [("num_attention_heads", 2), ("num_key_value_heads", 4), ("intermediate_size", 128), ("vocab_size", 48)] {
        let mut tiny = Tiny::qwen2();
        tiny.set("head_dim", json!(16)).set(field, json!(value)).write();
        let error = checkpoint_error(tiny.refusal());
        assert!(matches!(&error, CheckpointError::TensorShape { found, expected, .. } if found != expected), "{field}: {error:?}");
    }
}

#[test]
fn ck_12_another_number_of_layers_is_refused_with_both_values() {
    for layers in [1, 3] {
        let mut tiny = Tiny::qwen2();
        tiny.set("num_hidden_layers", json!(layers)).write();
        match config_error(tiny.refusal()) {
            ConfigError::Contradiction { field: "num_hidden_layers", value, other, .. } => {
                assert_eq!((value, other), (layers.to_string(), "2".to_owned()));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn ck_12_a_token_without_a_row_is_refused() {
    let mut tiny = Tiny::qwen2();
    tiny.generation_config["eos_token_id"] = json!([END, VOCAB]);
    tiny.write();
    let error = config_error(tiny.refusal());
    assert!(matches!(&error, ConfigError::Contradiction { field: "vocab_size", other, .. } if other == "40"), "{error:?}");

    let mut tiny = Tiny::qwen2();
    let rows = 5;
    tiny.set("vocab_size", json!(rows));
    tiny.random("model.embed_tokens.weight", &[rows, 64]);
    tiny.random("lm_head.weight", &[rows, 64]);
    tiny.write();
    let error = config_error(tiny.refusal());
    assert!(matches!(&error, ConfigError::Contradiction { field: "vocab_size", other, .. } if other == "6"), "{error:?}");
}

#[test]
fn ck_12_a_tied_projection_that_exists_is_refused() {
    let mut tiny = Tiny::qwen2();
    tiny.set("tie_word_embeddings", json!(true)).write();
    let error = config_error(tiny.refusal());
    assert!(matches!(error, ConfigError::Contradiction { field: "tie_word_embeddings", .. }), "{error:?}");
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
        let mut tiny = Tiny::qwen2();
        tiny.set(field, value.clone()).write();
        let error = config_error(tiny.refusal());
        assert!(
            matches!(&error, ConfigError::OutOfRange { field: named, .. } if *named == field),
            "{field} = {value}: {error:?}"
        );
        assert!(error.place().unwrap().ends_with(&format!("config.json: {field}")));
    }
}

#[test]
fn ck_14_numbers_that_json_does_not_have_are_refused() {
    let tiny = Tiny::qwen2();
    tiny.write();
    for number in ["NaN", "Infinity", "1e999"] {
        let text = tiny.config.to_string().replace("10000.0", number);
        fs_err::write(tiny.file("config.json"), text).unwrap();
        let error = checkpoint_error(tiny.refusal());
        assert!(matches!(&error, CheckpointError::Json { path, .. } if path.ends_with("config.json")), "{error:?}");
    }
}

#[test]
fn ck_14_heads_that_do_not_divide_are_refused() {
    let mut tiny = Tiny::qwen2();
    tiny.set("num_key_value_heads", json!(3)).write();
    let error = config_error(tiny.refusal());
    assert!(matches!(error, ConfigError::Contradiction { field: "num_attention_heads", .. }), "{error:?}");

    let mut tiny = Tiny::qwen2();
    tiny.set("num_attention_heads", json!(3)).set("num_key_value_heads", json!(3)).write();
    let error = config_error(tiny.refusal());
    assert!(matches!(error, ConfigError::Contradiction { field: "hidden_size", .. }), "{error:?}");

    let mut tiny = Tiny::qwen2();
    tiny.set("head_dim", json!(24)).write();
    let error = config_error(tiny.refusal());
    assert!(matches!(error, ConfigError::Unsupported { field: "head_dim", .. }), "{error:?}");
}

#[test]
fn ck_14_features_that_would_change_the_graph_are_refused_by_name() {
    let yarn = json!({"rope_type": "yarn", "factor": 4.0});
    for (field, value, named) in [
        ("hidden_act", json!("gelu"), "hidden_act"),
        ("attention_bias", json!(true), "attention_bias"),
        ("mlp_bias", json!(true), "mlp_bias"),
        ("use_sliding_window", json!(true), "use_sliding_window"),
        ("rope_scaling", yarn.clone(), "rope_scaling.rope_type"),
        ("rope_parameters", yarn, "rope_scaling.rope_type"),
    ] {
        let mut tiny = Tiny::qwen2();
        tiny.set(field, value).write();
        let error = config_error(tiny.refusal());
        assert!(matches!(&error, ConfigError::Unsupported { field, .. } if *field == named), "{error:?}");
    }
}

#[test]
fn ck_14_an_unknown_architecture_is_told_the_known_ones() {
    let mut tiny = Tiny::qwen2();
    tiny.set("architectures", json!(["MambaForCausalLM"])).write();
    let error = tiny.refusal();
    for name in ["MambaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "LlamaForCausalLM"] {
        assert!(error.to_string().contains(name), "{error}");
    }
    assert!(matches!(config_error(error), ConfigError::UnknownArchitecture { .. }));
}

#[test]
fn ck_15_a_merge_of_an_unknown_token_is_refused() {
    let mut tiny = Tiny::qwen2();
    tiny.tokenizer["model"]["merges"] = json!(["a b", "ab c"]);
    tiny.write();
    match tiny.refusal() {
        QuantizeError::Tokenizer(TokenizerFileError::Broken { fault, .. }) => {
            assert!(matches!(fault, TokenizerFault::MergeOfUnknown { index: 1, .. }), "{fault:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ck_16_a_malformed_byte_escape_is_refused() {
    let mut tiny = Tiny::qwen2();
    tiny.tokenizer["model"]["vocab"]["<0x-1>"] = json!(7);
    tiny.write();
    match tiny.refusal() {
        QuantizeError::Tokenizer(TokenizerFileError::Broken { fault, .. }) => {
            assert!(matches!(fault, TokenizerFault::MalformedByteEscape { .. }), "{fault:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ck_18_unsupported_element_types_are_refused_by_name() {
    for (dtype, name, bytes) in [(safetensors::Dtype::F64, "F64", 8), (safetensors::Dtype::I32, "I32", 4)] {
        let mut tiny = Tiny::qwen2();
        let shape = tiny.tensors[QUERY].shape.clone();
        let bytes = vec![0; shape.iter().product::<usize>() * bytes];
        tiny.tensors.insert(QUERY.into(), Tensor { dtype, shape, bytes });
        tiny.write();
        match checkpoint_error(tiny.refusal()) {
            CheckpointError::UnsupportedDtype { tensor, dtype, .. } => assert_eq!((tensor.as_str(), dtype), (QUERY, name)),
            other => panic!("{other:?}"),
        }
    }
    let fault = header_fault(r#"{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}"#, &[0]);
    assert_eq!(fault, HeaderFault::UnknownDtype { tensor: "a".into(), dtype: "F4".into() });
}

#[test]
fn ck_18_a_quantised_checkpoint_is_refused_by_its_method() {
    let mut tiny = Tiny::qwen2();
    tiny.set("quantization_config", json!({"quant_method": "gptq", "bits": 4})).write();
    let error = checkpoint_error(tiny.refusal());
    assert!(matches!(&error, CheckpointError::AlreadyQuantized { method, .. } if method == "gptq"), "{error:?}");

    let mut tiny = Tiny::qwen2();
    tiny.random("model.layers.0.mlp.up_proj.qweight", &[4]);
    tiny.write();
    let error = checkpoint_error(tiny.refusal());
    assert!(matches!(&error, CheckpointError::AlreadyQuantized { method, .. } if method.contains("GPTQ")), "{error:?}");
}

#[cfg(unix)]
#[test]
fn ck_18_a_pickle_is_refused_unopened() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let tiny = Tiny::qwen2();
    tiny.write_descriptions();
    assert!(matches!(checkpoint_error(tiny.refusal()), CheckpointError::NoWeights { .. }));
    // Opening a pipe that nobody writes to would never return.
    mknodat(CWD, tiny.file("pytorch_model.bin"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let error = checkpoint_error(tiny.refusal());
    assert!(matches!(error, CheckpointError::OtherFormat { format: "a PyTorch pickle", .. }), "{error:?}");
}

#[test]
fn ck_19_an_output_in_or_around_the_checkpoint_is_refused() {
    let tiny = Tiny::qwen2();
    tiny.write();
    let before = tiny.siblings();
    let around = tiny.path().parent().unwrap().to_owned();
    for out in [tiny.path(), tiny.file("out.ortpackage"), tiny.path().join("../tiny/out"), around] {
        let options = Options { overwrite: true, ..Options::default() };
        let error = quantize(&tiny.path(), &out, &options, &()).unwrap_err();
        assert!(matches!(error, QuantizeError::Request(RequestError::OverlapsCheckpoint { .. })), "{error:?}");
    }
    assert_eq!(tiny.siblings(), before);
    assert_eq!(fs_err::read_dir(tiny.path()).unwrap().count(), 5);
}

#[test]
fn blocks_that_do_not_fill_the_rows_are_refused() {
    let mut tiny = Tiny::qwen2();
    let inner = 80;
    tiny.set("intermediate_size", json!(inner));
    for layer in 0..2 {
        let name = |rest: &str| format!("model.layers.{layer}.mlp.{rest}.weight");
        tiny.random(&name("gate_proj"), &[inner, 64]);
        tiny.random(&name("up_proj"), &[inner, 64]);
        tiny.random(&name("down_proj"), &[64, inner]);
    }
    tiny.write();
    let error = tiny.refusal();
    assert!(
        matches!(error, QuantizeError::Request(RequestError::BlockSize { columns: 80, block_size: 32, .. })),
        "{error:?}"
    );
    tiny.quantize(&Recipe::named("float").unwrap()).unwrap();
}
