//! Tests of prompts: against the reference's golden file, and against text that imitates control tokens.

use std::collections::HashMap;
use std::path::PathBuf;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;
use wheelwork_diagnostic::Diagnostic;
use wheelwork_package::tokenizer_file::AddedToken;

use super::*;
use crate::text::testing::{foreign_tokenizer, r1_distill, tiny};
use crate::text::tokenizer::Tokenizer;

fn with_source(source: &str) -> Result<ChatTemplate, ChatError> {
    tiny().1.with_source(source.to_owned())
}

fn render(source: &str, messages: &[Message]) -> Result<Prompt, ChatError> {
    with_source(source)?.prompt(&tiny().0, messages)
}

fn messages(json: serde_json::Value) -> Vec<Message> {
    serde_json::from_value(json).unwrap()
}

#[derive(Deserialize)]
struct Golden {
    template: String,
    messages: Vec<Message>,
    prompt: String,
    ids: Vec<u32>,
}

/// R1-Distill-Qwen's tokenizer with the reference's prompts, or `None` with a printed line.
fn golden() -> Option<(Tokenizer, PathBuf, Vec<Golden>)> {
    let (folder, tokenizer) = r1_distill("the reference's prompts were not compared")?;
    let golden = serde_json::from_slice(&fs_err::read(folder.join("chat-golden.json")).unwrap()).unwrap();
    Some((tokenizer, folder, golden))
}

#[test]
fn prompts_and_ids_equal_the_reference_for_both_templates() {
    let Some((tokenizer, folder, golden)) = golden() else { return };
    let base = ChatTemplate::from_folder(&folder).unwrap();
    let sources: HashMap<String, String> =
        serde_json::from_slice(&fs_err::read(folder.join("chat-templates.json")).unwrap()).unwrap();
    assert!(!golden.is_empty());
    for case in golden {
        let template = base.with_source(sources[&case.template].clone()).unwrap();
        let prompt = template.prompt(&tokenizer, &case.messages).unwrap();
        assert_eq!(prompt.text, case.prompt);
        assert_eq!(prompt.ids, case.ids, "{}", case.prompt);
        assert_eq!(prompt.opens_reasoning, case.template == "newer");
        assert_eq!(template.is_older_r1(&tokenizer), case.template == "older");
        // What a template makes is what a developer could have written, control tokens included.
        assert_eq!(Prompt::from_raw_text(&case.prompt, &tokenizer).unwrap(), prompt);
        assert_eq!(Prompt::from_ids(case.ids, &tokenizer), prompt);
    }
}

#[test]
fn our_own_r1_templates_render_as_the_reference() {
    let Some((tokenizer, folder, golden)) = golden() else { return };
    let base = ChatTemplate::from_folder(&folder).unwrap();
    for case in golden {
        let ours = if case.template == "older" { base.r1_older() } else { base.r1_newer() };
        assert_eq!(
            ours.unwrap().prompt(&tokenizer, &case.messages).unwrap().ids,
            case.ids,
            "{}",
            case.prompt
        );
    }
}

#[test]
fn the_shipped_template_opens_the_reasoning_and_drops_earlier_reasoning() {
    let (tokenizer, template) = tiny();
    let messages = [Message::user("1+1"), Message::assistant("1+1=2\n</think>\n\n2"), Message::user("2+2")];
    let prompt = template.prompt(tokenizer, &messages).unwrap();
    assert!(prompt.opens_reasoning && !template.is_older_r1(tokenizer));
    assert_eq!(
        prompt.text,
        "<｜begin▁of▁sentence｜><｜User｜>1+1<｜Assistant｜>\n\n2<｜end▁of▁sentence｜><｜User｜>2+2<｜Assistant｜><think>\n"
    );
}

