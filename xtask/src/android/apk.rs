//! `cargo xtask android apk`: the example as the file that a phone would take: shrunk to dex by R8 with the rules of all libraries,
//! packed, aligned, signed by a key made for it, and looked at as Android looks at it. For arm64. No part of CI: R8 takes minutes.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::artefacts::{Artefacts, Role};
use super::{abi::Abi, example, native, shrink};
use crate::task_error::TaskError;
use crate::workspace::{Workspace, files_below};
use crate::{command, report};

/// Android 8.
const MIN_API: &str = "26";

pub(super) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    native::run(workspace, &[Abi::Arm64])?;
    let app = example::compile(workspace)?;
    let work = workspace.target.join("android").join("apk");
    fs_err::create_dir_all(&work)?;
    let artefacts = &app.library.artefacts;
    let android = workspace.root.join("android");

    report::step("shrinking the app to dex");
    let dex = work.join("dex");
    if dex.exists() {
        fs_err::remove_dir_all(&dex)?;
    }
    fs_err::create_dir_all(&dex)?;
    let mut r8 = shrink::r8(artefacts)?;
    r8.args(["--dex", "--min-api", MIN_API, "--lib"]).arg(shrink::jdk()?).arg("--output").arg(&dex);
    for jar in artefacts.class_path(Role::Framework) {
        r8.arg("--lib").arg(jar);
    }
    let shipped = artefacts.libraries().into_iter().map(|library| library.join("proguard.txt"));
    let own = [android.join("wheelwork-android").join(shrink::RULES), app.suite.app.rules.clone()];
    for rules in shipped.filter(|file| file.is_file()).chain(own) {
        r8.arg("--pg-conf").arg(rules);
    }
    let classes = app.library.layer.classes.iter().chain(&app.classes).chain([&app.suite.app.classes]);
    for (index, folder) in classes.enumerate() {
        let folder_of_jar = work.join(index.to_string());
        fs_err::create_dir_all(&folder_of_jar)?;
        r8.arg(shrink::jar(folder, &folder_of_jar)?);
    }
    for jar in libraries(artefacts)? {
        r8.arg(jar);
    }
    command::run_briefly(&mut r8, "R8")?;

    report::step("packing, signing and looking at it");
    let keystore = work.join("key.p12");
    make_key(&keystore)?;
    let abi = Abi::Arm64.name();
    let jna = artefacts.unpacked(Role::Phone)?.join("jni").join(abi).join("libjnidispatch.so");
    let ours = workspace.target.join("android").join("jniLibs").join(abi).join("libwheelwork.so");
    let mut java = Command::new("java");
    java.arg("--class-path")
        .arg(artefacts.jar("apksig")?)
        .arg(android.join("toolchain").join("Apk.java"))
        .arg(work.join("chat.apk"))
        .arg(&keystore)
        .arg(&app.suite.app.apk);
    for file in files_below(&dex, "dex")? {
        java.arg(format!("{}={}", file.file_name().unwrap_or_default().display(), file.display()));
    }
    for library in [jna, ours] {
        java.arg(format!(
            "lib/{abi}/{}={}",
            library.file_name().unwrap_or_default().display(),
            library.display()
        ));
    }
    command::run(&mut java)
}

/// What the app stands on: JNA as phones have it.
fn libraries(artefacts: &Artefacts) -> Result<Vec<PathBuf>, TaskError> {
    let desktop = artefacts.jar("jna")?;
    let jars = artefacts.class_path(Role::App).into_iter().filter(|jar| *jar != desktop);
    Ok(jars.chain(artefacts.class_path(Role::Phone)).collect())
}

/// A key that signs nothing but this.
fn make_key(keystore: &Path) -> Result<(), TaskError> {
    if keystore.is_file() {
        return Ok(());
    }
    let mut keytool = Command::new("keytool");
    keytool
        .args(["-genkeypair", "-alias", "test", "-keyalg", "EC", "-validity", "3650"])
        .args(["-dname", "CN=Wheelwork test", "-storetype", "PKCS12", "-storepass", "android", "-keystore"])
        .arg(keystore);
    command::capture(&mut keytool).map(drop)
}
