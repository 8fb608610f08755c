//! A chat template: any text is refused, or renders a conversation or an error, in bounded time and memory.
//!
//! The input is the template, then a zero byte and what the user says.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wheelwork::ModelFacts;
use wheelwork::chat::{ChatTemplate, Message};

static FACTS: LazyLock<ModelFacts> = LazyLock::new(|| wheelwork_testing::facts(1024));

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (source, said) = text.split_once('\0').unwrap_or((text, "1+1=?"));
    let Ok(template) = ChatTemplate::new(source.to_owned(), "<s>".to_owned(), "</s>".to_owned()) else {
        return;
    };
    let messages =
        [Message::system("Be brief."), Message::user("Hello"), Message::assistant("Hi"), Message::user(said)];
    let _ = template.prompt(&FACTS.tokenizer, &messages);
});