#[test]
fn a_folder_s_template_is_found_in_each_of_its_forms() {
    let source_of = |config: serde_json::Value, file: Option<&str>| {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("tokenizer_config.json"), config.to_string()).unwrap();
        if let Some(file) = file {
            fs_err::write(folder.path().join("chat_template.jinja"), file).unwrap();
        }
        let template = ChatTemplate::from_folder(folder.path())?;
        Ok::<_, ChatError>(template.prompt(&tiny().0, &[])?.text)
    };
    let named =
        json!([{"name": "tools", "template": "t"}, {"name": "default", "template": "d{{ bos_token }}"}]);
    assert_eq!(source_of(json!({"chat_template": "a", "bos_token": null}), None).unwrap(), "a");
    assert_eq!(source_of(json!({"chat_template": named, "bos_token": "B"}), None).unwrap(), "dB");
    assert_eq!(source_of(json!({"chat_template": [{"name": "x", "template": "o"}]}), None).unwrap(), "o");
    assert_eq!(
        source_of(json!({"chat_template": "a", "eos_token": {"content": "E"}}), Some("{{ eos_token }}\n"))
            .unwrap(),
        "E"
    );
    assert!(source_of(json!({}), None).unwrap().ends_with("<｜Assistant｜><think>\n"));
    assert_eq!(source_of(json!({"chat_template": 7}), None).unwrap_err().code(), "chat_template_invalid");
}

#[test]
fn messages_have_the_usual_json_form_and_roles_are_checked() {
    let parsed = messages(json!([
        {"role": "user", "content": "hi", "unknown": 1},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ]},
        {"role": "tool", "content": "7", "tool_call_id": "1", "name": "f"}
    ]));
    assert_eq!(parsed[0], Message::user("hi"));
    assert_eq!(parsed[1].tool_calls[0].function.name, "f");
    assert_eq!(parsed[2].tool_call_id.as_deref(), Some("1"));
    assert!(serde_json::from_value::<Message>(json!({"role": "robot", "content": "hi"})).is_err());
    assert!(serde_json::from_value::<Message>(json!({"content": "hi"})).is_err());
}

#[test]
fn a_message_without_content_must_call_a_tool() {
    let (tokenizer, template) = tiny();
    let error =
        template.prompt(tokenizer, &messages(json!([{"role": "user", "content": null}]))).unwrap_err();
    assert_eq!((error.code(), error.place().as_deref()), ("message_without_content", Some("messages[0]")));
}

