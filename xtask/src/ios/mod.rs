//! `cargo xtask ios`: what an iOS app links, built and linked without a Mac.
//!
//! 1. `rustup` brings Rust's standard library for `aarch64-apple-ios`; cargo builds the bindings as a static library with
//!    ONNX Runtime left to the app's link.
//! 2. [`mach_o`] links it into a shared library, against stubs of `ios/ledger.txt`: a name that is not there fails.
//! 3. What it shows is what the generated Swift calls, and size and imports are what is committed.
//! 4. [`privacy`]: the manifest names what Apple wants a reason for.

mod privacy;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::kotlin::{self, bindings};
use crate::mach_o::image::Image;
use crate::mach_o::link::Link;
use crate::mach_o::{Imports, stubs};
use crate::static_library::{self, StaticLibrary};
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{golden, report, size};

const TARGET: &str = "aarch64-apple-ios";

/// The oldest release, as in `ios/Package.swift`.
const OLDEST: &str = "16.0";

/// What the app's part in Swift calls.
const EXPORTS: [&str; 2] = ["_uniffi_wheelwork_*", "_ffi_wheelwork_*"];

/// The app's link has to bring it.
const RUNTIME: (&str, &str) = ("_OrtGetApiBase", "@rpath/onnxruntime.framework/onnxruntime");

/// What stands above the lines.
const HEADER: &str = "\
# The static library that an iOS app links, linked into a shared one: what it weighs, imports and exports. `cargo xtask ios`
# compares it and links against these imports alone; WHEELWORK_BLESS=1 writes it anew. A weak import may lack.
";

pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    static_library::add_targets([TARGET])?;
    let work = workspace.target.join("ios");
    let file = workspace.root.join("ios").join("ledger.txt");
    let mut known = Imports::read(&fs_err::read_to_string(&file).unwrap_or_default());
    known.add(RUNTIME.0, RUNTIME.1);
    let sdk = work.join("sdk");
    let stubs = stubs::write(&known, "arm64-ios", &sdk)?;

    report::step(&format!("building for {TARGET}"));
    let archive = build(workspace, &sdk)?;
    report::step("linking");
    let library = work.join("libwheelwork.dylib");
    let platform = format!("ios {OLDEST} 18.0");
    let open = golden::blesses();
    Link { platform: &platform, archive: &archive, stubs: &stubs, exports: &EXPORTS, open }.make(&library)?;
    static_library::check_places(workspace, &library)?;
    let image = Image::read(&library)?;
    if !image.imports.iter().any(|import| import.name == RUNTIME.0) {
        return Err(
            TaskError::new("the library does not ask for ONNX Runtime").remedy("see core/ort/src/linked.rs")
        );
    }
    exports(&image, &called(workspace, &archive, &work)?)?;
    let manifest = workspace.root.join("ios").join("Sources").join("Wheelwork").join("PrivacyInfo.xcprivacy");
    privacy::check(&fs_err::read_to_string(manifest)?, &image)?;
    let mut ledger = format!("{HEADER}size {}\n", size::at_most(image.bytes));
    ledger.extend(image.lines(&known).iter().map(|line| format!("{line}\n")));
    golden::check(workspace, &file, &ledger)?;
    report::pass(&format!("{}: {} bytes", workspace.relative(&library), image.bytes));
    Ok(())
}

/// Builds the bindings; their static library.
fn build(workspace: &Workspace, sdk: &Path) -> Result<PathBuf, TaskError> {
    StaticLibrary {
        package: "wheelwork-uniffi",
        name: "wheelwork_uniffi",
        features: "linked",
        target: TARGET,
        linker: "ld64.lld",
        flags: &["-Clink-arg=-undefined".to_owned(), "-Clink-arg=dynamic_lookup".to_owned()],
        variables: &[("IPHONEOS_DEPLOYMENT_TARGET", Path::new(OLDEST)), ("SDKROOT", sdk)],
    }
    .build(workspace)
}

/// The functions that the generated Swift declares, from the metadata in the static library itself.
fn called(workspace: &Workspace, archive: &Path, work: &Path) -> Result<BTreeSet<String>, TaskError> {
    kotlin::build(workspace)?;
    let generated = bindings::swift_of(workspace, archive, &work.join("generated"))?;
    Ok(functions(&fs_err::read_to_string(generated.header)?))
}

/// What a header declares of UniFFI's, as the linker names it.
fn functions(header: &str) -> BTreeSet<String> {
    let words =
        header.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '('));
    let names = words.filter_map(|word| word.split_once('(').map(|(name, _)| name));
    names
        .filter(|name| name.starts_with("uniffi_") || name.starts_with("ffi_"))
        .map(|name| format!("_{name}"))
        .collect()
}

fn exports(image: &Image, called: &BTreeSet<String>) -> Result<(), TaskError> {
    let shown: BTreeSet<_> = image.exports.iter().cloned().collect();
    let lacks: Vec<_> = called.difference(&shown).map(String::as_str).collect();
    if !lacks.is_empty() {
        return Err(TaskError::new(format!("the library lacks what Swift calls: {}", lacks.join(", "))));
    }
    let idle: Vec<_> = shown.difference(called).map(String::as_str).collect();
    if !idle.is_empty() {
        return Err(TaskError::new(format!("the library shows what nothing calls: {}", idle.join(", "))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "\
        #ifndef UNIFFI_FFIDEF\ntypedef void (*UniffiCallback)(uint64_t);\n\
        uint64_t uniffi_wheelwork_uniffi_fn_clone_chat(uint64_t handle, RustCallStatus *_Nonnull out_status\n);\n\
        RustBuffer ffi_wheelwork_uniffi_rustbuffer_alloc(uint64_t size);\nvoid other(void);\n";

    #[test]
    fn a_headers_functions_are_found() {
        let found: Vec<_> = functions(HEADER).into_iter().collect();
        assert_eq!(
            found,
            ["_ffi_wheelwork_uniffi_rustbuffer_alloc", "_uniffi_wheelwork_uniffi_fn_clone_chat"]
        );
    }

    #[test]
    fn what_lacks_and_what_is_too_much_are_told() {
        let image = Image { imports: vec![], exports: vec!["_ffi_a".into(), "_ffi_b".into()], bytes: 0 };
        let called = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        assert!(exports(&image, &called(&["_ffi_a", "_ffi_b"])).is_ok());
        let told = |names| exports(&image, &called(names)).unwrap_err().to_string();
        assert!(told(&["_ffi_a"]).contains("_ffi_b"));
        assert!(told(&["_ffi_a", "_ffi_b", "_ffi_c"]).contains("lacks what Swift calls: _ffi_c"));
    }
}
