//! `cargo xtask android apk`: the example as the file that a phone would take, for arm64. No part of CI: R8 takes minutes.
//!
//! 1. The library of Rust, manifest and resources without the tests' libraries, and the app's classes.
//! 2. R8 shrinks all of it to dex, with the rules that libraries ship.
//! 3. `Apk.java` packs and signs it by a key made for it, and verifies with Google's verifier that the signatures of v2 and v3 hold, and
//!    that what phones map begins at their pages.
//! 4. `aapt2` reads it again: what a phone asks an APK for is there.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::artefacts::{Artefacts, Role};
use super::example::{self, Example};
use super::resources::Made;
use super::{abi::Abi, native, shrink};
use crate::task_error::TaskError;
use crate::workspace::{Workspace, files_below};
use crate::{command, report};

/// Android 8.
const MIN_API: &str = "26";

/// What stands in the APK besides our own: ONNX Runtime, which an app adds, is not to be had here.
const ROLES: [Role; 2] = [Role::App, Role::Phone];

const ABI: Abi = Abi::Arm64;

pub(super) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    native::run(workspace, &[ABI])?;
    let app = example::compile(workspace)?;
    let work = workspace.target.join("android").join("apk");
    if work.exists() {
        fs_err::remove_dir_all(&work)?;
    }
    let artefacts = &app.library.artefacts;
    let made = example::make(workspace, &app.library, &ROLES, &work.join("app"))?;

    report::step("shrinking the app to dex");
    let dex = shrunk(workspace, &app, &made, &work)?;

    report::step("packing, signing and looking at it");
    let libraries = native_libraries(workspace, artefacts)?;
    for library in &libraries {
        native::check_pages(library)?;
    }
    let apk = work.join("chat.apk");
    let keystore = work.join("key.p12");
    make_key(&keystore)?;
    let mut java = Command::new("java");
    java.arg("--class-path")
        .arg(artefacts.jar("apksig")?)
        .arg(workspace.root.join("android").join("toolchain").join("Apk.java"))
        .args([&apk, &keystore, &made.apk]);
    let of_libraries = format!("lib/{}/", ABI.name());
    for (folder, files) in [("", dex), (&of_libraries, libraries)] {
        for file in files {
            let name = file.file_name().unwrap_or_default();
            java.arg(format!("{folder}{}={}", name.display(), file.display()));
        }
    }
    command::run(&mut java)?;
    read(artefacts, &apk)
}

/// The app's classes and all that they stand on, as dex files.
fn shrunk(workspace: &Workspace, app: &Example, made: &Made, work: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let artefacts = &app.library.artefacts;
    let dex = work.join("dex");
    fs_err::create_dir_all(&dex)?;
    let desktop = artefacts.jar("jna")?;
    let jars: Vec<_> =
        ROLES.iter().flat_map(|role| artefacts.class_path(*role)).filter(|jar| *jar != desktop).collect();
    let mut r8 = shrink::r8(artefacts)?;
    r8.args(["--dex", "--min-api", MIN_API, "--lib"]).arg(shrink::jdk()?).arg("--output").arg(&dex);
    for jar in artefacts.class_path(Role::Framework) {
        r8.arg("--lib").arg(jar);
    }
    let of_libraries = artefacts.libraries(&ROLES).into_iter().map(|library| library.join("proguard.txt"));
    let android = workspace.root.join("android");
    let own = android.join("wheelwork-android").join(shrink::RULES);
    let of_apk = android.join("toolchain").join("apk-rules.pro");
    let rules = of_libraries.filter(|file| file.is_file()).chain(shrink::shipped_rules(&jars, work)?);
    for rules in rules.chain([own, of_apk, made.rules.clone()]) {
        r8.arg("--pg-conf").arg(rules);
    }
    let classes = app.library.layer.classes.iter().chain(&app.classes).chain([&made.classes]);
    for (index, folder) in classes.enumerate() {
        // Folders may be called the same.
        let of_jar = work.join("jars").join(index.to_string());
        fs_err::create_dir_all(&of_jar)?;
        r8.arg(shrink::jar(folder, &of_jar)?);
    }
    command::run_briefly(r8.args(jars), "R8")?;
    files_below(&dex, "dex")
}

/// Ours, and JNA's.
fn native_libraries(workspace: &Workspace, artefacts: &Artefacts) -> Result<Vec<PathBuf>, TaskError> {
    let ours = workspace.target.join("android").join("jniLibs").join(ABI.name());
    let folders =
        artefacts.libraries(&[Role::Phone]).into_iter().map(|library| library.join("jni").join(ABI.name()));
    let mut found = Vec::new();
    for folder in folders.chain([ours]) {
        found.extend(files_below(&folder, "so")?);
    }
    Ok(found)
}

/// What the merger adds for a library that names no version.
const NEVER_ASKED: [&str; 3] = ["READ_EXTERNAL_STORAGE", "READ_PHONE_STATE", "WRITE_EXTERNAL_STORAGE"];

/// A key that signs nothing but this.
fn make_key(keystore: &Path) -> Result<(), TaskError> {
    let mut keytool = Command::new("keytool");
    keytool
        .args(["-genkeypair", "-alias", "test", "-keyalg", "EC", "-validity", "3650"])
        .args(["-dname", "CN=Wheelwork test", "-storetype", "PKCS12", "-storepass", "android", "-keystore"])
        .arg(keystore);
    command::capture(&mut keytool).map(drop)
}

/// Has Google's program tell what a phone would learn of the app.
fn read(artefacts: &Artefacts, apk: &Path) -> Result<(), TaskError> {
    let told = command::capture(Command::new(artefacts.aapt()?).args(["dump", "badging"]).arg(apk))?;
    let expected = [
        "package: name='dev.wheelwork.chat'".to_owned(),
        format!("minSdkVersion:'{MIN_API}'"),
        "launchable-activity: name='dev.wheelwork.chat.MainActivity'".to_owned(),
        format!("native-code: '{}'", ABI.name()),
    ];
    let has = |start: &str| told.lines().any(|found| found.starts_with(start));
    let wrong = |what: String| {
        Err(TaskError::new(format!("{what} in what aapt2 tells of {}:\n{told}", apk.display())))
    };
    if let Some(line) = expected.iter().find(|line| !has(line)) {
        return wrong(format!("find `{line}`"));
    }
    match NEVER_ASKED.iter().find(|name| has(&format!("uses-permission: name='android.permission.{name}'"))) {
        Some(name) => wrong(format!("find no permission {name}")),
        None => Ok(()),
    }
}
