//! Writes the Kotlin of `wheelwork-uniffi`, from the metadata in the built library. Part of the workspace, so that
//! generator and library have one version of UniFFI: each refuses another's work.

#![forbid(unsafe_code)]

fn main() {
    uniffi::uniffi_bindgen_main();
}
