//! `libwheelwork.so`, what an Android app loads: the bindings of `wheelwork-uniffi`, and what they need of Android.
//!
//! 1. `System.loadLibrary("wheelwork")` calls `JNI_OnLoad` ([`on_load`]), before anything else runs.
//! 2. [`logcat`] sends what Wheelwork's own crates say to Android's log, up to the level of `WHEELWORK_LOG`.
//! 3. [`panics`] tells there where a panic began, and none of its words.
//! 4. JNA finds the functions of UniFFI in the library by their names.
//!
//! It builds on other systems too, where it logs nothing: its tests run there. How it is linked without Android's NDK, and what
//! was executed: `docs/android.md`.

mod logcat;
mod on_load;
#[cfg(any(test, target_os = "android"))]
mod own_words;
mod panics;

#[cfg(all(target_os = "android", feature = "unwinder"))]
use unwinding as _;

wheelwork_uniffi::uniffi_reexport_scaffolding!();
