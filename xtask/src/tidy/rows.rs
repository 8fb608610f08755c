//! The promises about bad input that this version makes, each a row with an id, and each a test whose name
//! holds the id in lower case: `fn ck_03_overlapping_offsets_are_refused()`. Tests are Rust's or Kotlin's.

use super::finding::Finding;
use super::text_file::TextFile;

/// CK: what comes from a checkpoint. PK: what comes in a package file. IN: what happens while one is installed. RT: what
/// happens at run time. FI: what stands on the disk that is not what it should be. BD: what happens at the language boundary.
const ROWS: &[(&str, &str)] = &[
    ("CK-01", "a header longer than the file, or than any memory"),
    ("CK-02", "a header of 99 MB, or nested deeply"),
    ("CK-03", "many tensors on one range of bytes"),
    ("CK-04", "a gap between tensors, or bytes after the last"),
    ("CK-05", "a tensor past the end of its file"),
    ("CK-06", "shape times dtype is not the length, or overflows"),
    ("CK-07", "one tensor name twice, in one header or in two shards"),
    ("CK-08", "an index that names missing shards or tensors"),
    ("CK-09", "a shard name that leads out of the folder, or to no regular file"),
    ("CK-10", "NaN or infinity in a weight"),
    ("CK-11", "blocks of zeros, constants, denormals and huge values"),
    ("CK-12", "a config that contradicts the tensors"),
    ("CK-13", "a config whose bos or eos is not the tokenizer's"),
    ("CK-14", "a config out of range"),
    ("CK-15", "a tokenizer with impossible merges, ids or patterns"),
    ("CK-16", "a vocabulary with malformed byte escapes"),
    ("CK-17", "a chat template that never ends, or that writes, grows or nests without end"),
    ("CK-18", "an unsupported dtype, a quantised checkpoint, a pickle"),
    ("CK-19", "an output inside the checkpoint; a checkpoint that changes while it is read"),
    ("CK-20", "a kill or a full disk anywhere, and then a run that resumes"),
    ("CK-21", "one setting in two spellings that differ"),
    ("CK-22", "sampling defaults that are out of range, or that the runtime does not have"),
    ("CK-23", "a checkpoint as caches, copies, editors and training tools leave it: it is read"),
    ("CK-24", "a folder or file that is no checkpoint: an adapter, a pointer, a pickle, GGUF, a hub's name"),
    ("CK-25", "blocks of weights that do not fill the rows"),
    ("CK-27", "a chat template that needs what the runtime lacks, or renders otherwise than in transformers"),
    ("CK-28", "a tokenizer whose replacements, patterns or added tokens make endless work or text"),
    (
        "CK-26",
        "tokens that stand only in a second tokenizer file; files that contradict each other; a byte order mark",
    ),
    (
        "CK-29",
        "moments that are no numbers; a calibration text that is empty, binary or shorter than a window",
    ),
    ("PK-01", "a package file that ends early, anywhere"),
    ("PK-02", "a flipped bit, anywhere in a package file"),
    ("PK-03", "a compressed frame with a window of 2 GiB"),
    ("PK-04", "a frame or a field that lies about a size; a bomb; concatenated and skippable frames"),
    ("PK-05", "entry names that escape, collide or mean a device"),
    ("PK-06", "duplicate, unordered, missing and unlisted entries; bytes after the last chunk"),
    ("PK-07", "a newer format, or one with unknown features; the oldest one"),
    ("PK-08", "no signature, a wrong key, a changed statement"),
    ("PK-09", "a digest that is none, where a path is built from it"),
    ("PK-10", "a graph with foreign operators, control flow, external paths, or weights of a wrong size"),
    ("PK-11", "a form prepared for another machine, ONNX Runtime or package"),
    ("PK-12", "a graph that divides whole numbers by 0, or the least one by -1"),
    ("PK-13", "a graph whose constants or calls take memory or time that its weights do not justify"),
    ("PK-14", "an attribute or a field that stands twice in a graph"),
    ("PK-15", "hyper-parameters that no model has, or that wrap around when they are multiplied"),
    ("PK-16", "a graph's file that changes after it was verified"),
    ("PK-17", "codes of more bits than the card states, or bits that they cannot have"),
    ("PK-18", "a filter that does not cover its content"),
    (
        "PK-17",
        "a prepared form with our kernels whose packed file or record is damaged or does not fit its graph",
    ),
    (
        "PK-17",
        "a prepared form with our kernels whose packed file or record is damaged or does not fit its graph",
    ),
    ("IN-01", "killed, or power lost, at any write, sync or rename"),
    ("IN-02", "the disk full, or failing, at any operation; room again later"),
    ("IN-03", "two writers; a model that runs while it is replaced"),
    ("IN-04", "a transfer that is interrupted, a source that changes in between"),
    ("IN-05", "bad bytes in one chunk of a large package"),
    ("IN-06", "an older package than the installed one; parts of two versions"),
    ("IN-07", "an endless source, one larger than the disk or the memory"),
    ("IN-08", "a clock that jumps"),
    ("IN-09", "a disk that cannot be read or written for now"),
    ("IN-10", "an address in a file, or a redirect to one that nobody typed"),
    ("IN-11", "an unsigned package in place of a signed one; a record that says who is trusted"),
    ("IN-12", "a server that sends a byte a second"),
    ("RT-01", "ONNX Runtime missing, too old, or for another CPU"),
    ("RT-02", "a provider that takes the process down while it is tried"),
    ("RT-03", "a provider that gets no nodes, or not those that compute"),
    ("RT-04", "a provider that fails in the middle of a turn"),
    ("RT-05", "a provider that computes wrong numbers"),
    ("RT-06", "memory that is refused: for a larger cache, for a run"),
    ("RT-07", "a model that will not fit into what is free"),
    ("RT-08", "the process killed in the middle of reasoning"),
    ("RT-09", "an app that goes to the background, or is short of memory"),
    ("RT-10", "a turn that is cancelled or dropped at any moment, from any thread"),
    ("RT-11", "a reader that stops reading, panics, goes away or calls back"),
    ("RT-12", "many threads on one engine; engines that come and go"),
    ("RT-13", "an empty prompt, or one of white space or control tokens only"),
    ("RT-14", "a prompt longer than the context; the context full within reasoning"),
    ("RT-15", "negative, NaN or huge sampling parameters"),
    ("RT-16", "logits with NaN or infinity, or none left to choose"),
    ("RT-17", "a character split across tokens; invalid UTF-8; an end in the middle"),
    ("RT-18", "control tokens written in user, system or tool text"),
    ("RT-19", "text that panics a normaliser"),
    ("RT-20", "a clock that jumps while a turn runs"),
    ("RT-21", "a session file that is cut, damaged, or of another model, variant, runtime or cache form"),
    ("RT-22", "a restored session that computes again what it has, or says something else"),
    ("RT-23", "a session file that others read, that stays behind, or that another session takes from"),
    ("RT-24", "files beyond 4 GiB"),
    ("RT-25", "a model that repeats itself without end"),
    ("RT-26", "a schema, expression or grammar that is malformed, endless or a dead end"),
    ("RT-27", "a session file that two sessions or processes keep"),
    ("FI-01", "a link, a pipe, a socket, a device or a folder where a file is read; a size that is not true"),
    (
        "FI-02",
        "a link, a second name or a text of somebody else's where a file is written, locked or removed",
    ),
    ("FI-03", "a folder of somebody else's where an unfinished one would be removed"),
    ("FI-04", "a prepared or compiled form that came with a folder, or is not what its graph makes of it"),
    ("FI-05", "damage inside of a session file, which is the only copy"),
    ("FI-06", "a secret key that others can read"),
    ("FI-07", "a library in the current folder"),
    ("FI-08", "JSON of many small values, which take far more memory than its bytes"),
    ("RT-28", "reasoning that nothing opened, and limits of reasoning for a model that does not reason"),
    ("BD-01", "use after close; closing twice; closing during a turn"),
    ("BD-02", "objects that are never closed"),
    ("BD-03", "a panic below the language boundary"),
    ("BD-04", "code of an app that throws where it is called back"),
    ("BD-05", "a text of 100 MB; a lone surrogate, NUL, emoji"),
    ("BD-06", "64 callers at once; a caller that is cancelled"),
    ("BD-07", "a profile that aborts on a panic"),
];

