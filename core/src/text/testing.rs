//! What the tests of this module's parts share: the shipped tokenizer and template, R1's own, and cuts of a text.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::sample::Index;

use super::chat::ChatTemplate;
use super::tokenizer::Tokenizer;

fn shipped_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tiny-r1")
}

pub(crate) fn tiny() -> &'static (Tokenizer, ChatTemplate) {
    static TINY: OnceLock<(Tokenizer, ChatTemplate)> = OnceLock::new();
    TINY.get_or_init(|| {
        let folder = shipped_folder();
        (tokenizer_in(&folder), ChatTemplate::from_folder(&folder).unwrap())
    })
}

/// The shipped tokenizer, as if of another family: it lacks one of R1's control tokens, `<｜User｜>`.
pub(crate) fn foreign_tokenizer() -> Tokenizer {
    let file = fs_err::read_to_string(shipped_folder().join("tokenizer.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("tokenizer.json"), file.replace("<｜User｜>", "<｜Person｜>")).unwrap();
    tokenizer_in(folder.path())
}

/// R1-Distill-Qwen's folder and tokenizer, or `None` with a printed line that says what was `skipped`.
pub(crate) fn r1_distill(skipped: &str) -> Option<(PathBuf, Tokenizer)> {
    let Some(folder) = std::env::var_os("R1_DISTILL_DIR").map(PathBuf::from) else {
        println!("SKIPPED: R1_DISTILL_DIR is not set, so {skipped}");
        return None;
    };
    let tokenizer = tokenizer_in(&folder);
    Some((folder, tokenizer))
}

fn tokenizer_in(folder: &Path) -> Tokenizer {
    Tokenizer::load(&folder.join("tokenizer.json")).unwrap()
}

/// The text in pieces, cut between characters.
pub(crate) fn pieces<'t>(text: &'t str, cuts: &[Index]) -> Vec<&'t str> {
    let ends: Vec<usize> = text.char_indices().map(|(index, _)| index).chain([text.len()]).collect();
    let mut cuts: Vec<usize> =
        cuts.iter().map(|cut| ends[cut.index(ends.len())]).chain([text.len()]).collect();
    cuts.sort_unstable();
    let mut start = 0;
    cuts.iter().map(|end| &text[std::mem::replace(&mut start, *end)..*end]).collect()
}
