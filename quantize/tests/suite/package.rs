//! Packages that come out: complete, honest about their weights, and the same each time.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use wheelwork_onnx::proto::{
    ModelProto, StringStringEntryProto, TensorProto, attribute_proto::AttributeType,
};
use wheelwork_package::files::names;
use wheelwork_package::{GenerationDefaults, open};
use wheelwork_quantize::{
    DEFAULT_CONTEXT_LIMIT, Options, Progress, QuantizeError, Recipe, RequestError, Stage, quantize, recipe,
};

use crate::assert_matches::assert_matches;
use crate::checkpoint::{END, HIDDEN, Tiny, VOCAB};

/// The graph of a package's CPU variant, and the file of its weights.
pub(crate) struct Opened {
    model: ModelProto,
    data: Vec<u8>,
}

impl Opened {
    pub(crate) fn new(package: &Path) -> Self {
        let folder = package.join("cpu");
        let model =
            prost::Message::decode(fs_err::read(folder.join(names::GRAPH)).unwrap().as_slice()).unwrap();
        Self { model, data: fs_err::read(folder.join(names::WEIGHTS)).unwrap() }
    }

    fn tensor(&self, name: &str) -> &TensorProto {
        let tensors = &self.model.graph.as_ref().unwrap().initializer;
        tensors.iter().find(|tensor| tensor.name() == name).unwrap_or_else(|| panic!("no tensor {name}"))
    }

    fn bytes(&self, name: &str) -> &[u8] {
        let entry = |key: &str| -> usize {
            let entries = &self.tensor(name).external_data;
            entries.iter().find(|entry| entry.key() == key).unwrap().value().parse().unwrap()
        };
        &self.data[entry("offset")..entry("offset") + entry("length")]
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        self.bytes(name).as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    /// What `MatMulNBits` reads: (code - zero point) * scale.
    fn dequantized(&self, name: &str, bits: u32, block: usize, columns: usize) -> Vec<f32> {
        let unpack = |bytes: &[u8]| -> Vec<u8> {
            if bits == 8 {
                bytes.to_vec()
            } else {
                bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]).collect()
            }
        };
        let codes = unpack(self.bytes(&format!("{name}.codes")));
        let scales = self.floats(&format!("{name}.scales"));
        let blocks = columns / block;
        let zero_points = (bits == 4).then(|| unpack(self.bytes(&format!("{name}.zero_points"))));
        let row_zeros = blocks.next_multiple_of(2);
        (0..codes.len())
            .map(|index| {
                let (row, in_row) = (index / columns, index % columns / block);
                let zero = zero_points.as_ref().map_or(128, |zeros| zeros[row * row_zeros + in_row]);
                (f32::from(codes[index]) - f32::from(zero)) * scales[row * blocks + in_row]
            })
            .collect()
    }
}

fn relative_error(found: &[f32], expected: &[f32]) -> f64 {
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let differences = &mut found.iter().zip(expected).map(|(a, b)| f64::from(a - b));
    squares(differences) / squares(&mut expected.iter().copied().map(f64::from))
}

#[test]
fn a_package_opens_and_its_files_are_those_of_the_card() {
    let tiny = Tiny::qwen2().written();
    fs_err::write(tiny.file("LICENSE"), "free").unwrap();
    fs_err::write(tiny.file("NOTICE.txt"), "note").unwrap();
    let report = tiny.quantize(&Recipe::default()).unwrap();
    assert_eq!(report.package, fs_err::canonicalize(tiny.out()).unwrap());
    assert_eq!(tiny.siblings(), ["tiny", "tiny.ortpackage"]);

    let package = open(&report.package).unwrap();
    let card = package.card.clone().unwrap();
    assert_eq!(card, report.card);
    assert_eq!((package.name.as_str(), card.name.as_str()), ("tiny", "tiny"));
    assert_eq!(card.licences, ["license", "notice.txt"], "in lower case: the file form takes no other");
    assert_eq!((card.tokens.reasoning_open, card.tokens.reasoning_close), (Some(5), Some(6)));
    let variant = package.variant("cpu").unwrap();
    assert_eq!(variant.config.model.context_length, 128);
    assert_eq!(variant.config.model.eos_token_id.as_slice(), [END]);
    assert_eq!(variant.generation.temperature, Some(0.6));

    let records = &card.variants["cpu"];
    for record in records {
        record.check_content(&variant.folder).unwrap();
    }
    assert_eq!(records.len(), fs_err::read_dir(&variant.folder).unwrap().count());
    assert_eq!(report.file_bytes, records.iter().map(|record| record.bytes).sum::<u64>());
}

