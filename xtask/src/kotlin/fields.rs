//! Every field that crosses the language boundary is read or written by the Kotlin that converts its record.
//!
//! The compiler does not see to that: a generated record takes its defaults for what is left out, and nobody has to read all of
//! a value. So for each field that the library exports, the code that names its record has to name it, too: what follows
//! `FfiUsage(` or `FfiUsage.toPublic(` up to an empty line, and what follows `FfiEvent.Started` up to the next variant.

use std::path::Path;

use crate::names::{Names, camel_case};
use crate::task_error::TaskError;
use crate::workspace::files_below;

/// Fails for fields that no file of `folder` converts.
pub(super) fn check(exported: &str, names: &Names, folder: &Path) -> Result<(), TaskError> {
    let mut code = String::new();
    for file in files_below(folder, "kt")? {
        code.push_str(&fs_err::read_to_string(file)?);
        code.push_str("\n\n");
    }
    let lacking = lacking(exported, names, &code);
    if lacking.is_empty() {
        return Ok(());
    }
    Err(TaskError::new(format!("Kotlin does not convert these fields:\n  {}", lacking.join("\n  ")))
        .remedy("name them where their record is converted, in android/wheelwork"))
}

fn lacking<'e>(exported: &'e str, names: &Names, code: &str) -> Vec<&'e str> {
    let fields = exported.lines().filter_map(|line| {
        let (path, kind) = line.split_once('\t')?;
        let is_call = kind.starts_with('(') || kind.starts_with("async ");
        (!kind.is_empty() && !is_call && !names.leaves_out(path)).then_some(path)
    });
    fields.filter(|path| !converts(code, path)).collect()
}

/// Whether the code that names the owner of a field names the field.
fn converts(code: &str, path: &str) -> bool {
    let Some((owner, field)) = path.rsplit_once('.') else { return true };
    let field = camel_case(field);
    let (enumeration, variant) = owner.split_once('.').unwrap_or((owner, ""));
    ["Ffi", ""].iter().any(|prefix| {
        let kind = format!("{prefix}{enumeration}");
        if variant.is_empty() {
            let starts = [format!("{kind}("), format!("{kind}.toPublic("), format!("{kind}?.toPublic(")];
            starts.iter().any(|start| pieces(code, start, "\n\n").any(|piece| names(piece, &field)))
        } else {
            let next = format!("{kind}.");
            pieces(code, &format!("{kind}.{variant}"), &next).any(|piece| names(piece, &field))
        }
    })
}

/// What follows `start` up to `end` or an empty line, each time.
fn pieces<'c>(code: &'c str, start: &'c str, end: &'c str) -> impl Iterator<Item = &'c str> {
    code.match_indices(start).filter_map(move |(at, _)| {
        let before = code.get(..at)?.chars().next_back();
        let rest = code.get(at + start.len()..)?;
        let is_whole = !before.is_some_and(char::is_alphanumeric);
        let stop = [end, "\n\n"].iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
        is_whole.then(|| rest.get(..stop)).flatten()
    })
}

/// Whether a word stands in a text.
fn names(text: &str, word: &str) -> bool {
    text.split(|letter: char| !letter.is_alphanumeric()).any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "
internal fun TurnOptions.toFfi(): FfiOptions = FfiOptions(
    maxTokens = maxTokens,
    stop = stop,
)

internal fun FfiEvent.toPublic(): Event = when (this) {
    is FfiEvent.Started -> Event.Started(promptTokens.toCount())
    is FfiEvent.Finished -> Event.Finished(reason)
}

private fun FfiUsage.toPublic(): Usage = Usage(tokens)
";

    #[test]
    fn a_field_that_is_left_out_is_named() {
        let exported = "ChatHandle.ask\t(text: string)\nEvent.Finished\t\nEvent.Finished.reason\tReason\n\
                        Event.Started.prompt_tokens\tu32\nEvent.Started.reason\tReason\nOptions.max_tokens\tu32?\n\
                        Options.new_field\tu32\nUsage.tokens\tu32\nUsage.stop\tu32\nHidden.field\tu32\n";
        let names = Names::read("Hidden - not for apps\n");
        assert_eq!(
            lacking(exported, &names, CODE),
            ["Event.Started.reason", "Options.new_field", "Usage.stop"]
        );
    }
}
