//! The parts of an APK that are no code: one manifest, made of the app's and all libraries' by Google's merger, and resources,
//! made by `aapt2`. The classes `R` come of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::artefacts::{Artefacts, Role};
use crate::command;
use crate::fetch::wheel::sha256;
use crate::task_error::TaskError;
use crate::workspace::files_below;

/// The oldest Android that the library runs on, and the one that it is made for.
const MIN_SDK: u32 = 26;
const TARGET_SDK: u32 = 36;

/// Names the classes that manifest and resources name.
const RULES: &str = "rules.pro";

/// An app of ours.
pub(super) struct App<'a> {
    /// Its package.
    pub(super) name: &'a str,
    pub(super) manifest: PathBuf,
    /// Where our manifests and folders `res` are: its own, where it has one, and those of our libraries.
    pub(super) libraries: Vec<PathBuf>,
    /// Whose libraries it has besides.
    pub(super) roles: &'a [Role],
    pub(super) assets: Option<PathBuf>,
}

/// What was made of it.
pub(super) struct Made {
    pub(super) name: String,
    /// The merged manifest.
    pub(super) manifest: PathBuf,
    /// Resources and assets, as in an APK.
    pub(super) apk: PathBuf,
    /// The classes `R` of all packages.
    pub(super) classes: PathBuf,
    /// What R8 has to keep for them.
    pub(super) rules: PathBuf,
}

impl App<'_> {
    /// Makes manifest, resources and classes in a folder, anew each time: it takes seconds.
    pub(super) fn make(&self, artefacts: &Artefacts, folder: &Path) -> Result<Made, TaskError> {
        if folder.exists() {
            fs_err::remove_dir_all(folder)?;
        }
        fs_err::create_dir_all(folder)?;
        let manifest = self.merged_manifest(artefacts, folder)?;
        let (apk, generated) = self.linked(artefacts, folder, &manifest)?;
        let rules = folder.join(RULES);
        let classes = folder.join("classes");
        let sources = files_below(&generated, "java")?;
        let mut javac = Command::new("javac");
        javac.args(["--release", "11", "-nowarn", "-d"]).arg(&classes).args(&sources);
        command::capture(&mut javac)?;
        let mut stamp = String::new();
        for source in &sources {
            stamp.push_str(&format!("{}\n", sha256(source)?));
        }
        fs_err::write(classes.with_extension("stamp"), stamp)?;
        Ok(Made { name: self.name.to_owned(), manifest, apk, classes, rules })
    }

    fn merged_manifest(&self, artefacts: &Artefacts, folder: &Path) -> Result<PathBuf, TaskError> {
        let merged = folder.join("AndroidManifest.xml");
        let mut jars = artefacts.class_path(Role::Merger);
        for needed in ["guava", "failureaccess", "kotlin-stdlib"] {
            jars.push(artefacts.jar(needed)?);
        }
        let of_folders = |library: PathBuf| library.join("AndroidManifest.xml");
        let ours =
            self.libraries.iter().cloned().map(of_folders).filter(|manifest| *manifest != self.manifest);
        let mut manifests = Vec::new();
        for (index, manifest) in ours.enumerate() {
            manifests.push(as_in_an_aar(&manifest, &folder.join("manifests").join(index.to_string()))?);
        }
        manifests.extend(artefacts.libraries(self.roles).into_iter().map(of_folders));
        let mut java = Command::new("java");
        java.arg("--class-path")
            .arg(std::env::join_paths(jars)?)
            .arg("com.android.manifmerger.Merger")
            .arg("--main")
            .arg(&self.manifest)
            .arg("--libs")
            .arg(std::env::join_paths(manifests)?)
            .args(["--placeholder", &format!("applicationId={}", self.name)])
            .args(["--property", &format!("MIN_SDK_VERSION={MIN_SDK}")])
            .args(["--property", &format!("TARGET_SDK_VERSION={TARGET_SDK}")])
            .args(["--property", "VERSION_CODE=1"])
            .arg("--remove-tools-declarations")
            .arg("--out")
            .arg(&merged);
        let said = command::capture(&mut java)?;
        if !merged.is_file() {
            return Err(TaskError::new(format!("merge the manifests:\n{}", said.trim_end())));
        }
        Ok(merged)
    }

    /// Resources and assets, and the sources of the classes `R`.
    fn linked(
        &self,
        artefacts: &Artefacts,
        folder: &Path,
        manifest: &Path,
    ) -> Result<(PathBuf, PathBuf), TaskError> {
        let (apk, generated) = (folder.join("app.apk"), folder.join("generated"));
        let aapt = artefacts.aapt()?;
        let mut packages = Vec::new();
        let mut compiled = Vec::new();
        for library in artefacts.libraries(self.roles).iter().chain(&self.libraries) {
            let ours = self.libraries.contains(library);
            if ours || fs_err::read_to_string(library.join("R.txt")).is_ok_and(|ids| !ids.trim().is_empty()) {
                packages.push(package(&fs_err::read_to_string(library.join("AndroidManifest.xml"))?)?);
            }
            let resources = library.join("res");
            if !resources.is_dir() {
                continue;
            }
            let out = folder.join(format!("{}.zip", compiled.len()));
            command::capture(
                Command::new(&aapt).args(["compile", "--dir"]).arg(resources).arg("-o").arg(&out),
            )?;
            compiled.push(out);
        }
        packages.sort();
        packages.dedup();
        let [framework] = &artefacts.class_path(Role::Framework)[..] else {
            return Err(TaskError::new("find the one framework in android/toolchain/LOCK"));
        };
        let mut link = Command::new(aapt);
        link.arg("link")
            .arg("-o")
            .arg(&apk)
            .arg("-I")
            .arg(framework)
            .arg("--manifest")
            .arg(manifest)
            .arg("--java")
            .arg(&generated)
            .arg("--proguard")
            .arg(folder.join(RULES))
            .args(["--auto-add-overlay", "--non-final-ids", "--extra-packages", &packages.join(":")])
            .args([
                "--min-sdk-version",
                &MIN_SDK.to_string(),
                "--target-sdk-version",
                &TARGET_SDK.to_string(),
            ])
            // What the documentation tells an app to do with packages.
            .args(["-0", "wwpkg"]);
        for file in &compiled {
            link.arg("-R").arg(file);
        }
        if let Some(assets) = &self.assets {
            link.arg("-A").arg(assets);
        }
        command::capture(&mut link)?;
        Ok((apk, generated))
    }
}

/// A library's manifest as its AAR has it: Gradle writes the versions in, and without them the merger takes it for one of Android 1,
/// and asks for what every app was allowed then.
fn as_in_an_aar(manifest: &Path, folder: &Path) -> Result<PathBuf, TaskError> {
    let text = fs_err::read_to_string(manifest)?;
    let (start, end) = text
        .rsplit_once("</manifest>")
        .ok_or_else(|| TaskError::new(format!("{}: write `</manifest>` at its end", manifest.display())))?;
    let versions =
        format!("<uses-sdk android:minSdkVersion=\"{MIN_SDK}\" android:targetSdkVersion=\"{TARGET_SDK}\" />");
    fs_err::create_dir_all(folder)?;
    let copy = folder.join("AndroidManifest.xml");
    fs_err::write(&copy, format!("{start}{versions}\n</manifest>{end}"))?;
    Ok(copy)
}

/// The package that a manifest names.
fn package(manifest: &str) -> Result<String, TaskError> {
    let found = manifest.split_once("package=\"").and_then(|(_, rest)| rest.split_once('"'));
    found.map(|(name, _)| name.to_owned()).ok_or_else(|| TaskError::new("find the package of a manifest"))
}