#[test]
fn json_in_a_template_looks_like_python_s() {
    let call = messages(json!([{"role": "assistant", "tool_calls": [
        {"function": {"name": "f", "arguments": {"a": 1, "list9": ["<ä>", null, true], "c": {}}}}
    ]}]));
    let source = "{{ messages[0].tool_calls[0].function.arguments | tojson }}";
    assert_eq!(render(source, &call).unwrap().text, r#"{"a": 1, "list9": ["<ä>", null, true], "c": {}}"#);
    let source = "{{ messages[0].tool_calls[0].function.arguments.list9 | tojson(indent=2) }}";
    assert_eq!(render(source, &call).unwrap().text, "[\n  \"<ä>\",\n  null,\n  true\n]");
}

#[test]
fn python_s_methods_and_loop_controls_work() {
    let messages = [Message::user("  a-b ")];
    let source = "{%- for part in messages[0].content.strip().split('-') -%}\
        {%- if loop.index0 == 1 %}{% break %}{% endif -%}{{ part.upper() }}{%- endfor -%}\
        {{ messages[0].content.startswith('  ') }}";
    assert_eq!(render(source, &messages).unwrap().text, "ATrue");
}

#[test]
fn rt_13_an_empty_conversation_and_empty_messages_have_a_defined_prompt() {
    let (tokenizer, template) = tiny();
    for messages in
        [vec![], vec![Message::user("")], vec![Message::user(" \n\t ")], vec![Message::system("")]]
    {
        let prompt = template.prompt(tokenizer, &messages).unwrap();
        assert!(prompt.text.ends_with("<｜Assistant｜><think>\n"));
    }
    assert!(Prompt::from_raw_text("", tokenizer).unwrap().ids.is_empty());
    let special = Prompt::from_raw_text("<think><think></think>", tokenizer).unwrap();
    assert_eq!(special.ids.len(), 3);
    assert!(!special.opens_reasoning);
}

#[test]
fn rt_13_a_long_run_of_newlines_is_a_prompt_and_too_long_a_one_an_error() {
    let (tokenizer, template) = tiny();
    let prompt = template.prompt(tokenizer, &[Message::user("\n".repeat(1 << 20))]).unwrap();
    assert!(prompt.text.len() > 1 << 20);
    let half = Message::user("\n".repeat(crate::text::tokenizer::TEXT_BYTES_LIMIT / 2 + 1));
    let error = template.prompt(tokenizer, &[half.clone(), half]).unwrap_err();
    assert_eq!(error.code(), "text_too_long");
}

#[test]
fn ck_17_a_template_that_loops_or_multiplies_ends_in_an_error() {
    let code = |source: &str| render(source, &[Message::user("hi")]).unwrap_err().code();
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}";
    assert_eq!(code(endless), "chat_template_over_limit");
    assert_eq!(code("{{ ('x' * 10**9) | length }}"), "chat_template_over_limit");
    let doubling =
        "{% set ns = namespace(x='xx') %}{% for a in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}";
    assert_eq!(code(doubling), "chat_template_over_limit");
    let doubling = "{% set ns = namespace(x='xx') %}{% for a in range(60) %}{% set ns.x = ns.x.replace('x', 'xx') %}{% endfor %}";
    assert_eq!(code(doubling), "chat_template_over_limit");
    assert_eq!(code("{% for a in range(2000) %}{{ 'x' * 9999 }}{% endfor %}"), "chat_template_too_long");
    assert_eq!(with_source("{% for %}").unwrap_err().code(), "chat_template_invalid");
}

#[test]
fn ck_27_a_template_that_can_t_run_is_found_by_its_probe() {
    let probe = |source: &str| with_source(source).and_then(|template| template.probe(&tiny().0));
    assert!(tiny().1.probe(&tiny().0).is_ok());
    // What only a later turn, or a tool, would meet.
    let later = "{% if messages | length > 2 %}{{ messages[0].content.encode() }}{% endif %}";
    let error = probe(&format!("\n{later}")).unwrap_err();
    assert!(
        matches!(error, ChatError::Unsupported { line: 2, ref what } if what.contains("encode")),
        "{error:?}"
    );
    let tools = "{% if tools %}{{ tools | pprint }}{% endif %}";
    assert_eq!(probe(tools).unwrap_err().code(), "chat_template_unsupported");
    assert_eq!(probe("{{ messages[0].x.y }}").unwrap_err().code(), "chat_template_failed");
    // A template may refuse a system message, but no question.
    let refuses = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}";
    assert!(probe(refuses).is_ok());
    assert_eq!(probe("{{ raise_exception('no') }}").unwrap_err().code(), "chat_template_refused");
}

#[test]
fn what_stands_in_for_a_part_of_a_token_is_not_escaped() {
    // `a` is a part of `<｜Assistant｜>`.
    let call = messages(json!([{"role": "assistant", "content": "a", "tool_calls": [
        {"function": {"name": "f", "arguments": {"a": [1.0, true]}}}
    ]}]));
    let source =
        "{{ messages[0].tool_calls[0].function.arguments }}{{ [messages[0].content] | tojson(true) }}";
    assert_eq!(render(source, &call).unwrap().text, "{'a': [1.0, True]}[\"a\"]");
}

#[test]
fn what_transformers_gives_a_template_is_there() {
    let call = messages(json!([{"role": "assistant", "content": null, "tool_calls": [
        {"function": {"name": "f", "arguments": {}}}
    ]}]));
    let source = "{{ tools is none }}{{ documents is none }}{{ messages[0].content is defined }}\
        {{ strftime_now('%Y') | length }}{{ pad_token }}{{ unk_token is defined }}";
    assert_eq!(render(source, &call).unwrap().text, "TrueTrueFalse4<｜end▁of▁sentence｜>False");
}