#[test]
fn the_float_recipe_keeps_every_weight() {
    let tiny = Tiny::qwen2().written();
    let report = tiny.quantize(&recipe::FLOAT).unwrap();
    assert_eq!(report.card.quantization.bits_per_weight, 32.0);
    let package = Opened::new(&report.package);
    let of = |name: &str| tiny.tensors[name].values();
    assert_eq!(package.floats("lm_head.weight"), of("lm_head.weight"));
    assert_eq!(package.floats("model.norm.values"), of("model.norm.weight"));
    let stacked = |kind: &str| -> Vec<f32> {
        ["q", "k", "v"]
            .iter()
            .flat_map(|part| of(&format!("model.layers.1.self_attn.{part}_proj.{kind}")))
            .collect()
    };
    assert_eq!(package.floats("model.layers.1.self_attn.qkv_proj.weight"), stacked("weight"));
    assert_eq!(package.floats("model.layers.1.self_attn.qkv_proj.bias.values"), stacked("bias"));
}

#[test]
fn the_card_tells_the_error_that_the_stored_weights_have() {
    let tiny = Tiny::qwen2().written();
    let report = tiny.quantize(&recipe::BALANCED).unwrap();
    let package = Opened::new(&report.package);
    for (stored, source, bits, columns) in [
        ("model.layers.0.mlp.down_proj", "model.layers.0.mlp.down_proj.weight", 4, 96),
        ("model.layers.1.self_attn.o_proj", "model.layers.1.self_attn.o_proj.weight", 4, HIDDEN),
        ("lm_head", "lm_head.weight", 8, HIDDEN),
        ("model.embed_tokens", "model.embed_tokens.weight", 8, HIDDEN),
    ] {
        let error =
            relative_error(&package.dequantized(stored, bits, 32, columns), &tiny.tensors[source].values());
        let tensors = &report.card.quantization.tensors;
        let told = tensors.iter().find(|tensor| tensor.name == source).unwrap();
        assert_eq!((told.bits, told.block_size), (bits, 32));
        assert!((error / told.relative_mse - 1.0).abs() < 1e-4, "{source}: {error} against {told:?}");
        // A step is range / 15 or range / 255, and rounding costs a twelfth of its square.
        assert!(error < if bits == 4 { 1e-2 } else { 1e-4 }, "{source}: {error}");
    }
    let error_of = |recipe: &Recipe| -> f64 {
        let tensors = tiny.quantize(recipe).unwrap().card.quantization.tensors;
        tensors.iter().filter(|tensor| tensor.bits == 4).map(|tensor| tensor.relative_mse).sum()
    };
    assert!(error_of(&recipe::BALANCED) < 0.97 * error_of(&recipe::FAST));
}

#[test]
fn tied_embeddings_are_stored_once() {
    let tiny = Tiny::tied().written();
    let package = Opened::new(&tiny.quantize(&recipe::BALANCED).unwrap().package);
    let place = |name: &str| package.tensor(name).external_data.clone();
    assert_eq!(place("lm_head.codes"), place("model.embed_tokens.codes"));
    assert_eq!(package.tensor("lm_head.codes").dims, [i64::try_from(VOCAB).unwrap(), 2, 32]);

    let package = Opened::new(&tiny.quantize(&recipe::FLOAT).unwrap().package);
    let reads = |operator: &str| {
        let nodes = &package.model.graph.as_ref().unwrap().node;
        nodes
            .iter()
            .filter(|node| node.op_type() == operator)
            .any(|node| node.input.contains(&"model.embed_tokens.weight".into()))
    };
    assert!(reads("Gather") && reads("FusedMatMul"));
}

#[test]
fn two_runs_give_the_same_bytes_on_any_number_of_threads() {
    let tiny = Tiny::qwen3().written();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let report = pool.install(|| tiny.quantize(&Recipe::default()).unwrap());
        [names::CARD, names::MANIFEST, "cpu/model.onnx", "cpu/model.onnx.data", "cpu/genai_config.json"]
            .map(|name| fs_err::read(report.package.join(name)).unwrap())
    };
    let first = run(1);
    assert!(first == run(1) && first == run(4));
}

#[test]
fn shards_give_the_same_weights_as_one_file() {
    let whole = Tiny::qwen2().written();
    let sharded = Tiny::qwen2();
    sharded.write_sharded();
    let bytes = |tiny: &Tiny| {
        let package = tiny.quantize(&Recipe::default()).unwrap().package;
        ["cpu/model.onnx", "cpu/model.onnx.data"].map(|name| fs_err::read(package.join(name)).unwrap())
    };
    assert!(bytes(&whole) == bytes(&sharded));
}

