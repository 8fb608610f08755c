use super::*;

/// The arrows of a crate as `FROM:LINE TO`, names without `src/` and `.rs`.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| TextFile { path: format!("src/{path}.rs"), text: (*text).into() })
        .collect();
    let short = |path: &str| path.trim_start_matches("src/").trim_end_matches(".rs").to_owned();
    let shown = |arrow: &Arrow| format!("{}:{} {}", short(&arrow.from), arrow.line, short(&arrow.to));
    arrows("src/lib.rs", &files).unwrap().iter().map(shown).collect()
}

#[test]
fn declarations_and_re_exports_alone_are_no_imports() {
    assert_eq!(
        found(&[("lib", "mod a; pub use a::A; pub(crate) use a::B;"), ("a", "pub struct A;")]),
        [""; 0]
    );
}

#[test]
fn a_re_export_that_the_code_uses_is_one() {
    assert_eq!(found(&[("lib", "mod a;\npub use a::A;\nstruct B(A);"), ("a", "pub struct A;")]), ["lib:2 a"]);
}

#[test]
fn re_exports_lead_to_the_file_that_defines_the_name() {
    let files = [
        ("lib", "mod a; mod b; pub use a::Other as Named;"),
        ("a/mod", "mod inner; mod other; pub use self::inner::*; pub use other::Other;"),
        ("a/inner", "pub enum Inner {} pub fn run() {} macro_rules! twice { () => {} }"),
        ("a/other", "pub struct Other;"),
        ("b", "use crate::a::{self, Inner};\nfn f() { a::run(); }\nuse crate::Named;"),
    ];
    assert_eq!(found(&files), ["b:1 a/inner", "b:3 a/other"]);
}

#[test]
fn paths_in_code_count_and_those_in_comments_texts_and_tests_do_not() {
    let files = [
        ("lib", "pub mod a; pub mod b;"),
        ("a", "pub struct A; impl A { pub fn new() {} }"),
        (
            "b",
            "//! See [`crate::a::A`].
             // crate::a::A
             const TEXT: &str = \"crate::a::A\";
             #[cfg(test)]
             use crate::a::A;
             struct B { #[cfg(test)] a: crate::a::A, c: Vec<u8> }
             #[cfg(test)]
             mod tests { fn f() { crate::a::A::new(); } }
             fn f<'a>() { assert_eq!(1, super::a::A::new()); }",
        ),
    ];
    assert_eq!(found(&files), ["b:9 a"]);
}

#[test]
fn modules_inside_a_file_are_part_of_it() {
    let files =
        [("lib", "mod a; mod b;"), ("a", "pub struct A;"), ("b", "mod inner { use super::super::a::A; }")];
    assert_eq!(found(&files), ["b:1 a"]);
}

#[test]
fn other_crates_are_no_files() {
    assert_eq!(found(&[("lib", "mod a; use std::fmt; fn f() { serde::a::A; }"), ("a", "")]), [""; 0]);
}

#[test]
fn re_exports_in_a_circle_end() {
    let files =
        [("lib", "mod a; mod b;"), ("a", "pub use super::b::X;"), ("b", "pub use super::a::X; struct Y(X);")];
    assert!(found(&files).len() <= 1);
}
