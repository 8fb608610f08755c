//! What one module's text says of others: the modules it declares, the names it imports, the paths it writes out.
//!
//! Reads tokens, not syntax: a path inside a macro call counts like any other. Comments and texts are no tokens, and
//! what stands under `#[cfg(test)]` is left out.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, LexError, Spacing, TokenStream, TokenTree};

/// What a module says.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// `mod name;`
    pub(super) files: Vec<String>,
    /// `mod name { .. }`
    pub(super) inline: Vec<(String, Source)>,
    pub(super) imports: Vec<Import>,
    /// Paths of several segments outside `use`, with their lines.
    pub(super) paths: Vec<(Vec<String>, usize)>,
    /// Items that are defined here.
    pub(super) defined: BTreeSet<String>,
    /// Names that the code uses as a type, a macro, a function or the start of a path.
    pub(super) used: BTreeSet<String>,
}

/// One name that a `use` brings in.
#[derive(Debug)]
pub(super) struct Import {
    /// `*` for all of them.
    pub(super) name: String,
    pub(super) path: Vec<String>,
    pub(super) is_public: bool,
    pub(super) line: usize,
}

impl Source {
    pub(super) fn read(text: &str) -> Result<Self, LexError> {
        let mut tokens = Vec::new();
        flatten(text.parse()?, &mut tokens);
        Ok(Self::of(&tokens))
    }

    fn of(tokens: &[Token]) -> Self {
        let mut source = Self::default();
        let (mut at, mut depth) = (0, 0);
        while let Some(token) = tokens.get(at) {
            let previous = at.checked_sub(1).map_or("", |before| tokens[before].text.as_str());
            let rest = &tokens[at + 1..];
            let next = |offset: usize| rest.get(offset).map_or("", |token| token.text.as_str());
            at += 1;
            match (token.text.as_str(), next(0), next(1)) {
                ("#", "[", _) => {
                    let attribute = &rest[..after_group(rest)];
                    at += attribute.len();
                    if is_test(attribute) {
                        at += after_item(&rest[attribute.len()..]);
                    }
                }
                ("mod", name, "{") => {
                    let body = &rest[1..];
                    let length = after_group(body);
                    source.inline.push((name.to_owned(), Self::of(&body[1..length - 1])));
                    at += 1 + length;
                }
                ("mod", name, ";") => source.files.push(name.to_owned()),
                ("use", first, _) if first != "<" => {
                    let length = rest.iter().position(|token| token.text == ";").unwrap_or(rest.len());
                    // `pub`, or the end of `pub(crate)`.
                    let is_public = matches!(previous, "pub" | ")");
                    source.import(&rest[..length], &mut Vec::new(), is_public);
                    at += length;
                }
                ("fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static", name, _)
                    if depth == 0 =>
                {
                    source.defined.insert(name.to_owned());
                    at += 1;
                }
                ("macro_rules", "!", name) => {
                    source.defined.insert(name.to_owned());
                }
                ("{" | "(" | "[", ..) => depth += 1,
                ("}" | ")" | "]", ..) => depth -= 1,
                (word, ..) if is_name(word) && !matches!(previous, "::" | "." | "fn") => {
                    let path = leading_path(&tokens[at - 1..]);
                    if is_type(word) || matches!(next(0), "::" | "(" | "!") {
                        source.used.insert(word.to_owned());
                    }
                    at += 2 * (path.len() - 1);
                    if path.len() > 1 {
                        source.paths.push((path, token.line));
                    }
                }
                _ => {}
            }
        }
        source
    }

    /// The names in what stands behind `use`; `prefix` is the path outside the braces.
    fn import(&mut self, tokens: &[Token], prefix: &mut Vec<String>, is_public: bool) {
        let outside = prefix.len();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token.text.as_str() {
                "{" => {
                    let length = after_group(&tokens[at - 1..]);
                    for tree in split_at_commas(&tokens[at..at + length - 2]) {
                        self.import(tree, prefix, is_public);
                    }
                    prefix.truncate(outside);
                    return;
                }
                "*" => prefix.push("*".to_owned()),
                "as" => break,
                "self" if !prefix.is_empty() => {}
                word if is_name(word) => prefix.push(word.to_owned()),
                _ => {}
            }
        }
        let alias =
            tokens.get(at).filter(|_| at > 0 && tokens[at - 1].text == "as").map(|token| token.text.clone());
        if let (Some(first), Some(last)) = (tokens.first(), prefix.last()) {
            let name = alias.unwrap_or_else(|| last.clone());
            let path = prefix.iter().filter(|segment| *segment != "*").cloned().collect();
            self.imports.push(Import { name, path, is_public, line: first.line });
        }
        prefix.truncate(outside);
    }
}

#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
}

/// Tokens one behind the other, with `::` as one of them.
fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let mut is_joint = false;
    for tree in stream {
        let line = tree.span().start().line;
        let mut push = |text: &str, line| tokens.push(Token { text: text.to_owned(), line });
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(open, line);
                flatten(group.stream(), tokens);
                tokens.push(Token { text: close.to_owned(), line });
            }
            TokenTree::Punct(punct) if is_joint && punct.as_char() == ':' => {
                if let Some(colon) = tokens.last_mut() {
                    "::".clone_into(&mut colon.text);
                }
                is_joint = false;
            }
            TokenTree::Punct(punct) => {
                is_joint = punct.as_char() == ':' && punct.spacing() == Spacing::Joint;
                push(&punct.to_string(), line);
            }
            other => push(&other.to_string(), line),
        }
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn is_type(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
}

/// `name::name::name` at the front.
fn leading_path(tokens: &[Token]) -> Vec<String> {
    let mut path = vec![tokens[0].text.clone()];
    for pair in tokens[1..].chunks_exact(2) {
        if pair[0].text != "::" || !is_name(&pair[1].text) {
            break;
        }
        path.push(pair[1].text.clone());
    }
    path
}

/// Whether `[cfg(test)]` or `[cfg(all(test, ..))]`.
fn is_test(attribute: &[Token]) -> bool {
    let words: Vec<_> = attribute.iter().map(|token| token.text.as_str()).collect();
    matches!(words[..], ["[", "cfg", "(", "test", ")", "]"] | ["[", "cfg", "(", "all", "(", "test", ..])
}

/// How many tokens the group at the front has, with its brackets.
fn after_group(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "(" | "{" | "[" => depth += 1,
            ")" | "}" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// How many tokens what an attribute belongs to has: an item up to its `;` or body, a field or an argument up to its comma.
fn after_item(tokens: &[Token]) -> usize {
    let mut at = 0;
    let mut is_item = false;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => return at + after_group(&tokens[at..]),
            "(" | "[" => at += after_group(&tokens[at..]),
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            ")" | "]" | "}" => return at,
            word => {
                is_item |= matches!(
                    word,
                    "fn" | "impl" | "struct" | "enum" | "trait" | "type" | "mod" | "use" | "let"
                );
                at += 1;
            }
        }
    }
    at
}

fn split_at_commas(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0;
    tokens
        .split(|token| {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            depth == 0 && token.text == ","
        })
        .collect()
}
