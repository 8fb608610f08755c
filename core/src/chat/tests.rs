//! Tests of prompts: against the reference's golden file, and against text that imitates control tokens.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde::Deserialize;
use wheelwork_package::Diagnostic;

use super::*;
use crate::tokenizer::Tokenizer;

fn tiny() -> &'static (Tokenizer, ChatTemplate) {
    static TINY: std::sync::OnceLock<(Tokenizer, ChatTemplate)> = std::sync::OnceLock::new();
    TINY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tiny-r1");
        (Tokenizer::load(&folder.join("tokenizer.json")).unwrap(), ChatTemplate::from_folder(&folder).unwrap())
    })
}

#[derive(Deserialize)]
struct Golden {
    template: String,
    messages: Vec<Message>,
    prompt: String,
    ids: Vec<u32>,
}

/// The folder with R1-Distill-Qwen's tokenizer, or `None` with a printed line.
fn r1_distill() -> Option<PathBuf> {
    let folder = std::env::var_os("R1_DISTILL_DIR").map(PathBuf::from);
    if folder.is_none() {
        println!("SKIPPED: R1_DISTILL_DIR is not set, so the reference's prompts were not compared");
    }
    folder
}

fn golden(folder: &Path) -> Vec<Golden> {
    serde_json::from_slice(&std::fs::read(folder.join("chat-golden.json")).unwrap()).unwrap()
}

#[test]
fn prompts_and_ids_equal_the_reference_for_both_templates() {
    let Some(folder) = r1_distill() else { return };
    let tokenizer = Tokenizer::load(&folder.join("tokenizer.json")).unwrap();
    let base = ChatTemplate::from_folder(&folder).unwrap();
    let sources: std::collections::HashMap<String, String> =
        serde_json::from_slice(&std::fs::read(folder.join("chat-templates.json")).unwrap()).unwrap();
    for case in golden(&folder) {
        let template = base.with_source(sources[&case.template].clone()).unwrap();
        let prompt = template.prompt(&tokenizer, &case.messages).unwrap();
        assert_eq!(prompt.text, case.prompt);
        assert_eq!(prompt.ids, case.ids, "{}", case.prompt);
        assert_eq!(prompt.opens_reasoning, case.template == "newer");
    }
}

#[test]
fn our_own_r1_templates_render_as_the_reference() {
    let Some(folder) = r1_distill() else { return };
    let tokenizer = Tokenizer::load(&folder.join("tokenizer.json")).unwrap();
    let base = ChatTemplate::from_folder(&folder).unwrap();
    for case in golden(&folder) {
        let ours = if case.template == "older" { base.r1_older() } else { base.r1_newer() };
        assert_eq!(ours.unwrap().prompt(&tokenizer, &case.messages).unwrap().ids, case.ids, "{}", case.prompt);
    }
}

#[test]
fn the_shipped_template_opens_the_reasoning_and_drops_earlier_reasoning() {
    let (tokenizer, template) = tiny();
    let messages = [Message::user("1+1"), Message::assistant("1+1=2\n</think>\n\n2"), Message::user("2+2")];
    let prompt = template.prompt(tokenizer, &messages).unwrap();
    assert!(prompt.opens_reasoning);
    assert_eq!(
        prompt.text,
        "<｜begin▁of▁sentence｜><｜User｜>1+1<｜Assistant｜>\n\n2<｜end▁of▁sentence｜><｜User｜>2+2<｜Assistant｜><think>\n"
    );
}

