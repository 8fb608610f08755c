//! The first screen: what runs where, what it can do, what to ask, and how a bigger model comes.

use wheelwork::Model;

use crate::terminal::wrapped;
use crate::{model_source, output};

/// What the shipped model knows; its card has it in full.
const SHIPPED: &str = "A very small model for trying wheelwork out. It adds, subtracts and multiplies whole numbers of up to \
three digits, compares numbers, converts units and solves short word problems. It knows nothing else, and says so.";

const QUESTIONS: [&str; 3] = ["478 + 256 = ?", "Which is larger, 4.07 or 4.7?", "How many hours are 3 days?"];

const BIGGER: &str = "A bigger model: `wheelwork quantize CHECKPOINT --out r1.ortpackage` makes a package of a DeepSeek R1 \
distil, `wheelwork chat --model r1.ortpackage` talks to it.";

/// The lines, for a terminal of so many columns.
pub(super) fn screen(model: &Model, columns: usize) -> String {
    let facts = model.facts();
    let about = format!(
        "{} · {} · {} tokens of context",
        facts.name,
        output::device_and_threads(model.placement()),
        output::thousands(facts.context_length),
    );
    let mut lines = vec![wrapped(&about, columns, 2)];
    if facts.name == model_source::SHIPPED_NAME {
        lines.push(wrapped(SHIPPED, columns, 0));
        lines.push("Try:".to_owned());
        lines.extend(QUESTIONS.iter().map(|question| format!("  {question}")));
        lines.push(wrapped(BIGGER, columns, 0));
    } else if facts.reasons() {
        lines.push(wrapped("It reasons before it answers; /think limits that, /now ends it.", columns, 0));
    } else {
        lines.push(wrapped("It answers without reasoning.", columns, 0));
    }
    lines.push(wrapped("/help for commands, Ctrl-D leaves", columns, 0));
    lines.join("\n")
}