pub(super) fn without_test(files: &[TextFile]) -> Vec<Finding> {
    // This crate's own tests hold rows as examples.
    let sources = files.iter().filter(|file| !file.path.starts_with("xtask/"));
    let names: Vec<_> = sources
        .flat_map(|file| match file.extension() {
            "rs" => test_names(&file.text, "#[test]", "fn "),
            "kt" => test_names(&file.text, "@Test", "fun "),
            _ => Vec::new(),
        })
        .collect();
    ROWS.iter()
        .filter(|(id, _)| !names.iter().any(|name| holds(name, id)))
        .map(|(id, fault)| Finding::new(*id, format!("no test has `{}` in its name ({fault})", lower(id))))
        .collect()
}

/// The names of the functions under `attribute`, a line of its own; `keyword` stands before a function's name.
fn test_names<'s>(source: &'s str, attribute: &str, keyword: &str) -> Vec<&'s str> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line == attribute {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once(keyword) {
            if is_test {
                names.push(rest.split('(').next().unwrap_or(rest));
            }
            is_test = false;
        }
    }
    names
}

fn holds(name: &str, id: &str) -> bool {
    name.split_once(&lower(id)).is_some_and(|(_, rest)| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

fn lower(id: &str) -> String {
    id.to_ascii_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_functions_under_the_test_attribute_count() {
        let source = "
            fn ck_01_helper() {}
            #[test]
            #[cfg(unix)]
            /// Why.
            fn ck_02_deep_nesting() {
                fn inner() {}
            }
        ";
        assert_eq!(test_names(source, "#[test]", "fn "), ["ck_02_deep_nesting"]);
    }

    #[test]
    fn tests_in_kotlin_count_and_their_helpers_do_not() {
        let source = "
            fun bd_01_helper() {}
            @Test
            fun bd_02_garbage() = withEngine { engine ->
                fun bd_03_inner() {}
            }
        ";
        let file = |path: &str| TextFile { path: path.into(), text: source.into() };
        assert_eq!(test_names(source, "@Test", "fun "), ["bd_02_garbage"]);
        let rows = |files: &[TextFile]| {
            let found = without_test(files).into_iter().map(|finding| finding.place);
            found.filter(|row| row.starts_with("BD-0")).collect::<Vec<_>>()
        };
        assert!(!rows(&[file("a.kt")]).contains(&"BD-02".to_owned()));
        assert!(rows(&[file("a.kt")]).contains(&"BD-01".to_owned()));
        assert!(rows(&[file("a.md")]).contains(&"BD-02".to_owned()));
    }

    #[test]
    fn a_row_is_held_by_its_whole_id() {
        assert!(holds("ck_01_header", "CK-01"));
        assert!(holds("reads_ck_01", "CK-01"));
        assert!(!holds("ck_011_header", "CK-01"));
        assert!(!holds("rt_01_header", "CK-01"));
    }

    #[test]
    fn a_row_without_a_test_is_named() {
        let source =
            ROWS.iter().skip(1).map(|(id, _)| format!("#[test]\nfn {}() {{}}\n", lower(id))).collect();
        let found = without_test(&[TextFile { path: "a.rs".into(), text: source }]);
        assert_eq!(found.iter().map(|finding| finding.place.as_str()).collect::<Vec<_>>(), ["CK-01"]);
    }
}