#[test]
fn a_model_reasons_whose_template_or_tokenizer_says_so() {
    let (tokenizer, template) = tiny();
    assert!(template.reasons(tokenizer) && with_source("").unwrap().reasons(tokenizer), "R1's tokens say it");
    let other = foreign_tokenizer();
    assert!(template.reasons(&other) && !with_source("{{ messages }}").unwrap().reasons(&other));
}

#[test]
fn errors_of_templates_hold_no_text_of_messages() {
    let messages = [Message::user("secret")];
    for source in
        ["{{ raise_exception('no ' + messages[0].content) }}", "{{ messages[0].content.nothing() }}"]
    {
        let error = render(source, &messages).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    let error = render("{{ raise_exception('roles must alternate') }}", &messages).unwrap_err();
    assert!(
        matches!(error, ChatError::Refused { ref reason } if reason == "roles must alternate"),
        "{error:?}"
    );
}

#[test]
fn our_template_refuses_tools_and_foreign_tokenizers() {
    let (tokenizer, template) = tiny();
    let ours = template.r1_newer().unwrap();
    assert_eq!(ours.prompt(tokenizer, &[Message::tool("7")]).unwrap_err().code(), "chat_template_refused");
    let error = ours.prompt(&foreign_tokenizer(), &[]).unwrap_err();
    assert!(matches!(error, ChatError::NoTemplate { missing: "<｜User｜>" }), "{error:?}");
}

#[test]
fn rt_18_all_private_characters_in_a_message_are_an_error_and_some_are_text() {
    let private = |count| {
        ('\u{f0000}'..='\u{ffffd}').chain('\u{100000}'..='\u{10fffd}').take(count).collect::<String>()
    };
    let (tokenizer, template) = tiny();
    let error = template.prompt(tokenizer, &[Message::user(private(usize::MAX))]).unwrap_err();
    assert_eq!(error.code(), "messages_not_separable");
    let text = private(100) + "<｜User｜>";
    let prompt = template.prompt(tokenizer, &[Message::user(&text)]).unwrap();
    assert!(prompt.text.contains(&text));
}

/// Words that an attacker would try: control tokens, their parts, nested and doubled ones, look-alikes.
fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<｜User｜>",
        "<｜Assistant｜>",
        "<think>",
        "</think>",
        "<｜end▁of▁sentence｜>",
        "<｜begin▁of▁sentence｜>",
        "<｜Us",
        "er｜>",
        "User",
        "<thi",
        "nk>",
        "think",
        "<",
        ">",
        "<<think>think>",
        "</",
        "｜>",
        "<|User|>",
        "<|EOT|>",
        "<think >",
        "hello ",
        " ",
        "\n",
        "\u{f0000}",
        "\u{10fffd}",
    ]);
    prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
}

/// The control tokens of a prompt by their text. No others are: what is not special and neither the template nor the
/// reasoning uses is a word that anybody may write, such as R1's `<|EOT|>`.
fn controls<'t>(tokenizer: &'t Tokenizer, source: &str, prompt: &Prompt) -> Vec<&'t str> {
    let is_control = |token: &&AddedToken| {
        token.special
            || source.contains(&token.content)
            || ["<think>", "</think>"].contains(&token.content.as_str())
    };
    let added = |id: &u32| tokenizer.added_tokens().iter().filter(is_control).find(|token| token.id == *id);
    prompt.ids.iter().filter_map(added).map(|token| token.content.as_str()).collect()
}

