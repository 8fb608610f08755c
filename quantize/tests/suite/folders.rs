//! Folders that people have, rows CK-23, CK-24 and CK-26: what is a checkpoint after all is read, what is none is recognised
//! and told the next step.

use std::path::Path;

use serde_json::json;
use wheelwork_diagnostic::Diagnostic;
use wheelwork_quantize::checkpoint::{Checkpoint, CheckpointError, ConfigError};
use wheelwork_quantize::{Options, QuantizeError, Recipe, quantize, recipe};

use crate::assert_matches::assert_matches;
use crate::checkpoint::{HIDDEN, INNER, Tensor, Tiny, raw_safetensors};

/// The error's code, and its remedy in words.
fn refusal(tiny: &Tiny) -> (&'static str, String) {
    let error = tiny.refusal();
    (error.code(), error.remedy().to_string())
}

fn refused(path: &Path) -> QuantizeError {
    let out = tempfile::tempdir().unwrap();
    quantize(path, &out.path().join("out.ortpackage"), &Options::default(), &()).unwrap_err()
}

/// The weights of two packages are equal.
fn assert_same_weights(tiny: &Tiny, other: &Tiny) {
    let weights = |tiny: &Tiny| {
        let package = tiny.quantize(&Recipe::default()).unwrap().package;
        fs_err::read(package.join("cpu/model.onnx.data")).unwrap()
    };
    assert!(weights(tiny) == weights(other));
}

#[cfg(unix)]
#[test]
fn ck_23_a_snapshot_of_the_cache_is_read_and_links_anywhere_else_are_not() {
    use fs_err::os::unix::fs::symlink;

    let tiny = Tiny::qwen2().written();
    let model = tiny.path().parent().unwrap().join("models--wheel--work");
    let (blobs, snapshot) =
        (model.join("blobs"), model.join("snapshots/0123456789abcdef0123456789abcdef01234567"));
    fs_err::create_dir_all(&blobs).unwrap();
    fs_err::create_dir_all(&snapshot).unwrap();
    for (number, name) in
        ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"].iter().enumerate()
    {
        let digest = format!("{number:040x}");
        fs_err::copy(tiny.file(name), blobs.join(&digest)).unwrap();
        symlink(Path::new("../../blobs").join(&digest), snapshot.join(name)).unwrap();
    }
    let opened = Checkpoint::open(&snapshot).unwrap();
    assert_eq!(opened.tensors.identity()[0].name, "model.safetensors");
    assert_eq!(opened.name().as_str(), "work");

    let weights = snapshot.join("model.safetensors");
    let outside = tiny.file("model.safetensors");
    let not_a_digest = blobs.join("weights");
    fs_err::copy(&outside, &not_a_digest).unwrap();
    let through = blobs.join("f".repeat(40));
    symlink(&outside, &through).unwrap();
    for target in [&outside, &not_a_digest, &through, &snapshot.join("config.json.missing")] {
        fs_err::remove_file(&weights).unwrap();
        symlink(target, &weights).unwrap();
        let error = refused(&snapshot);
        assert_eq!(error.code(), "checkpoint_not_a_regular_file", "{error}");
    }
    let error = refused(&model);
    assert!(error.to_string().ends_with("snapshots/0123456789abcdef0123456789abcdef01234567"), "{error}");
}

#[test]
fn ck_23_a_copy_by_hard_links_is_read() {
    let tiny = Tiny::qwen2().written();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs_err::hard_link(tiny.file(name), tiny.file(name).with_extension("copy")).unwrap();
    }
    tiny.quantize(&Recipe::default()).unwrap();
}

#[test]
fn ck_23_a_mark_before_utf_8_is_skipped_and_not_copied() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded();
    let names = ["config.json", "generation_config.json", "model.safetensors.index.json"];
    for name in names {
        let marked = [b"\xef\xbb\xbf", fs_err::read(tiny.file(name)).unwrap().as_slice()].concat();
        fs_err::write(tiny.file(name), marked).unwrap();
    }
    let package = tiny.quantize(&Recipe::default()).unwrap().package;
    assert!(fs_err::read(package.join("cpu/generation_config.json")).unwrap().starts_with(b"{"));
}

