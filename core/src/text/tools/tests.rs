use std::collections::HashMap;
use std::path::PathBuf;

use proptest::prelude::*;
use wheelwork_diagnostic::Diagnostic;

use serde_json::json;

use super::*;
use crate::text::chat::{ChatTemplate, Message, Prompt};
use crate::text::testing::{pieces, r1_distill, tiny};
use crate::text::tokenizer::Tokenizer;

/// R1-Distill-Qwen's folder and tokenizer, or `None` with a printed line.
fn r1() -> Option<(PathBuf, Tokenizer)> {
    r1_distill("the reference's tool prompts were not compared")
}

fn weather() -> Tool {
    serde_json::from_value(json!({"type": "function", "function": {
        "name": "weather",
        "description": "The weather now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "strict": true,
    }}))
    .unwrap()
}

/// What is said of an answer that comes in these pieces, texts joined.
fn said(syntax: ToolSyntax, pieces: &[&str]) -> Vec<Said> {
    let mut calls = ToolCalls::new(syntax, &tiny().0, &[weather()], false);
    let mut all: Vec<Said> = Vec::new();
    let mut take = |said: Said| match (all.last_mut(), said) {
        (Some(Said::Text(before)), Said::Text(text)) => before.push_str(&text),
        (_, said) => all.push(said),
    };
    for piece in pieces {
        calls.push(u32::MAX, piece, &mut take);
    }
    calls.finish(&mut take);
    all
}

fn text(text: &str) -> Said {
    Said::Text(text.to_owned())
}

fn call(name: &str, arguments: &str) -> Said {
    Said::Call { name: name.to_owned(), arguments: arguments.to_owned(), known: name == "weather" }
}