#[test]
fn messages_have_the_usual_json_form_and_roles_are_checked() {
    let text = r#"[{"role": "user", "content": "hi"}, {"role": "assistant", "content": null,
        "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}]}]"#;
    let messages: Vec<Message> = serde_json::from_str(text).unwrap();
    assert_eq!(messages[0], Message::user("hi"));
    assert_eq!(messages[1].tool_calls[0].function.name, "f");
    assert!(serde_json::from_str::<Message>(r#"{"role": "robot", "content": "hi"}"#).is_err());
}

#[test]
fn rt_13_an_empty_conversation_and_empty_messages_have_a_defined_prompt() {
    let (tokenizer, template) = tiny();
    for messages in [vec![], vec![Message::user("")], vec![Message::user(" \n\t ")], vec![Message::system("")]] {
        let prompt = template.prompt(tokenizer, &messages).unwrap();
        assert!(prompt.text.ends_with("<｜Assistant｜><think>\n"));
    }
    assert!(Prompt::from_raw_text("", tokenizer).unwrap().ids.is_empty());
    let special = Prompt::from_raw_text("<think><think></think>", tokenizer).unwrap();
    assert_eq!(special.ids.len(), 3);
    assert!(!special.opens_reasoning);
}

fn with_source(source: &str) -> Result<ChatTemplate, ChatError> {
    tiny().1.with_source(source.to_owned())
}

#[test]
fn ck_17_a_template_that_loops_or_multiplies_ends_in_an_error() {
    let messages = [Message::user("hi")];
    let run = |source: &str| with_source(source).unwrap().prompt(&tiny().0, &messages).unwrap_err();
    let endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}";
    assert_eq!(run(endless).code(), "chat_template_endless");
    // The engine itself refuses to multiply so far; which limit it meets first is its business.
    assert!(run("{{ 'x' * 10**9 }}").code().starts_with("chat_template_"));
    let long = "{% for a in range(99999) %}{{ 'x' * 9999 }}{% endfor %}";
    assert_eq!(run(long).code(), "chat_template_too_long");
    assert_eq!(with_source("{% for %}").unwrap_err().code(), "chat_template_invalid");
}

#[test]
fn errors_of_templates_hold_no_text_of_messages() {
    let messages = [Message::user("secret")];
    for source in ["{{ raise_exception('no ' + messages[0].content) }}", "{{ messages[0].content.nothing() }}"] {
        let error = with_source(source).unwrap().prompt(&tiny().0, &messages).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

/// Words that an attacker would try: control tokens, their parts, nested and doubled ones, look-alikes.
fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<｜User｜>", "<｜Assistant｜>", "<think>", "</think>", "<｜end▁of▁sentence｜>", "<｜begin▁of▁sentence｜>",
        "<｜Us", "er｜>", "<thi", "nk>", "<", "<<think>think>", "</", "｜>", "<|User|>", "<|EOT|>", "<think >",
        "hello ", "\n", "\u{10f000}", "\u{10f001}",
    ]);
    prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn rt_18_control_tokens_in_messages_stay_text(
        system in hostile_text(), first in hostile_text(), answer in hostile_text(), second in hostile_text(),
    ) {
        let (tokenizer, template) = tiny();
        let id = |text: &str| tokenizer.added_token_id(text).unwrap();
        // An answer's own reasoning tags are the template's to read; all else is text.
        let answer = answer.replace("think>", "think >");
        let messages =
            [Message::system(&system), Message::user(&first), Message::assistant(&answer), Message::user(&second)];
        let prompt = template.prompt(tokenizer, &messages).unwrap();
        let controls: Vec<u32> = prompt
            .ids
            .iter()
            .copied()
            .filter(|id| tokenizer.added_tokens().iter().any(|token| token.id == *id))
            .collect();
        // Exactly what the template itself writes.
        let expected = [
            id("<｜begin▁of▁sentence｜>"), id("<｜User｜>"), id("<｜Assistant｜>"), id("<｜end▁of▁sentence｜>"),
            id("<｜User｜>"), id("<｜Assistant｜>"), id("<think>"),
        ];
        prop_assert_eq!(controls, expected);
        // And the model reads the text as it was.
        prop_assert!(prompt.text.contains(&second));
        prop_assert!(prompt.opens_reasoning);
    }
}