#[test]
fn ck_13_the_tokenizer_wins_over_a_stale_configuration() {
    let mut tiny = Tiny::qwen2().with("bos_token_id", json!(0)).with("eos_token_id", json!(0));
    tiny.generation_config = json!({"bos_token_id": 1, "eos_token_id": [2, END]});
    tiny.write();
    let card = tiny.quantize(&Recipe::default()).unwrap().card;
    assert_eq!(card.tokens.bos, Some(3));
    assert_eq!(card.tokens.eos, [2, END]);
    let expected = [
        "config.json sets bos_token_id to 0",
        "generation_config.json sets bos_token_id to 1",
        "config.json sets eos_token_id to 0",
    ];
    assert_eq!(card.warnings.len(), expected.len());
    for (warning, start) in card.warnings.iter().zip(expected) {
        assert!(warning.starts_with(start), "{warning}");
    }
}

#[test]
fn ck_13_without_a_generation_configuration_the_tokenizer_ends_the_answer() {
    let tiny = Tiny::qwen2().with("eos_token_id", json!(0)).written();
    fs_err::remove_file(tiny.file("generation_config.json")).unwrap();
    let package = open(&tiny.quantize(&Recipe::default()).unwrap().package).unwrap();
    assert_eq!(package.card.as_ref().unwrap().tokens.eos, [END]);
    let generation: &GenerationDefaults = &package.variant("cpu").unwrap().generation;
    assert_eq!(generation.eos_token_id.as_ref().unwrap().as_slice(), [END]);
}

#[test]
fn ck_17_a_template_is_carried_along_unread() {
    let mut tiny = Tiny::qwen2();
    let endless =
        "{% for i in range(10**9) %}{% for j in range(10**9) %}x{% endfor %}{% endfor %}{{ 'x' * 10**9 }}{%";
    tiny.tokenizer_config["chat_template"] = json!(endless);
    tiny.write();
    fs_err::write(tiny.file("chat_template.jinja"), endless).unwrap();
    let package = tiny.quantize(&Recipe::default()).unwrap().package;
    for name in ["tokenizer_config.json", "chat_template.jinja"] {
        assert_eq!(
            fs_err::read(package.join("cpu").join(name)).unwrap(),
            fs_err::read(tiny.file(name)).unwrap()
        );
    }
}

#[test]
fn a_long_context_is_cut_with_a_warning_and_granted_when_asked_for() {
    let tiny = Tiny::qwen2().with("max_position_embeddings", json!(131_072)).written();
    let run = |context_length| {
        let options = Options { context_length, overwrite: true, ..Options::default() };
        quantize(&tiny.path(), &tiny.out(), &options, &())
    };
    let report = run(None).unwrap();
    assert_eq!(report.card.architecture.max_position_embeddings, DEFAULT_CONTEXT_LIMIT);
    assert!(report.card.warnings[0].contains("131072"), "{:?}", report.card.warnings);
    let report = run(Some(40_000)).unwrap();
    assert_eq!((report.card.architecture.max_position_embeddings, report.card.warnings.len()), (40_000, 0));
    assert_eq!(Opened::new(&report.package).tensor("rope.cosines").dims, [40_000, 8]);
    for asked in [0, 131_073] {
        let error = run(Some(asked)).unwrap_err();
        assert_matches!(error, QuantizeError::Request(RequestError::ContextLength { .. }));
    }
}

#[test]
fn an_output_is_replaced_only_when_asked_and_only_if_it_is_a_package() {
    let tiny = Tiny::qwen2().written();
    let run =
        |overwrite| quantize(&tiny.path(), &tiny.out(), &Options { overwrite, ..Options::default() }, &());
    fs_err::create_dir(tiny.out()).unwrap();
    fs_err::write(tiny.out().join("thesis.txt"), "years of work").unwrap();
    let error = run(true).unwrap_err();
    assert_matches!(error, QuantizeError::Request(RequestError::NotAPackage { .. }));
    assert!(tiny.out().join("thesis.txt").exists());
    fs_err::remove_dir_all(tiny.out()).unwrap();

    let first = run(false).unwrap();
    let error = run(false).unwrap_err();
    assert_matches!(error, QuantizeError::Request(RequestError::Exists { .. }));
    assert_eq!(open(&tiny.out()).unwrap().card.unwrap(), first.card);
    run(true).unwrap();
    assert_eq!(tiny.siblings(), ["tiny", "tiny.ortpackage"]);
}