#[test]
fn ck_23_prefixes_of_tensor_names_are_taken_away() {
    let plain = Tiny::qwen2().written();
    let renamed = |rename: fn(&str) -> String| {
        let mut tiny = Tiny::qwen2();
        tiny.tensors = std::mem::take(&mut tiny.tensors)
            .into_iter()
            .map(|(name, tensor)| (rename(&name), tensor))
            .collect();
        tiny.write();
        tiny
    };
    for (rename, said) in [
        (
            (|name| format!("_orig_mod.{name}")) as fn(&str) -> String,
            "`_orig_mod.`, as torch.compile leaves it",
        ),
        (|name| format!("module._orig_mod.{name}"), "`module._orig_mod.`; they are"),
        (|name| format!("base_model.model.{name}"), "`base_model.model.`, as peft leaves it"),
        (
            |name| name.replace("model.", "model.language_model."),
            "`model.language_model.`, as a model with vision",
        ),
        (|name| format!("language_model.{name}"), "`language_model.`, as a model with vision"),
        (|name| name.replace("model.", ""), "lack `model.`"),
    ] {
        let tiny = renamed(rename);
        let warnings = Checkpoint::open(&tiny.path()).unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.contains(said)), "{said}: {warnings:?}");
        assert_same_weights(&tiny, &plain);
    }
    let two = Tiny::qwen2().with_tensor("ema.model.embed_tokens.weight", &[4]).written();
    assert_eq!(refusal(&two).0, "checkpoint_unexpected_tensors");
}

#[test]
fn ck_23_an_output_projection_that_repeats_the_embedding_is_tied() {
    let tied = Tiny::tied().written();
    let mut repeated = Tiny::tied();
    let table = repeated.tensors["model.embed_tokens.weight"].clone();
    repeated.tensors.insert("lm_head.weight".into(), table);
    repeated.write();
    assert_same_weights(&repeated, &tied);

    repeated.tensors.get_mut("lm_head.weight").unwrap().put(63, 7.0);
    repeated.write();
    match repeated.quantize(&Recipe::default()).unwrap_err() {
        QuantizeError::Config(ConfigError::Contradiction { field, .. }) => {
            assert_eq!(field, "tie_word_embeddings");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ck_23_a_whole_file_beside_an_index_is_read_where_it_alone_is_complete() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded().write_weights("model.safetensors", |_| true);
    assert_eq!(refusal(&tiny).0, "checkpoint_weights_twice");
    fs_err::remove_file(tiny.file("rest.safetensors")).unwrap();
    let warnings = Checkpoint::open(&tiny.path()).unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("model.safetensors is read")), "{warnings:?}");
}