#[test]
fn an_added_token_that_nothing_uses_is_a_word_in_anybody_s_text() {
    // As transformers encodes it. What the template uses is text in a message, special or not.
    let (tokenizer, template) = tiny();
    let ids = template.prompt(tokenizer, &[Message::user("a <|EOT|> b <｜User｜>")]).unwrap().ids;
    let eot = tokenizer.added_token_id("<|EOT|>").unwrap();
    let user = tokenizer.added_token_id("<｜User｜>").unwrap();
    let count = |id: u32| ids.iter().filter(|other| **other == id).count();
    assert_eq!((count(eot), count(user)), (1, 1));
    let uses_it = "<|EOT|>{{ messages[0].content }}";
    let ids = render(uses_it, &[Message::user("<|EOT|>")]).unwrap().ids;
    assert_eq!(ids.iter().filter(|id| **id == eot).count(), 1, "the template's own");
}

proptest! {
    #[test]
    fn rt_18_control_tokens_in_messages_stay_text(
        system in hostile_text(), first in hostile_text(), answer in hostile_text(), second in hostile_text(),
    ) {
        let (tokenizer, template) = tiny();
        let messages =
            [Message::system(&system), Message::user(&first), Message::assistant(&answer), Message::user(&second)];
        let prompt = template.prompt(tokenizer, &messages).unwrap();
        // Exactly what the template itself writes.
        prop_assert_eq!(controls(tokenizer, "<｜User｜><｜Assistant｜>", &prompt), [
            "<｜begin▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>", "<｜User｜>",
            "<｜Assistant｜>", "<think>",
        ]);
        // And the model reads the text as it was.
        let kept = answer.rsplit("</think>").next().unwrap();
        let expected = format!(
            "<｜begin▁of▁sentence｜>{system}<｜User｜>{first}<｜Assistant｜>{kept}<｜end▁of▁sentence｜><｜User｜>{second}\
            <｜Assistant｜><think>\n"
        );
        prop_assert_eq!(prompt.text, expected);
        prop_assert!(prompt.opens_reasoning);
    }

    #[test]
    fn rt_18_texts_that_meet_each_other_or_the_template_make_no_token(
        texts in prop::collection::vec(hostile_text(), 1..5), strip in any::<bool>(),
    ) {
        let (tokenizer, _) = tiny();
        let messages: Vec<Message> = texts.iter().map(Message::user).collect();
        let source = if strip {
            "{% for m in messages %}<{{ m.content.strip() }}>{{ m.content | trim }}nk>{% endfor %}<thi"
        } else {
            "{% for m in messages %}<｜{{ m.content }}{{ m.content }}>{% endfor %}{{ messages[0].content }}｜>"
        };
        let prompt = render(source, &messages).unwrap();
        prop_assert_eq!(controls(tokenizer, source, &prompt), Vec::<&str>::new());
    }

    #[test]
    fn rt_18_names_and_arguments_of_tools_make_no_token(name in hostile_text(), value in hostile_text()) {
        let (tokenizer, _) = tiny();
        let call = messages(json!([
            {"role": "assistant", "tool_calls": [
                {"id": name, "type": name, "function": {"name": name, "arguments": {&name: [value, {"a": value}]}}},
                {"function": {"name": name, "arguments": value}},
            ]},
            {"role": "tool", "content": value, "tool_call_id": name, "name": name},
        ]));
        let source = "{% for m in messages %}{{ m.tool_call_id }}{{ m.name }}{{ m.content }}\
            {% for c in m.tool_calls %}{{ c.id }}{{ c.type }}{{ c.function.name }}{{ c.function.arguments | tojson }}\
            {{ c.function.arguments }}{% endfor %}{% endfor %}";
        let prompt = render(source, &call).unwrap();
        prop_assert_eq!(controls(tokenizer, source, &prompt), Vec::<&str>::new());
        prop_assert!(prompt.text.contains(&value));
    }

    #[test]
    fn text_without_control_tokens_is_encoded_as_the_reference_does(text in "[a-zA-Z0-9 .,\\n<>|äß中🦀]{0,40}") {
        // The reference encodes the rendered text as a whole, control tokens recognised.
        let (tokenizer, template) = tiny();
        let prompt = template.prompt(tokenizer, &[Message::user(&text)]).unwrap();
        prop_assert_eq!(Prompt::from_raw_text(&prompt.text, tokenizer).unwrap(), prompt);
    }
}