#[test]
fn a_failed_run_leaves_the_old_package_as_it_was() {
    let mut tiny = Tiny::qwen2().written();
    let first = tiny.quantize(&Recipe::default()).unwrap();
    tiny.tensors.get_mut("lm_head.weight").unwrap().put(5, f32::NAN);
    tiny.write();
    tiny.quantize(&Recipe::default()).unwrap_err();
    assert_eq!(tiny.siblings(), ["tiny", "tiny.ortpackage"]);
    assert_eq!(open(&tiny.out()).unwrap().card.unwrap(), first.card);
}

/// Counts what it is told and asks to stop at a chosen moment.
#[derive(Default)]
struct Watcher {
    stages: std::sync::Mutex<Vec<Stage>>,
    done: AtomicU64,
    total: AtomicU64,
    questions: AtomicU64,
    stop_at_question: Option<u64>,
}

impl Progress for Watcher {
    fn stage(&self, stage: Stage) {
        self.stages.lock().unwrap().push(stage);
    }

    fn weights(&self, tensor: &str, done_bytes: u64, total_bytes: u64) {
        assert!(tensor.ends_with(".weight") || tensor.ends_with(".bias"));
        self.done.fetch_max(done_bytes, Ordering::Relaxed);
        self.total.store(total_bytes, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        let question = self.questions.fetch_add(1, Ordering::Relaxed);
        self.stop_at_question.is_some_and(|stop| question >= stop)
    }
}

#[test]
fn progress_tells_all_bytes_and_a_cancelled_run_leaves_nothing_under_the_name() {
    let tiny = Tiny::llama().written();
    let run = |watcher: &Watcher| quantize(&tiny.path(), &tiny.out(), &Options::default(), watcher);

    let watcher = Watcher::default();
    run(&watcher).unwrap();
    let weights: usize = tiny.tensors.values().map(|tensor| tensor.bytes.len()).sum();
    assert_eq!(watcher.total.into_inner(), weights as u64);
    assert_eq!(watcher.done.into_inner(), weights as u64);
    assert_eq!(watcher.stages.into_inner().unwrap(), [Stage::Reading, Stage::Weights, Stage::Finishing]);

    fs_err::remove_dir_all(tiny.out()).unwrap();
    for stop in 0..watcher.questions.into_inner() {
        let error = run(&Watcher { stop_at_question: Some(stop), ..Watcher::default() }).unwrap_err();
        assert_matches!(error, QuantizeError::Cancelled);
        let unfinished = ["tiny", "tiny.ortpackage.partial"];
        let siblings = tiny.siblings();
        assert_eq!(siblings, unfinished[..siblings.len()], "stopped at question {stop}");
        let _ = fs_err::remove_dir_all(tiny.path().with_file_name(unfinished[1]));
    }
}

#[test]
fn large_arrays_begin_at_a_page_and_none_overlap() {
    let tiny = Tiny::qwen2().written();
    let package = Opened::new(&tiny.quantize(&recipe::FLOAT).unwrap().package);
    let mut places: Vec<(u64, u64)> = Vec::new();
    for tensor in &package.model.graph.as_ref().unwrap().initializer {
        let entry = |key: &str| {
            tensor.external_data.iter().find(|entry| entry.key() == key).map(StringStringEntryProto::value)
        };
        let Some(location) = entry("location") else { continue };
        assert_eq!(location, names::WEIGHTS);
        let number = |key| entry(key).unwrap().parse().unwrap();
        let (offset, length): (u64, u64) = (number("offset"), number("length"));
        let alignment = if length >= wheelwork_onnx::LARGE_BYTES {
            wheelwork_onnx::PAGE_BYTES
        } else {
            wheelwork_onnx::VECTOR_BYTES
        };
        assert_eq!(offset % alignment, 0, "{}", tensor.name());
        places.push((offset, offset + length));
    }
    places.sort_unstable();
    assert!(places.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    assert_eq!(places.last().unwrap().1, package.data.len() as u64);
}

#[test]
fn every_attribute_says_its_type() {
    let tiny = Tiny::qwen3().written();
    let package = Opened::new(&tiny.quantize(&Recipe::default()).unwrap().package);
    for node in &package.model.graph.as_ref().unwrap().node {
        for attribute in &node.attribute {
            assert_ne!(
                attribute.r#type(),
                AttributeType::Undefined,
                "{} of {}",
                attribute.name(),
                node.name()
            );
        }
    }
}
