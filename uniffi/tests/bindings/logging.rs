//! What is logged while a question is asked and answered, saved and refused. One logger hears the whole process; the words are this
//! test's alone.

use std::sync::Mutex;

use log::{LevelFilter, Metadata, Record};
use wheelwork_uniffi::{Event, OutputFormat, Priority, Role, Thinking};

use crate::support::{code, engine, events, message, options};

/// Keeps what Wheelwork's own crates say: an app's log gets nothing else.
struct Kept(Mutex<Vec<String>>);

static KEPT: Kept = Kept(Mutex::new(Vec::new()));

impl log::Log for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target().starts_with("wheelwork") {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

#[test]
fn at_no_level_a_word_of_a_prompt_or_an_answer_is_logged() {
    log::set_logger(&KEPT).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let saying = |words: &str| wheelwork_uniffi::Options {
        output: Some(OutputFormat::Regex { pattern: words.to_owned() }),
        thinking: Some(Thinking::Off),
        ..options(64)
    };
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let chat = engine.chat().unwrap();
    chat.push(message(Role::System, "Never mention gooseberries.")).unwrap();
    let turn = chat.ask("What is rhubarb?".into(), saying("A vegetable"), Priority::Normal).unwrap();
    let answer: String = events(&turn)
        .unwrap()
        .into_iter()
        .filter_map(|event| match event {
            Event::AnswerDelta { text, .. } => Some(text),
            _ => None,
        })
        .collect();
    assert_eq!(answer, "A vegetable");
    let file = folder.path().join("rhubarb.session");
    chat.save(file.to_str().unwrap().to_owned(), None).unwrap();
    assert_eq!(code(engine.restore("rhubarb".into(), None)), "session_io");
    let turn = chat.ask("rhubarb".into(), saying("(quince"), Priority::Normal);
    code(turn.and_then(|turn| events(&turn)));
    engine.shut_down();
    assert_eq!(code(chat.ask("rhubarb".into(), options(1), Priority::Normal)), "closed");

    let lines = KEPT.0.lock().unwrap();
    for said in ["opened on", "the engine is shut down", "refused: closed"] {
        assert!(lines.iter().any(|line| line.starts_with(said)), "{said}: {lines:?}");
    }
    for words in ["gooseberries", "rhubarb", "vegetable", "quince"] {
        assert!(lines.iter().all(|line| !line.contains(words)), "{words}: {lines:?}");
    }
    assert!(lines.iter().all(|line| !line.contains(folder.path().to_str().unwrap())), "{lines:?}");
}
