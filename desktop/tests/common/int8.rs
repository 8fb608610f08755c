//! tiny-r1 with an int8 key-value cache beside the float one, its scales taken from a conversation.

use wheelwork::chat::Message;
use wheelwork::{CancelToken, KvForm, Model, OpenOptions};
use wheelwork_package::card::{KvCache, KvSelfCheck};
use wheelwork_quantize::Recipe;
use wheelwork_quantize::kv_cache::{self, LayerRange};
use wheelwork_quantize::recipe::FLOAT;

use crate::common::TemporaryPackage;

pub(crate) fn open(package: &TemporaryPackage, kv_cache: Option<KvForm>) -> Result<Model, wheelwork::Error> {
    Model::open_with(package.path(), &OpenOptions { kv_cache, threads: Some(1), ..OpenOptions::default() })
}

/// A conversation of some hundred tokens.
fn conversation(model: &Model) -> Vec<u32> {
    let facts = model.facts();
    let turns = (100..116)
        .flat_map(|n| [Message::user(format!("{n} + 256 = ?")), Message::assistant(format!("{}", n + 256))]);
    let messages: Vec<_> = turns.chain([Message::user("478 + 256 = ?")]).collect();
    facts.template.prompt(&facts.tokenizer, &messages).unwrap().ids
}

/// The package, with float weights, and the conversation that its scales come from.
#[allow(dead_code, reason = "not every test that shares this file wants it")]
pub(crate) fn with_int8_cache(default: KvForm) -> (TemporaryPackage, Vec<u32>) {
    with_int8_cache_of(FLOAT, default)
}

/// As [`with_int8_cache`], with weights of a recipe.
pub(crate) fn with_int8_cache_of(recipe: Recipe, default: KvForm) -> (TemporaryPackage, Vec<u32>) {
    let package = TemporaryPackage::of("tiny-r1", recipe);
    let model = open(&package, None).unwrap();
    let ids = conversation(&model);
    let ranges = model.kv_ranges(&ids, &CancelToken::new()).unwrap().unwrap();
    let ranges: Vec<_> =
        ranges.into_iter().map(|range| LayerRange { keys: range.keys, values: range.values }).collect();
    let self_check = KvSelfCheck {
        tokens: 0,
        mean_kl: 0.0,
        max_kl: 0.0,
        same_top: 1.0,
        mean_kl_limit: 0.0,
        passed: default == KvForm::Int8,
    };
    let cache = KvCache { default, int8_graph: String::new(), scale_tokens: ids.len(), self_check };
    kv_cache::add_to(&package.path(), "cpu", &ranges, cache).unwrap();
    (package, ids)
}
