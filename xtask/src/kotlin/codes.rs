//! `ErrorCode.kt` and `ErrorCode.swift`: a constant for each error code that can reach an app, read from the rows of
//! `diagnosis` in Rust.

use std::collections::BTreeMap;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::names::camel_case;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Where errors are made that reach an app.
const FOLDERS: [&str; 2] = ["core", "uniffi"];

/// What there is for tests only.
const NOT_SHIPPED: [&str; 4] = ["tests", "benches", "examples", "testing"];

/// Codes of the Swift layer itself.
const SWIFT: [(&str, &str, &str); 11] = [
    ("connection", "Retry", "The connection to the server failed."),
    ("download_file", "Retry", "A download could not be written."),
    ("folder_attributes", "Retry", "A folder could not be made, protected or kept out of backups."),
    ("in_background", "Retry", "The app is in the background, where no turn may begin."),
    ("keychain_damaged", "Reinstall", "The keychain has a session key of another length."),
    ("keychain_failed", "Retry", "The keychain answers with another status than success."),
    (
        "keychain_locked",
        "Retry",
        "The keychain cannot be read before the device was unlocked after its start.",
    ),
    ("keychain_refused", "Unsupported", "The app's entitlements do not allow the keychain's access group."),
    ("not_https", "Retry", "The address of a download is none of `https`."),
    ("out_of_range", "Retry", "A number means nothing there."),
    ("refused_by_server", "Retry", "The server gives another answer than the file."),
];

/// Codes of the Kotlin layer itself.
const OWN: [(&str, &str, &str); 2] = [
    ("malformed_text", "Retry", "A text holds a surrogate that stands alone."),
    (
        "native_library",
        "Unsupported",
        "The native library is missing, or of another release or architecture.",
    ),
];

/// A code's class and what its error says of itself.
struct Row {
    class: &'static str,
    about: String,
}

type Rows = BTreeMap<String, Row>;

/// The file's text.
pub(super) fn kotlin(workspace: &Workspace) -> Result<String, TaskError> {
    let mut rows = rows(workspace, &OWN)?;
    // It arrives as an `IllegalStateException`.
    rows.remove("closed");
    Ok(file(&rows))
}

/// The Swift file's text.
pub(crate) fn swift(workspace: &Workspace) -> Result<String, TaskError> {
    let mut text = String::from(
        "// Written by `WHEELWORK_BLESS=1 cargo xtask swift` from the errors in Rust.\n\n\
         /// What ``WheelworkError/code`` can be. The codes are the same in every language, and none is ever used for another error.\n\
         extension WheelworkError.Code {\n",
    );
    let rows = rows(workspace, &SWIFT)?;
    let rows = rows.iter().map(|(code, Row { class, about })| {
        let gap = if about.is_empty() { "" } else { " " };
        format!(
            "    /// {about}{gap}A ``WheelworkError/Kind/{}``.\n    public static let {} = Self(rawValue: \"{code}\")\n",
            class.to_lowercase(),
            camel_case(code)
        )
    });
    text.push_str(&rows.collect::<Vec<_>>().join("\n"));
    text.push_str("}\n");
    Ok(text)
}

fn rows(workspace: &Workspace, own: &[(&str, &'static str, &str)]) -> Result<Rows, TaskError> {
    let mut rows = Rows::new();
    for folder in FOLDERS {
        read_folder(&workspace.root.join(folder), &mut rows)?;
    }
    for (code, class, about) in own {
        rows.insert((*code).to_owned(), Row { class, about: (*about).to_owned() });
    }
    Ok(rows)
}

fn file(rows: &Rows) -> String {
    let mut text = String::from(
        "// Written by `WHEELWORK_BLESS=1 cargo xtask kotlin` from the errors in Rust.
package dev.wheelwork

/**
 * What [WheelworkException.code] can be. The codes are the same in every language, and none is ever used for another error.
 * A later release may have more.
 */
public object ErrorCode {
",
    );
    let rows = rows.iter().map(|(code, Row { class, about })| {
        let gap = if about.is_empty() { "" } else { " " };
        format!(
            "    /** {about}{gap}A [WheelworkException.{class}]. */\n    public const val {}: String = \"{code}\"\n",
            code.to_uppercase()
        )
    });
    text.push_str(&rows.collect::<Vec<_>>().join("\n"));
    text.push_str("}\n");
    text
}

fn read_folder(folder: &Path, rows: &mut Rows) -> Result<(), TaskError> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !NOT_SHIPPED.contains(&name.as_str()) {
                read_folder(&path, rows)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
            let text = fs_err::read_to_string(&path)?;
            let tokens = text.parse().map_err(|error| TaskError::new(format!("read {name}: {error}")))?;
            rows.extend(codes(&text, tokens));
        }
    }
    Ok(())
}

/// The codes of a file that makes rows.
fn codes(text: &str, tokens: TokenStream) -> Rows {
    if !text.contains("Diagnosis") {
        return Rows::new();
    }
    let (mut found, mut abouts) = (Vec::new(), BTreeMap::new());
    walk(tokens, &Within::default(), &mut found, &mut abouts);
    let rows = found.into_iter().map(|Found { within, code, class }| {
        let of_variant = within.variant.and_then(|variant| abouts.get(&variant).cloned());
        (code, Row { class, about: of_variant.or(within.function).unwrap_or_default() })
    });
    rows.collect()
}

/// What stands around a row.
#[derive(Clone, Default)]
struct Within {
    /// The variant that was named last.
    variant: Option<String>,
    /// What is said of the function.
    function: Option<String>,
}

struct Found {
    within: Within,
    code: String,
    class: &'static str,
}

/// Collects the rows and the first sentence about each variant.
fn walk(tokens: TokenStream, within: &Within, found: &mut Vec<Found>, abouts: &mut BTreeMap<String, String>) {
    let mut within = within.clone();
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut about = String::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(name) => {
                let name = name.to_string();
                let class = class(&name);
                match (class, tokens.get(at + 1)) {
                    (Some(class), Some(TokenTree::Group(call)))
                        if call.delimiter() == Delimiter::Parenthesis =>
                    {
                        if let Some(code) = code(call.stream()) {
                            found.push(Found { within: within.clone(), code, class });
                        }
                    }
                    _ if is_upper(&name) => {
                        // A variant where it is made is one where it is matched, too.
                        if !about.is_empty() {
                            abouts.entry(name.clone()).or_insert_with(|| std::mem::take(&mut about));
                        }
                        if after_path(&tokens, at) {
                            within.variant = Some(name);
                        }
                    }
                    _ if name == "fn" => {
                        within.function = Some(std::mem::take(&mut about)).filter(|about| !about.is_empty());
                    }
                    _ if name != "pub" && name != "crate" => about.clear(),
                    _ => {}
                }
            }
            TokenTree::Group(group) => {
                if let Some(text) = doc(group.stream()) {
                    if about.is_empty() {
                        about = first_sentence(&text);
                    }
                } else if !is_tests(&tokens, at) {
                    walk(group.stream(), &within, found, abouts);
                }
            }
            TokenTree::Punct(sign) if sign.as_char() == ',' || sign.as_char() == ';' => about.clear(),
            _ => {}
        }
    }
}