const TWO: &str = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{\"city\": \"Wien\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>time\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>";

#[test]
fn r1_s_calls_are_found_in_what_is_said() {
    let two = [call("weather", "{\"city\": \"Wien\"}"), call("time", "{}")];
    assert_eq!(said(ToolSyntax::DeepSeek, &[TWO]), two);
    let within = format!("I look.\n{TWO}Done.");
    assert_eq!(
        said(ToolSyntax::DeepSeek, &[&within]),
        [&[text("I look.\n")], &two[..], &[text("Done.")]].concat()
    );
    // The distils leave out end tags and fences, and later models the word `function`.
    let bare = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n{\"city\": \"Wien\"}";
    assert_eq!(said(ToolSyntax::DeepSeek, &[bare]), two[..1]);
    let later = "<｜tool▁call▁begin｜>weather<｜tool▁sep｜>{\"city\": \"Wien\"}<｜tool▁calls▁end｜>";
    assert_eq!(said(ToolSyntax::DeepSeek, &[later]), two[..1]);
}

#[test]
fn qwen_s_calls_are_found_and_its_tags_count_by_id_where_they_are_tokens() {
    let body = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Wien\"}}\n</tool_call>";
    assert_eq!(said(ToolSyntax::Hermes, &[body]), [call("weather", "{\"city\":\"Wien\"}")]);
    let Some((_, tokenizer)) = r1() else { return };
    let said_of = |ids: &[u32], as_text| {
        let mut calls = ToolCalls::new(ToolSyntax::Hermes, &tokenizer, &[weather()], as_text);
        let mut said = Vec::new();
        for id in ids {
            let bytes = tokenizer.token_bytes(*id).unwrap();
            calls.push(*id, std::str::from_utf8(bytes).unwrap(), &mut |one| said.push(one));
        }
        calls.finish(&mut |one| said.push(one));
        said
    };
    let tokens = Prompt::from_raw_text(body, &tokenizer).unwrap().ids;
    let spelled = tokenizer.encode_plain(body).unwrap();
    let is_call = |said: &Said| matches!(said, Said::Call { .. });
    assert!(said_of(&tokens, false).iter().any(is_call));
    assert!(!said_of(&spelled, false).iter().any(is_call), "a quotation");
    assert!(said_of(&spelled, true).iter().any(is_call));
}

#[test]
fn what_is_no_call_stays_text_and_is_said_to_be_none() {
    let of = |text: &str| said(ToolSyntax::DeepSeek, &[text]);
    for (answer, fault) in [
        ("<｜tool▁call▁begin｜>function<｜tool▁call▁end｜>", ToolFault::NoName),
        ("<｜tool▁call▁begin｜>function<｜tool▁sep｜>weather<｜tool▁call▁end｜>", ToolFault::NoArguments),
        ("<｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n[1]<｜tool▁call▁end｜>", ToolFault::NotJson),
        (
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n{\"ci",
            ToolFault::Unfinished,
        ),
    ] {
        assert_eq!(of(answer), [text(answer), Said::Rejected(fault)]);
    }
    for plain in [
        "a <｜tool▁ b",
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁calls▁begin｜> no",
        "<｜tool▁sep｜>",
        "<｜tool▁calls▁begin｜><｜tool▁calls▁end｜>",
    ] {
        assert_eq!(of(plain), [text(plain)]);
    }
}

#[test]
fn tools_have_openai_s_form_and_are_checked() {
    let bare: Tool = serde_json::from_value(json!({"name": "now"})).unwrap();
    assert_eq!(bare.parameters["type"], "object");
    assert_eq!(serde_json::to_value(weather()).unwrap()["type"], "function");
    let named = |name: &str| Tool { name: name.into(), ..weather() };
    let code = |tools: &[Tool]| check(tools).map_or_else(|error| error.code(), |()| "ok");
    assert_eq!(code(&[weather(), named("x-1.y")]), "ok");
    assert_eq!(code(&[named("a b")]), "tool_name");
    assert_eq!(code(&[named("")]), "tool_name");
    assert_eq!(code(&[weather(), weather()]), "tool_twice");
    assert_eq!(code(&[Tool { parameters: json!({"type": "string"}), ..weather() }]), "tool_parameters");
    assert_eq!(code(&[Tool { parameters: json!(true), ..weather() }]), "tool_parameters");
    let many: Vec<Tool> = (0..=TOOLS_LIMIT).map(|index| named(&format!("t{index}"))).collect();
    assert_eq!(code(&many), "tools_too_many");
}

#[test]
fn a_template_without_a_place_for_tools_gets_them_as_system_text() {
    let (tokenizer, template) = tiny();
    assert!(!template.takes_tools());
    let text = template.tool_syntax().describe(&[weather()]);
    assert!(text.contains("{\"name\":\"weather\"") && text.contains("function<｜tool▁sep｜>NAME"));
    let prompt =
        |messages: &[Message]| template.prompt_with_tools(tokenizer, messages, &[weather()]).unwrap().text;
    let begin = "<｜begin▁of▁sentence｜>";
    assert!(prompt(&[Message::user("hi")]).starts_with(&format!("{begin}{text}<｜User｜>hi")));
    let briefed = [Message::system("Be brief."), Message::user("hi")];
    assert!(prompt(&briefed).starts_with(&format!("{begin}Be brief.\n\n{text}<｜User｜>hi")));
}

#[test]
fn a_template_with_a_place_for_tools_gets_their_definitions() {
    let (tokenizer, template) = tiny();
    let source =
        "{% if tools %}{% for t in tools %}{{ t | tojson }}{% endfor %}{% else %}none{% endif %}<tool_call>";
    let template = template.with_source(source.to_owned()).unwrap();
    assert!(template.takes_tools());
    assert_eq!(template.tool_syntax(), ToolSyntax::Hermes);
    assert_eq!(template.prompt(tokenizer, &[]).unwrap().text, "none<tool_call>");
    let text = template.prompt_with_tools(tokenizer, &[], &[weather()]).unwrap().text;
    assert!(text.starts_with("{\"type\": \"function\", \"function\": {\"name\": \"weather\""), "{text}");
}

/// Rendered by Jinja2 3.1.6 from R1's templates and encoded by tokenizers 0.23.3: messages, prompt, tokens.
fn golden() -> Vec<(Vec<Message>, &'static str, usize)> {
    let call = |name: &str, arguments: &str| json!({"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}});
    let one = json!([
        {"role": "user", "content": "Weather in Wien?"},
        {"role": "assistant", "content": null, "tool_calls": [call("weather", "{\"city\": \"Wien\"}")]},
        {"role": "tool", "content": "12 °C"},
    ]);
    let two = json!([
        {"role": "user", "content": "Both?"},
        {"role": "assistant", "content": null, "tool_calls": [call("weather", "{\"city\": \"Wien\"}"), call("time", "{}")]},
        {"role": "tool", "content": "12 °C"},
        {"role": "tool", "content": "noon"},
        {"role": "assistant", "content": "Cold at noon."},
        {"role": "user", "content": "Thanks"},
    ]);
    let spoken = json!([
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "I look.", "tool_calls": [call("time", "{}")]},
        {"role": "tool", "content": "noon"},
    ]);
    let messages = |json| serde_json::from_value(json).unwrap();
    vec![
        (
            messages(one),
            "<｜begin▁of▁sentence｜><｜User｜>Weather in Wien?<｜Assistant｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{\"city\": \"Wien\"}\n```<｜tool▁call▁end｜><｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>12 °C<｜tool▁output▁end｜><｜tool▁outputs▁end｜>",
            106,
        ),
        (
            messages(two),
            "<｜begin▁of▁sentence｜><｜User｜>Both?<｜Assistant｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{\"city\": \"Wien\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>time\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜><｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>12 °C<｜tool▁output▁end｜>\n<｜tool▁output▁begin｜>noon<｜tool▁output▁end｜><｜tool▁outputs▁end｜>Cold at noon.<｜end▁of▁sentence｜><｜User｜>Thanks<｜Assistant｜><think>\n",
            187,
        ),
        (
            messages(spoken),
            "<｜begin▁of▁sentence｜><｜User｜>x<｜Assistant｜>I look.<｜end▁of▁sentence｜><｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>noon<｜tool▁output▁end｜><｜tool▁outputs▁end｜>",
            51,
        ),
    ]
}

#[test]
fn calls_and_results_in_the_history_render_as_the_reference_does() {
    let Some((folder, tokenizer)) = r1() else { return };
    let sources: HashMap<String, String> =
        serde_json::from_slice(&fs_err::read(folder.join("chat-templates.json")).unwrap()).unwrap();
    let template = ChatTemplate::from_folder(&folder).unwrap().with_source(sources["newer"].clone()).unwrap();
    assert_eq!((template.tool_syntax(), template.takes_tools()), (ToolSyntax::DeepSeek, false));
    for (messages, text, tokens) in golden() {
        let prompt = template.prompt(&tokenizer, &messages).unwrap();
        assert_eq!((prompt.text.as_str(), prompt.ids.len()), (text, tokens));
        assert_eq!(prompt, Prompt::from_raw_text(text, &tokenizer).unwrap());
    }
}

proptest! {
    #[test]
    fn any_cut_says_the_same_and_nothing_is_lost(
        words in prop::collection::vec(prop::sample::select(vec![
            "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>",
            "<｜tool", "<", "function", "weather", "\n", "```json", "{}", "{\"a\": 1}", " ", "ü", "｜>",
        ]), 0..14),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let answer = words.concat();
        let whole = said(ToolSyntax::DeepSeek, &[&answer]);
        prop_assert_eq!(&said(ToolSyntax::DeepSeek, &pieces(&answer, &cuts)), &whole);
        if !whole.iter().any(|said| matches!(said, Said::Call { .. })) {
            let texts: String = whole.iter().map(|said| if let Said::Text(text) = said { text.as_str() } else { "" }).collect();
            prop_assert_eq!(texts, answer);
        }
    }

    #[test]
    fn rt_18_definitions_of_tools_make_no_control_token(words in prop::collection::vec(prop::sample::select(vec![
        "<｜User｜>", "<think>", "</think>", "<thi", "nk>", "<｜end▁of▁sentence｜>", "a", "\n", "\u{f0000}",
    ]), 0..6), place in any::<bool>()) {
        let (tokenizer, template) = tiny();
        let word = words.concat();
        let tool = Tool {
            description: word.clone(),
            parameters: json!({"type": "object", "properties": {&word: {"description": &word}}}),
            ..weather()
        };
        let with_place = "{{ bos_token }}<｜User｜>{% for t in tools %}{{ t | tojson }}{{ t.function.description }}{% endfor %}<think>";
        let template = if place { template.with_source(with_place.to_owned()).unwrap() } else { template.clone() };
        let ids = |tools: &[Tool]| template.prompt_with_tools(tokenizer, &[Message::user("hi")], tools).unwrap().ids;
        let controls = |ids: Vec<u32>| ids.into_iter().filter(|id| tokenizer.is_added(*id)).collect::<Vec<_>>();
        prop_assert_eq!(controls(ids(&[tool])), controls(ids(&[weather()])));
    }
}
