//! `cargo xtask android library`: `android/wheelwork-android`, compiled and tested without a phone.
//!
//! 1. The Kotlin layer of `cargo xtask kotlin`, the library of Rust that it calls, and the shipped model.
//! 2. [`super::artefacts`]: AndroidX, Robolectric and Android itself, by name, version and hash; the [`super::catalogue`] says the same.
//! 3. [`super::resources`]: Google's merger makes one manifest of all libraries', and `aapt2` makes the resources.
//! 4. [`super::kotlinc`]: library, tests, those for a device (which nobody runs here) and the [`super::snippets`] of the guide, warnings denied.
//! 5. [`super::sniffer`]: what is called that API 26 lacks is what was looked at.
//! 6. [`super::suite`]: Robolectric runs the tests as API 26 and as API 35.

use std::path::PathBuf;

use super::artefacts::{Artefacts, Role};
use super::kotlinc::{Unit, sources_in};
use super::resources::App;
use super::suite::Suite;
use super::{catalogue, kotlinc, sniffer, snippets, suite};
use crate::kotlin::{self, Layer};
use crate::report;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// The library, compiled.
pub(super) struct Library {
    pub(super) layer: Layer,
    pub(super) artefacts: Artefacts,
    /// The folder with its manifest and resources.
    pub(super) main: PathBuf,
    /// Its classes, and those of its tests.
    pub(super) classes: PathBuf,
    pub(super) tests: PathBuf,
}

/// Runs the tests, or only those of the classes that are named.
pub(super) fn run(workspace: &Workspace, only: &[String]) -> Result<(), TaskError> {
    let (library, suite) = compile(workspace)?;
    suite.run(workspace, &library, only)
}

/// Compiles it and its tests.
pub(super) fn compile(workspace: &Workspace) -> Result<(Library, Suite), TaskError> {
    let artefacts = Artefacts::fetch(workspace)?;
    catalogue::check(workspace, &artefacts)?;
    let layer = kotlin::layer(workspace)?;
    let work = workspace.target.join("android").join("library");
    let module = workspace.root.join("android").join("wheelwork-android");
    let [main, test, device] = ["main", "test", "androidTest"].map(|name| module.join("src").join(name));

    report::step("making manifest and resources");
    let app = App {
        name: "dev.wheelwork.test",
        manifest: test.join("AndroidManifest.xml"),
        libraries: vec![main.clone()],
        roles: &[Role::App, Role::Test],
        assets: Some(suite::assets(&layer, &work)?),
    };
    let app = app.make(&artefacts, &work.join("app"))?;

    report::step("compiling");
    let class_path = |roles: &[Role]| -> Vec<PathBuf> {
        let own = layer.classes.iter().chain([&app.classes]).cloned();
        own.chain(roles.iter().flat_map(|role| artefacts.class_path(*role))).collect()
    };
    let [classes, tests, of_device, of_snippets] =
        ["library", "test", "device", "snippets"].map(|name| work.join("classes").join(name));
    let mut seen = class_path(&[Role::App, Role::Framework]);
    kotlinc::compile(
        &layer.compiler,
        &Unit {
            rules: &kotlinc::LIBRARY,
            ..Unit::new("wheelwork-android", sources_in(&main)?, &classes, &seen)
        },
    )?;
    kotlin::check_api(workspace, &module, &classes)?;
    let [ffi, own] = &layer.classes;
    sniffer::check(workspace, &artefacts, &module, &[ffi.clone(), own.clone(), classes.clone()])?;
    seen.insert(0, classes.clone());
    let guide = workspace.root.join("docs").join("android.md");
    let snippets = snippets::write(&guide, &work.join("snippets"))?;
    kotlinc::compile(&layer.compiler, &Unit::new("snippets", snippets, &of_snippets, &seen))?;
    let mut seen = class_path(&[Role::App, Role::Test, Role::Framework]);
    seen.insert(0, classes.clone());
    let friends: Vec<_> = layer.classes.iter().chain([&classes]).cloned().collect();
    kotlinc::compile(
        &layer.compiler,
        &Unit { friends: &friends, ..Unit::new("wheelwork-android-test", sources_in(&test)?, &tests, &seen) },
    )?;
    kotlinc::compile(
        &layer.compiler,
        &Unit {
            friends: &friends,
            ..Unit::new("wheelwork-android-device", sources_in(&device)?, &of_device, &seen)
        },
    )?;
    seen.insert(0, tests.clone());
    seen.insert(1, test.join("resources"));
    let suite = Suite {
        class_path: seen,
        tests: tests.join("dev").join("wheelwork").join("android"),
        package: "dev.wheelwork.android",
        first: "ReadinessTest",
        sdks: &[26, 35],
        properties: Vec::new(),
        app,
        work,
    };
    Ok((Library { layer, artefacts, main, classes, tests }, suite))
}