fn class(function: &str) -> Option<&'static str> {
    Some(match function {
        "retry" => "Retry",
        "reinstall" => "Reinstall",
        "unsupported" => "Unsupported",
        "bug" => "Bug",
        _ => return None,
    })
}

fn is_upper(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_uppercase())
}

/// Whether `::` stands before.
fn after_path(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |back: usize| {
        at.checked_sub(back).and_then(|at| tokens.get(at)).is_some_and(|token| token.to_string() == ":")
    };
    colon(1) && colon(2)
}

/// Whether the group is the body of `mod tests`.
fn is_tests(tokens: &[TokenTree], at: usize) -> bool {
    let word = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at)).map(ToString::to_string);
    word(1).as_deref() == Some("tests") && word(2).as_deref() == Some("mod")
}

/// The text of `[doc = "..."]`.
fn doc(attribute: TokenStream) -> Option<String> {
    let mut tokens = attribute.into_iter();
    (tokens.next()?.to_string() == "doc").then_some(())?;
    tokens.next()?;
    text(&tokens.next()?)
}

/// The code in the arguments of a row: in `snake_case`, and a remedy follows.
fn code(arguments: TokenStream) -> Option<String> {
    let mut arguments = arguments.into_iter();
    let code = text(&arguments.next()?)?;
    let is_code =
        code.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    let has_remedy = arguments.next()?.to_string() == "," && arguments.next().is_some();
    (is_code && has_remedy).then_some(code)
}

fn text(token: &TokenTree) -> Option<String> {
    let literal = token.to_string();
    let literal = literal.strip_prefix('"')?.strip_suffix('"')?;
    Some(literal.replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// Without links, which mean nothing in Kotlin.
fn first_sentence(text: &str) -> String {
    let text = text.trim().replace(['[', ']'], "");
    let end = text.find(". ").map_or(text.len(), |end| end + 1);
    let sentence = text.get(..end).unwrap_or(&text).trim_end_matches(':');
    if sentence.ends_with('.') { sentence.to_owned() } else { format!("{sentence}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_the_words_of_its_variant() {
        let source = "
            /// Why.
            enum StoreError {
                /// Somebody else writes to the [store]. Or did.
                #[error(\"busy\")]
                Busy { pid: u32 },
                /// Another.
                Io(u32),
            }
            impl Diagnostic for StoreError {
                fn diagnosis(&self) -> Diagnosis {
                    match self {
                        Self::Busy { .. } => retry(\"store_busy\", wait_until(\"it is done\")),
                        Self::Io(path) => {
                            unsupported(
                                \"store_io\", Remedy::CheckStorage).file(path)
                        }
                    }
                }
            }
            impl FfiError {
                /// The wrong key. Or none.
                pub(crate) fn key() -> Self { Self::new(retry(\"key_length\", give(\"a key\"))) }
            }
            fn syntax() { unsupported(\"a back-reference\"); unsupported(\"alone\") }
            #[cfg(test)]
            mod tests { fn f() { retry(\"none\", x) } }";
        let rows = codes(source, source.parse().unwrap());
        let rows: Vec<_> =
            rows.iter().map(|(code, row)| (code.as_str(), row.class, row.about.as_str())).collect();
        assert_eq!(
            rows,
            [
                ("key_length", "Retry", "The wrong key."),
                ("store_busy", "Retry", "Somebody else writes to the store."),
                ("store_io", "Unsupported", "Another."),
            ]
        );
    }
}
