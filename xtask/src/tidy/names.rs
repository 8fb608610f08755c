//! Inside `core`, ONNX Runtime's crate is named by the decoder that drives it, and a chip maker's provider by the table
//! of providers: a second decoder or provider must not have to look like the first.

use super::finding::Finding;
use super::text_file::{TextFile, in_lines};

/// Where `ort::` may stand inside `core`.
const ALLOWED: [&str; 2] = ["core/ort/", "core/src/decoder/ort/"];

pub(super) fn ort_outside_the_decoder(files: &[TextFile]) -> Vec<Finding> {
    let is_allowed = |file: &TextFile| ALLOWED.iter().any(|prefix| file.path.starts_with(prefix));
    in_lines(
        files,
        |file| file.path.starts_with("core/") && file.extension() == "rs" && !is_allowed(file),
        |line| names_ort(line).then(|| "names `ort::`: only core/src/decoder/ort/ does".to_owned()),
    )
}

/// Words of Qualcomm's provider and where they may stand inside `core/src`.
const QNN: [&str; 3] = ["qnn", "htp", "soc_model"];
const QNN_ALLOWED: [&str; 2] = ["core/src/device/table.rs", "core/src/device/table/qnn.rs"];

pub(super) fn qnn_outside_the_table(files: &[TextFile]) -> Vec<Finding> {
    in_lines(
        files,
        |file| file.path.starts_with("core/src/") && !QNN_ALLOWED.contains(&file.path.as_str()),
        |line| {
            let line = line.to_lowercase();
            let word = QNN.into_iter().find(|word| line.contains(word))?;
            Some(format!("names `{word}`: only the table of providers does"))
        },
    )
}

/// Whether code (not a comment) holds the crate's path `ort::`, which is not the end of a longer word or of a
/// path such as `self::ort::`.
fn names_ort(line: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices("ort::").any(|(start, _)| {
        let before = &code[..start];
        !before.strip_suffix("::").unwrap_or(before).ends_with(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_crate_itself_counts() {
        assert!(names_ort("use ort::session::Session;"));
        assert!(names_ort("    let x: Vec<ort::Value>;"));
        assert!(names_ort("use ::ort::session::Session;"));
        assert!(!names_ort("use self::ort::OrtDecoder;"));
        assert!(!names_ort("use wheelwork_ort::environment;"));
        assert!(!names_ort("mod report; use report::Line;"));
        assert!(!names_ort("/// Wraps [`ort::Session`]."));
    }

    #[test]
    fn the_decoder_may_and_its_neighbours_may_not() {
        let file = |path: &str| TextFile { path: path.into(), text: "\nuse ort::x;".into() };
        let files = [
            file("core/src/decoder/ort/session.rs"),
            file("core/ort/src/lib.rs"),
            file("core/src/decoder/mod.rs"),
            file("desktop/src/main.rs"),
        ];
        let places: Vec<_> =
            ort_outside_the_decoder(&files).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["core/src/decoder/mod.rs:2"]);
    }

    #[test]
    fn a_provider_is_named_by_the_table_alone() {
        let file = |path: &str| TextFile { path: path.into(), text: "\n// Hexagon's HTP".into() };
        let files =
            [file("core/src/device/table/qnn.rs"), file("core/src/open/model.rs"), file("docs/npu.md")];
        let places: Vec<_> = qnn_outside_the_table(&files).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["core/src/open/model.rs:2"]);
    }
}
