//! Which files are read, and where the output may stand: rows CK-07 to CK-09, CK-18 and CK-19.

use serde_json::json;
use wheelwork_quantize::checkpoint::CheckpointError;
use wheelwork_quantize::{Options, QuantizeError, RequestError, quantize};

use super::{checkpoint_error, checkpoint_refusal};
use crate::assert_matches::assert_matches;
use crate::checkpoint::Tiny;

#[test]
fn ck_07_a_name_in_two_shards_is_refused() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded()
        .write_weights("layers.safetensors", |name| name.contains(".layers.") || name == "lm_head.weight");
    assert_matches!(
        checkpoint_error(tiny.refusal()),
        CheckpointError::ShardMismatch { missing, extra, .. }
            if extra == ["lm_head.weight (layers.safetensors)"] && missing.is_empty()
    );
}

#[test]
fn ck_07_a_name_twice_in_the_index_is_refused() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded();
    let index = r#"{"weight_map": {"a": "layers.safetensors", "a": "rest.safetensors"}}"#;
    fs_err::write(tiny.file("model.safetensors.index.json"), index).unwrap();
    let error = checkpoint_error(tiny.refusal());
    assert_matches!(&error, CheckpointError::DuplicateInIndex { tensor, .. } if tensor == "a");
}

#[test]
fn ck_08_all_missing_shards_are_named() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded();
    fs_err::remove_file(tiny.file("layers.safetensors")).unwrap();
    fs_err::remove_file(tiny.file("rest.safetensors")).unwrap();
    let error = tiny.refusal();
    assert!(error.to_string().ends_with("layers.safetensors, rest.safetensors"), "{error}");
    assert_matches!(checkpoint_error(error), CheckpointError::MissingShards { .. });
}

#[test]
fn ck_08_all_tensors_that_a_shard_lacks_are_named() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded().write_weights("rest.safetensors", |name| name == "model.norm.weight");
    let lacking = ["lm_head.weight (rest.safetensors)", "model.embed_tokens.weight (rest.safetensors)"];
    assert_matches!(
        checkpoint_error(tiny.refusal()),
        CheckpointError::ShardMismatch { missing, extra, .. } if missing == lacking && extra.is_empty()
    );
}

#[test]
fn ck_08_all_tensors_that_the_checkpoint_lacks_are_named() {
    let mut tiny = Tiny::qwen2();
    tiny.tensors.remove("model.norm.weight");
    tiny.tensors.remove("model.layers.0.mlp.up_proj.weight");
    assert_matches!(
        checkpoint_refusal(tiny),
        CheckpointError::MissingTensors { missing }
            if missing == ["model.layers.0.mlp.up_proj.weight", "model.norm.weight"]
    );
}

#[test]
fn ck_08_tensors_that_the_architecture_lacks_are_named() {
    let name = "model.layers.0.self_attn.sinks";
    assert_matches!(
        checkpoint_refusal(Tiny::qwen2().with_tensor(name, &[4])),
        CheckpointError::UnexpectedTensors { extra } if extra == [name]
    );
}

#[test]
fn ck_09_file_names_with_a_path_are_refused() {
    for name in
        ["../../x", "/etc/passwd", "a/b", "..", "", ".hidden", "C:x", "a\\b", "nul\0", "é.safetensors"]
    {
        let tiny = Tiny::qwen2();
        tiny.write_sharded().write_index(|_| name);
        let error = checkpoint_error(tiny.refusal());
        assert_matches!(error, CheckpointError::NotAFileName { .. }, "{name:?}");
    }
}

#[cfg(unix)]
#[test]
fn ck_09_links_pipes_and_folders_are_refused() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    for name in ["model.safetensors", "config.json", "tokenizer.json", "generation_config.json"] {
        let tiny = Tiny::qwen2().written();
        let path = tiny.file(name);
        let moved = tiny.file("moved");
        fs_err::rename(&path, &moved).unwrap();

        let refusal = || checkpoint_error(tiny.refusal());
        fs_err::os::unix::fs::symlink(&moved, &path).unwrap();
        assert_matches!(refusal(), CheckpointError::NotARegularFile { kind: "a symbolic link", .. });
        fs_err::remove_file(&path).unwrap();

        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert_matches!(refusal(), CheckpointError::NotARegularFile { .. });
        fs_err::remove_file(&path).unwrap();

        fs_err::create_dir(&path).unwrap();
        assert_matches!(refusal(), CheckpointError::NotARegularFile { kind: "a folder", .. });
    }
}

#[test]
fn ck_18_a_quantised_checkpoint_is_refused_by_its_method() {
    for named in ["gptq", "awq", "compressed-tensors", "fp8", "bitsandbytes"] {
        let quantized = json!({"quant_method": named, "bits": 4});
        assert_matches!(
            checkpoint_refusal(Tiny::qwen2().with("quantization_config", quantized)),
            CheckpointError::AlreadyQuantized { method, .. } if method == named,
            "{named}"
        );
    }
    for (suffix, named) in [
        ("qweight", "GPTQ or AWQ"),
        ("weight_packed", "compressed-tensors"),
        ("weight_scale", "fp8 or compressed-tensors"),
        ("weight_scale_inv", "fp8"),
        ("weight.absmax", "bitsandbytes"),
        ("SCB", "bitsandbytes"),
    ] {
        let name = format!("model.layers.0.mlp.up_proj.{suffix}");
        assert_matches!(
            checkpoint_refusal(Tiny::qwen2().with_tensor(&name, &[4])),
            CheckpointError::AlreadyQuantized { method, .. } if method.starts_with(named),
            "{suffix}"
        );
    }
}

#[cfg(unix)]
#[test]
fn ck_18_a_pickle_is_refused_unopened() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let tiny = Tiny::qwen2();
    tiny.write_descriptions();
    assert_matches!(checkpoint_error(tiny.refusal()), CheckpointError::NoWeights { .. });
    // Opening a pipe that nobody writes to would never return.
    mknodat(CWD, tiny.file("pytorch_model.bin"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let error = checkpoint_error(tiny.refusal());
    assert_matches!(error, CheckpointError::OtherFormat { format: "a PyTorch pickle", .. });
}

#[test]
fn ck_19_an_output_in_or_around_the_checkpoint_is_refused() {
    let tiny = Tiny::qwen2().written();
    let before = tiny.siblings();
    let around = tiny.path().parent().unwrap().to_owned();
    for out in [tiny.path(), tiny.file("out.ortpackage"), tiny.path().join("../tiny/out"), around] {
        let options = Options { overwrite: true, ..Options::default() };
        let error = quantize(&tiny.path(), &out, &options, &()).unwrap_err();
        assert_matches!(error, QuantizeError::Request(RequestError::OverlapsCheckpoint { .. }));
    }
    assert_eq!(tiny.siblings(), before);
    assert_eq!(fs_err::read_dir(tiny.path()).unwrap().count(), 5);
}