#[test]
fn an_adapter_is_merged_in_float32() {
    const TARGET: &str = "model.layers.1.mlp.down_proj";
    let (rank, alpha) = (2, 3.0);
    let float = |shape: &[usize], values: &[f32]| Tensor {
        dtype: safetensors::Dtype::F32,
        shape: shape.to_vec(),
        bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    };
    let base = Tiny::qwen2().written();
    let a: Vec<f32> = (0..rank * INNER).map(|index| (index % 7) as f32 * 0.125 - 0.25).collect();
    let b: Vec<f32> = (0..HIDDEN * rank).map(|index| (index % 5) as f32 * 0.25 - 0.5).collect();
    let mut adapter = Tiny::qwen2();
    let part = |part: &str| format!("base_model.model.{TARGET}.lora_{part}.weight");
    adapter.tensors =
        [(part("A"), float(&[rank, INNER], &a)), (part("B"), float(&[HIDDEN, rank], &b))].into();
    fs_err::create_dir_all(adapter.path()).unwrap();
    let folder = adapter.path();
    let describe = |config: serde_json::Value| {
        fs_err::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
    };
    describe(json!({"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "bias": "none", "use_dora": false}));
    adapter.write_weights("adapter_model.safetensors", |_| true);

    let mut merged = Tiny::qwen2();
    let name = format!("{TARGET}.weight");
    let mut weights = merged.tensors[&name].values();
    for (index, weight) in weights.iter_mut().enumerate() {
        let (row, column) = (index / INNER, index % INNER);
        *weight += alpha / rank as f32 * b[row * rank] * a[column];
        *weight += alpha / rank as f32 * b[row * rank + 1] * a[INNER + column];
    }
    merged.tensors.insert(name, float(&[HIDDEN, INNER], &weights));
    merged.write();

    let quantized = |out: &Path| {
        let options = Options { adapter: Some(folder.clone()), recipe: recipe::FLOAT, ..Options::default() };
        quantize(&base.path(), out, &options, &())
    };
    let report = quantized(&base.out()).unwrap();
    assert!(report.card.warnings.contains(&"a LoRA adapter is merged into 1 matrices".to_owned()));
    let expected = merged.quantize(&recipe::FLOAT).unwrap().package;
    let stored = |package: &Path| fs_err::read(package.join("cpu/model.onnx.data")).unwrap();
    assert!(stored(&report.package) == stored(&expected));

    describe(json!({"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "use_dora": true}));
    let other = base.out().with_file_name("other.ortpackage");
    assert_eq!(quantized(&other).unwrap_err().code(), "config_wrong_value");
    describe(json!({"lora_alpha": alpha}));
    adapter.tensors = [(part("A"), float(&[rank, HIDDEN], &a[..rank * HIDDEN]))].into();
    adapter.write_weights("adapter_model.safetensors", |_| true);
    assert_eq!(quantized(&other).unwrap_err().code(), "checkpoint_adapter_tensor");
}

#[test]
fn ck_24_an_adapter_is_named_with_its_base() {
    let tiny = Tiny::qwen2().written();
    let adapter = json!({"peft_type": "LORA", "r": 2, "base_model_name_or_path": "wheel/base"});
    fs_err::write(tiny.file("adapter_config.json"), adapter.to_string()).unwrap();
    fs_err::write(tiny.file("adapter_model.safetensors"), "x").unwrap();
    fs_err::write(tiny.file("training_args.bin"), "x").unwrap();
    let (code, remedy) = refusal(&tiny);
    assert_eq!(code, "checkpoint_adapter_beside");
    assert!(remedy.contains("as the adapter to merge too"), "{remedy}");

    fs_err::remove_file(tiny.file("model.safetensors")).unwrap();
    for with_config in [true, false] {
        if !with_config {
            fs_err::remove_file(tiny.file("config.json")).unwrap();
        }
        let error = tiny.refusal();
        assert_eq!(error.code(), "checkpoint_adapter_alone");
        assert!(error.to_string().contains("weights of `wheel/base`"), "{error}");
    }

    let unmerged =
        Tiny::qwen2().with_tensor("model.layers.0.self_attn.q_proj.base_layer.weight", &[4]).written();
    assert_eq!(refusal(&unmerged).0, "checkpoint_unmerged_adapter");
}

#[test]
fn ck_24_what_stands_for_a_file_is_named() {
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{:064}\nsize 5\n", 0);
    let page = "<!DOCTYPE html><html><head><title>Sign in</title></head></html>";
    for (name, content) in
        [("model.safetensors", &pointer), ("tokenizer.json", &pointer), ("config.json", &page.to_owned())]
    {
        let tiny = Tiny::qwen2().written();
        fs_err::write(tiny.file(name), content).unwrap();
        let error = tiny.refusal();
        assert_eq!(error.code(), "checkpoint_not_the_file", "{error}");
        assert!(error.remedy().to_string().contains("git lfs pull"));
    }
}

#[test]
fn ck_24_what_is_no_checkpoint_is_told_the_next_step() {
    let tiny = Tiny::qwen2().written();
    let parent = tiny.path().parent().unwrap().to_owned();
    raw_safetensors(&parent.join("model.Q4_K_M.gguf"), "{}", &[]);
    for (path, code, step) in [
        (Path::new("wheel-work/no.such-1B"), "checkpoint_hub_name", "hf download wheel-work/no.such-1B"),
        (&tiny.file("model.safetensors"), "checkpoint_other_format", "the folder that holds it"),
        (&parent.join("model.Q4_K_M.gguf"), "checkpoint_other_format", "quantised already"),
        (&parent, "checkpoint_in_subfolder", "one of these folders"),
        (&tiny.file("config.json"), "checkpoint_not_a_folder", "the checkpoint's folder"),
    ] {
        let error = refused(path);
        assert_eq!(error.code(), code, "{error}");
        assert!(error.remedy().to_string().contains(step), "{}", error.remedy());
    }

    for (name, code) in [
        ("training_args.bin", "checkpoint_no_weights"),
        ("pytorch_model-00001-of-00002.bin", "checkpoint_other_format"),
        ("weights.gguf", "checkpoint_other_format"),
        ("model-00001-of-00002.safetensors", "checkpoint_other_names"),
    ] {
        let tiny = Tiny::qwen2();
        tiny.write_descriptions();
        fs_err::write(tiny.file("training_args.bin"), "x").unwrap();
        fs_err::write(tiny.file(name), "x").unwrap();
        assert_eq!(refusal(&tiny).0, code, "{name}");
    }
    let tiny = Tiny::qwen2().written();
    fs_err::remove_file(tiny.file("tokenizer.json")).unwrap();
    let error = tiny.refusal();
    assert_matches!(error, QuantizeError::Checkpoint(CheckpointError::MissingFile { .. }));
}

#[test]
fn ck_26_a_package_has_the_tokens_of_all_tokenizer_files() {
    let mut tiny = Tiny::qwen2();
    let tokens = tiny.tokenizer["added_tokens"].as_array_mut().unwrap();
    let tags: Vec<_> = tokens.split_off(2);
    tiny.tokenizer_config = json!({"chat_template": "{{ bos_token }}"});
    tiny.write();
    let list: serde_json::Map<_, _> =
        tags.iter().map(|tag| (tag["content"].as_str().unwrap().to_owned(), tag["id"].clone())).collect();
    fs_err::write(tiny.file("added_tokens.json"), json!(list).to_string()).unwrap();
    let named = json!({"bos_token": "<begin>", "eos_token": {"content": "<end>"}});
    fs_err::write(tiny.file("special_tokens_map.json"), format!("\u{feff}{named}")).unwrap();
    let opened = Checkpoint::open(&tiny.path()).unwrap();
    assert_eq!((opened.tokens.reasoning_open, opened.tokens.reasoning_close), (Some(5), Some(6)));
    assert_eq!((opened.tokens.bos, opened.warnings.as_slice()), (Some(3), &[][..]));

    let package = tiny.quantize(&Recipe::default()).unwrap().package;
    let facts = wheelwork_package::tokenizer_file::read(&package.join("cpu/tokenizer.json")).unwrap();
    assert_eq!(facts.added("</think>").map(|token| token.id), Some(6), "for readers of this file alone");
    let files = wheelwork_package::tokenizer_file::read_folder(&package.join("cpu")).unwrap();
    assert_eq!((files.text("bos_token"), files.facts.added_tokens.len()), (Some("<begin>"), 4));

    let wrong = json!({"<think>": 6, "</think>": 5});
    fs_err::write(tiny.file("added_tokens.json"), wrong.to_string()).unwrap();
    assert!(Checkpoint::open(&tiny.path()).is_ok(), "in the order of their ids");
    fs_err::write(tiny.file("added_tokens.json"), json!({"<think>": 9}).to_string()).unwrap();
    let error = tiny.quantize(&Recipe::default()).unwrap_err();
    assert_eq!(error.code(), "tokenizer_invalid");
    assert!(
        error.to_string().contains("`<think>` the id 9") && error.to_string().contains("it is 5"),
        "{error}"
    );
}
